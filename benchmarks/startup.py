"""How long the command line takes before there is anything to do."""

from __future__ import annotations

import shlex
import subprocess
import sys
import tempfile
import time

from benchmarks.rows import Effort, Row, alone
from diffses.config import ROOT
from diffses.errors import DiffsesError


def run(*arguments: str) -> float:
    """Seconds that `python run.py` with these arguments takes.

    Raises:
        DiffsesError: where it fails.
    """
    command = [sys.executable, str(ROOT / "run.py"), *arguments]
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, cwd=ROOT, text=True, check=False)
    passed = time.perf_counter() - started
    if done.returncode:
        last = [line.strip() for line in done.stderr.splitlines() if line.strip()][-1:]
        raise DiffsesError(
            f"run.py ended with {done.returncode}: {''.join(last)}",
            fix=f"python run.py {shlex.join(arguments)} shows all of it",
        )
    return passed


def help_seconds(effort: Effort) -> list[Row]:
    seconds = [run("--help") for _ in range(effort.turns)]
    return [alone("help_seconds", seconds, bar=2.0, unit="s")]


def cached_seconds(effort: Effort) -> list[Row]:
    """A second run of every stage: of the smallest experiment, in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = (
            "experiment=smoke", "stage=all", f"outputs={folder}/outputs",
            f"hydra.run.dir={folder}/log",
        )  # fmt: skip
        run(*arguments)
        seconds = [run(*arguments) for _ in range(effort.turns)]
    return [alone("cached_seconds", seconds, bar=10.0, unit="s")]

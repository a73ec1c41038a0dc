"""How long the command line takes before there is anything to do."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time

from benchmarks.rows import Effort, Row, alone
from diffses.config import ROOT


def run(*arguments: str) -> float:
    """Seconds that `python run.py` with these arguments takes.

    Raises:
        CalledProcessError: where it fails.
    """
    command = [sys.executable, str(ROOT / "run.py"), *arguments]
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, cwd=ROOT, env={**os.environ})
    return time.perf_counter() - started


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

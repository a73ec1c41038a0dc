"""The commands' old forms, `python -m diffses.MODULE`, which work for one more release."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from diffses.cli.commands import main


@dataclass(frozen=True)
class Old:
    """What took the place of an old command.

    Args:
        command: its new name.
        settings: a regular expression of what it took as `NAME=VALUE` and takes as
            `--NAME VALUE` now.
    """

    command: str
    settings: str = "(?!)"  # none


OLD = {
    "diffses.store": Old("store"),
    "diffses.play": Old("play"),
    "diffses.zoo": Old("zoo"),
    "diffses.report": Old("report"),
    "diffses.sweep": Old("report"),
    "diffses.ablation": Old("ablation"),
    "diffses.dashboard": Old("dashboard"),
    "diffses.policy.export": Old("export"),
    "diffses.detector.frames": Old("record-frames", r"\w+"),
    "diffses.detector.score": Old("score-detector", r"\w+"),
    "diffses.detector.survey": Old("survey", r"\w+"),
    "diffses.dataset.original": Old("export-dataset", "outputs"),
    "diffses.regressor.tune": Old("tune-regressor", "trials|storage|study"),
}


def forward(module: str) -> None:
    """Runs the command that took the place of `python -m MODULE` with this process's arguments,
    says so on stderr, and ends the process with the command's exit code."""
    words = translated(OLD[module], sys.argv[1:])
    new = shlex.join(["python", "-m", "diffses", *words])
    print(f"NOTE python -m {module} goes with the next release; now: {new}", file=sys.stderr)
    sys.exit(main(words))


def translated(old: Old, arguments: Sequence[str]) -> list[str]:
    """An old command's arguments as the new command line, without `python -m diffses`."""
    words = [old.command]
    for argument in arguments:
        match = re.fullmatch(f"({old.settings})=(.*)", argument, re.DOTALL)
        words.append(f"--{match[1]}={match[2]}" if match else argument)
    return words

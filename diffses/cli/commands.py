"""The commands of `python -m diffses COMMAND`, as a table."""

from __future__ import annotations

import difflib
import importlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from diffses.cli.exit_codes import OK, USAGE, UsageError, exit_code


@dataclass(frozen=True)
class Command:
    """One command: a module with a `main`, and what it does.

    The module is named by text and imported when the command is called, so that a list of the
    commands does not take the seconds in which torch, matplotlib and numba are loaded.
    """

    module: str
    summary: str


COMMANDS = {
    "run": Command("diffses.cli.main", "the pipeline, from pixels to formulas: same as run.py"),
    "play": Command("diffses.cli.play", "play a policy, and film it"),
    "export": Command("diffses.cli.export", "write a policy as Python, C, LaTeX, SymPy or JSON"),
    "zoo": Command("diffses.cli.zoo", "list the shipped policies, or ship one"),
    "report": Command("diffses.cli.report", "make the page of a sweep again, or compare sweeps"),
    "store": Command("diffses.cli.store", "list, show, check, remove and tidy artifacts"),
    "ablation": Command("diffses.cli.ablation", "make the table of an ablation again"),
    "dashboard": Command("diffses.cli.dashboard", "the W&B dashboard that compares seeds"),
    "record-frames": Command("diffses.cli.record_frames", "record frames for a detector"),
    "score-detector": Command("diffses.cli.score_detector", "score a detector on true boxes"),
    "survey": Command("diffses.cli.survey_detector", "what the motion detector finds in games"),
    "tune-regressor": Command("diffses.cli.tune_regressor", "tune a regressor with Optuna"),
    "export-dataset": Command("diffses.cli.export_dataset", "write a dataset as JSON"),
}
HELP = "python -m diffses --help"


@exit_code
def main(arguments: Sequence[str]) -> int:
    """Runs one command line, e.g. ["play", "pong"]. Returns the exit code: 0, 1 for an error, 2
    for a command line that cannot be understood."""
    if not arguments:
        print(usage(), file=sys.stderr)
        return USAGE
    name, *rest = arguments
    if name in ("-h", "--help"):
        print(usage())
        return OK
    if name not in COMMANDS:
        raise UsageError(f"there is no command {name}", fix=_nearest(arguments))
    code: int = importlib.import_module(COMMANDS[name].module).main(rest)
    return code


def usage() -> str:
    """What `--help` prints."""
    width = max(map(len, COMMANDS))
    rows = [f"  {name:<{width}}  {command.summary}" for name, command in COMMANDS.items()]
    head = ["usage: python -m diffses COMMAND ...", "", "commands:"]
    return "\n".join([*head, *rows, "", "python -m diffses COMMAND --help explains one of them."])


def _nearest(arguments: Sequence[str]) -> str:
    """What to type in place of a command that does not exist."""
    name = arguments[0]
    if "=" in name and not name.startswith("-"):  # a setting: the command itself was left out
        return f"python -m diffses run {name}"
    near = difflib.get_close_matches(name, COMMANDS, n=1)
    return f"python -m diffses {near[0]}" if near else f"{HELP} lists the commands"

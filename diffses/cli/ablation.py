"""`python -m diffses ablation`: makes the table of an ablation again."""

from __future__ import annotations

from collections.abc import Sequence

from diffses.cli.arguments import CommandParser, path
from diffses.cli.exit_codes import OK, exit_code
from diffses.errors import ConfigError
from diffses.report.ablation_figure import write


def make_parser() -> CommandParser:
    parser = CommandParser(
        prog="python -m diffses ablation",
        description="Writes ablation.csv, .md and .svg into the folder of an ablation's sweep "
        "again, which\n`python run.py experiment=ablation` leaves, and prints the table.",
        example="python -m diffses ablation multirun_sweeps/TIME",
    )
    parser.add_argument("sweep", metavar="DIR", type=path, help="the sweep's folder")
    return parser


@exit_code
def main(arguments: Sequence[str]) -> int:
    folder = make_parser().parse_args(arguments).sweep
    if not folder.is_dir():
        raise ConfigError(f"{folder} is no folder", fix="ls multirun_sweeps")
    print(write(folder), end="")
    return OK

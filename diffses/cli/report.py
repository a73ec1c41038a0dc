"""`python -m diffses report`: makes the page of a sweep again, and compares sweeps."""

from __future__ import annotations

from collections.abc import Sequence

from diffses.cli.arguments import CommandParser, path
from diffses.cli.exit_codes import ERROR, OK, exit_code
from diffses.errors import ConfigError
from diffses.report.sweep import compare, summarise
from diffses.report.sweep_text import summary_text


def make_parser() -> CommandParser:
    parser = CommandParser(
        prog="python -m diffses report",
        description="Writes summary.json, .csv and .html into the folder of a sweep again. Several "
        "sweeps\nare compared as well, in comparison.html beside the first one's folder. The exit "
        "code is 1\nwhere a job is not done.",
        example="python -m diffses report multirun_sweeps/TIME",
    )
    parser.add_argument("sweeps", nargs="+", metavar="DIR", type=path, help="a sweep's folder")
    return parser


@exit_code
def main(arguments: Sequence[str]) -> int:
    folders = make_parser().parse_args(arguments).sweeps
    failed = False
    for folder in folders:
        if not folder.is_dir():
            raise ConfigError(f"{folder} is no folder", fix="ls multirun_sweeps")
        failed |= bool(summarise(folder)["failed"])
        print(summary_text(folder))
    if len(folders) > 1:
        page = folders[0].resolve().parent / "comparison.html"
        compare(folders, page)
        print(f"\ncomparison: {page}")
    return ERROR if failed else OK

"""`python -m diffses export`: writes a policy in another language."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from diffses.cli.arguments import CommandParser, add_outputs, file
from diffses.cli.exit_codes import OK, exit_code
from diffses.cli.policy_argument import add_policy, policy_of
from diffses.config import GymnasiumEnv
from diffses.detector.loading import open_detector
from diffses.errors import ConfigError
from diffses.export.export import FORMATS, export, title
from diffses.export.standalone import to_standalone
from diffses.zoo.champion import Champion


def text(champion: Champion, to: str, pixels: bool) -> str:
    """The text of the exported file.

    Raises:
        ConfigError: for pixels in another language than Python, or without frames.
    """
    plays_task = isinstance(champion.env, GymnasiumEnv)
    if pixels and (to != "python" or champion.env is None or plays_task):
        if to != "python":
            what = f"not for --to {to}"
        else:
            what = "the environment is not known" if champion.env is None else "this task has none"
        raise ConfigError(
            f"--pixels is for games of frames, in Python: {what}",
            fix="without --pixels" if to == "python" else "--to python --pixels",
        )
    if champion.env is not None and to == "python" and (pixels or plays_task):
        return to_standalone(champion.forest, champion.env, champion.detector, title(champion.env))
    units = {}
    if champion.detector is not None:
        units = open_detector(champion.detector).units
    return export(champion.forest, to, title(champion.env), units)


def make_parser() -> CommandParser:
    parser = CommandParser(
        prog="python -m diffses export",
        description="Writes a policy as a file that needs nothing of this package.",
        example="python -m diffses export pong --to python --pixels -o pong.py",
    )
    add_policy(parser)
    parser.add_argument("--to", choices=FORMATS, default="python", help="the language")
    parser.add_argument(
        "--pixels", action="store_true", help="also the detector, so that it plays from frames"
    )
    parser.add_argument(
        "-o", "--output", metavar="FILE", type=file, help="where to write it (default: stdout)"
    )
    add_outputs(parser)
    return parser


@exit_code
def main(arguments: Sequence[str]) -> int:
    options = make_parser().parse_args(arguments)
    written = text(policy_of(options), options.to, options.pixels)
    if options.output is None or str(options.output) == "-":
        print(written, end="")
    else:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(written, encoding="utf-8")
        print(f"{options.output}: {len(written.encode()):,} bytes", file=sys.stderr)
    return OK

"""`python -m diffses zoo`: lists the shipped policies, and ships another one."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from diffses.cli.arguments import CommandParser, add_outputs, path
from diffses.cli.exit_codes import OK, exit_code
from diffses.text_table import aligned
from diffses.zoo.champion import FOLDER, shipped
from diffses.zoo.publish import add, require_same, resolve_run


def ls(folder: Path = FOLDER) -> None:
    """Prints one line for each champion."""
    rows = []
    for name in shipped(folder):
        about = json.loads((folder / f"{name}.json").read_text())
        judged, tested = about["validation"], about["test"]
        mean = f"{judged['mean']:.1f} ± {judged['standard_error']:.1f} ({judged['episodes']})"
        last = "" if tested is None else f"{tested['mean']:.1f}"
        trees = ", ".join(str(len(tree)) for tree in about["forest"]["trees"])
        rows.append([name, about["protocol"], mean, last, str(about["size"]), trees])
    print(aligned(("env", "protocol", "validation", "test", "nodes", "trees"), rows, "llrrrl"))


def make_parser() -> CommandParser:
    parser = CommandParser(
        prog="python -m diffses zoo",
        description="The policies that are shipped with this package.",
        example="python -m diffses zoo ls",
    )
    add_outputs(parser)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser(
        "ls",
        help="list them",
        description="Lists the shipped policies, with their returns and sizes.",
        example="python -m diffses zoo ls",
    )
    adding = commands.add_parser(
        "add",
        help="ship the policy of a finished run",
        description="Ships the fine-tuned policy of a finished run for its environment.",
        example="python -m diffses zoo add 97a3a14718ad41fc",
    )
    adding.add_argument(
        "keys", nargs="+", metavar="KEY", help="of a finetune, evaluate or report artifact"
    )
    adding.add_argument(
        "--test", metavar="DIR", type=path, help="the evaluate artifact that played the policy"
    )
    add_outputs(adding, argparse.SUPPRESS)
    return parser


@exit_code
def main(arguments: Sequence[str]) -> int:
    options = make_parser().parse_args(arguments)
    if options.command == "ls":
        ls()
        return OK
    for key in options.keys:
        finetuned, evaluated = resolve_run(key, options.outputs)
        if options.test is not None:
            evaluated = options.test
            require_same(finetuned, evaluated)
        print(add(finetuned, evaluated))
    return OK

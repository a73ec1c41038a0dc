"""Lists the shipped champions, and adds one."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from diffses.config import ROOT
from diffses.errors import DiffsesError
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


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m diffses.zoo", description=__doc__)
    parser.add_argument("--outputs", default=str(ROOT / "outputs"), help="the artifact store")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("ls", help="the champions that are shipped")
    adding = commands.add_parser("add", help="ship the champion of a finished run")
    adding.add_argument("keys", nargs="+", help="of finetune, evaluate or report artifacts")
    adding.add_argument("--test", help="folder of an evaluation that played the champion")
    options = parser.parse_args(arguments)
    try:
        if options.command == "ls":
            ls()
        else:
            for key in options.keys:
                finetuned, evaluated = resolve_run(key, Path(options.outputs))
                if options.test is not None:
                    evaluated = Path(options.test)
                    require_same(finetuned, evaluated)
                print(add(finetuned, evaluated))
    except DiffsesError as error:
        print(f"ERROR {error}", file=sys.stderr)
        return 1
    return 0

"""Writes a dataset in the JSON form of the original release."""

from __future__ import annotations

import sys
from pathlib import Path

from diffses.config import ROOT
from diffses.dataset.json_form import write
from diffses.errors import DiffsesError


def main(arguments: list[str]) -> int:
    root = ROOT / "outputs"
    names = [word for word in arguments if not word.startswith("outputs=")]
    for word in set(arguments) - set(names):
        root = Path(word.removeprefix("outputs="))
    if len(names) != 2:
        print(__doc__)
        return 2
    from diffses.store.lookup import find

    try:
        count = write(find(root, names[0]), Path(names[1]))
    except DiffsesError as error:
        print(f"ERROR {error}", file=sys.stderr)
        return 1
    print(f"{count} states written to {names[1]}")
    return 0

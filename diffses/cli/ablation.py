"""Makes the table of an ablation again."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from diffses.errors import DiffsesError
from diffses.report.ablation_figure import write


def main(arguments: Sequence[str]) -> int:
    """`python -m diffses.ablation DIR`."""
    if len(arguments) != 1 or not Path(arguments[0]).is_dir():
        print("usage: python -m diffses.ablation multirun_sweeps/TIME", file=sys.stderr)
        return 2
    try:
        print(write(Path(arguments[0])), end="")
    except DiffsesError as error:
        print(f"ERROR {error}", file=sys.stderr)
        return 1
    return 0

"""Makes the page of a sweep again, and compares sweeps."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from diffses.errors import DiffsesError
from diffses.report.sweep import compare, summarise
from diffses.report.sweep_text import summary_text


def main(arguments: Sequence[str]) -> int:
    """`python -m diffses.report DIR...`; 1 if a job is not done, 2 if there is nothing to read."""
    if not arguments or any(word.startswith("-") for word in arguments):
        print("usage: python -m diffses.report multirun_sweeps/TIME...", file=sys.stderr)
        return 2

    folders = [Path(word) for word in arguments]
    failed = False
    try:
        for folder in folders:
            if not folder.is_dir():
                raise DiffsesError(f"{folder} is no folder", fix="ls multirun_sweeps")
            failed |= bool(summarise(folder)["failed"])
            print(summary_text(folder))
        if len(folders) > 1:
            page = folders[0].resolve().parent / "comparison.html"
            compare(folders, page)
            print(f"\ncomparison: {page}")
    except DiffsesError as error:
        print(f"ERROR {error}", file=sys.stderr)
        return 2
    return 1 if failed else 0

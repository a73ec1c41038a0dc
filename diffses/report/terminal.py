"""The report in the terminal: a formula, a table and where the page is."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from diffses.evaluation.results import PROTOCOLS, Row
from diffses.report.run_artifacts import Shown
from diffses.report.wording import (
    DASH,
    NAMES,
    PROTOCOL_NAMES,
    bounds,
    duration,
    game_name,
    headline,
    number,
    share,
    warnings,
)

if TYPE_CHECKING:
    from diffses.report.run_artifacts import Shown


COLUMNS = ("policy", "mean", "95 % interval", "IQM", "episodes", "nodes", "agreement")
WIDTH = 100
LONGEST_LINES = 24  # of the formula; what is longer is on the page


def summary(shown: Shown, page: Path) -> str:
    """The whole text, without a newline at its end."""
    env = shown.config.get("env", {})
    game = str(env.get("game") or env.get("id", "the game"))
    parts = [textwrap.fill(headline(game, shown), WIDTH)]
    parts += [textwrap.fill(f"NOTE {text}", WIDTH) for text in warnings(shown)]
    if shown.champion is not None:
        parts.append(formula(shown))
    parts += tables(shown.results)
    seconds = sum(made.seconds for made in shown.built.values())
    parts.append(
        f"{game_name(game)}: all stages took {duration(seconds)} when they were built\n"
        f"report: {_short(page)}"
    )
    return "\n\n".join(parts)


def formula(shown: Shown) -> str:
    """The champion, constants rounded, its lines broken between words."""
    assert shown.champion is not None
    lines: list[str] = []
    for line in shown.forests[shown.champion].text(digits=3).splitlines():
        lines += textwrap.wrap(line, WIDTH - 2, subsequent_indent="    ", break_on_hyphens=False)
    if len(lines) > LONGEST_LINES:
        lines = [*lines[: LONGEST_LINES - 1], "... the rest is in the report"]
    title = f"The {NAMES[shown.champion]} (the action with the highest value is played)"
    return "\n".join([title, *(f"  {line}" for line in lines)])


def tables(results: Sequence[Row]) -> list[str]:
    """A table for each protocol."""
    found = []
    for protocol in PROTOCOLS:
        cells = [result_cells(row) for row in results if row["protocol"] == protocol]
        if cells:
            found.append(f"{PROTOCOL_NAMES[protocol]}\n{aligned(COLUMNS, cells)}")
    return found


def result_cells(row: Row) -> list[str]:
    return [
        NAMES[row["policy"]],
        number(row["mean"]),
        bounds(row["ci95"]),
        number(row["iqm"]),
        str(row["episodes"]),
        DASH if row.get("size") is None else str(row["size"]),
        share(row.get("agreement")),
    ]


def aligned(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in columns: the first to the left, the others to the right."""
    cells = [list(columns), *(list(row) for row in rows)]
    widths = [max(len(row[index]) for row in cells) for index in range(len(columns))]
    lines = [
        "  ".join(
            cell.ljust(width) if index == 0 else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]
    rule = "-" * max(len(line) for line in lines)
    return "\n".join(f"  {line}" for line in [lines[0], rule, *lines[1:]])


def _short(path: Path) -> str:
    """Relative to where the user is, where that is shorter."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative


def results_text(folder: Path) -> str:
    """What the terminal says at the end of a run without a report: the tables of results.

    Args:
        folder: of the evaluation's artifact.
    """
    from diffses.evaluation.results import read_results

    return "\n\n".join(tables(read_results(folder)))


def summary_text(folder: Path) -> str:
    """What the terminal says at the end: the formula, the table and the path of the page.

    Args:
        folder: of the report's artifact, in the store that holds what it was made from.
    """
    from diffses.report.run_artifacts import parents, read

    return summary(read(parents(folder)), folder / "report.html")

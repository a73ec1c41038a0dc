"""The report in the terminal: the formula, tables of results and the path of the page."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Sequence
from pathlib import Path

from diffses.evaluation.results import PROTOCOLS, Row, read_results
from diffses.report.run_artifacts import Shown, read
from diffses.report.tables import RESULTS, Cells, result_cells, select
from diffses.report.wording import (
    NAMES,
    PROTOCOL_NAMES,
    duration,
    game_name,
    headline,
    warnings,
)
from diffses.store.manifest import parent_folders
from diffses.text_table import aligned

WIDTH = 100
LONGEST_LINES = 24  # of the formula; a longer one is cut, and whole on the page


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
        rows = [result_cells(row) for row in results if row["protocol"] == protocol]
        if rows:
            found.append(titled(PROTOCOL_NAMES[protocol], RESULTS, rows))
    return found


def titled(title: str, columns: Sequence[str], rows: Sequence[Cells]) -> str:
    """A title and a table below it."""
    return f"{title}\n{textwrap.indent(aligned(columns, select(columns, rows), rule=True), '  ')}"


def results_text(folder: Path) -> str:
    """The end of a run without a report: the tables of results.

    Args:
        folder: of the evaluation's artifact.
    """
    return "\n\n".join(tables(read_results(folder)))


def summary_text(folder: Path) -> str:
    """The end of a run: the formula, the table and the path of the page.

    Args:
        folder: of the report's artifact, in the store that holds its parents.
    """
    return summary(read(parent_folders(folder)), folder / "report.html")


def _short(path: Path) -> str:
    """Relative to where the user is, where that is shorter."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative

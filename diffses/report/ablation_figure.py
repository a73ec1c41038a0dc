"""An ablation as a table and a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from diffses.csv_rows import write_rows
from diffses.evaluation.ablation import COLUMNS, table
from diffses.evaluation.results import CHAMPION
from diffses.report.figures import drawing
from diffses.report.style import INK, POLICY, RULE
from diffses.report.wording import bounds, number
from diffses.text_table import markdown


def write(folder: Path) -> str:
    """Writes the three files into the sweep's folder. Returns the table as Markdown."""
    rows = table(folder)
    write_rows(folder / "ablation.csv", rows, COLUMNS)
    text = results_table(rows)
    (folder / "ablation.md").write_text(text, encoding="utf-8")
    draw(rows, folder / "ablation.svg")
    return text


def results_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The table in Markdown."""
    columns = ("variant", "mean test return", "95 % over seeds", "lowest to highest")
    cells = []
    for row in rows:
        known = row["ci95_low"] is not None
        cells.append(
            [
                row["variant"],
                number(row["mean"]),
                bounds((row["ci95_low"], row["ci95_high"]) if known else None),
                bounds((row["lowest"], row["highest"])),
                str(row["seeds"]),
                number(row["nodes"], 0),
            ]
        )
    return markdown((*columns, "seeds", "nodes"), cells) + "\n"


def draw(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """The means and their intervals, one line a variant."""
    with drawing(0.9 + 0.42 * len(rows)) as (figure, (axis,)):
        for place, row in enumerate(rows):
            if row["ci95_low"] is not None:
                ends = [row["ci95_low"], row["ci95_high"]]
                axis.plot(ends, [place, place], color=INK, linewidth=1.6, solid_capstyle="butt")
            axis.plot(row["mean"], place, "D", color=POLICY[CHAMPION], markersize=7)
        axis.set_yticks(range(len(rows)), [row["variant"] for row in rows])
        axis.set_ylim(len(rows) - 0.5, -0.5)
        axis.set_xlabel("test return: mean over the searches' seeds, 95 % interval")
        axis.grid(axis="x", color=RULE, linewidth=0.6)
        figure.savefig(path, metadata={"Date": None, "Creator": None})

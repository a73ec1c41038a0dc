"""What a benchmark gives: rows, and how they are measured and shown."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Measure = Callable[[], float]


@dataclass(frozen=True)
class Effort:
    """How long to measure."""

    turns: int  # of ours and theirs, one after the other
    seconds: float  # about, of one turn of one side
    quick: bool = False  # everything small: shows that a benchmark works, and nothing else


FULL = Effort(turns=5, seconds=5.0)
QUICK = Effort(turns=1, seconds=0.2, quick=True)


@dataclass(frozen=True)
class Row:
    """One line of the table.

    ratio: ours / theirs, the median over the turns; where there is no other side, what `unit`
        says of ours; None where it could not be measured.
    bar: what the ratio has to reach, or, where lower is better, to stay below; None: no bar.
    runs: how many turns there were.
    extra: further numbers, for the table and the JSON.
    note: a line below the table.
    """

    name: str
    ratio: float | None
    bar: float | None
    higher_is_better: bool
    ours: float | None
    theirs: float | None
    unit: str
    runs: int
    extra: Mapping[str, float] = field(default_factory=dict)
    note: str = ""

    @property
    def verdict(self) -> str:
        if self.bar is None or self.ratio is None:
            return ""
        reached = self.ratio >= self.bar if self.higher_is_better else self.ratio <= self.bar
        return "reached" if reached else "missed"

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "ratio": self.ratio,
            "bar": self.bar,
            "higher_is_better": self.higher_is_better,
            "ours": self.ours,
            "theirs": self.theirs,
            "unit": self.unit,
            "runs": self.runs,
            **self.extra,
        }


def in_turn(ours: Measure, theirs: Measure, turns: int) -> list[tuple[float, float]]:
    """Measures both sides, one after the other, `turns` times.

    The order changes from turn to turn, so that a machine that gets slower favours nobody.
    """
    pairs = []
    for turn in range(turns):
        if turn % 2 == 0:
            mine = ours()
            pairs.append((mine, theirs()))
        else:
            other = theirs()
            pairs.append((ours(), other))
    return pairs


def compared(
    name: str,
    pairs: Sequence[tuple[float, float]],
    *,
    bar: float | None,
    unit: str,
    extra: Mapping[str, float] | None = None,
    note: str = "",
) -> Row:
    """The row of two sides measured in turn; more is better."""
    ours, theirs = zip(*pairs, strict=True)
    return Row(
        name,
        statistics.median(mine / other for mine, other in pairs),
        bar,
        True,
        statistics.median(ours),
        statistics.median(theirs),
        unit,
        len(pairs),
        extra or {},
        note,
    )


def alone(
    name: str, values: Sequence[float], *, bar: float | None, unit: str, note: str = ""
) -> Row:
    """The row of a quantity that has no other side and should be small: `ratio` is its median."""
    middle = statistics.median(values)
    return Row(name, middle, bar, False, middle, None, unit, len(values), note=note)


def table(rows: Sequence[Row]) -> str:
    """The rows for people, and their notes below."""
    lines = [("row", "ratio", "bar", "", "ours", "theirs", "unit", "runs")]
    for row in rows:
        sign = ">=" if row.higher_is_better else "<="
        bar = "" if row.bar is None else f"{sign} {row.bar:g}"
        lines.append(
            (row.name, _number(row.ratio), bar, row.verdict, _number(row.ours),
             _number(row.theirs), row.unit, str(row.runs))
        )  # fmt: skip
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    left = (0, 3, 6)  # columns of words; numbers stand to the right
    shown = [
        "  ".join(
            word.ljust(width) if column in left else word.rjust(width)
            for column, (word, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
    return "\n".join(shown + [f"{row.name}: {row.note}" for row in rows if row.note])


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"

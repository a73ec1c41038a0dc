"""Tables as text: in aligned columns for the terminal, or in Markdown."""

from __future__ import annotations

from collections.abc import Sequence

SIDES = {"l": str.ljust, "r": str.rjust}
MARKDOWN = {"l": "---", "r": "--:"}


def aligned(
    columns: Sequence[str], rows: Sequence[Sequence[str]], sides: str = "", *, rule: bool = False
) -> str:
    """A table in columns as wide as their widest cell, two spaces apart.

    Args:
        columns: their heads.
        rows: the cells; a row that is shorter than the others is empty at its end.
        sides: "l" or "r" for each column; by default the first is on the left, the others on the
            right.
        rule: whether a line of dashes follows the heads.

    Returns:
        The lines without spaces at their ends, and without a newline after the last.
    """
    filled = [[*row, *[""] * (len(columns) - len(row))] for row in (columns, *rows)]
    widths = [max(map(len, column)) for column in zip(*filled, strict=True)]
    places = [SIDES[side] for side in _sides(columns, sides)]
    lines = [
        "  ".join(
            place(cell, width) for place, cell, width in zip(places, row, widths, strict=True)
        ).rstrip()
        for row in filled
    ]
    if rule:
        lines.insert(1, "-" * max(map(len, lines)))
    return "\n".join(lines)


def markdown(columns: Sequence[str], rows: Sequence[Sequence[str]], sides: str = "") -> str:
    """The same table in Markdown, without a newline after its last line."""
    marks = [MARKDOWN[side] for side in _sides(columns, sides)]
    lines = [f"| {' | '.join(row)} |" for row in (columns, *rows)]
    return "\n".join([lines[0], f"|{'|'.join(marks)}|", *lines[1:]])


def _sides(columns: Sequence[str], sides: str) -> str:
    return sides or "l" + "r" * (len(columns) - 1)

"""CSV files with a header, a row a dictionary."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any


def read_rows(path: Path, *, missing_ok: bool = False) -> list[dict[str, str]]:
    """The rows below the header, all cells as text.

    Args:
        missing_ok: no rows where there is no such file.

    Raises:
        OSError: where the file cannot be read.
    """
    if missing_ok and not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write_rows(
    path: Path, rows: Sequence[Mapping[str, Any]], columns: Iterable[str] | None = None
) -> None:
    """Writes a header and the rows; a cell that is missing or None is empty.

    Args:
        columns: in their order; None: those of the first row.

    Raises:
        ValueError: where a row has a column that the header has not.
    """
    text = csv_text(rows, rows[0].keys() if columns is None else columns)
    path.write_text(text, encoding="utf-8", newline="")


def csv_text(
    rows: Iterable[Mapping[str, Any]], columns: Iterable[str], line_end: str = "\r\n"
) -> str:
    """What `write_rows` writes: for a file that is written whole or not at all."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(columns), lineterminator=line_end)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()

"""Reads the results of a run from the files of its artifacts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from diffses.csv_rows import read_rows
from diffses.errors import ArtifactError

POLICIES = ("random", "teacher", "linear", "distilled", "finetuned")  # in the order of the tables
PROTOCOLS = ("v5", "gym", "v4")  # the first one of a run is that of its headline
CHAMPION = "finetuned"  # the policy that the search found
FULL_EPISODES = 30  # test episodes; pages warn if there are fewer

Row = dict[str, Any]


def main_protocol(rows: Iterable[Row]) -> str:
    """The protocol of the headline among those of `rows`."""
    found = {row["protocol"] for row in rows}
    return next((protocol for protocol in PROTOCOLS if protocol in found), PROTOCOLS[0])


def protocols(jobs: Sequence[dict[str, Any]]) -> list[str]:
    """The protocols of a sweep's jobs, the headline's first; v5 if there are no results."""
    found = {row["protocol"] for job in jobs for row in job["results"]}
    return [protocol for protocol in PROTOCOLS if protocol in found] or [PROTOCOLS[0]]


def read_results(folder: Path) -> list[Row]:
    """The rows of `results.json`, in the order of PROTOCOLS and then POLICIES.

    Raises:
        ArtifactError: if there is no such file.
    """
    try:
        rows: list[Row] = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ArtifactError(
            f"{folder} holds no results: {error}", fix="build it again: force=[evaluate]"
        ) from error

    def place(row: Row) -> tuple[int, int]:
        return _index(PROTOCOLS, row["protocol"]), _index(POLICIES, row["policy"])

    return sorted(rows, key=place)


def read_episodes(folder: Path) -> list[Row]:
    """The rows of `episodes.csv`, with numbers converted; empty if there is no such file."""
    return [
        row | {"return": float(row["return"]), "steps": int(float(row["steps"]))}
        for row in read_rows(folder / "episodes.csv", missing_ok=True)
    ]


def read_curve(path: Path, *columns: str) -> dict[str, list[float]]:
    """The columns of a curve's CSV file, as far as they exist; NaN for a cell without a number."""
    rows = read_rows(path, missing_ok=True)
    return {
        name: [_number(row.get(name)) for row in rows]
        for name in columns
        if rows and name in rows[0]
    }


def read_json(path: Path) -> Any:
    """The content of a JSON file; None if there is no such file."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def _number(text: str | None) -> float:
    try:
        return float(text or "nan")
    except ValueError:
        return float("nan")


def _index(order: tuple[str, ...], name: str) -> int:
    return order.index(name) if name in order else len(order)

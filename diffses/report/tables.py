"""The rows of results: built once here, shown by the pages and in the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from diffses.evaluation.results import CHAMPION, Row
from diffses.report.html import Cell, Table
from diffses.report.style import POLICY
from diffses.report.wording import DASH, NAMES, bounds, duration, number, share

Cells = dict[str, str]  # the head of a column -> the text below it

RESULTS = ("policy", "mean", "95 % interval", "IQM", "episodes", "nodes", "agreement")


def result_cells(row: Row) -> Cells:
    """A policy's result under one protocol, a row of `results.json`."""
    return {
        "policy": policy_name(row["policy"], row.get("variant", "")),
        "mean": number(row["mean"]),
        "95 % interval": bounds(row["ci95"]),
        "IQM": number(row["iqm"]),
        "episodes": str(row["episodes"]),
        "nodes": nodes(row),
        "agreement": share(row.get("agreement")),
    }


def across_cells(row: Row) -> Cells:
    """A policy's result over the jobs of a sweep, a row of "across" in `summary.json`."""
    varies = row["spread"] is not None
    return result_cells(row) | {
        "seeds": str(row["seeds"]),
        "between seeds": f"±{number(row['spread'])}" if varies else DASH,
        "range": bounds((row["low"], row["high"])) if varies else DASH,
        "its interval": bounds(row["iqm_ci95"]),
    }


def job_cells(job: Mapping[str, Any], protocols: Sequence[str]) -> Cells:
    """A job of a sweep and its champion's test results.

    Args:
        job: of "jobs" in `summary.json`.
        protocols: under which any job was tested, the headline's first; a column "test NAME" each.
    """
    tests = {row["protocol"]: row for row in job["results"] if row["policy"] == CHAMPION}
    tested: Row = next((tests[name] for name in protocols if name in tests), {})
    return {
        "job": job["job"],
        "seed": _or_dash(job["seed"]),
        "settings": job["variant"] or DASH,
        "status": job["status"],
        "validation": number(job["validation"]),
        **{f"test {name}": number(tests.get(name, {}).get("mean")) for name in protocols},
        "95 % interval": bounds(tests.get(protocols[0], {}).get("ci95")),
        "nodes": nodes(tested),
        "agreement": share(tested.get("agreement")),
        "time": DASH if job["seconds"] is None else duration(job["seconds"]),
    }


def results_table(
    columns: Sequence[str], rows: Sequence[Row], cells: Iterable[Cells], champion: str | None
) -> Table:
    """Results for a page: each policy in its colour, as in the pictures, the champion marked.

    Args:
        columns: the heads, "policy" first.
        rows: the results.
        cells: the texts of each.
        champion: the policy that is marked, where a single row is about it.
    """
    policies = [row["policy"] for row in rows]
    shown: list[list[str | Cell]] = [
        [Cell(name, dot=POLICY[policy]), *texts]
        for policy, (name, *texts) in zip(policies, select(columns, cells), strict=True)
    ]
    marked = [place for place, policy in enumerate(policies) if policy == champion]
    return Table(columns, shown, marked=marked[0] if len(marked) == 1 else None, kind="results")


def policy_name(policy: str, variant: str) -> str:
    """A policy's name in a table, with the settings of its job where those differ."""
    return NAMES[policy] + (f", {variant}" if variant else "")


def select(columns: Sequence[str], rows: Iterable[Cells]) -> list[list[str]]:
    """The cells of the named columns, row by row."""
    return [[row[column] for column in columns] for row in rows]


def nodes(row: Mapping[str, Any]) -> str:
    """The size of a policy of `results.json`; in brackets with its features written out in
    positions, velocities and measured constants, where that is another number."""
    size, expanded = row.get("size"), row.get("size_expanded")
    return _or_dash(size) + (f" ({expanded})" if expanded not in (None, size) else "")


def _or_dash(value: object) -> str:
    return DASH if value is None else str(value)

"""The summary of a sweep in the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from diffses.evaluation.results import CHAMPION, PROTOCOLS, protocols, read_json
from diffses.report.tables import across_cells, job_cells
from diffses.report.terminal import titled
from diffses.report.wording import NAMES, PROTOCOL_NAMES, bounds, cautions, number

ACROSS = ("policy", "seeds", "mean", "95 % interval", "between seeds", "IQM", "episodes")


def summary_text(sweep_dir: Path) -> str:
    """The text for a sweep whose `summary.json` is written."""
    summary = read_json(sweep_dir / "summary.json")
    assert summary is not None, "summarise() comes first"
    parts = [_job_table(summary), *(f"NOTE {text}" for text in cautions(summary["jobs"]))]
    for protocol in PROTOCOLS:
        rows = [across_cells(row) for row in summary["across"] if row["protocol"] == protocol]
        if rows:
            parts.append(titled(PROTOCOL_NAMES[protocol], ACROSS, rows))
    if summary["best"] is not None:
        parts.append(best_sentence(summary["best"]))
    if summary["shared"]:
        parts.append(f"shared by all jobs: {', '.join(summary['shared'])}")
    for job in summary["jobs"]:
        if job["status"] != "done":
            parts.append(failure_text(job))
    parts.append(f"summary: {sweep_dir / 'summary.html'}")
    return "\n\n".join(parts)


def best_sentence(chosen: dict[str, Any]) -> str:
    """Which job is best on validation, and how it does on test."""
    text = (
        f"Best on validation: job {chosen['job']} (seed {chosen['seed']}), mean "
        f"{number(chosen['validation'])} there"
    )
    tested = [
        f"{number(row['mean'])} in {row['protocol']}"
        + (f" (95 % interval {bounds(row['ci95'])})" if row["ci95"] is not None else "")
        for row in chosen["results"]
    ]
    return f"{text}; on test {' and '.join(tested)}." if tested else f"{text}; not tested."


def failure_text(job: dict[str, Any]) -> str:
    """What went wrong in a job that is not done."""
    named = f"job {job['job']} (seed {job['seed']})"
    if job["error"]:
        return f"FAILED {named}: {job['error']['problem']}\n  fix: {job['error']['fix']}"
    state = {"running": "was still running, or was killed", "missing": "never started"}
    return f"NOT DONE {named} {state.get(job['status'], job['status'])}"


def _job_table(summary: dict[str, Any]) -> str:
    played = protocols(summary["jobs"])
    columns = ["job", "seed", "status", "validation", *(f"test {p}" for p in played)]
    rows = []
    for job in summary["jobs"]:
        name = f"{job['job']} {job['variant']}".strip()
        rows.append(job_cells(job, played) | {"job": name})
    title = f"The {NAMES[CHAMPION]} of each job of sweep {summary['sweep']}"
    return titled(title, [*columns, "nodes", "time"], rows)

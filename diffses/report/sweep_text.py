"""What the terminal says of a sweep."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from diffses.evaluation.results import CHAMPION, PROTOCOLS, Row, protocols, read_json
from diffses.report.terminal import aligned
from diffses.report.wording import DASH, NAMES, PROTOCOL_NAMES, bounds, duration, number


def summary_text(sweep_dir: Path) -> str:
    """What the terminal says of a sweep that `summarise` has read."""
    from diffses.report.sweep_page import cautions

    summary = read_json(sweep_dir / "summary.json")
    assert summary is not None, "summarise() comes first"
    parts = [_job_table(summary), *(f"NOTE {text}" for text in cautions(summary["jobs"]))]
    for protocol in PROTOCOLS:
        rows = [_across_cells(row) for row in summary["across"] if row["protocol"] == protocol]
        if rows:
            head = ["policy", "seeds", "mean", "95 % interval", "between seeds", "IQM", "episodes"]
            parts.append(f"{PROTOCOL_NAMES[protocol]}\n{aligned(head, rows)}")
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
    rows = []
    played = protocols(summary["jobs"])
    for job in summary["jobs"]:
        tests = {r["protocol"]: r for r in job["results"] if r["policy"] == CHAMPION}
        size = next((r["size"] for r in tests.values()), None)
        rows.append(
            [
                f"{job['job']} {job['variant']}".strip(),
                DASH if job["seed"] is None else str(job["seed"]),
                job["status"],
                number(job["validation"]),
                *(number(tests[p]["mean"]) if p in tests else DASH for p in played),
                DASH if size is None else str(size),
                DASH if job["seconds"] is None else duration(job["seconds"]),
            ]
        )
    head = ["job", "seed", "status", "validation", *(f"test {p}" for p in played), "nodes", "time"]
    return f"The {NAMES[CHAMPION]} of each job of sweep {summary['sweep']}\n{aligned(head, rows)}"


def _across_cells(row: Row) -> list[str]:
    spread = DASH if row["spread"] is None else f"±{number(row['spread'])}"
    name = NAMES[row["policy"]] + (f", {row['variant']}" if row["variant"] else "")
    return [
        name,
        str(row["seeds"]),
        number(row["mean"]),
        bounds(row["ci95"]),
        spread,
        number(row["iqm"]),
        str(row["episodes"]),
    ]

"""The summary of a sweep: files and page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from diffses.csv_rows import csv_text
from diffses.evaluation.sweep import (
    _summary,
    name_variants,
    read_jobs,
)
from diffses.report.sweep_page import sweep_page
from diffses.store.store import atomic_write


def summarise(sweep_dir: Path) -> dict[str, Any]:
    """Reads the jobs of a sweep and writes `summary.json`, `.csv` and `.html` beside them.

    Returns:
        What `summary.json` holds:
        "sweep": the folder's name.
        "jobs": one each, with "job", "seed", "variant" (its overrides that not all jobs have, but
            for the seed), "status" (done, failed, running or missing), "seconds", "error",
            "artifacts" (stage -> key), "validation" (mean return of its champion on
            validation episodes), "curve" (of its search:
            "steps", "value" and "name"), "cut_short" (steps after which test episodes were cut,
            or null if none was) and "results".
        "across": one for each variant, protocol and policy, with "seeds", "episodes" (that were
            played), "mean" (of the jobs' means), "spread" (their standard deviation; null where
            all jobs have the same episodes), "low", "high", "iqm", "ci95" and "iqm_ci95"
            (stratified bootstrap over all episodes, the jobs being the strata).
        "improvement": one for each two lines of "across" that a reader would compare: "variant",
            "policy", "over_variant", "over_policy", "protocol", "probability" that a run of the
            first does better than one of the second, "ci95" and "runs" of each.
        "best": the job that is best on validation, with its test results; never chosen on test.
        "shared": stage -> key, where all jobs have the same.
        "failed": the names of the jobs that are not done.

    Raises:
        DiffsesError: where the folder holds no job.
    """
    jobs = read_jobs(sweep_dir)
    name_variants(jobs)
    summary = _summary(sweep_dir.resolve().name, jobs)
    write(sweep_dir, summary)
    return summary


def compare(sweep_dirs: Sequence[Path], page: Path) -> dict[str, Any]:
    """Reads several sweeps and writes one page about all of them.

    Returns:
        As `summarise`; jobs are named "SWEEP/JOB", and where sweeps have the same settings, their
        names are the variants.

    Raises:
        DiffsesError: where a folder holds no job.
    """
    jobs = []
    for folder in sweep_dirs:
        for job in read_jobs(folder):
            jobs.append(job | {"job": f"{folder.resolve().name}/{job['job']}"})
    name_variants(jobs)
    sweeps = [job["job"].split("/")[0] for job in jobs]
    of_variant: dict[str, set[str]] = {}
    for job, sweep in zip(jobs, sweeps, strict=True):
        of_variant.setdefault(job["variant"], set()).add(sweep)
    for job, sweep in zip(jobs, sweeps, strict=True):
        if len(of_variant[job["variant"]]) > 1:
            job["variant"] = f"{sweep} {job['variant']}".strip()
    summary = _summary(" and ".join(dict.fromkeys(sweeps)), jobs)
    atomic_write(page, sweep_page(summary))
    return summary


def write(sweep_dir: Path, summary: dict[str, Any]) -> None:
    """Writes the three files, each whole or not at all."""
    atomic_write(sweep_dir / "summary.json", json.dumps(summary, indent=2) + "\n")
    atomic_write(sweep_dir / "summary.html", sweep_page(summary))
    atomic_write(sweep_dir / "summary.csv", _table(summary))


def _table(summary: dict[str, Any]) -> str:
    """The results of all jobs as CSV, a row each."""
    names = ("job", "seed", "variant", "status", "validation", "policy", "protocol")
    numbers = (
        "episodes",
        "mean",
        "iqm",
        "ci95_low",
        "ci95_high",
        "size",
        "size_expanded",
        "agreement",
    )
    columns, rows = [*names, *numbers], []
    for job in summary["jobs"]:
        for result in job["results"] or [{}]:
            low, high = result.get("ci95") or (None, None)
            found = job | result | {"ci95_low": low, "ci95_high": high}
            rows.append({name: found.get(name) for name in columns})
    return csv_text(rows, columns, line_end="\n")

"""What the jobs of a sweep came to, side by side; works with failed, killed and missing jobs.

`python -m diffses.sweep multirun_sweeps/TIME` makes `summary.json`, `summary.csv` and
`summary.html` in that folder again.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from diffses.errors import ArtifactError, DiffsesError
from diffses.evaluation.statistics import iqm, mean, stratified_interval
from diffses.report.artifacts import (
    POLICIES,
    PROTOCOLS,
    Row,
    read_csv,
    read_episodes,
    read_json,
    read_results,
)
from diffses.report.terminal import aligned
from diffses.report.words import (
    DASH,
    NAMES,
    PROTOCOL_NAMES,
    bounds,
    duration,
    number,
)

BOOTSTRAP_SEED = 0
CHAMPION = "finetuned"


def summarise(sweep_dir: Path) -> dict[str, Any]:
    """Reads the jobs of a sweep and writes `summary.json`, `.csv` and `.html` beside them.

    Returns:
        What `summary.json` holds:
        "sweep": the folder's name.
        "jobs": one each, with "job", "seed", "variant" (its overrides that not all jobs have, but
            for the seed), "status" (done, failed, running or missing), "seconds", "error",
            "artifacts" (stage -> key), "validation" (mean return of its champion on
            validation episodes), "cut_short" (steps after which test episodes were ended, or
            null) and "results".
        "across": one for each variant, protocol and policy, with "seeds", "episodes" (that were
            played), "mean" (of the jobs' means), "spread" (their standard deviation; null where
            all jobs have the same episodes), "low", "high", "iqm", "ci95" (stratified bootstrap
            over all episodes, the jobs being the strata).
        "best": the job that is best on validation, with its test results; never chosen on test.
        "shared": stage -> key, where all jobs have the same.
        "failed": the names of the jobs that are not done.

    Raises:
        DiffsesError: where the folder holds no job.
    """
    jobs = [read_job(folder) for folder in job_folders(sweep_dir)]
    if not jobs:
        raise DiffsesError(
            f"{sweep_dir} holds no job of a sweep",
            fix="python -m diffses.sweep multirun_sweeps/<a folder in it>",
        )
    name_variants(jobs)
    summary = {
        "sweep": sweep_dir.resolve().name,
        "jobs": [{name: job[name] for name in job if name != "episodes"} for job in jobs],
        "across": across(jobs),
        "best": best(jobs),
        "shared": shared(jobs),
        "failed": [job["job"] for job in jobs if job["status"] != "done"],
    }
    write(sweep_dir, summary)
    return summary


def job_folders(sweep_dir: Path) -> list[Path]:
    """The folders of the jobs, in their order: "2" before "10"."""
    found = [
        path
        for path in sweep_dir.iterdir()
        if path.is_dir() and ((path / "status.json").is_file() or (path / ".hydra").is_dir())
    ]
    return sorted(found, key=lambda path: (len(path.name), path.name))


def read_job(folder: Path) -> dict[str, Any]:
    """One job: its status, and what its artifacts say if they are there."""
    status = _read_status(folder)
    job: dict[str, Any] = {
        "job": folder.name,
        "seed": status.get("seed"),
        "overrides": [str(word) for word in status.get("overrides", [])],
        "variant": "",
        "status": status.get("status", "missing"),
        "seconds": status.get("seconds"),
        "error": status.get("error"),
        "artifacts": status.get("artifacts", {}),
        "outputs": status.get("outputs"),
        "validation": None,
        "cut_short": None,
        "results": [],
        "episodes": [],
    }
    if (evaluated := _artifact(job, "evaluate")) is not None:
        try:
            job["results"] = read_results(evaluated)
            job["episodes"] = read_episodes(evaluated)
            job["cut_short"] = _evaluation(evaluated).get("max_steps")
        except ArtifactError as error:
            job["status"] = "failed"
            job["error"] = job["error"] or {"problem": error.problem, "fix": error.fix}
    if (tuned := _artifact(job, "finetune")) is not None:
        job["validation"] = validation_mean(tuned)
    return job


def name_variants(jobs: Sequence[dict[str, Any]]) -> None:
    """Names each job by the overrides that not all jobs have, its seed apart."""
    told = [set(job["overrides"]) for job in jobs if job["overrides"]]
    common = set.intersection(*told) if told else set()
    for job in jobs:
        own = [word for word in job["overrides"] if word not in common]
        job["variant"] = " ".join(word for word in own if not word.startswith("seed="))


def validation_mean(folder: Path) -> float | None:
    """The champion's mean return on validation episodes, as `validation.csv` tells it."""
    rows = read_csv(folder / "validation.csv")
    return next((float(row["mean"]) for row in rows if row.get("champion") == "True"), None)


def across(jobs: Sequence[dict[str, Any]]) -> list[Row]:
    """Each policy over the seeds of each variant, protocols apart."""
    rows = []
    for variant in dict.fromkeys(job["variant"] for job in jobs):
        members = [job for job in jobs if job["variant"] == variant and job["results"]]
        for protocol in PROTOCOLS:
            for policy in POLICIES:
                if row := _across(members, policy, protocol):
                    rows.append({"variant": variant} | row)
    return rows


def _across(jobs: Sequence[dict[str, Any]], policy: str, protocol: str) -> Row | None:
    strata = [_returns(job, policy, protocol) for job in jobs]
    strata = [returns for returns in strata if returns]
    if not strata:
        return None
    means = [float(mean(returns)) for returns in strata]
    distinct = {tuple(returns) for returns in strata}
    interval = None if protocol == "v4" else stratified_interval(strata, seed=BOOTSTRAP_SEED)
    return {
        "policy": policy,
        "protocol": protocol,
        "seeds": len(strata),
        "episodes": sum(len(returns) for returns in distinct),
        "mean": float(np.mean(means)),
        "spread": float(np.std(means, ddof=1)) if len(distinct) > 1 else None,
        "low": min(means),
        "high": max(means),
        "iqm": float(iqm(np.concatenate(strata))),
        "ci95": None if interval is None else list(interval),
    }


def best(jobs: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The job whose champion is best on validation; of equals, the first."""
    candidates = [job for job in jobs if job["validation"] is not None]
    if not candidates:
        return None
    chosen = max(candidates, key=lambda job: float(job["validation"]))  # max keeps the first
    tuned = _artifact(chosen, "finetune")
    return {
        "job": chosen["job"],
        "seed": chosen["seed"],
        "variant": chosen["variant"],
        "validation": chosen["validation"],
        "results": [row for row in chosen["results"] if row["policy"] == CHAMPION],
        "forest": None if tuned is None else str(tuned / "finetuned.json"),
        "report": _page(chosen),
    }


def shared(jobs: Sequence[dict[str, Any]]) -> dict[str, str]:
    """The stages that two or more jobs reached, all with one key."""
    keys: dict[str, list[str]] = {}
    for job in jobs:
        for stage, key in job["artifacts"].items():
            keys.setdefault(stage, []).append(key)
    return {
        stage: found[0] for stage, found in keys.items() if len(found) > 1 and len(set(found)) == 1
    }


def write(sweep_dir: Path, summary: dict[str, Any]) -> None:
    """Writes the three files, each whole or not at all."""
    from diffses.report.sweep_page import sweep_page

    _replace(sweep_dir / "summary.json", json.dumps(summary, indent=2) + "\n")
    _replace(sweep_dir / "summary.html", sweep_page(summary))
    partial = sweep_dir / "summary.csv.tmp"
    names = ("job", "seed", "variant", "status", "validation", "policy", "protocol")
    numbers = ("episodes", "mean", "iqm", "ci95_low", "ci95_high", "size", "agreement")
    with partial.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, [*names, *numbers], extrasaction="ignore")
        writer.writeheader()
        for job in summary["jobs"]:
            for row in job["results"] or [{}]:
                low, high = row.get("ci95") or (None, None)
                writer.writerow(job | row | {"ci95_low": low, "ci95_high": high})
    partial.replace(sweep_dir / "summary.csv")


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
    for job in summary["jobs"]:
        tests = {r["protocol"]: r for r in job["results"] if r["policy"] == CHAMPION}
        size = next((r["size"] for r in tests.values()), None)
        rows.append(
            [
                f"{job['job']} {job['variant']}".strip(),
                DASH if job["seed"] is None else str(job["seed"]),
                job["status"],
                number(job["validation"]),
                *(number(tests[p]["mean"]) if p in tests else DASH for p in PROTOCOLS),
                DASH if size is None else str(size),
                DASH if job["seconds"] is None else duration(job["seconds"]),
            ]
        )
    head = ["job", "seed", "status", "validation", "test v5", "test v4", "nodes", "time"]
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


def _returns(job: dict[str, Any], policy: str, protocol: str) -> list[float]:
    return [
        float(row["return"])
        for row in job["episodes"]
        if (row["policy"], row["protocol"]) == (policy, protocol)
    ]


def _evaluation(folder: Path) -> dict[str, Any]:
    """The settings of an evaluation."""
    found: dict[str, Any] = read_json(folder / "manifest.json")["config"].get("evaluation", {})
    return found


def _read_status(folder: Path) -> dict[str, Any]:
    try:
        status: dict[str, Any] = read_json(folder / "status.json") or {}
    except ValueError:  # torn by a kill
        status = {}
    return status


def _artifact(job: dict[str, Any], stage: str) -> Path | None:
    """The folder of a stage the job reached, if it is still in the store."""
    if job["outputs"] is None or stage not in job["artifacts"]:
        return None
    folder = Path(job["outputs"]) / stage / job["artifacts"][stage]
    return folder if (folder / "manifest.json").is_file() else None


def _page(job: dict[str, Any]) -> str | None:
    folder = _artifact(job, "report")
    return None if folder is None else str(folder / "report.html")


def _replace(path: Path, text: str) -> None:
    partial = path.with_name(f"{path.name}.tmp")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def main(arguments: Sequence[str]) -> int:
    """`python -m diffses.sweep DIR`; 1 if a job is not done, 2 if there is nothing to read."""
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print("usage: python -m diffses.sweep multirun_sweeps/TIME", file=sys.stderr)
        return 2
    folder = Path(arguments[0])
    try:
        if not folder.is_dir():
            raise DiffsesError(f"{folder} is no folder", fix="ls multirun_sweeps")
        summary = summarise(folder)
    except DiffsesError as error:
        print(f"ERROR {error}", file=sys.stderr)
        return 2
    print(summary_text(folder))
    return 1 if summary["failed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The results of a sweep: one record per job, also for failed, killed and missing jobs.

`python -m diffses report multirun_sweeps/TIME` makes `summary.json`, `summary.csv` and
`summary.html` in that folder again; with several folders it compares them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from diffses.csv_rows import read_rows
from diffses.errors import ArtifactError, DiffsesError
from diffses.evaluation.results import (
    CHAMPION,
    POLICIES,
    PROTOCOLS,
    Row,
    main_protocol,
    read_curve,
    read_episodes,
    read_json,
    read_results,
)
from diffses.evaluation.statistics import (
    improvement_interval,
    iqm,
    mean,
    probability_of_improvement,
    stratified_interval,
)
from diffses.store.manifest import is_artifact

BOOTSTRAP_SEED = 0
SEARCHED = {"distilled": "distill", CHAMPION: "finetune"}  # policy that depends on `seed` -> stage
CURVE_POINTS = 200  # maximum number in a search's curve
CURVE_COLUMNS = ("leader", "mean", "return", "best")  # the first one that a search has is shown


def read_jobs(sweep_dir: Path) -> list[dict[str, Any]]:
    """All jobs of a sweep.

    Raises:
        DiffsesError: if the folder contains none.
    """
    jobs = [read_job(folder) for folder in job_folders(sweep_dir)]
    if not jobs:
        raise DiffsesError(
            f"{sweep_dir} holds no job of a sweep",
            fix="python -m diffses report multirun_sweeps/<a folder in it>",
        )
    return jobs


def _summary(name: str, jobs: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "sweep": name,
        "jobs": [{name: job[name] for name in job if name != "episodes"} for job in jobs],
        "across": across(jobs),
        "improvement": improvement(jobs),
        "best": best(jobs),
        "shared": shared(jobs),
        "failed": [job["job"] for job in jobs if job["status"] != "done"],
    }


def job_folders(sweep_dir: Path) -> list[Path]:
    """The folders of the jobs, in numerical order."""
    found = [
        path
        for path in sweep_dir.iterdir()
        if path.is_dir() and ((path / "status.json").is_file() or (path / ".hydra").is_dir())
    ]
    return sorted(found, key=lambda path: (len(path.name), path.name))


def read_job(folder: Path) -> dict[str, Any]:
    """One job: its status, and its results as far as its artifacts are still in the store."""
    status = _read_status(folder)
    job: dict[str, Any] = {
        "job": folder.name,
        "seed": status.get("seed"),
        "game": status.get("game"),
        "overrides": [str(word) for word in status.get("overrides", [])],
        "variant": "",
        "status": status.get("status", "missing"),
        "seconds": status.get("seconds"),
        "error": status.get("error"),
        "artifacts": status.get("artifacts", {}),
        "outputs": status.get("outputs"),
        "validation": None,
        "curve": None,
        "cut_short": None,
        "results": [],
        "episodes": [],
    }
    if (evaluated := _artifact(job, "evaluate")) is not None:
        try:
            job["results"] = read_results(evaluated)
            job["episodes"] = read_episodes(evaluated)
            job["cut_short"] = next((r["max_steps"] for r in job["results"] if r.get("cut")), None)
        except ArtifactError as error:
            job["status"] = "failed"
            job["error"] = job["error"] or {"problem": error.problem, "fix": error.fix}
    if (tuned := _artifact(job, "finetune")) is not None:
        job["validation"] = validation_mean(tuned)
        job["curve"] = curve(tuned)
    return job


def curve(folder: Path) -> dict[str, Any] | None:
    """The return of a search against steps, at most CURVE_POINTS; None if there is no curve."""
    read = read_curve(folder / "curve.csv", "steps", *CURVE_COLUMNS)
    name = next((name for name in CURVE_COLUMNS if name in read), None)
    if name is None or "steps" not in read:
        return None
    points = [p for p in zip(read["steps"], read[name], strict=True) if np.isfinite(p).all()]
    kept = np.unique(np.linspace(0, len(points) - 1, min(len(points), CURVE_POINTS)).astype(int))
    chosen = [points[place] for place in kept] if points else []
    return {
        "name": name,
        "steps": [step for step, _ in chosen],
        "value": [value for _, value in chosen],
    }


def name_variants(jobs: Sequence[dict[str, Any]]) -> None:
    """Sets each job's variant: the overrides that not all jobs have, without its seed."""
    known = [set(job["overrides"]) for job in jobs if job["overrides"]]
    common = set.intersection(*known) if known else set()
    for job in jobs:
        own = [word for word in job["overrides"] if word not in common]
        job["variant"] = " ".join(word for word in own if not word.startswith("seed="))


def validation_mean(folder: Path) -> float | None:
    """The champion's mean return in validation episodes; None if there is no `validation.csv`."""
    rows = read_rows(folder / "validation.csv", missing_ok=True)
    return next((float(row["mean"]) for row in rows if row.get("champion") == "True"), None)


def across(jobs: Sequence[dict[str, Any]]) -> list[Row]:
    """One row per variant, protocol and policy, aggregated over seeds."""
    rows = []
    for variant in dict.fromkeys(job["variant"] for job in jobs):
        members = [job for job in jobs if job["variant"] == variant and job["results"]]
        for protocol in PROTOCOLS:
            for policy in POLICIES:
                if row := _across(members, policy, protocol):
                    rows.append({"variant": variant} | row)
    return rows


def _across(jobs: Sequence[dict[str, Any]], policy: str, protocol: str) -> Row | None:
    played = [(job, _returns(job, policy, protocol)) for job in jobs]
    strata = [returns for _, returns in played if returns]
    if not strata:
        return None
    means = [float(mean(returns)) for returns in strata]
    runs = {_run(job, policy, returns) for job, returns in played if returns}
    different = {_identity(job, policy, returns): returns for job, returns in played if returns}
    sampled = protocol != "v4"
    interval = stratified_interval(strata, seed=BOOTSTRAP_SEED) if sampled else None
    of_iqm = stratified_interval(strata, seed=BOOTSTRAP_SEED, statistic=iqm) if sampled else None
    return {
        "policy": policy,
        "protocol": protocol,
        "seeds": len(strata),
        "episodes": sum(len(returns) for returns in different.values()),
        "mean": float(np.mean(means)),
        "spread": float(np.std(means, ddof=1)) if len(runs) > 1 else None,
        "low": min(means),
        "high": max(means),
        "iqm": float(iqm(np.concatenate(strata))),
        "ci95": None if interval is None else list(interval),
        "iqm_ci95": None if of_iqm is None else list(of_iqm),
    }


def _run(job: dict[str, Any], policy: str, returns: list[float]) -> object:
    """The identity of a run, for counting independent runs.

    A search is identified by its artifact's key, even if two seeds found the same formula; other
    policies by their content, since least squares gives the same fit for every `seed`.
    """
    found = job["artifacts"].get(SEARCHED[CHAMPION]) if policy == CHAMPION else None
    return found or _identity(job, policy, returns)


def _identity(job: dict[str, Any], policy: str, returns: list[float]) -> object:
    """The identity of a policy: its file's content, or the artifact's key where the file is gone;
    for policies that do not depend on `seed`, their returns."""
    stage = SEARCHED.get(policy, "")
    folder = _artifact(job, stage)
    if folder is not None and (file := folder / f"{policy}.json").is_file():
        return file.read_bytes()
    return job["artifacts"].get(stage, tuple(returns))


def improvement(jobs: Sequence[dict[str, Any]]) -> list[Row]:
    """Probabilities of improvement under the headline's protocol.

    Compared are the champions with the policies they were made from, and with the champions of the
    other variants of the same environment. A run is represented by its mean return.
    """
    games = {job["variant"]: job["game"] for job in jobs}
    protocol = main_protocol(row for job in jobs for row in job["results"])
    different: dict[tuple[str, str], dict[object, float]] = {}
    for job in jobs:
        for row in job["results"]:
            if row["protocol"] == protocol:
                found = different.setdefault((job["variant"], row["policy"]), {})
                run = _run(job, row["policy"], [float(row["mean"])])
                found.setdefault(run, float(row["mean"]))
    runs = {policy: list(means.values()) for policy, means in different.items()}
    pairs = [
        (one, other)
        for one in runs
        for other in runs
        if one[1] == CHAMPION
        and (
            (one[0] == other[0] and other[1] in ("teacher", "linear", "distilled"))
            or (one[0] != other[0] and other[1] == CHAMPION and games[one[0]] == games[other[0]])
        )
    ]
    rows = []
    for one, other in pairs:
        bounds = improvement_interval(runs[one], runs[other], seed=BOOTSTRAP_SEED)
        rows.append(
            {
                "variant": one[0],
                "policy": one[1],
                "over_variant": other[0],
                "over_policy": other[1],
                "protocol": protocol,
                "probability": float(probability_of_improvement(runs[one], runs[other])),
                "ci95": None if bounds is None else list(bounds),
                "runs": [len(runs[one]), len(runs[other])],
            }
        )
    return rows


def best(jobs: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The job with the best champion on validation; ties go to the first.

    None if there is none, or if the jobs are of different environments.
    """
    candidates = [job for job in jobs if job["validation"] is not None]
    if not candidates or len({job["game"] for job in candidates}) > 1:
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
    """Stage -> key of the artifacts that all jobs share which reached the stage, at least two."""
    keys: dict[str, list[str]] = {}
    for job in jobs:
        for stage, key in job["artifacts"].items():
            keys.setdefault(stage, []).append(key)
    return {
        stage: found[0] for stage, found in keys.items() if len(found) > 1 and len(set(found)) == 1
    }


def _returns(job: dict[str, Any], policy: str, protocol: str) -> list[float]:
    return [
        float(row["return"])
        for row in job["episodes"]
        if (row["policy"], row["protocol"]) == (policy, protocol)
    ]


def _read_status(folder: Path) -> dict[str, Any]:
    try:
        status: dict[str, Any] = read_json(folder / "status.json") or {}
    except ValueError:  # incomplete, of a killed job
        status = {}
    return status


def _artifact(job: dict[str, Any], stage: str) -> Path | None:
    """The folder of a job's artifact; None if the job did not reach the stage or it was deleted."""
    if job["outputs"] is None or stage not in job["artifacts"]:
        return None
    folder = Path(job["outputs"]) / stage / job["artifacts"][stage]
    return folder if is_artifact(folder) else None


def _page(job: dict[str, Any]) -> str | None:
    folder = _artifact(job, "report")
    return None if folder is None else str(folder / "report.html")

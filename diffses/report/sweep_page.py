"""The page of a sweep: what `templates/sweep.html.j2` shows of its jobs side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from diffses.evaluation.results import CHAMPION, PROTOCOLS, Row, main_protocol, protocols
from diffses.policy.forest import Forest
from diffses.report import figures as plots
from diffses.report import formula
from diffses.report.html import Cell, Figure, Table, render
from diffses.report.sweep_text import best_sentence
from diffses.report.tables import across_cells, job_cells, policy_name, results_table, select
from diffses.report.wording import DASH, NAMES, PROTOCOL_NAMES, bounds, cautions, number, share

ACROSS = ("policy", "mean", "95 % interval", "between seeds", "range", "IQM", "its interval")
STATES = {"running": "was still running, or was killed", "missing": "never started"}


def sweep_page(summary: dict[str, Any]) -> str:
    """The whole page, from what `diffses.report.sweep.summarise` found."""
    jobs = summary["jobs"]
    return render(
        "sweep.html.j2",
        title=f"Sweep {summary['sweep']}",
        sweep=summary["sweep"],
        lead=lead(summary),
        cautions=cautions(jobs),
        failures=[failure(job) for job in jobs if job["status"] != "done"],
        jobs={"table": jobs_table(summary), "returns": returns(summary)},
        curves=curves(jobs),
        across=across(summary["across"]),
        improvement=improvement(summary["improvement"]),
        best=None if summary["best"] is None else best(summary["best"]),
        stages=stages_table(summary),
    )


def lead(summary: dict[str, Any]) -> str:
    """How many jobs are done, and the mean return of their champions."""
    jobs = summary["jobs"]
    done = sum(job["status"] == "done" for job in jobs)
    text = f"{done} of {len(jobs)} job{'s are' if len(jobs) != 1 else ' is'} done."
    row = _tested(summary["across"])
    if row is None:
        return text
    text += (
        f" The {NAMES[CHAMPION]}s score {number(row['mean'])} points a game on average over "
        f"{row['seeds']} seed{'s' if row['seeds'] != 1 else ''}"
    )
    text += "" if row["ci95"] is None else f" (95 % interval {bounds(row['ci95'])})"
    return f"{text}, from {number(row['low'])} to {number(row['high'])}."


def failure(job: dict[str, Any]) -> dict[str, Any]:
    """A job that is not done, with its error or its state."""
    return {
        "job": f"Job {job['job']} (seed {job['seed']})",
        "error": {"traceback": None} | job["error"] if job["error"] else None,
        "state": STATES.get(job["status"], job["status"]),
    }


def jobs_table(summary: dict[str, Any]) -> Table:
    """A row for each job; its settings only where jobs differ in more than their seeds."""
    jobs, played = summary["jobs"], protocols(summary["jobs"])
    settings = ["settings"] if any(job["variant"] for job in jobs) else []
    tests = [f"test {name}" for name in played]
    text = ["job", "seed", *settings, "status"]
    columns = [*text, "validation", tests[0], "95 % interval", *tests[1:]]
    columns += ["nodes", "agreement", "time"]
    rows = select(columns, [job_cells(job, played) for job in jobs])
    marked = next((i for i, job in enumerate(jobs) if _is_best(job, summary)), None)
    return Table(columns, rows, left=len(text), marked=marked)


def returns(summary: dict[str, Any]) -> Figure | None:
    """The test returns of the champions under the headline's protocol; None for fewer than two."""
    main = protocols(summary["jobs"])[0]
    lines = []
    for job in summary["jobs"]:
        label = f"seed {job['seed']}" + (f", {job['variant']}" if job["variant"] else "")
        lines += [
            (label, row["mean"], row["ci95"], _is_best(job, summary))
            for row in job["results"]
            if (row["policy"], row["protocol"]) == (CHAMPION, main)
        ]
    if len(lines) < 2:
        return None
    caption = (
        "Test return of each job's formula: mean and 95 % interval over its episodes. Filled: "
        "the best on validation. The dashed line is the mean of the jobs."
    )
    return Figure(plots.seeds(lines), "Test return of each job", caption)


def _is_best(job: dict[str, Any], summary: dict[str, Any]) -> bool:
    return summary["best"] is not None and job["job"] == summary["best"]["job"]


def curves(jobs: Sequence[dict[str, Any]]) -> Figure | None:
    """The search of each seed, and their mean with its spread."""
    drawn = plots.sweep_curves(jobs)
    caption = (
        "A thin line for each seed: the mean return of the formula that led the search by then, in "
        "the search's own episodes, which may be cut and are no test. The thick line is their "
        "mean, the band one standard deviation to either side, where all are still searching."
    )
    return None if drawn is None else Figure(drawn, "Search of each seed", caption)


def across(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """A table over the seeds for each protocol."""
    found = []
    for protocol in PROTOCOLS:
        own = [row for row in rows if row["protocol"] == protocol]
        if own:
            columns = (*ACROSS, "seeds", "episodes")
            made = results_table(columns, own, map(across_cells, own), CHAMPION)
            found.append({"name": PROTOCOL_NAMES[protocol], "table": made})
    return found


def improvement(rows: Sequence[Row]) -> dict[str, Any] | None:
    """The probability that a run of one policy has a higher return than a run of another."""
    if not rows:
        return None
    cells = [
        [
            policy_name(row["policy"], row["variant"]),
            policy_name(row["over_policy"], row["over_variant"]),
            share(row["probability"]),
            DASH if row["ci95"] is None else " to ".join(share(bound) for bound in row["ci95"]),
            f"{row['runs'][0]} and {row['runs'][1]}",
        ]
        for row in rows
    ]
    head = ["policy", "better than", "probability", "95 % interval", "runs"]
    return {"table": Table(head, cells, left=2), "protocol": rows[0]["protocol"]}


def best(chosen: dict[str, Any]) -> dict[str, Any]:
    """The job that is best on validation, with its formula and its report where there are any."""
    path, report = chosen["forest"], chosen["report"]
    forest = Forest.load(Path(path)) if path is not None and Path(path).is_file() else None
    return {
        "sentence": best_sentence(chosen),
        "printed": "" if forest is None else formula.show(forest),
        "in_full": "" if forest is None else formula.in_full(forest, CHAMPION),
        "report": report,
        "link": None if report is None else Path(report).resolve().as_uri(),
    }


def stages_table(summary: dict[str, Any]) -> Table:
    """Which stages the jobs shared, and which each built for itself."""
    stages = dict.fromkeys(stage for job in summary["jobs"] for stage in job["artifacts"])
    rows = []
    for stage in stages:
        keys = dict.fromkeys(job["artifacts"].get(stage, "") for job in summary["jobs"])
        owner = "shared by all" if stage in summary["shared"] else "of each job"
        rows.append([stage, owner, Cell(codes=[key for key in keys if key])])
    return Table(["stage", "", "keys"], rows, left=3)


def _tested(rows: Sequence[Row]) -> Row | None:
    """The champions under the headline's protocol, where the sweep has one variant only."""
    main = main_protocol(rows)
    found = [row for row in rows if (row["policy"], row["protocol"]) == (CHAMPION, main)]
    return found[0] if len(found) == 1 else None

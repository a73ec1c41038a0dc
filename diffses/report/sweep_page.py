"""The page of a sweep: its seeds side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from diffses.evaluation.results import FULL_EPISODES, PROTOCOLS, Row, main_protocol
from diffses.report import figures as plots
from diffses.report import formula
from diffses.report import wording as words
from diffses.report.html import Markup, details, document, figure, join, section, table, tag
from diffses.report.style import POLICY
from diffses.report.wording import DASH, NAMES, PROTOCOL_NAMES, bounds, duration, number, share

CHAMPION = "finetuned"
INTERVAL_NOTE = (
    "The mean is that of the jobs' means. The interval is a 95 % stratified bootstrap: the "
    "episodes of each seed are drawn again by themselves (Agarwal et al. 2021). It says how sure "
    "the mean of these very policies is; how much the searches differ is the column “between "
    "seeds”, the standard deviation of their means, with their range. Policies "
    "that do not depend on the seed were played once for all jobs and are counted once. Protocol "
    "v4 is exhaustive, so it has no interval."
)


def sweep_page(summary: dict[str, Any]) -> str:
    """The whole page, from what `diffses.report.sweep.summarise` found."""
    return document(
        f"Sweep {summary['sweep']}",
        top(summary),
        jobs_section(summary),
        curves_section(summary),
        across_section(summary),
        improvement_section(summary),
        best_section(summary),
        stages_section(summary),
    )


def top(summary: dict[str, Any]) -> Markup:
    jobs = summary["jobs"]
    done = sum(job["status"] == "done" for job in jobs)
    lead = f"{done} of {len(jobs)} job{'s are' if len(jobs) != 1 else ' is'} done."
    row = _tested(summary["across"])
    if row is not None:
        lead += (
            f" The {NAMES[CHAMPION]}s score {number(row['mean'])} points a game on average over "
            f"{row['seeds']} seed{'s' if row['seeds'] != 1 else ''}"
        )
        lead += "" if row["ci95"] is None else f" (95 % interval {bounds(row['ci95'])})"
        lead += f", from {number(row['low'])} to {number(row['high'])}."
    return join(
        [
            tag("p", "diffses sweep", cls="kicker"),
            tag("h1", f"Sweep {summary['sweep']}"),
            tag("p", lead, cls="lead"),
            *(tag("div", tag("p", text), cls="warning") for text in cautions(jobs)),
            *(failure(job) for job in jobs if job["status"] != "done"),
        ]
    )


def cautions(jobs: list[dict[str, Any]]) -> list[str]:
    """What a reader must know before believing a number."""
    cut = [job["cut_short"] for job in jobs if job["cut_short"] is not None]
    rows = [row for job in jobs for row in job["results"]]
    main = main_protocol(rows)
    played = [row["episodes"] for row in rows if row["protocol"] == main]
    found = [words.cut_short(min(cut))] if cut else []
    if played and min(played) < FULL_EPISODES:
        found.append(words.few_episodes(min(played), main))
    return found


def failure(job: dict[str, Any]) -> Markup:
    """A job that is not done, with its error."""
    named = f"Job {job['job']} (seed {job['seed']}) "
    error = job["error"]
    if not error:
        text = {"running": "was still running, or was killed.", "missing": "never started."}
        return tag("div", tag("p", named + text.get(job["status"], job["status"])), cls="failure")
    trace = error.get("traceback")
    return tag(
        "div",
        tag("p", tag("b", named + "failed: "), error["problem"]),
        tag("p", "fix: ", tag("code", error["fix"])),
        details("Traceback", tag("pre", trace)) if trace else "",
        cls="failure",
    )


def jobs_section(summary: dict[str, Any]) -> Markup:
    chosen = None if summary["best"] is None else summary["best"]["job"]
    from diffses.evaluation.results import protocols

    rows, marked, lines = [], None, []
    played = protocols(summary["jobs"])
    main, others = played[0], played[1:]
    for index, job in enumerate(summary["jobs"]):
        tests = {row["protocol"]: row for row in job["results"] if row["policy"] == CHAMPION}
        marked = index if job["job"] == chosen else marked
        rows.append(_job_cells(job, tests, played))
        if main in tests:
            label = f"seed {job['seed']}" + (f", {job['variant']}" if job["variant"] else "")
            row = tests[main]
            lines.append((label, row["mean"], row["ci95"], job["job"] == chosen))
    head = ["job", "seed", "settings", "status", "validation", f"test {main}", "95 % interval"]
    head += [*(f"test {name}" for name in others), "nodes", "agreement", "time"]
    left = 4
    if not any(job["variant"] for job in summary["jobs"]):  # the jobs differ in their seeds only
        left, head, rows = 3, _without(head, 2), [_without(row, 2) for row in rows]
    parts = [
        table(head, rows, left=left, marked=marked),
        tag("p", "The marked job is the best on validation; tests choose nothing.", cls="note"),
    ]
    if len(lines) > 1:
        caption = (
            "Test return of each job's formula: mean and 95 % interval over its episodes. Filled: "
            "the best on validation. The dashed line is the mean of the jobs."
        )
        parts.append(figure(plots.seeds(lines), "Test return of each job", caption))
    return section("The jobs side by side", *parts)


def _without(row: list[str], column: int) -> list[str]:
    return [*row[:column], *row[column + 1 :]]


def _job_cells(job: dict[str, Any], tests: dict[str, Row], played: list[str]) -> list[str]:
    main, *others = (tests.get(protocol, {}) for protocol in played)
    either = next((row for row in (main, *others) if row), {})
    return [
        job["job"],
        DASH if job["seed"] is None else str(job["seed"]),
        job["variant"] or DASH,
        job["status"],
        number(job["validation"]),
        number(main.get("mean")),
        bounds(main.get("ci95")),
        *(number(row.get("mean")) for row in others),
        DASH if either.get("size") is None else str(either["size"]),
        share(either.get("agreement")),
        DASH if job["seconds"] is None else duration(job["seconds"]),
    ]


def across_section(summary: dict[str, Any]) -> Markup:
    parts: list[str] = []
    head = ["policy", "mean", "95 % interval", "between seeds", "range", "IQM", "its interval"]
    for protocol in PROTOCOLS:
        rows = [row for row in summary["across"] if row["protocol"] == protocol]
        if rows:
            marked = [row["policy"] for row in rows]
            place = marked.index(CHAMPION) if marked.count(CHAMPION) == 1 else None
            cells = [_across_cells(row) for row in rows]
            made = table([*head, "seeds", "episodes"], cells, marked=place, cls="results")
            parts += [tag("h3", PROTOCOL_NAMES[protocol]), made]
    if not parts:
        return Markup("")
    return section("Over the seeds", *parts, tag("p", INTERVAL_NOTE, cls="note"))


def _across_cells(row: Row) -> list[str]:
    dot = tag("span", "", cls="dot", style=f"background:{POLICY[row['policy']]}")
    name = NAMES[row["policy"]] + (f", {row['variant']}" if row["variant"] else "")
    return [
        join([dot, name], ""),
        number(row["mean"]),
        bounds(row["ci95"]),
        DASH if row["spread"] is None else f"±{number(row['spread'])}",
        DASH if row["spread"] is None else bounds((row["low"], row["high"])),
        number(row["iqm"]),
        bounds(row["iqm_ci95"]),
        str(row["seeds"]),
        str(row["episodes"]),
    ]


def curves_section(summary: dict[str, Any]) -> Markup:
    """The search of each seed, and their mean with its spread."""
    drawn = plots.sweep_curves(summary["jobs"])
    if drawn is None:
        return Markup("")
    caption = (
        "A thin line for each seed: the mean return of the formula that led the search by then, in "
        "the search's own games, which are cut and are no test. The thick line is their mean, the "
        "band one standard deviation to either side, where all of them are still searching."
    )
    return section("How they were found", figure(drawn, "Search of each seed", caption))


def improvement_section(summary: dict[str, Any]) -> Markup:
    """The probability that one does better than another."""
    if not summary["improvement"]:
        return Markup("")
    rows = [
        [
            _named(row["policy"], row["variant"]),
            _named(row["over_policy"], row["over_variant"]),
            share(row["probability"]),
            DASH if row["ci95"] is None else " to ".join(share(bound) for bound in row["ci95"]),
            f"{row['runs'][0]} and {row['runs'][1]}",
        ]
        for row in summary["improvement"]
    ]
    head = ["how probably", "does better than", "probability", "95 % interval", "runs"]
    note = (
        f"Of a run of each, drawn at random, by its mean test return under protocol "
        f"{summary['improvement'][0]['protocol']}; equal ones count half (Agarwal et al. 2021). "
        "The interval is a stratified bootstrap over the runs, and says little for a handful of "
        "them: with every run better than every other it is 100 % to 100 %."
    )
    return section("Who does better", table(head, rows, left=2), tag("p", note, cls="note"))


def _named(policy: str, variant: str) -> str:
    return NAMES[policy] + (f", {variant}" if variant else "")


def best_section(summary: dict[str, Any]) -> Markup:
    """The formula of the job that is best on validation."""
    from diffses.policy.forest import Forest
    from diffses.report.sweep_text import best_sentence

    chosen = summary["best"]
    if chosen is None:
        return Markup("")
    parts: list[str] = [tag("p", best_sentence(chosen))]
    if chosen["forest"] is not None and Path(chosen["forest"]).is_file():
        forest = Forest.load(Path(chosen["forest"]))
        parts += [formula.show(forest), formula.in_full(forest, CHAMPION)]
    if chosen["report"] is not None:
        link = tag("a", chosen["report"], href=Path(chosen["report"]).resolve().as_uri())
        parts.append(tag("p", "Its report: ", link, cls="note"))
    return section("Best on validation", *parts)


def stages_section(summary: dict[str, Any]) -> Markup:
    """Which stages the jobs shared, and which each built for itself."""
    stages = list(dict.fromkeys(s for job in summary["jobs"] for s in job["artifacts"]))
    rows = []
    for stage in stages:
        keys = list(dict.fromkeys(j["artifacts"].get(stage, "") for j in summary["jobs"]))
        shown = join((tag("code", key) for key in keys if key), ", ")
        whose = "shared by all" if stage in summary["shared"] else "of each job"
        rows.append([stage, whose, shown])
    if not rows:
        return Markup("")
    return section("Stages and their keys", table(["stage", "", "keys"], rows, left=3))


def _tested(rows: list[Row]) -> Row | None:
    """The champions under the headline's protocol, where the sweep has one variant only."""
    main = main_protocol(rows)
    found = [row for row in rows if (row["policy"], row["protocol"]) == (CHAMPION, main)]
    return found[0] if len(found) == 1 else None

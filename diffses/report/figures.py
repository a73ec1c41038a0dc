"""The pictures of the page, as SVG in data URIs. No global state: figures are objects."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from diffses.csv_rows import read_rows
from diffses.evaluation.results import POLICIES, PROTOCOLS, read_curve
from diffses.report.html import data_uri
from diffses.report.run_artifacts import Shown
from diffses.report.style import FAINT, INK, POLICY, RULE, SEEDS
from diffses.report.wording import NAMES, number

WIDTH = 9.4  # inches; at 96 dots an inch the width of the page's text
SMOOTH = 0.1  # share of a curve that its moving mean spans

STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["Liberation Sans", "Arial", "Helvetica", "DejaVu Sans"],
    "font.size": 10,
    "axes.edgecolor": RULE,
    "axes.labelcolor": FAINT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "text.color": INK,
    "svg.hashsalt": "diffses",
}


@contextmanager
def drawing(
    height: float, columns: int = 1, shared: bool = False
) -> Iterator[tuple[Figure, list[Axes]]]:
    """A figure of `columns` axes side by side, in the pages' look; `shared`: with one scale."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        axes = figure.subplots(1, columns, squeeze=False, sharex=shared, sharey=shared)
        yield figure, list(axes[0])


def as_svg(figure: Figure) -> str:
    """The figure as a data URI; the same figure gives the same bytes."""
    target = io.BytesIO()
    figure.savefig(target, format="svg", metadata={"Date": None, "Creator": None})
    return data_uri(target.getvalue(), "image/svg+xml")


def returns(shown: Shown) -> str | None:
    """Every test episode as a dot, the mean and its interval; one panel a protocol."""
    panels = [p for p in PROTOCOLS if any(row["protocol"] == p for row in shown.results)]
    policies = [p for p in POLICIES if any(row["policy"] == p for row in shown.results)]
    if not panels or not shown.episodes:
        return None
    with drawing(0.75 + 0.46 * len(policies), len(panels), shared=True) as (figure, axes):
        for axis, protocol in zip(axes, panels, strict=True):
            _panel(axis, shown, policies, protocol)
        return as_svg(figure)


def _panel(axis: Axes, shown: Shown, policies: Sequence[str], protocol: str) -> None:
    axis.set_title(f"protocol {protocol}")
    for place, policy in enumerate(policies):
        found, row = shown.returns(policy, protocol), shown.result(policy, protocol)
        if row is None or not found:
            continue
        colour = POLICY[policy]
        shake = np.random.default_rng(place).uniform(-0.22, 0.22, len(found))
        axis.scatter(found, place + shake, s=13, color=colour, alpha=0.45, linewidths=0)
        if row["ci95"] is not None:
            axis.plot(row["ci95"], [place, place], color=INK, linewidth=1.6, solid_capstyle="butt")
        axis.plot(row["mean"], place, "D", color=colour, markersize=6.5, mec="white", mew=0.9)
        axis.annotate(
            number(row["mean"]),
            (row["mean"], place),
            xytext=(0, 9),
            textcoords="offset points",
            ha="center",
            fontsize=9,
            fontweight="bold",
            color=colour,
        )
    axis.set_yticks(range(len(policies)), [NAMES[policy] for policy in policies])
    axis.tick_params(axis="y", length=0, labelcolor=INK)
    axis.set_ylim(len(policies) - 0.5, -0.75)
    axis.set_xlabel("return of an episode")
    axis.grid(axis="x", color=RULE, linewidth=0.6)
    axis.set_axisbelow(True)


def curves(shown: Shown) -> str | None:
    """How the teacher and the fine-tuned formula were learnt; None where neither left a curve."""
    found = []
    for stage, policy, names in (
        ("teacher", "teacher", ("return",)),
        ("finetune", "finetuned", ("leader", "best", "mean")),
    ):
        if stage in shown.folders:
            curve = read_curve(shown.folders[stage] / "curve.csv", "steps", "evaluation", *names)
            if len(curve.get("steps", [])) > 1 and any(name in curve for name in names):
                found.append((policy, names, curve))
    if not found:
        return None
    with drawing(2.9, len(found)) as (figure, axes):
        for axis, (policy, names, curve) in zip(axes, found, strict=True):
            for name in names:
                if name in curve:
                    _line(axis, curve["steps"], curve[name], POLICY[policy], name, name == names[0])
            _evaluations(axis, curve, POLICY[policy])
            axis.set_title(NAMES[policy])
            axis.set_xlabel("environment steps")
            axis.set_ylabel("return in training")
            _finish(axis, max(curve["steps"]))
        return as_svg(figure)


def _line(
    axis: Axes, steps: Sequence[float], values: Sequence[float], colour: str, name: str, main: bool
) -> None:
    """A thin line of the values and, where there are many, a thick one of their moving mean."""
    x, y = np.asarray(steps), np.asarray(values)
    x, y = x[np.isfinite(y)], y[np.isfinite(y)]
    width, alpha = (1.8, 1.0) if main else (1.0, 0.55)
    if len(y) < 40:
        axis.plot(x, y, color=colour, linewidth=width, alpha=alpha, label=name)
        return
    span = max(2, int(SMOOTH * len(y)))
    smooth = np.convolve(y, np.ones(span) / span, mode="valid")
    axis.plot(x, y, color=colour, linewidth=0.8, alpha=0.3)
    axis.plot(x[span - 1 :], smooth, color=colour, linewidth=width, alpha=alpha, label=name)


def _evaluations(axis: Axes, curve: dict[str, list[float]], colour: str) -> None:
    """The evaluations during a training, as points."""
    x, y = np.asarray(curve["steps"]), np.asarray(curve.get("evaluation", []))
    if len(y) and np.isfinite(y).any():
        x, y = x[np.isfinite(y)], y[np.isfinite(y)]
        axis.plot(x, y, "o", color=colour, mec="white", label="evaluation")


def _finish(axis: Axes, last: float) -> None:
    axis.grid(axis="y", color=RULE, linewidth=0.6)
    axis.set_axisbelow(True)
    axis.xaxis.set_major_formatter(lambda value, _: _compact(value))
    axis.set_xlim(0, 1.02 * last)
    if len(axis.get_legend_handles_labels()[1]) > 1:
        axis.legend(frameon=False, fontsize=9, loc="lower right")


def _compact(value: float) -> str:
    """1500000 as "1.5M"."""
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g}{unit}"
    return f"{value:g}"


def front(shown: Shown) -> str | None:
    """Validation return against size with the Pareto front; None for fewer than two candidates."""
    folder = shown.folders.get("finetune")
    tried = [] if folder is None else _tried(folder)
    if len({(size, mean) for size, mean, *_ in tried}) < 2:
        return None
    with drawing(3.2) as (figure, (axis,)):
        for size, mean, error, chosen, _ in tried:
            colour = POLICY["finetuned"] if chosen else FAINT
            axis.errorbar(size, mean, error, color=colour, elinewidth=1, alpha=0.6, zorder=1)
            marker, big = ("D", 7.0) if chosen else ("o", 5.0)
            axis.plot(size, mean, marker, color=colour, markersize=big, mec="white", mew=0.8)
        whole = max(episodes for *_, episodes in tried)
        best = undominated([(size, mean) for size, mean, *_, played in tried if played == whole])
        sizes, means = zip(*best, strict=True)
        axis.step(sizes, means, where="post", color=INK, linewidth=1, alpha=0.5, zorder=0)
        axis.set_xlabel("nodes in all trees")
        axis.set_ylabel("return on validation")
        axis.grid(axis="y", color=RULE, linewidth=0.6)
        axis.set_axisbelow(True)
        return as_svg(figure)


def undominated(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The Pareto front of (size, return) points: no point as small or smaller has a higher return;
    in the order of their sizes."""
    kept: list[tuple[float, float]] = []
    for size, value in sorted(points, key=lambda point: (point[0], -point[1])):
        if not kept or value > kept[-1][1]:
            kept.append((size, value))
    return kept


def _tried(folder: Path) -> list[tuple[float, float, float, bool, int]]:
    """(size, mean, standard error, champion, episodes) of every forest judged on validation."""
    found = {}
    for name, column in (("front.csv", "return"), ("validation.csv", "mean")):
        for row in read_rows(folder / name, missing_ok=True):
            if row.get("size") and row.get(column):
                place = float(row["size"]), float(row[column])
                chosen = row.get("champion") == "True"
                error, episodes = float(row.get("standard_error") or 0), int(row["episodes"])
                found[place] = (*place, error, chosen, episodes)
    return list(found.values())


def seeds(rows: Sequence[tuple[str, float, Sequence[float] | None, bool]]) -> str:
    """One line a job of a sweep: its mean, its interval; the chosen one filled.

    Args:
        rows: (label, mean, interval or None, chosen) of each job.
    """
    with drawing(0.75 + 0.42 * len(rows)) as (figure, (axis,)):
        for place, (_, mean, ci95, chosen) in enumerate(rows):
            colour = SEEDS[place % len(SEEDS)]
            if ci95 is not None:
                axis.plot(ci95, [place, place], color=colour, linewidth=2.2, alpha=0.7)
            filling = colour if chosen else "white"
            axis.plot(mean, place, "D", color=filling, mec=colour, markersize=8)
            axis.annotate(
                number(mean),
                (mean, place),
                xytext=(0, 9),
                textcoords="offset points",
                ha="center",
                fontsize=9,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
            )
        average = float(np.mean([mean for _, mean, _, _ in rows]))
        axis.axvline(average, color=INK, linewidth=1, linestyle=(0, (4, 3)), zorder=0)
        axis.set_yticks(range(len(rows)), [label for label, _, _, _ in rows])
        axis.tick_params(axis="y", length=0, labelcolor=INK)
        axis.set_ylim(len(rows) - 0.5, -0.75)
        axis.set_xlabel("test return of the fine-tuned formula")
        axis.grid(axis="x", color=RULE, linewidth=0.6)
        axis.set_axisbelow(True)
        return as_svg(figure)


def sweep_curves(jobs: Sequence[dict[str, Any]]) -> str | None:
    """The search curve of each job, and the mean of each variant with a band; None without any."""
    found = [job for job in jobs if job["curve"] and len(job["curve"]["steps"]) > 1]
    if not found:
        return None
    variants = list(dict.fromkeys(job["variant"] for job in found))
    with drawing(3.4) as (figure, (axis,)):
        for place, variant in enumerate(variants):
            own = [job["curve"] for job in found if job["variant"] == variant]
            colour = SEEDS[place % len(SEEDS)]
            for curve in own:
                axis.plot(curve["steps"], curve["value"], color=colour, linewidth=0.8, alpha=0.45)
            if len(own) > 1:
                _band(axis, own, colour, variant or "mean of the seeds")
        axis.set_xlabel("environment steps of the search")
        axis.set_ylabel("return in the search")
        _finish(axis, max(curve["steps"][-1] for curve in (job["curve"] for job in found)))
        return as_svg(figure)


def _band(axis: Axes, curves: Sequence[dict[str, Any]], colour: str, label: str) -> None:
    """Mean and standard deviation over curves, on the steps that all of them cover."""
    first = max(curve["steps"][0] for curve in curves)
    last = min(curve["steps"][-1] for curve in curves)
    if last <= first:
        return
    steps = np.linspace(first, last, 120)
    values = np.array([np.interp(steps, curve["steps"], curve["value"]) for curve in curves])
    mean, spread = values.mean(axis=0), values.std(axis=0, ddof=1)
    axis.fill_between(steps, mean - spread, mean + spread, color=colour, alpha=0.15, linewidth=0)
    axis.plot(steps, mean, color=colour, linewidth=2, label=label)
    axis.legend(frameon=False, fontsize=9, loc="lower right")

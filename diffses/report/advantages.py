"""Measured advantages in the report: where does it matter what one does?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from diffses.advantages.estimate import Advantages
from diffses.advantages.statistics import has_gap
from diffses.detector.palette import to_rgb
from diffses.evaluation.results import read_json
from diffses.report.figures import STYLE
from diffses.report.html import Figure, Table, picture_of
from diffses.report.run_artifacts import Shown
from diffses.report.style import FAINT, INK, POLICY
from diffses.report.wording import DASH, number, share

SHOWN = 3  # states in the picture
BAR = "#c3c8d0"
FEATURES = 8  # of a state without a frame
CAPTION = (
    "The states with the largest gaps between the arms, none of an episode twice. A bar is an "
    "arm's discounted return, the mean of its rollouts, with its standard error; red is the best. "
    "“base” is the policy itself."
)


def largest_gaps(labels: Advantages) -> list[int]:
    """The states with the largest difference between the best and the worst arm, at most SHOWN; one
    of an episode, and none whose arms differ by no more than their noise."""
    means = labels.returns.mean(axis=1)
    found: list[int] = []
    for state in np.argsort(-np.ptp(means, axis=1), kind="stable").tolist():
        episodes = labels.episode[found]
        if has_gap(labels.returns)[state] and labels.episode[state] not in episodes:
            found.append(state)
    return found[:SHOWN]


def draw_states(labels: Advantages, features: Sequence[str], path: Path) -> None:
    """Writes a PNG file of `largest_gaps`: what is seen, and what each arm is worth; of a task
    without frames the features. Nothing is written where no state has a gap."""
    chosen = largest_gaps(labels)
    if not chosen:
        return
    with mpl.rc_context(STYLE):
        figure = Canvas(figsize=(3.4 * len(chosen), 4.6), dpi=110, layout="constrained")
        axes = figure.subplots(2, len(chosen), squeeze=False, height_ratios=[1.6, 1])
        for state, (above, below) in zip(chosen, axes.T, strict=True):
            above.set_axis_off()
            above.set_title(f"step {labels.at[state]}", color=INK)
            if labels.observations.ndim == 3:
                above.imshow(to_rgb(labels.observations[state]), interpolation="nearest")
            else:
                _features(above, features, labels.rows[state])
            _arms(below, labels.arms, labels.returns[state])
        figure.savefig(path)


def _features(axis: Axes, names: Sequence[str], row: np.ndarray) -> None:
    for line, (name, value) in enumerate(zip(names[:FEATURES], row, strict=False)):
        axis.text(0.05, 0.9 - 0.11 * line, f"{name} = {value:.3g}", family="monospace", color=INK)


def _arms(axis: Axes, names: Sequence[str], returns: np.ndarray) -> None:
    """Bars of the arms' mean returns, (replicates, arms)."""
    means, count = returns.mean(axis=0), len(returns)
    error = returns.std(axis=0, ddof=1) / np.sqrt(count) if count > 1 else np.zeros(len(means))
    best = means >= means.max()
    colours = [POLICY["finetuned"] if one else BAR for one in best]
    places = np.arange(len(means))
    axis.barh(places, means, xerr=error, color=colours, ecolor=FAINT, height=0.7)
    axis.axvline(0, color=FAINT, linewidth=0.6)
    values = [f"{name}  {number(mean, 2)}" for name, mean in zip(names, means, strict=True)]
    axis.set_yticks(places, values, fontsize=8)
    axis.set_ylim(len(means) - 0.5, -0.5)
    axis.tick_params(axis="y", length=0, labelcolor=INK)


def section(shown: Shown) -> dict[str, Any] | None:
    """The section; None where the run has no advantages artifact."""
    folder = shown.folders.get("advantages")
    about = None if folder is None else read_json(folder / "advantages.json")
    if folder is None or about is None:
        return None
    table = statistics_table(about, shown.built["advantages"].seconds)
    picture = folder / "states.png"
    states = None
    if picture.is_file():
        states = Figure(picture_of(picture), "States, and what each arm is worth there", CAPTION)
    return {
        "table": table,
        "states": states,
        "settings": shown.built["advantages"].config["advantages"],
    }


def statistics_table(about: dict[str, Any], seconds: float) -> Table:
    """The statistics of `advantages.json`, a line each.

    Args:
        seconds: that the stage took.
    """
    found = about["statistics"]
    milliseconds = 1000 * seconds / found["states"]
    best = found["reproducible"]
    rows = [
        ["states (episodes)", f"{found['states']} ({found['episodes']})"],
        ["arms", ", ".join(about["arms"])],
        ["states where one rollout tells arms apart", share(found["differ"])],
        [
            "states where the arms differ by more than their noise",
            f"{share(found['gap'])} (standard error {share(found['gap_error'])})",
        ],
        ["signal, standard deviation over arms", number(found["signal"], 3)],
        ["noise of one rollout, standard deviation", number(found["noise"], 3)],
        [
            "best arm of one rollout is best in another (by chance)",
            DASH if best is None else f"{share(best)} ({share(found['by_chance'])})",
        ],
        ["gained in one state by the best arm, beside the base", number(found["headroom"], 3)],
        ["cost of a label", f"{found['steps']:,.0f} steps, {milliseconds:,.0f} ms"],
    ]
    return Table(["", "value"], rows)

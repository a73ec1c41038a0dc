"""One decision in a picture: frame, objects, features, values of the trees, action."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Rectangle

from diffses.detector.figures import COLOURS
from diffses.detector.palette import to_rgb
from diffses.report.figures import STYLE
from diffses.report.replay import Recording
from diffses.report.style import FAINT, INK, POLICY
from diffses.report.wording import MINUS

BAR, WIN = "#c3c8d0", POLICY["finetuned"]
ROWS = 10  # features and reasons listed at most
TITLES = ("frame", "objects", "features", "value of each tree", "action")


def telling(recording: Recording) -> int:
    """The most informative step: most objects visible, then most features that are not 0, then an
    action other than the commonest, then the largest share of a single term."""
    record = recording.record
    chosen = record["chosen"]
    usual = max(set(chosen), key=chosen.count)

    def worth(step: int) -> tuple[int, int, bool, float]:
        named = {box[1] for box in record["boxes"][step]} if record["boxes"] else set()
        nonzero = sum(bool(value) for value in record["rows"][step])
        largest = max((abs(share or 0.0) for _, share in record["why"][step]), default=0.0)
        return len(named - {""}), nonzero, chosen[step] != usual, largest

    return max(range(len(chosen)), key=worth)


def draw_decision(recording: Recording, step: int, path: Path) -> None:
    """Writes the picture of one step, a PNG file."""
    record = recording.record
    framed = bool(recording.screens)
    widths = [1.45, 1.45, 1.5, 1.7, 1.0] if framed else [1.5, 1.7, 1.0]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(sum(widths) * 1.75, 3.9), dpi=150)
        grid = figure.add_gridspec(
            1,
            len(widths),
            width_ratios=widths,
            wspace=0.24,
            left=0.015,
            right=0.985,
            top=0.86,
            bottom=0.05,
        )
        axes = [figure.add_subplot(grid[0, index]) for index in range(len(widths))]
        for axis, title in zip(axes, TITLES[-len(widths) :], strict=True):
            axis.set_title(title, loc="left", color=INK, pad=10)
        if framed:
            _frame(axes[0], recording.screens[step], [])
            _frame(axes[1], recording.screens[step], record["boxes"][step])
        _features(axes[-3], record, step)
        _values(axes[-2], record, step)
        _action(axes[-1], record, step)
        for left, right in itertools.pairwise(axes):
            _arrow(figure, left, right)
        figure.savefig(path, bbox_inches="tight", pad_inches=0.12)


def _frame(axis: Axes, screen: np.ndarray, found: list[list[Any]]) -> None:
    height, width = screen.shape
    axis.imshow(to_rgb(screen), extent=(0, width, height, 0), interpolation="nearest")
    axis.set_axis_off()
    axis.set_anchor("N")
    for kind, name, left, top, w, h in found:
        colour = COLOURS[kind % len(COLOURS)]
        axis.add_patch(Rectangle((left, top), w, h, fill=False, edgecolor=colour, lw=1.6))
        side = {"ha": "right", "x": left + w} if left > 0.7 * width else {"ha": "left", "x": left}
        axis.text(y=top - 3, s=name, color=colour, fontsize=8, weight="bold", **side)


def _blank(axis: Axes) -> None:
    axis.set_axis_off()
    axis.set(xlim=(0, 1), ylim=(1, 0))


def _features(axis: Axes, record: dict[str, Any], step: int) -> None:
    """The features, those that the formula uses first."""
    _blank(axis)
    used = record["uses"]
    names = (used + [name for name in record["features"] if name not in used])[:ROWS]
    for place, name in enumerate(names):
        value = record["rows"][step][record["features"].index(name)]
        y = 0.05 + 0.095 * place
        colour = INK if name in used else FAINT
        axis.text(0, y, name, va="center", fontsize=8.5, color=colour, family="monospace")
        axis.text(1, y, _number(value), va="center", ha="right", fontsize=8.5, color=colour)
    left = len(record["features"]) - len(names)
    if left > 0:
        axis.text(0, 0.05 + 0.095 * len(names), f"and {left} more", fontsize=8, color=FAINT)


def _values(axis: Axes, record: dict[str, Any], step: int) -> None:
    """A bar for each tree, and below them the terms that made the lead."""
    _blank(axis)
    values, chosen = record["values"][step], record["chosen"][step]
    rows = [
        (name, value, index == chosen)
        for index, (name, value) in enumerate(zip(record["actions"], values, strict=True))
    ]
    shown = rows[:6]
    if chosen is not None and chosen >= len(shown):
        shown[-1] = rows[chosen]
    y = _bars(axis, shown, 0.05)
    if record["why"][step]:
        second = record["second"][step]
        text = "why" if second < 0 else f"its lead over {record['actions'][second]}"
        axis.text(0, y + 0.03, text, fontsize=8.5, color=FAINT, va="center")
        terms = [
            (record["terms"][term], share, place == 0)
            for place, (term, share) in enumerate(record["why"][step][:4])
        ]
        _bars(axis, terms, y + 0.11)


def _bars(axis: Axes, rows: list[tuple[str, float | None, bool]], y: float) -> float:
    """Names above bars from a common middle; where the next would begin."""
    size = max((abs(value or 0.0) for _, value, _ in rows), default=0.0) or 1.0
    for name, value, marked in rows:
        colour = WIN if marked else INK
        text = name if len(name) <= 26 else f"{name[:25]}\N{HORIZONTAL ELLIPSIS}"
        axis.text(0, y, text, va="center", fontsize=8.5, color=colour)
        axis.text(1, y, _number(value), va="center", ha="right", fontsize=8.5, color=colour)
        width = 0.5 * (value or 0.0) / size
        box = (min(0.5, 0.5 + width), y + 0.03), max(abs(width), 0.004), 0.022
        axis.add_patch(Rectangle(*box, color=WIN if marked else BAR, lw=0))
        y += 0.1
    return y


def _action(axis: Axes, record: dict[str, Any], step: int) -> None:
    _blank(axis)
    chosen = record["chosen"][step]
    if chosen is not None:
        axis.text(
            0, 0.06, record["actions"][chosen], fontsize=14, weight="bold", color=WIN, va="center"
        )
        axis.text(0, 0.16, "the highest value\nis played", fontsize=8.5, color=FAINT, va="top")
        return
    for place, (name, value) in enumerate(
        zip(record["actions"], record["moves"][step], strict=True)
    ):
        text = f"{name} = {_number(value)}"
        axis.text(0, 0.06 + 0.1 * place, text, fontsize=12, weight="bold", color=WIN, va="center")


def _arrow(figure: Figure, left: Axes, right: Axes) -> None:
    """From one panel to the next."""
    gap = left.get_position().x1, right.get_position().x0
    middle, half = sum(gap) / 2, 0.007
    ends = (middle - half, 0.5), (middle + half, 0.5)
    arrow = FancyArrowPatch(
        *ends,
        transform=figure.transFigure,
        arrowstyle="-|>",
        mutation_scale=12,
        color=FAINT,
        linewidth=1.4,
    )
    figure.add_artist(arrow)


def _number(value: float | None) -> str:
    return "\N{EN DASH}" if value is None else f"{value:.3g}".replace("-", MINUS)

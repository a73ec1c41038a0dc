"""A picture of what a detector finds: a frame with boxes and names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from diffses.detector.motion import Detector
from diffses.detector.palette import to_rgb
from diffses.detector.scoring import Match, Seen, watch
from diffses.detector.truth import Truth

COLOURS = ("#00e5ff", "#ffea00", "#ff4df0", "#7cff4d", "#ff8a3d", "#b388ff", "#ffffff", "#4d9dff")
ZOOM = 4  # picture pixels for one of the console's


def draw_sample(detector: Detector, screens: np.ndarray, starts: np.ndarray, path: Path) -> None:
    """Draws the screen with the most kinds of objects on it, the earliest of equals.

    Args:
        screens: uint8 (n, h, w). starts: bool (n,), where an episode begins.
    """
    best: tuple[int, int, np.ndarray] | None = None
    for frame, screen in enumerate(screens):
        if frame == 0 or starts[frame]:
            detector.reset()
        detector.observe(screen)
        found = detector.objects
        rank = len(np.unique(found["type"])) * 1000 + min(len(found), 999)
        if best is None or rank > best[0]:
            best = rank, frame, found
    if best is None:
        raise ValueError("no screen to draw")
    draw(detector, screens[best[1]], best[2], path)


def draw(detector: Detector, screen: np.ndarray, objects: np.ndarray, path: Path) -> None:
    """One screen, uint8 (h, w), with a box and a name for each of `objects` (motion.OBJECT)."""
    height, width = screen.shape
    figure = Figure(figsize=(width * ZOOM / 100 + 2.2, height * ZOOM / 100), dpi=100)
    FigureCanvasAgg(figure)
    share = (width * ZOOM / 100) / (width * ZOOM / 100 + 2.2)
    axes = figure.add_axes((0, 0, share, 1))
    axes.imshow(to_rgb(screen), extent=(0, width, height, 0), interpolation="nearest")
    axes.set_axis_off()
    for thing in objects:
        colour = COLOURS[thing["type"] % len(COLOURS)]
        left, top = thing["x"] - thing["w"] / 2, thing["y"] - thing["h"] / 2
        axes.add_patch(
            Rectangle((left, top), thing["w"], thing["h"], fill=False, edgecolor=colour, lw=1.5)
        )
        if thing["track"] < len(detector.tracks):
            name = detector.tracks[thing["track"]]
            axes.text(left, top - 1, name, color=colour, fontsize=9, va="bottom")
    _legend(figure, detector, share)
    figure.savefig(path)


def _legend(figure: Figure, detector: Detector, share: float) -> None:
    """Each type with its size and how many there are, beside the frame."""
    y = 0.97
    for number, kind in enumerate(detector.model.types):
        colour = COLOURS[number % len(COLOURS)]
        text = f"{kind.name}\n{kind.width:g} x {kind.height:g} px, {kind.sights:.2g} on a screen"
        if kind.name == detector.model.player:
            text += "\nmoves as the actions say"
        box = {"facecolor": "#333333", "edgecolor": colour, "pad": 3}
        figure.text(share + 0.01, y, text, color=colour, fontsize=7, va="top", bbox=box)
        y -= 0.09
        if y < 0.05:
            break


def draw_worst(
    detector: Detector,
    truth: Truth,
    matches: Sequence[Match],
    split: int,
    folder: Path,
    count: int,
) -> None:
    """Draws the scored frames with most misses and false alarms as `worst_<frame>.png`."""
    wrong = np.array([len(one.false) + len(one.missed) for one in matches])
    worst = np.argsort(-wrong, kind="stable")[:count]
    seen = watch(detector, truth)
    for place in sorted(worst):
        frame = int(place) + split
        draw_beside(detector, truth, frame, seen[frame], folder / f"worst_{frame}.png")


def draw_beside(detector: Detector, truth: Truth, frame: int, seen: Seen, path: Path) -> None:
    """A frame twice: with the true boxes, and with what the detector says."""
    height, width = truth.screens.shape[1:]
    figure = Figure(figsize=(2 * width * ZOOM / 100, height * ZOOM / 100), dpi=100)
    FigureCanvasAgg(figure)
    here = truth.frame == frame
    sides = (
        (truth.boxes[here], [truth.names[c] for c in truth.category[here]], truth.category[here]),
        (seen.boxes, [detector.types[kind].name for kind in seen.types], seen.types),
    )
    for side, (boxes, names, kinds) in enumerate(sides):
        axes = figure.add_axes((side / 2, 0, 0.5, 1))
        axes.imshow(truth.frames[frame], extent=(0, width, height, 0), interpolation="nearest")
        axes.set_axis_off()
        for (x0, y0, x1, y1), name, kind in zip(boxes, names, kinds, strict=True):
            colour = COLOURS[kind % len(COLOURS)]
            axes.add_patch(
                Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, edgecolor=colour, lw=1.2)
            )
            axes.text(x0, y0 - 1, name, color=colour, fontsize=6, va="bottom")
    figure.savefig(path)

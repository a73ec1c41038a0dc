"""What each name means, on a sample frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from diffses.detector.motion import Detector
from diffses.detector.palette import rgb

COLOURS = ("#ff3b30", "#34c759", "#0a84ff", "#ff9f0a", "#bf5af2", "#64d2ff", "#ffd60a")


def draw(detector: Detector, screens: np.ndarray, path: Path) -> None:
    """Draws the boxes and names on the frame that shows the most objects (of the first 500)."""
    detector.reset()
    best, objects = 0, detector.objects
    for index, screen in enumerate(screens[:500]):
        detector.observe(screen)
        if len(detector.objects) > len(objects):
            best, objects = index, detector.objects
    detector.reset()
    figure = Figure(figsize=(6.4, 6.3), dpi=110)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.imshow(rgb(screens[best]), aspect="auto", interpolation="nearest", extent=(0, 160, 210, 0))
    axes.axis("off")
    for one in objects:
        colour = COLOURS[int(one["type"]) % len(COLOURS)]
        x, y = one["x"] - one["w"] / 2, one["y"] - one["h"] / 2
        axes.add_patch(
            Rectangle((x - 1, y - 1), one["w"] + 2, one["h"] + 2, fill=False, ec=colour, lw=2)
        )
        right = one["x"] > 110
        axes.text(
            x - 3 if right else x + one["w"] + 3,
            float(one["y"]),
            detector.tracks[int(one["track"])],
            color="white",
            fontsize=11,
            ha="right" if right else "left",
            va="center",
            bbox={"facecolor": colour, "edgecolor": "none", "pad": 2},
        )
    figure.savefig(path)

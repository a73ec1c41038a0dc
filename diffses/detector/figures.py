"""Pictures of what a detector finds: a frame with boxes and names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from diffses.detector.ground_truth import Truth
from diffses.detector.metrics import Match, Seen, watch
from diffses.detector.recording import Recording
from diffses.detector.tracker import Cast, ObjectDetector, turn_to

COLOURS = ("#00e5ff", "#ffea00", "#ff4df0", "#7cff4d", "#ff8a3d", "#b388ff", "#ffffff", "#4d9dff")
LOOKED_AT = 500  # screens the sample is chosen from
ZOOM = 4  # picture pixels for one of the console's
CHARACTER = 0.063  # inches, in the legend
LINE = 0.145  # inches

Line = tuple[str, str]  # text and colour


def draw_sample(detector: ObjectDetector, play: Recording, path: Path) -> None:
    """Draws the screen with the most kinds of objects on it, the middle one of equals, of the
    last LOOKED_AT."""
    screens, starts = play.screens[-LOOKED_AT:], play.starts[-LOOKED_AT:]
    shown = play.ram[-LOOKED_AT:] if detector.sees_ram and play.ram is not None else screens
    earlier = None if play.before is None else play.before[-LOOKED_AT:]
    ranks = []
    action_tm1 = play.action_tm1[-LOOKED_AT:]
    for frame in range(len(screens)):
        turn_to(detector, frame, starts, action_tm1)
        detector.observe(shown[frame], None if earlier is None else earlier[frame])
        found = detector.memory.objects
        ranks.append(len(np.unique(found["type"])) * 1000 + min(len(found), 999))
    equals = np.flatnonzero(np.array(ranks) == max(ranks))
    best = int(equals[len(equals) // 2])
    for frame in range(best + 1):
        turn_to(detector, frame, starts, action_tm1)
        detector.observe(shown[frame], None if earlier is None else earlier[frame])
    draw(detector, screens[best], play.palette, path)


def draw(detector: ObjectDetector, screen: np.ndarray, palette: np.ndarray, path: Path) -> None:
    """The screen that `detector` has just observed, uint8 (h, w): its objects with their names,
    and what every feature means, in words and on this screen.

    Args:
        palette: uint8 (256, 3), RGB.
    """
    memory = detector.memory
    height, width = screen.shape
    tall, wide = height * ZOOM / 100, width * ZOOM / 100
    lines = _legend(memory.cast, memory.row)
    column = 0.3 + CHARACTER * max((len(text) for text, _ in lines), default=0)
    fit = int((tall - 0.2) / LINE)
    whole = wide + column * -(-len(lines) // fit)
    figure = Figure(figsize=(whole, tall), dpi=100, facecolor="#202020")
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, wide / whole, 1))
    axes.imshow(palette[screen], extent=(0, width, height, 0), interpolation="nearest")
    axes.set_axis_off()
    called = memory.chosen()
    for row, thing in enumerate(memory.objects):
        kind = memory.cast.types[thing["type"]]
        name = memory.tracks[thing["track"]] if thing["track"] < len(memory.tracks) else ""
        _box(axes, thing, name, called.get(row, []), is_player=kind.name == memory.cast.player)
    for number, (text, colour) in enumerate(lines):
        x = (wide + 0.1 + column * (number // fit)) / whole
        y = 1 - (0.1 + LINE * (number % fit)) / tall
        figure.text(x, y, text, color=colour, fontsize=7.5, va="top", family="monospace")
    figure.savefig(path)


def _box(axes: Axes, thing: np.void, name: str, called: Sequence[str], *, is_player: bool) -> None:
    """One object: its name above, what it is called besides below; the player in double lines."""
    colour = COLOURS[thing["type"] % len(COLOURS)]
    left, top = thing["x"] - thing["w"] / 2, thing["y"] - thing["h"] / 2
    for away in (0, 2) if is_player else (0,):
        corner = (left - away, top - away)
        size = (thing["w"] + 2 * away, thing["h"] + 2 * away)
        axes.add_patch(Rectangle(corner, *size, fill=False, edgecolor=colour, lw=1.2))
    if name:
        axes.text(left, top - 1 - 2 * is_player, name, color=colour, fontsize=8, va="bottom")
    if called:
        below = top + thing["h"] + 1
        axes.text(left, below, ", ".join(called), color="#ffffff", fontsize=7, va="top")


def _legend(cast: Cast, row: np.ndarray) -> list[Line]:
    """For each type what it is, and each of its features: name, value now, unit."""
    lines: list[Line] = []
    width = max((len(feature.name) for feature in cast.features), default=0)
    for number, kind in enumerate(cast.types):
        colour = COLOURS[number % len(COLOURS)]
        about = f"{kind.width:g} x {kind.height:g} px, {kind.sights:.2g} on a screen"
        lines.append((f"{kind.name}: {about}", colour))
        if kind.name == cast.player:
            lines.append(("  the player: moves as the actions say", colour))
        for feature, value in zip(cast.features, row, strict=True):
            if feature.of == kind.name:
                text = f"  {feature.name:<{width}} {value:6.2f}  {feature.unit}"
                lines.append((text, "#e0e0e0"))
        lines.append(("", colour))
    return lines


def draw_worst(
    detector: ObjectDetector,
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


def draw_beside(detector: ObjectDetector, truth: Truth, frame: int, seen: Seen, path: Path) -> None:
    """A frame twice: with the true boxes, and with what the detector says."""
    height, width = truth.screens.shape[1:]
    figure = Figure(figsize=(2 * width * ZOOM / 100, height * ZOOM / 100), dpi=100)
    FigureCanvasAgg(figure)
    here = truth.frame == frame
    sides = (
        (truth.boxes[here], [truth.names[c] for c in truth.category[here]], truth.category[here]),
        (seen.boxes, [detector.memory.cast.types[kind].name for kind in seen.types], seen.types),
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

"""Pictures of detections: a screen with boxes and names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from diffses.detector import concept_kernel as ck
from diffses.detector.concepts import CONCEPTS
from diffses.detector.dynamics import Dynamics
from diffses.detector.features import Feature
from diffses.detector.ground_truth import GroundTruth
from diffses.detector.metrics import Detections, FrameMatches, run_detector
from diffses.detector.object_log import ObjectLog
from diffses.detector.recording import Recording
from diffses.detector.tracker import ObjectDetector, ObjectSchema, Tracker, replay_action

COLOURS = ("#00e5ff", "#ffea00", "#ff4df0", "#7cff4d", "#ff8a3d", "#b388ff", "#ffffff", "#4d9dff")
SAMPLED_SCREENS = 500  # the sample is one of the last so many
ZOOM = 4  # picture pixels per screen pixel
SURVEY_SCREENS, SURVEY_ZOOM = 3, 2  # the same for the small picture of the survey
CHARACTER_WIDTH = 0.063  # inches, in the legend
LINE_HEIGHT = 0.145  # inches
TEXT_COLOUR = "#e0e0e0"

SHOWN_OBJECTS = 16  # objects whose concepts are shown, the nearest to the player
VALUE_WIDTH = 7  # characters of a concept's value

LegendLine = tuple[str, str]  # text and colour


def draw_sample(detector: ObjectDetector, play: Recording, path: Path) -> None:
    """Draws the screen with the most object types on it, the middle one of equals."""
    screens, starts = play.screens[-SAMPLED_SCREENS:], play.starts[-SAMPLED_SCREENS:]
    shown = play.ram[-SAMPLED_SCREENS:] if detector.sees_ram and play.ram is not None else screens
    earlier = None if play.before is None else play.before[-SAMPLED_SCREENS:]
    ranks = []
    action_tm1 = play.action_tm1[-SAMPLED_SCREENS:]
    for frame in range(len(screens)):
        replay_action(detector, frame, starts, action_tm1)
        detector.observe(shown[frame], None if earlier is None else earlier[frame])
        found = detector.tracker.objects
        ranks.append(len(np.unique(found["type"])) * 1000 + min(len(found), 999))
    equals = np.flatnonzero(np.array(ranks) == max(ranks))
    best = int(equals[len(equals) // 2])
    for frame in range(best + 1):
        replay_action(detector, frame, starts, action_tm1)
        detector.observe(shown[frame], None if earlier is None else earlier[frame])
    draw_detections(detector, screens[best], play.palette, path)


def draw_detections(
    detector: ObjectDetector, screen: np.ndarray, palette: np.ndarray, path: Path
) -> None:
    """Draws the screen just observed, uint8 (h, w), its objects with their names, and the features:
    all that are no concepts, the concepts of the player's nearest objects, and all hit times.

    A cross marks where an object is predicted to cross the player's line.

    Args:
        palette: uint8 (256, 3), RGB.
    """
    tracker = detector.tracker
    height, width = screen.shape
    tall, wide = height * ZOOM / 100, width * ZOOM / 100
    lines = [*_legend(tracker.schema, tracker.row), *concept_lines(tracker)]
    column = 0.3 + CHARACTER_WIDTH * max((len(text) for text, _ in lines), default=0)
    fit = int((tall - 0.2) / LINE_HEIGHT)
    whole = wide + column * -(-len(lines) // fit)
    figure = Figure(figsize=(whole, tall), dpi=100, facecolor="#202020")
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, wide / whole, 1))
    axes.imshow(palette[screen], extent=(0, width, height, 0), interpolation="nearest")
    axes.set_axis_off()
    labels = tracker.member_labels()
    for row, one in enumerate(tracker.objects):
        kind = tracker.schema.types[one["type"]]
        name = tracker.track_names[one["track"]] if one["track"] < len(tracker.track_names) else ""
        _box(axes, one, name, labels.get(row, []), is_player=kind.name == tracker.schema.player)
    for x, y in _crossings(tracker):
        axes.plot(x, y, "x", color="#ffffff", markersize=5)
    for number, (text, colour) in enumerate(lines):
        x = (wide + 0.1 + column * (number // fit)) / whole
        y = 1 - (0.1 + LINE_HEIGHT * (number % fit)) / tall
        figure.text(x, y, text, color=colour, fontsize=7.5, va="top", family="monospace")
    figure.savefig(path)


def _box(axes: Axes, one: np.void, name: str, labels: Sequence[str], *, is_player: bool) -> None:
    """One object: its name above, the criteria it meets below; a double box for the player."""
    colour = COLOURS[one["type"] % len(COLOURS)]
    left, top = one["x"] - one["w"] / 2, one["y"] - one["h"] / 2
    _outline(axes, (left, top, one["w"], one["h"]), one["type"], is_player=is_player)
    if name:
        axes.text(left, top - 1 - 2 * is_player, name, color=colour, fontsize=8, va="bottom")
    if labels:
        below = top + one["h"] + 1
        axes.text(left, below, ", ".join(labels), color="#ffffff", fontsize=7, va="top")


def _outline(
    axes: Axes, where: tuple[float, float, float, float], kind: int, *, is_player: bool
) -> None:
    """A box in the colour of its type, a double one for the player; where: left, top, width and
    height in px."""
    left, top, width, height = where
    for away in (0, 2) if is_player else (0,):
        corner, size = (left - away, top - away), (width + 2 * away, height + 2 * away)
        colour = COLOURS[kind % len(COLOURS)]
        axes.add_patch(Rectangle(corner, *size, fill=False, edgecolor=colour, lw=1.2))


def _legend(schema: ObjectSchema, row: np.ndarray) -> list[LegendLine]:
    """For each type its size and frequency, what contact with it does, and each of its features:
    name, value, unit. Concepts are left to `concept_lines`."""
    lines: list[LegendLine] = []
    plain = [feature for feature in schema.features if not feature.is_concept]
    width = max((len(feature.name) for feature in plain), default=0)
    for number, kind in enumerate(schema.types):
        colour = COLOURS[number % len(COLOURS)]
        about = f"{kind.width:g} x {kind.height:g} px, {kind.mean_count:.2g} on a screen"
        lines.append((f"{kind.name}: {about}", colour))
        if kind.name == schema.player:
            lines.append(("  the player: moves as the actions say", colour))
        known = kind.contact
        if known.own_share:
            lines.append((f"  the player shoots {100 * known.own_share:.0f} % of them", colour))
        if known.touched is not None:
            lines.append((f"  touched: {known.touched}", colour))
        if known.hit is not None:
            lines.append((f"  shot: {known.hit}", colour))
        mine = [number for number, feature in enumerate(plain) if feature.of == kind.name]
        lines += _values(plain, mine, row, width)
        lines.append(("", colour))
    names = {kind.name for kind in schema.types}
    lines += _values(plain, [n for n, f in enumerate(plain) if f.of not in names], row, width)
    return lines


def _values(
    features: Sequence[Feature], chosen: Sequence[int], row: np.ndarray, width: int
) -> list[LegendLine]:
    """The lines of the chosen features, which the row begins with; width: of their names."""
    return [
        (f"  {features[n].name:<{width}} {row[n]:6.2f}  {features[n].unit}", TEXT_COLOUR)
        for n in chosen
    ]


def draw_survey(schema: ObjectSchema, play: Recording, log: ObjectLog, path: Path) -> None:
    """Draws a screen of each third of a recording, with the objects and the names of their types.

    Of each third it is the screen with the most types on it, the middle one of equals.
    """
    height, width = play.screens.shape[1:]
    kinds = max(len(schema.types), 1)
    variety = np.bincount(
        np.unique(log.frame * kinds + log.kind) // kinds, minlength=len(play.screens)
    )
    shape = (SURVEY_SCREENS * width * SURVEY_ZOOM / 100, height * SURVEY_ZOOM / 100)
    figure = Figure(figsize=shape, dpi=100)
    FigureCanvasAgg(figure)
    for number, part in enumerate(np.array_split(np.arange(len(variety)), SURVEY_SCREENS)):
        if not len(part):
            continue
        equals = part[variety[part] == variety[part].max()]
        frame = int(equals[len(equals) // 2])
        axes = figure.add_axes((number / SURVEY_SCREENS, 0, 1 / SURVEY_SCREENS, 1))
        picture = play.palette[play.screens[frame]]
        axes.imshow(picture, extent=(0, width, height, 0), interpolation="nearest")
        axes.set_axis_off()
        rows = log.of_frame(frame)
        for kind, (left, top, right, bottom) in zip(log.kind[rows], log.box[rows], strict=True):
            name = schema.types[kind].name
            where = (left, top, right - left, bottom - top)
            _outline(axes, where, kind, is_player=name == schema.player)
            axes.text(left, top - 1, name, color=COLOURS[kind % len(COLOURS)], fontsize=6)
    figure.savefig(path)


def concept_lines(tracker: Tracker) -> list[LegendLine]:
    """What was measured; a table of the signed concepts of the objects nearest to the player, one
    row each, and a table of the hit times. Empty where the schema has no concepts.

    An object has the name by which it comes first among the features. A value that is not offered,
    because it never varied or equals another one, is left blank.
    """
    schema = tracker.schema
    concepts = [feature for feature in schema.features if feature.is_concept]
    if schema.dynamics is None or not concepts:
        return []
    names: dict[int, str] = {}  # of objects, by place
    objects: dict[int, dict[str, float]] = {}
    hits: dict[str, dict[str, float]] = {}
    for feature, place, value in zip(
        concepts, tracker.plan.concept_places.tolist(), tracker.concept_row.tolist(), strict=True
    ):
        if CONCEPTS[feature.quantity].kind == ck.HIT_TIME:
            hits.setdefault(feature.slot.name, {})[feature.quantity] = value
        elif not CONCEPTS[feature.quantity].absolute and place != tracker.player_place:
            place = int(tracker.chosen[-2 - place]) if place <= -2 else place
            names.setdefault(place, feature.slot.name)
            objects.setdefault(place, {})[feature.quantity] = value
    nearness = {place: tracker.distance_to_player(place) for place in objects}
    nearest = sorted((p for p in objects if nearness[p] < np.inf), key=lambda p: nearness[p])
    shown = {names[place]: objects[place] for place in nearest[:SHOWN_OBJECTS]}
    lines = _dynamics_lines(schema.dynamics, schema)
    lines += _table_lines("nearest objects", shown)
    lines += _table_lines("time until a hit", hits)
    return [*lines, (f"all {len(concepts)} concepts: detector.json", "#e0e0e0")]


def _dynamics_lines(dynamics: Dynamics, schema: ObjectSchema) -> list[LegendLine]:
    """The measured speeds and walls, as text."""
    left, right, up, down = dynamics.speed
    stops = [
        f"{coast:.2g} v + {lag:.2g} push"
        for coast, lag in zip(dynamics.coast, dynamics.lag, strict=True)
    ]
    lines = [
        ("measured, px and steps", "#ffffff"),
        (f"  speed left {left:g}, right {right:g}, up {up:g}, down {down:g}", "#e0e0e0"),
        (f"  goes on by x: {stops[0]}, y: {stops[1]}", "#e0e0e0"),
    ]
    if dynamics.projectile is not None:
        x, y = dynamics.projectile_speed
        lines.append((f"  its projectile: {dynamics.projectile}, speed {x:g}, {y:g}", "#e0e0e0"))
    for kind, found in zip(schema.types, dynamics.types, strict=True):
        if any(wall is not None for wall in found.walls):
            walls = ", ".join(
                f"{name} {wall:.0f}"
                for name, wall in zip(("left", "right", "upper", "lower"), found.walls, strict=True)
                if wall is not None
            )
            lines.append((f"  walls of {kind.name}: {walls}", "#e0e0e0"))
    return [*lines, ("", "#e0e0e0")]


def _table_lines(title: str, rows: dict[str, dict[str, float]]) -> list[LegendLine]:
    """A table as lines of text, the quantities as columns in the order of CONCEPTS."""
    columns = [name for name in CONCEPTS if any(name in row for row in rows.values())]
    first = max((len(name) for name in (title, *rows)), default=0)
    heads = [name.replace("velocity_", "v").removeprefix("hit_") for name in columns]
    lines = [
        (f"{title:<{first}}" + "".join(f"{head:>{VALUE_WIDTH + 1}}" for head in heads), "#ffffff")
    ]
    for name, row in rows.items():
        values = (f"{row[column]:.2f}" if column in row else "" for column in columns)
        text = "".join(f"{value:>{VALUE_WIDTH + 1}}" for value in values)
        lines.append((f"{name:<{first}}{text}", "#e0e0e0"))
    return [*lines, ("", "#e0e0e0")]


def _crossings(tracker: Tracker) -> list[tuple[float, float]]:
    """Where objects are predicted to cross the player's line, px."""
    found = []
    concepts = [feature for feature in tracker.schema.features if feature.is_concept]
    for feature, value in zip(concepts, tracker.concept_row.tolist(), strict=True):
        concept = CONCEPTS[feature.quantity]
        if concept.kind == ck.CROSSING and value != 0:
            at = tracker.table[tracker.player_place, :2].copy()
            at[concept.axis] = value * ck.POSITION_SCALE
            found.append((float(at[0]), float(at[1])))
    return found


def draw_worst(
    detector: ObjectDetector,
    truth: GroundTruth,
    matches: Sequence[FrameMatches],
    split: int,
    folder: Path,
    count: int,
) -> None:
    """Draws the frames with most misses and false alarms as `worst_<frame>.png`."""
    wrong = np.array([len(one.false) + len(one.missed) for one in matches])
    worst = np.argsort(-wrong, kind="stable")[:count]
    per_frame = run_detector(detector, truth)
    for place in sorted(worst):
        frame = int(place) + split
        draw_comparison(detector, truth, frame, per_frame[frame], folder / f"worst_{frame}.png")


def draw_comparison(
    detector: ObjectDetector, truth: GroundTruth, frame: int, detections: Detections, path: Path
) -> None:
    """A frame twice: with the true boxes, and with the detections."""
    height, width = truth.screens.shape[1:]
    figure = Figure(figsize=(2 * width * ZOOM / 100, height * ZOOM / 100), dpi=100)
    FigureCanvasAgg(figure)
    here = truth.frame == frame
    sides = (
        (truth.boxes[here], [truth.names[c] for c in truth.category[here]], truth.category[here]),
        (
            detections.boxes,
            [detector.tracker.schema.types[kind].name for kind in detections.types],
            detections.types,
        ),
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

"""How detector=motion learns a game: background, types of moving things, sizes, the player.

From frames alone; the actions are used only to tell which type they control.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
from scipy import ndimage

from diffses.config import DetectorConfig, Label
from diffses.detector import kernel
from diffses.detector.motion import Detector, ObjectType
from diffses.errors import DiffsesError

GAP = 2  # pixels: patches of one colour closer than this are one object
FAR = 24  # pixels: the farthest a blob may have moved between two steps to be taken for the same
MOVES = 10  # where a colour moved less often than this, there is no object
RESTLESS = 0.03  # share of the blobs at a place that must have moved; a score's digits seldom do
MARGIN = 8  # pixels around where a type was seen to move
HEIGHT, WIDTH = 210, 160


def learn(
    screens: np.ndarray,
    starts: np.ndarray,
    actions: np.ndarray,
    settings: DetectorConfig,
    labels: dict[str, Label],
) -> Detector:
    """Learns a detector from a recording of play.

    Args:
        screens: uint8 (n, 210, 160), ALE palette indices, one a step.
        starts: bool (n,), where an episode begins.
        actions: integers (n,), the action taken at each step.
        labels: names for types, in order, each with the rule that picks the type.

    Raises:
        DiffsesError: where nothing moves.
    """
    background = most_frequent(screens)
    found = []
    for colour in np.unique(screens[screens != background]):
        kind = study(int(colour), screens, background, starts, actions, settings.slots)
        if kind is not None:
            found.append(kind)
    if not found:
        raise DiffsesError(
            f"nothing moved in the {len(screens)} frames the detector learned from",
            fix=f"detector.steps={4 * len(screens)}, or detector.frames=teacher",
        )
    types = tuple(name_types(found, labels))
    bare = Detector(types, background, np.zeros((0, 3), np.int32), GAP)
    recipe = choose_features(bare, screens, starts, settings.differences)
    return Detector(types, background, recipe, GAP)


def most_frequent(screens: np.ndarray) -> np.ndarray:
    """The most frequent colour of each pixel over time, uint8 (210, 160)."""
    flat = screens.reshape(len(screens), -1)
    best = np.zeros(flat.shape[1], np.uint8)
    most = np.full(flat.shape[1], -1)
    for colour in np.unique(flat):
        count = (flat == colour).sum(axis=0)
        better = count > most
        best[better], most[better] = colour, count[better]
    return best.reshape(screens.shape[1:])


def study(
    colour: int,
    screens: np.ndarray,
    background: np.ndarray,
    starts: np.ndarray,
    actions: np.ndarray,
    slots: int,
) -> ObjectType | None:
    """The type of things of one colour, or None where nothing of this colour moves about.

    A score changes its digits but never moves; what counts is a blob that is found again, in the
    same shape, a little away from where it was.
    """
    frames = [blobs_of(colour, screen, background) for screen in screens]
    moved = [
        motion(before, now)
        for before, now, start in zip(frames, frames[1:], starts[1:], strict=False)
        if not start
    ]
    moves = np.concatenate(moved) if moved else np.zeros((0, 6))
    moves = moves[at_restless_places(moves, np.concatenate(frames))]
    if len(moves) < MOVES:
        return None
    box = np.concatenate([moves[:, :2].min(axis=0) - MARGIN, moves[:, 2:4].max(axis=0) + MARGIN])
    region = np.clip(box, 0, [WIDTH, HEIGHT, WIDTH, HEIGHT]).astype(int)
    sizes = moves[:, 2:4] - moves[:, :2]
    size = np.percentile(sizes, 98, axis=0).round().astype(int)
    area = float(np.median(sizes.prod(axis=1)))
    counts = np.array([len(inside(f, region, size)) for f in frames])
    speeds = np.abs(moves[:, 4:6]).max(axis=1)
    return ObjectType(
        name="",
        colours=(colour,),
        region=tuple(int(v) for v in region),  # type: ignore[arg-type]
        size=(int(size[0]), int(size[1])),
        least=max(1, round(0.2 * area)),
        reach=float(max(4.0, 1.5 * np.percentile(speeds, 99))),
        slots=int(np.clip(np.percentile(counts, 98), 1, slots)),
        control=control(frames, actions, starts, region, size),
        seen=float((counts > 0).mean()),
        area=area,
        speed=float(np.median(speeds)),
        height_on_screen=float(np.median((moves[:, 1] + moves[:, 3]) / 2)),
    )


def at_restless_places(moves: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Which moves were made where blobs do move about, bool (moves,).

    Places are patches of the screen: moves whose boxes, widened by the margin, touch. One counts
    if it saw enough moves, and enough of them for the blobs (`seen`) that were there.
    """
    touched = np.zeros((HEIGHT, WIDTH), bool)
    for x0, y0, x1, y1 in moves[:, :4].astype(int):
        touched[max(0, y0 - MARGIN) : y1 + MARGIN, max(0, x0 - MARGIN) : x1 + MARGIN] = True
    places, count = ndimage.label(touched)

    def at(boxes: np.ndarray) -> np.ndarray:
        middle = ((boxes[:, :2] + boxes[:, 2:4]) / 2).astype(int)
        found: np.ndarray = places[middle[:, 1], middle[:, 0]]
        return found

    moved = np.bincount(at(moves), minlength=count + 1)
    here = np.bincount(at(seen), minlength=count + 1)
    good = (moved >= MOVES) & (moved >= RESTLESS * here)
    counted: np.ndarray = good[at(moves)]
    return counted


def blobs_of(colour: int, screen: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Boxes x0, y0, x1, y1 of all patches of a colour, int32 (blobs, 4)."""
    types = np.full(256, -1, np.int16)
    types[colour] = 0
    everywhere = np.array([[0, 0, WIDTH, HEIGHT]], np.int32)
    blobs = np.zeros((kernel.MAX_BLOBS, 6), np.int32)
    limits = np.array([[WIDTH, HEIGHT, 1]], np.int32)
    count = kernel.look(screen, background, types, everywhere, limits, GAP, blobs)
    return blobs[:count, :4].copy()


def inside(boxes: np.ndarray, region: np.ndarray, size: np.ndarray) -> np.ndarray:
    """The boxes in a region that are about as large as the type."""
    x, y = (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2
    here = (x >= region[0]) & (x < region[2]) & (y >= region[1]) & (y < region[3])
    fits = ((boxes[:, 2:] - boxes[:, :2]) <= size + 1).all(axis=1)
    kept: np.ndarray = boxes[here & fits]
    return kept


def motion(before: np.ndarray, now: np.ndarray) -> np.ndarray:
    """Blobs that moved without changing their shape: x0, y0, x1, y1, dx, dy, (moved, 6).

    A blob that stayed where it was cannot be the one that is now somewhere else.
    """
    stayed = (before[:, None] == now[None]).all(axis=2)
    left, came = before[~stayed.any(axis=1)], now[~stayed.any(axis=0)]
    found = []
    for box in came:
        same = (left[:, 2:] - left[:, :2] == box[2:] - box[:2]).all(axis=1)
        away = box[:2] - left[same, :2]
        if len(away) == 0:
            continue
        step = away[np.abs(away).max(axis=1).argmin()]
        if np.abs(step).max() <= FAR:
            found.append([*box, *step])
    return np.array(found, dtype=float).reshape(-1, 6)


def control(
    frames: list[np.ndarray],
    actions: np.ndarray,
    starts: np.ndarray,
    region: np.ndarray,
    size: np.ndarray,
) -> float:
    """Share of the variance of a type's motion that the action held explains, 0 to 1.

    Compares displacements, over two steps, with the mean displacement under the same action; the
    best of the lags 0 to 2 counts, and the larger of x and y.
    """
    place = np.full((len(frames), 2), np.nan)
    for index, boxes in enumerate(frames):
        here = inside(boxes, region, size)
        if len(here) == 1:
            place[index] = (here[0, :2] + here[0, 2:]) / 2
    best = 0.0
    moved = place[2:] - place[:-2]
    known = ~np.isnan(moved).any(axis=1) & ~starts[1:-1] & ~starts[2:]
    known &= np.abs(np.nan_to_num(moved)).max(axis=1) <= 2 * FAR
    for lag in range(3):
        held = np.roll(actions, lag)[1:-1][known]
        if len(held) < MOVES:
            continue
        for axis in range(2):
            values = moved[known, axis]
            total = values.var()
            if total > 1e-9:
                means = np.zeros(int(held.max()) + 1)
                for action in np.unique(held):
                    means[action] = values[held == action].mean()
                best = max(best, float(means[held].var() / total))
    return best


def name_types(found: list[ObjectType], labels: dict[str, Label]) -> list[ObjectType]:
    """Names the types: by `labels`, in their order, and the others object1, object2, ...

    Types are ordered the same way whatever recording they come from: the one the actions control
    first, then the others by area, the smallest first.
    """
    player = max(found, key=lambda kind: kind.control)
    ordered = [
        player,
        *sorted((k for k in found if k is not player), key=lambda k: (k.area, k.colours)),
    ]
    rules = {
        Label.controllable: lambda kind: kind.control,
        Label.smallest: lambda kind: -kind.area,
        Label.largest: lambda kind: kind.area,
        Label.fastest: lambda kind: kind.speed,
        Label.slowest: lambda kind: -kind.speed,
        Label.commonest: lambda kind: kind.seen,
        Label.highest: lambda kind: -kind.height_on_screen,
        Label.lowest: lambda kind: kind.height_on_screen,
    }
    names: dict[int, str] = {}
    for name, label in labels.items():
        unnamed = [i for i in range(len(ordered)) if i not in names]
        if unnamed:
            names[max(unnamed, key=lambda i: rules[label](ordered[i]))] = name
    number = 0
    named = []
    for i, kind in enumerate(ordered):
        if i not in names:
            number += 1
        named.append(ObjectType(**{**vars(kind), "name": names.get(i, f"object{number}")}))
    return named


def choose_features(
    detector: Detector, screens: np.ndarray, starts: np.ndarray, differences: bool
) -> np.ndarray:
    """Which features the detector offers, int32 (features, 3): quantity, track, other track.

    Of every track all quantities, of every pair the differences of positions, but nothing that
    was always the same in the recording: a paddle that never moves sideways has no x.
    """
    tracks = len(detector.tracks)
    every = [(q, t, -1) for t in range(tracks) for q in range(7)]
    if differences:
        every += [(q, b, a) for a, b in combinations(range(tracks), 2) for q in range(2)]
    trial = Detector(detector.types, detector.background, np.array(every, np.int32), detector.gap)
    rows = []
    for screen, start in zip(screens, starts, strict=True):
        if start:
            trial.reset()
        rows.append(trial.observe(screen).copy())
    values = np.array(rows)
    varies = {row: differing(values[:, i]) for i, row in enumerate(every)}
    for quantity, track, other in every:  # x0 - x1 says nothing new where one of them is constant
        if other >= 0 and not (varies[quantity, track, -1] and varies[quantity, other, -1]):
            varies[quantity, track, other] = False
    return np.array([row for row in every if varies[row]], np.int32).reshape(-1, 3)


def differing(values: np.ndarray) -> bool:
    """Whether a feature is more than one value, and the odd 0 of what is out of sight."""
    seen = values[values != 0]
    share = len(seen) / max(1, len(values))
    if share < 0.005:
        return False
    common = np.mean(seen == np.median(seen)) if len(seen) else 1.0
    return bool(common < 0.98 or 0.02 < share < 0.98)

"""Discovers the object types of a game from screens of play."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from diffses.detector import kernel
from diffses.detector.offline_tracks import Trajectories
from diffses.detector.segmentation import TrackerParams

MIN_TRACK_LENGTH = 3  # steps; shorter tracks say nothing about types
MIN_DETECTIONS = 8  # per type, in the whole recording
MIN_DETECTIONS_PER_FRAME = 0.015  # per type, on average
MIN_RETURN_SHARE = 0.8  # of a type's gaps end in a new detection: then its tracks may coast
CORE_SIZE_TOLERANCE = 0.2  # relative deviation from the commonest size that counts as usual
MIN_MOVING_SHARE = 0.3  # of a type's detections belong to moving tracks
MIN_STEP_SHARE_MOVING = 0.02  # of a moving track's steps change its position
MIN_PLACES = 3  # positions at which a moving track appears in one and the same shape
MIN_ONWARD_SHARE = 0.3  # of a moving track's moves continue in the same direction
MIN_EXTENT_PX = 8.0  # px, a digit's width; a track that spans less is not moving
USUAL_COUNT_QUANTILE = 0.9  # of the number per frame, over the frames with at least one
FULL_SIZE_QUANTILE = 0.95  # of the detected sizes: the size of an unoccluded object
GATE_FACTOR_SEVERAL = 1.5  # times the speed seen: balls get faster in better play
GATE_FACTOR_SINGLE = 3.0  # likewise for a type with one object, which no other can be mistaken for
MAX_TRACKED_PER_TYPE = 192  # objects
SIZE_TOLERANCE_PX, SIZE_TOLERANCE_SHARE = 2.0, 0.35  # of sizes within a type: the larger of both

Appearance = tuple[float, float, float]  # colour number, width and height in px


def _no_sprites() -> np.ndarray:
    return np.zeros(0, np.int64)


@dataclass(frozen=True)
class Part:
    """A part of objects of one type: a blob of its own that moves with the object."""

    sprites: np.ndarray  # int64 (k,): `kernel.sprite_ids` of its pictures
    # lowest and highest dx, lowest and highest dy of its centre from the object's, px
    offsets: tuple[float, float, float, float]


@dataclass(frozen=True)
class ObjectType:
    """A discovered object type."""

    colours: np.ndarray  # bool (MAX_COLOURS,)
    width: float  # px, unoccluded
    height: float
    # minimum and maximum width, minimum and maximum height, px
    size_limits: tuple[float, float, float, float]
    core: tuple[float, float]  # width and height without protrusions, px; 0: it has none
    gate_radius: float  # px per step
    max_count: int  # objects per frame, 99 % quantile
    usual_count: int  # objects per frame, usually
    detections: int  # in the whole recording
    mean_speed: float  # px per step
    # int64 (k,): `kernel.sprite_ids` of the pictures that are its alone
    sprites: np.ndarray = field(default_factory=_no_sprites)
    outlines: np.ndarray = field(default_factory=_no_sprites)  # likewise, of outlines
    parts: tuple[Part, ...] = ()
    vanishes: bool = False  # it stands still until it vanishes at contact


@dataclass(frozen=True)
class TrackStats:
    """Summary of each track, one row a track."""

    colour: np.ndarray  # the commonest colour number
    width: np.ndarray  # px, unoccluded
    height: np.ndarray
    length: np.ndarray  # steps with a detection
    moved: np.ndarray  # steps with motion
    extent: np.ndarray  # range of the centre along x or y, over its size or MIN_EXTENT_PX
    places: np.ndarray  # positions at which it had one and the same shape
    onward: np.ndarray  # share of the moves that continue the direction of the one before

    def appearance(self, track: int) -> Appearance:
        return self.colour[track], self.width[track], self.height[track]


def track_stats(tracks: Trajectories) -> TrackStats:
    """The summary of each track, by track number."""
    order = np.argsort(tracks.track, kind="stable")
    cuts = np.flatnonzero(np.diff(tracks.track[order])) + 1
    pieces = np.split(order, cuts) if len(order) else []
    width, height = tracks.width, tracks.height
    rows = [
        (
            np.bincount(tracks.colour[piece]).argmax(),
            np.round(np.quantile(width[piece], FULL_SIZE_QUANTILE)),
            np.round(np.quantile(height[piece], FULL_SIZE_QUANTILE)),
            len(piece),
            tracks.moved[piece].sum(),
            _relative_extent(tracks.box[piece]),
            _shape_places(tracks.box[piece], tracks.area[piece]),
            _onward_share(tracks.box[piece], tracks.moved[piece]),
        )
        for piece in pieces
    ]
    table = np.array(rows).reshape(-1, 8)
    return TrackStats(*table.T)


def _relative_extent(box: np.ndarray) -> float:
    """The range of a track's centre, over the object's size or MIN_EXTENT_PX, whichever is
    larger."""
    ways = []
    for low, high in ((0, 2), (1, 3)):
        size = np.quantile(box[:, high] - box[:, low] + 1, FULL_SIZE_QUANTILE)
        ways.append(np.ptp(box[:, low] + box[:, high]) / 2 / max(size, MIN_EXTENT_PX))
    return float(max(ways))


def _shape_places(box: np.ndarray, area: np.ndarray) -> int:
    """The greatest number of positions at which a track had the same width, height and area."""
    size = box[:, 2:] - box[:, :2]
    shapes, number = np.unique(np.column_stack([size, area]), axis=0, return_inverse=True)
    spots = np.unique(np.column_stack([number.reshape(-1), box[:, :2]]), axis=0)
    return int(np.bincount(spots[:, 0], minlength=len(shapes)).max())


def _onward_share(box: np.ndarray, moved: np.ndarray) -> float:
    """The share of a track's moves, but the first, at less than a right angle to the one before."""
    steps = np.diff(box[:, :2] + box[:, 2:], axis=0)[moved[1:]]
    if len(steps) < 2:
        return 0.0
    return float(((steps[1:] * steps[:-1]).sum(axis=1) > 0).mean())


def moving_tracks(stats: TrackStats) -> np.ndarray:
    """Which tracks move across the screen, not just within their own outline, bool (n,)."""
    enough = (stats.length >= MIN_TRACK_LENGTH) & (stats.extent >= 1)
    as_one = (stats.places >= MIN_PLACES) & (stats.onward >= MIN_ONWARD_SHARE)
    return np.asarray(
        enough & as_one & (stats.moved >= 2) & (stats.moved >= MIN_STEP_SHARE_MOVING * stats.length)
    )


def object_type_of(tracks: Trajectories, rows: np.ndarray) -> ObjectType:
    """The type whose detections the chosen rows are."""
    mine = tracks.select(rows)
    width, height = mine.width, mine.height
    speed = np.hypot(mine.vx, mine.vy)
    colours = np.zeros(kernel.MAX_COLOURS, dtype=bool)
    colours[np.unique(mine.colour)] = True
    counts = np.bincount(mine.frame)
    usual, together = np.quantile(counts[counts > 0], [USUAL_COUNT_QUANTILE, 0.99]).astype(int)
    core = _core(mine.box[:, 0], mine.box[:, 2]), _core(mine.box[:, 1], mine.box[:, 3])
    return ObjectType(
        colours,
        core[0] or float(np.round(np.quantile(width, FULL_SIZE_QUANTILE))),
        core[1] or float(np.round(np.quantile(height, FULL_SIZE_QUANTILE))),
        (
            float(width.min()),
            float(np.quantile(width, 0.99) + 1),
            float(height.min()),
            float(np.quantile(height, 0.99) + 1),
        ),
        core,
        float(
            min(
                4
                + (GATE_FACTOR_SEVERAL if together > 1 else GATE_FACTOR_SINGLE)
                * np.quantile(speed, 0.995),
                40,
            )
        ),
        int(together),
        int(usual),
        len(mine),
        float(speed.mean()),
    )


def _core(low: np.ndarray, high: np.ndarray) -> float:
    """The commonest size of an object along an axis if it is often longer (has protrusions), else
    0.

    Detections at the borders do not count, since the object may be cut off there.

    Args:
        low, high: int64 (n,), px: left and right, or top and bottom, of each detection.
    """
    free = (low > low.min()) & (high < high.max())
    size = (high - low + 1)[free]
    if len(size) < MIN_DETECTIONS:
        return 0.0
    core = int(np.bincount(size).argmax())
    usual = (np.abs(size - core) <= CORE_SIZE_TOLERANCE * core).mean() >= 0.5
    stretches = np.quantile(size, FULL_SIZE_QUANTILE) > kernel.PROTRUSION_RATIO * core
    return float(core) if usual and stretches else 0.0


def tracker_params_of(
    kinds: Sequence[ObjectType], patience: int, untyped: np.ndarray | None = None
) -> TrackerParams:
    """The tracker's parameters for these types.

    Args:
        untyped: int64 (k,), ids of sprites that are no objects.
    """
    sizes = np.zeros((len(kinds), kernel.TYPE_PARAMS))
    colours = np.zeros((len(kinds), kernel.MAX_COLOURS), dtype=bool)
    none = _no_sprites() if untyped is None else untyped
    codes = {int(sprite): kernel.NO_TYPE for sprite in none}
    outlines: dict[int, int] = {}
    parts: list[tuple[float, ...]] = []
    first = 0
    for number, kind in enumerate(kinds):
        end = first + min(kind.max_count, MAX_TRACKED_PER_TYPE)
        sizes[number] = (
            *kind.size_limits,
            kind.width,
            kind.height,
            kind.gate_radius,
            first,
            end,
            0,
            *kind.core,
        )
        colours[number] = kind.colours
        first = end
        codes |= dict.fromkeys(kind.sprites.tolist(), number)
        outlines |= dict.fromkeys(kind.outlines.tolist(), number)
        for part in kind.parts:
            codes |= dict.fromkeys(part.sprites.tolist(), kernel.FIRST_PART - len(parts))
            parts.append((number, *part.offsets))
    return TrackerParams(
        sizes,
        colours,
        patience,
        *_columns(codes),
        *_columns(outlines),
        np.array(parts, np.float64).reshape(-1, kernel.PART_COLUMNS),
    )


def _columns(types: Mapping[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Ids in increasing order, int64 (k,), and their types, int64 (k,)."""
    known = sorted(types)
    return np.array(known, np.int64), np.array([types[one] for one in known], np.int64)


def max_coast_steps(
    tracks: Trajectories, kind: np.ndarray, kinds: int, patience: int
) -> np.ndarray:
    """The coast limit of each type, float64 (kinds,).

    It is `patience` for types whose tracks nearly always return (flicker, occlusion), else 0: an
    object without a detection is gone.
    """
    order = np.lexsort((tracks.frame, tracks.track))
    same = np.diff(tracks.track[order]) == 0
    back = same & (np.diff(tracks.frame[order]) > 1)
    of = kind[order[:-1]]
    result = np.zeros(kinds)
    for number in range(kinds):
        came_back, gone = (back & (of == number)).sum(), (~same & (of == number)).sum()
        if came_back >= MIN_RETURN_SHARE * max(came_back + gone, MIN_DETECTIONS):
            result[number] = patience
    return result

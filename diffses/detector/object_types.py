"""What there is in a game, from screens of play alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from diffses.detector import kernel
from diffses.detector.offline_tracks import Tracks
from diffses.detector.segmentation import Rules, Scene, scratch

TOGETHER = 0.6  # share of its pixels with which a colour must touch another to be part of it
SAME_PLACE = 0.5  # share of those touches at the few commonest places on the other
MIN_LIFE = 3  # steps a thing must be seen to tell what it is
MIN_SIGHTS = 8  # sights a type needs
MIN_SHARE = 0.015  # likewise, on a screen on average
SHAPES = 0.3  # share of a type's sights that look like another's: then they are one
COMES_BACK = 0.8  # share of the times out of sight after which a thing that flickers is back
STEADY = 0.2  # share of its size by which a type's usual size may vary
MOBILE = 0.3  # share of a type's sights that must be of things that move
MOVES = 0.02  # share of its steps in which a type moves
PLACES = 3  # places at which a thing that moves must be seen in the same shape
ONWARD = 0.3  # share of its moves that must go on in the same direction
FAR_PX = 8.0  # a digit's width: what only goes to and fro over less does not move
USUAL = 0.9  # share of the frames with any of a type that have no more than is usual
FULL = 0.95  # an object's size is this quantile of what is seen of it
FASTER = 1.5  # times the speeds seen that a thing may reach: in better play a ball gets faster
ALONE = 3.0  # likewise where there is one of its type, which cannot be mistaken for another
MOST = 64  # objects of one type that are tracked at a time
SIZE_PX, SIZE_SHARE = 2.0, 0.35  # how far the sizes of one type may be apart: the larger of both


@dataclass(frozen=True)
class Kind:
    """A type of object."""

    colours: np.ndarray  # bool (MAX_COLOURS,)
    width: float  # px, where it is seen in full
    height: float
    limits: tuple[float, float, float, float]  # least and greatest width, least and greatest height
    core: tuple[float, float]  # width and height without what it stretches out; 0: it does not
    reach: float  # px a step
    together: int  # how many there are at a time, at the most
    usual: int  # how many there are at a time, as a rule
    sights: int  # in how many frames one was seen, summed over all of them
    speed: float  # px a step, mean


def find_colours(
    screens: np.ndarray, background: np.ndarray, seen: np.ndarray, free: np.ndarray
) -> np.ndarray:
    """Numbers the colours that are seen in front of the background, uint8 (2, 256).

    Args:
        seen: bool (h, w): where all of them are looked for.
        free: bool (256,): those that are looked for elsewhere, too.
    """
    looked = (screens != background) & (seen | free[screens])
    counts = np.bincount(screens[looked], minlength=256)
    order = np.argsort(-counts, kind="stable")[: kernel.MAX_COLOURS]
    colours = np.full(256, kernel.NOTHING, np.uint8)
    chosen = np.sort(order[counts[order] > 0])
    colours[chosen] = np.arange(len(chosen))
    return np.stack([np.where(free, colours, kernel.NOTHING), colours]).astype(np.uint8)


def find_links(screens: np.ndarray, scene: Scene) -> np.ndarray:
    """Which colours are parts of one object, bool (MAX_COLOURS, MAX_COLOURS).

    A colour belongs to another where nearly all of it touches that other, and does so at a few
    fixed places on it; two objects that meet now and then do not.
    """
    areas, touching, offsets = _touches(screens, scene)
    links = np.eye(kernel.MAX_COLOURS, dtype=bool)
    for one in range(len(areas)):
        if areas[one] == 0:
            continue
        partners = [two for two in range(len(areas)) if touching[one, two] > 0]
        for two in partners:
            places = np.array(sorted(offsets[one, two].values(), reverse=True))
            fixed = places[:12].sum() / places.sum()
            other = touching[two, one] / max(areas[two], 1)
            if max(touching[one, two] / areas[one], other) >= TOGETHER and fixed >= SAME_PLACE:
                links[one, two] = links[two, one] = True
    return links


def _touches(
    screens: np.ndarray, scene: Scene
) -> tuple[np.ndarray, np.ndarray, dict[tuple[int, int], dict[tuple[int, int], int]]]:
    """For colours: their area, the area of parts that touch each other colour, and where."""
    count = len(scene.palette())
    alone = np.eye(kernel.MAX_COLOURS, dtype=bool)
    areas, touching = np.zeros(count), np.zeros((count, count))
    offsets: dict[tuple[int, int], dict[tuple[int, int], int]] = {}
    runs, parts, part_areas = scratch()
    for screen in screens:
        n_runs, n_parts = kernel.find_blobs(
            screen, scene.background, scene.seen, scene.colours, alone, runs, parts, part_areas
        )
        found = parts[:n_parts].astype(np.int64)
        np.add.at(areas, found[:, 0], found[:, 5])
        pairs = touching_parts(runs[:n_runs])
        pairs = np.concatenate([pairs, pairs[:, ::-1]])
        toward = np.unique(np.column_stack([pairs[:, 0], found[pairs[:, 1], 0]]), axis=0)
        np.add.at(touching, (found[toward[:, 0], 0], toward[:, 1]), found[toward[:, 0], 5])
        for one, two in pairs:
            a, b = found[one], found[two]
            places = offsets.setdefault((int(a[0]), int(b[0])), {})
            place = (
                int(a[1] + a[3] - b[1] - b[3]) // 4,
                int(a[2] + a[4] - b[2] - b[4]) // 4,
            )
            places[place] = places.get(place, 0) + int(a[5])
    return areas, touching, offsets


def touching_parts(runs: np.ndarray) -> np.ndarray:
    """Pairs of blobs that touch, int64 (n, 2), each once, from the runs of `find_blobs`."""
    if len(runs) == 0:
        return np.zeros((0, 2), np.int64)
    rows = runs[:, 3]
    pairs = []
    for y in np.unique(rows):
        here = runs[rows == y]
        if len(here) > 1:
            beside = here[1:, 1] == here[:-1, 2] + 1
            pairs.append(np.column_stack([here[:-1][beside, 5], here[1:][beside, 5]]))
        below = runs[rows == y + 1]
        if len(below):
            meet = (here[:, None, 1] <= below[None, :, 2] + 1) & (
                here[:, None, 2] >= below[None, :, 1] - 1
            )
            one, two = np.nonzero(meet)
            pairs.append(np.column_stack([here[one, 5], below[two, 5]]))
    if not pairs:
        return np.zeros((0, 2), np.int64)
    joined = np.sort(np.concatenate(pairs), axis=1).astype(np.int64)
    joined = joined[(joined[:, 0] != joined[:, 1]) & (joined[:, 0] >= 0)]
    return np.unique(joined, axis=0)


@dataclass(frozen=True)
class Lives:
    """One row for each thing that was tracked."""

    colour: np.ndarray  # its commonest
    width: np.ndarray  # px, where it is seen in full
    height: np.ndarray
    seen: np.ndarray  # steps
    moved: np.ndarray  # steps in which it moved
    way: np.ndarray  # how far it got across or down, over its own width or height or FAR_PX
    places: np.ndarray  # at how many places it was seen in one and the same shape
    onward: np.ndarray  # share of its moves that went on in the direction of the one before


def lives(tracks: Tracks) -> Lives:
    order = np.argsort(tracks.track, kind="stable")
    cuts = np.flatnonzero(np.diff(tracks.track[order])) + 1
    pieces = np.split(order, cuts) if len(order) else []
    rows = [
        (
            np.bincount(tracks.colour[piece]).argmax(),
            np.round(np.quantile(tracks.width[piece], FULL)),
            np.round(np.quantile(tracks.height[piece], FULL)),
            len(piece),
            tracks.moved[piece].sum(),
            _way(tracks.box[piece]),
            _places(tracks.box[piece], tracks.area[piece]),
            _onward(tracks.box[piece], tracks.moved[piece]),
        )
        for piece in pieces
    ]
    table = np.array(rows).reshape(-1, 8)
    return Lives(*table.T)


def _way(box: np.ndarray) -> float:
    """The way of a thing's centre, in units of its size, or FAR_PX where that is larger."""
    ways = []
    for low, high in ((0, 2), (1, 3)):
        size = np.quantile(box[:, high] - box[:, low] + 1, FULL)
        ways.append(np.ptp(box[:, low] + box[:, high]) / 2 / max(size, FAR_PX))
    return float(max(ways))


def _places(box: np.ndarray, area: np.ndarray) -> int:
    """At how many places a thing had one and the same width, height and area, at the most."""
    size = box[:, 2:] - box[:, :2]
    shapes, number = np.unique(np.column_stack([size, area]), axis=0, return_inverse=True)
    spots = np.unique(np.column_stack([number.reshape(-1), box[:, :2]]), axis=0)
    return int(np.bincount(spots[:, 0], minlength=len(shapes)).max())


def _onward(box: np.ndarray, moved: np.ndarray) -> float:
    """The share of a thing's moves, but the first, at less than a right angle to the one before."""
    steps = np.diff(box[:, :2] + box[:, 2:], axis=0)[moved[1:]]
    if len(steps) < 2:
        return 0.0
    return float(((steps[1:] * steps[:-1]).sum(axis=1) > 0).mean())


def movers(life: Lives) -> np.ndarray:
    """Which things move from place to place, bool (n,): not within their own outline."""
    enough = (life.seen >= MIN_LIFE) & (life.way >= 1)
    as_one = (life.places >= PLACES) & (life.onward >= ONWARD)
    return np.asarray(enough & as_one & (life.moved >= 2) & (life.moved >= MOVES * life.seen))


def find_kinds(tracks: Tracks, life: Lives, links: np.ndarray, frames: int) -> list[Kind]:
    """Groups the things that move by colour and size: the types, the largest first.

    The commonest look founds a type; every look near that of a type belongs to it.

    Args:
        links: bool (MAX_COLOURS, MAX_COLOURS), which colours are parts of one object.
        frames: how many were recorded.
    """
    moving = movers(life)
    label = np.full(len(life.seen), -1)
    centres: list[tuple[float, float, float]] = []
    weights: dict[tuple[float, float, float], float] = {}
    for one in np.flatnonzero(moving):
        key = (life.colour[one], life.width[one], life.height[one])
        weights[key] = weights.get(key, 0) + life.seen[one]
    for key in sorted(weights, key=lambda key: (-weights[key], key)):
        if not any(_alike(key, centre, links) for centre in centres):
            centres.append(key)
    for thing in range(len(life.seen)):
        key = (life.colour[thing], life.width[thing], life.height[thing])
        near = [k for k, centre in enumerate(centres) if _alike(key, centre, links)]
        if near and life.seen[thing] >= MIN_LIFE:
            label[thing] = min(near, key=lambda k: (_gap(key, centres[k]), k))
    _merge_shapes(tracks, life, moving, label, centres, links)
    found = []
    for number in range(len(centres)):
        mine = label == number
        if not mine.any():
            continue
        kind = kind_of(tracks, mine[tracks.track])
        if _mobile(life, moving, mine) and kind.sights >= max(MIN_SIGHTS, MIN_SHARE * frames):
            found.append(kind)
    return sorted(found, key=lambda k: (-k.width * k.height, int(np.argmax(k.colours))))


def _mobile(life: Lives, moving: np.ndarray, mine: np.ndarray) -> bool:
    """Whether enough of what is seen of `mine`, bool (things,), is of things that move."""
    return bool(life.seen[moving & mine].sum() >= MOBILE * life.seen[mine].sum())


def _merge_shapes(
    tracks: Tracks,
    life: Lives,
    moving: np.ndarray,
    label: np.ndarray,
    centres: Sequence[tuple[float, float, float]],
    links: np.ndarray,
) -> None:
    """Makes one type of two where many sights of one look like the other: it changes its shape.

    Not of one that moves and the sparks it ends in, which as a whole do not.

    Args:
        moving: bool (things,): of `movers`.
        label: int64 (things,), updated: the type of each, the commoner first.
    """
    for later in range(1, len(centres)):
        for first in range(later):
            mine, other = label[tracks.track] == later, label[tracks.track] == first
            if not (mine.any() and other.any()):
                continue
            like = _look_like(tracks, mine, centres[first], links)
            alike = max(like, _look_like(tracks, other, centres[later], links))
            if alike < SHAPES:
                continue
            parts = label == later, label == first
            one_moves = any(_mobile(life, moving, part) for part in parts)
            if not one_moves or _mobile(life, moving, parts[0] | parts[1]):
                label[parts[0]] = first


def _look_like(
    tracks: Tracks, rows: np.ndarray, centre: tuple[float, float, float], links: np.ndarray
) -> float:
    """The share of some sights that look as those of a type do."""
    colour, width, height = centre
    near = np.abs(tracks.width[rows] - width) <= max(SIZE_PX, SIZE_SHARE * width)
    near &= np.abs(tracks.height[rows] - height) <= max(SIZE_PX, SIZE_SHARE * height)
    return float((near & links[int(colour), tracks.colour[rows]]).mean())


def _alike(
    one: tuple[float, float, float], two: tuple[float, float, float], links: np.ndarray
) -> bool:
    near = all(
        abs(a - b) <= max(SIZE_PX, SIZE_SHARE * b) for a, b in zip(one[1:], two[1:], strict=True)
    )
    return near and bool(links[int(one[0]), int(two[0])])


def _gap(one: tuple[float, float, float], two: tuple[float, float, float]) -> float:
    return abs(one[1] - two[1]) + abs(one[2] - two[2]) + 1000 * (one[0] != two[0])


def kind_of(tracks: Tracks, rows: np.ndarray) -> Kind:
    """The type that the chosen rows are the sights of."""
    mine = tracks.of(rows)
    width, height = mine.width, mine.height
    speed = np.hypot(mine.vx, mine.vy)
    colours = np.zeros(kernel.MAX_COLOURS, dtype=bool)
    colours[np.unique(mine.colour)] = True
    crowd = np.bincount(mine.frame)
    usual, together = np.quantile(crowd[crowd > 0], [USUAL, 0.99]).astype(int)
    core = _core(mine.box[:, 0], mine.box[:, 2]), _core(mine.box[:, 1], mine.box[:, 3])
    return Kind(
        colours,
        core[0] or float(np.round(np.quantile(width, FULL))),
        core[1] or float(np.round(np.quantile(height, FULL))),
        (
            float(width.min()),
            float(np.quantile(width, 0.99) + 1),
            float(height.min()),
            float(np.quantile(height, 0.99) + 1),
        ),
        core,
        float(min(4 + (FASTER if together > 1 else ALONE) * np.quantile(speed, 0.995), 40)),
        int(together),
        int(usual),
        len(mine),
        float(speed.mean()),
    )


def _core(low: np.ndarray, high: np.ndarray) -> float:
    """The size things of a type mostly have, where they are longer now and then, else 0.

    Sights at the ends of the way do not count: there a thing may be cut off.

    Args:
        low, high: int64 (n,), px: the left and right, or top and bottom, of each sight.
    """
    free = (low > low.min()) & (high < high.max())
    size = (high - low + 1)[free]
    if len(size) < MIN_SIGHTS:
        return 0.0
    core = int(np.bincount(size).argmax())
    usual = (np.abs(size - core) <= STEADY * core).mean() >= 0.5
    stretches = np.quantile(size, FULL) > kernel.STRETCHED * core
    return float(core) if usual and stretches else 0.0


def rules_of(kinds: Sequence[Kind], patience: int) -> Rules:
    """The tracker's rules for these types."""
    sizes = np.zeros((len(kinds), kernel.RULES))
    colours = np.zeros((len(kinds), kernel.MAX_COLOURS), dtype=bool)
    first = 0
    for number, kind in enumerate(kinds):
        end = first + min(kind.together, MOST)
        sizes[number] = (
            *kind.limits,
            kind.width,
            kind.height,
            kind.reach,
            first,
            end,
            0,
            *kind.core,
        )
        colours[number] = kind.colours
        first = end
    return Rules(sizes, colours, patience)


def holds(tracks: Tracks, kind: np.ndarray, kinds: int, patience: int) -> np.ndarray:
    """For how many steps each type is taken to go on when out of sight, float64 (kinds,).

    `patience` for what flickers or passes behind things: that comes back nearly always. Else 0:
    what is out of sight is gone.
    """
    order = np.lexsort((tracks.frame, tracks.track))
    same = np.diff(tracks.track[order]) == 0
    back = same & (np.diff(tracks.frame[order]) > 1)
    of = kind[order[:-1]]
    result = np.zeros(kinds)
    for number in range(kinds):
        came_back, gone = (back & (of == number)).sum(), (~same & (of == number)).sum()
        if came_back >= COMES_BACK * max(came_back + gone, MIN_SIGHTS):
            result[number] = patience
    return result

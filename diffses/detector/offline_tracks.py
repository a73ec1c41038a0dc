"""Following everything on the screens of a recording, before it is known what there is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numba
import numpy as np

from diffses.detector import kernel
from diffses.detector.segmentation import Rules, Scene, empty_table, scratch

FIRST_REACH = 24.0  # px a thing may get in one step, as long as nothing is known about it
FIRST_PLACES = 48  # things of one colour at a time, likewise


@dataclass(frozen=True)
class Tracks:
    """Every sight of every thing: one row each, by frame."""

    frame: np.ndarray  # int64 (n,)
    track: np.ndarray  # int64 (n,): which thing; numbered by birth
    place: np.ndarray  # int64 (n,): its place in the tracker's table
    colour: np.ndarray  # int64 (n,): number of the colour that covers most of it
    box: np.ndarray  # int64 (n, 4): left, top, right, bottom in px, inclusive
    area: np.ndarray  # int64 (n,), pixels of it that differ from the background
    vx: np.ndarray  # float64 (n,), px a step; 0 where it was not seen in the frame before
    vy: np.ndarray
    moved: np.ndarray  # bool (n,): whether it moved since the frame before, as a picture does

    @property
    def width(self) -> np.ndarray:
        return np.asarray(self.box[:, 2] - self.box[:, 0] + 1)

    @property
    def height(self) -> np.ndarray:
        return np.asarray(self.box[:, 3] - self.box[:, 1] + 1)

    def __len__(self) -> int:
        return len(self.frame)

    def of(self, rows: np.ndarray) -> Tracks:
        """The chosen rows."""
        return Tracks(
            self.frame[rows],
            self.track[rows],
            self.place[rows],
            self.colour[rows],
            self.box[rows],
            self.area[rows],
            self.vx[rows],
            self.vy[rows],
            self.moved[rows],
        )

    def before(self) -> np.ndarray:
        """The row of the same thing one frame earlier, int64 (n,); -1 where there is none."""
        order = np.lexsort((self.frame, self.track))
        one, two = order[:-1], order[1:]
        follows = (self.track[one] == self.track[two]) & (self.frame[one] + 1 == self.frame[two])
        result = np.full(len(self), -1)
        result[two[follows]] = one[follows]
        return result


def first_rules(count: int) -> Rules:
    """One type a colour, of any size."""
    sizes = np.zeros((count, kernel.RULES))
    sizes[:, [kernel.MAX_W, kernel.MAX_H]] = 1e9
    sizes[:, kernel.REACH] = FIRST_REACH
    sizes[:, kernel.FIRST] = np.arange(count) * FIRST_PLACES
    sizes[:, kernel.END] = sizes[:, kernel.FIRST] + FIRST_PLACES
    colours = np.eye(count, kernel.MAX_COLOURS, dtype=bool)
    return Rules(sizes, colours, patience=2)


def follow_all(screens: np.ndarray, starts: np.ndarray, scene: Scene, rules: Rules) -> Tracks:
    """Runs the detector's eye and tracker over a recording.

    Args:
        screens: uint8 (n, h, w). starts: bool (n,), where an episode begins.
    """
    runs, blobs, areas = scratch()

    def look(screen: np.ndarray) -> np.ndarray:
        n_runs, count = kernel.find_blobs(
            screen, scene.background, scene.seen, scene.colours, scene.links, runs, blobs, areas
        )
        kernel.trim(runs, n_runs, blobs, count, rules.sizes, rules.colours)
        return blobs[:count]

    found = _follow((look(screen) for screen in screens), starts, rules)
    return replace(found, moved=_moved(screens, found.frame, found.box, found.before()))


def follow_boxes(boxes: Sequence[np.ndarray], starts: np.ndarray, rules: Rules) -> Tracks:
    """Runs the tracker over boxes that were found elsewhere, of each frame int32 (n, 6)."""
    found = _follow(boxes, starts, rules)
    return replace(found, moved=(found.vx != 0) | (found.vy != 0))


def _follow(boxes: Iterable[np.ndarray], starts: np.ndarray, rules: Rules) -> Tracks:
    """All sights; nothing is said of what moved."""
    taken = np.zeros(kernel.MAX_BLOBS, np.int64)
    table = empty_table(rules.places)
    number = np.zeros(rules.places, np.int64)  # of the thing in each place
    things, rows = 0, []
    for frame, blobs in enumerate(boxes):
        if starts[frame]:
            table = empty_table(rules.places)
        count = len(blobs)
        kernel.follow(table, blobs, count, rules.sizes, rules.colours, rules.patience, taken)
        for blob in np.flatnonzero(taken[:count] >= 0):
            place = taken[blob]
            if table[place, kernel.AGE] == 0:
                number[place] = things
                things += 1
            rows.append(
                (
                    frame,
                    number[place],
                    place,
                    *blobs[blob],
                    table[place, kernel.VX],
                    table[place, kernel.VY],
                )
            )
    data = np.array(rows, dtype=np.float64).reshape(-1, 11)
    whole = data[:, :9].astype(np.int64)
    box, area = whole[:, 4:8], whole[:, 8]
    unknown = np.zeros(len(data), dtype=bool)
    frame_of, track, place_of, colour = whole[:, :4].T
    return Tracks(frame_of, track, place_of, colour, box, area, data[:, 9], data[:, 10], unknown)


@numba.njit(cache=True, nogil=True)
def _moved(
    screens: np.ndarray, frame: np.ndarray, box: np.ndarray, before: np.ndarray
) -> np.ndarray:
    """Which boxes show what was in the box before, elsewhere, bool (n,).

    The picture in the box before, put where one of its corners now is, must agree with the screen
    in more pixels than where it was: a digit that changes or a line that comes out from behind
    something does not.
    """
    result = np.zeros(len(frame), np.bool_)
    for row in range(len(frame)):
        if before[row] < 0:
            continue
        old, new = box[before[row]], box[row]
        was, now = screens[frame[row] - 1], screens[frame[row]]
        for corner in range(2):
            dx, dy = new[2 * corner] - old[2 * corner], new[2 * corner + 1] - old[2 * corner + 1]
            if dx == 0 and dy == 0:
                continue
            if _agreement(was, now, old, dx, dy) > _agreement(was, now, old, 0, 0):
                result[row] = True
    return result


@numba.njit(cache=True, nogil=True)
def _agreement(was: np.ndarray, now: np.ndarray, box: np.ndarray, dx: int, dy: int) -> int:
    """In how many pixels the box's picture agrees with what is now (dx, dy) from there."""
    height, width = was.shape
    same = 0
    for y in range(max(box[1], -dy), min(box[3] + 1, height - dy)):
        for x in range(max(box[0], -dx), min(box[2] + 1, width - dx)):
            same += was[y, x] == now[y + dy, x + dx]
    return same

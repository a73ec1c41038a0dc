"""Tracks everything on the screens of a recording, before the object types are known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numba
import numpy as np

from diffses.detector import kernel
from diffses.detector.segmentation import (
    SegmentationModel,
    TrackerParams,
    boxes_as_blobs,
    empty_table,
    scratch,
)
from diffses.detector.sprites import SpriteCollector, Sprites

INITIAL_GATE_RADIUS = 24.0  # px per step, before anything is known about the objects
INITIAL_PLACES = 192  # tracks per colour, likewise
MAX_STITCH_DISTANCE = 12.0  # px between the last place of one colour and the first of the next
INITIAL_PATIENCE = 2  # steps, likewise


@dataclass(frozen=True)
class Trajectories:
    """Every detection of every track, one row each, by frame."""

    frame: np.ndarray  # int64 (n,)
    track: np.ndarray  # int64 (n,): numbered by birth
    place: np.ndarray  # int64 (n,): its place in the track table
    colour: np.ndarray  # int64 (n,): number of the commonest colour
    box: np.ndarray  # int64 (n, 4): left, top, right, bottom in px, inclusive
    area: np.ndarray  # int64 (n,): foreground pixels
    vx: np.ndarray  # float64 (n,), px per step; 0 for the first detection
    vy: np.ndarray
    moved: np.ndarray  # bool (n,): whether its picture moved since the previous frame
    sprite: np.ndarray  # int64 (n,): row of `sprites`; -1 for boxes from another source
    sprites: Sprites

    @property
    def width(self) -> np.ndarray:
        return np.asarray(self.box[:, 2] - self.box[:, 0] + 1)

    @property
    def height(self) -> np.ndarray:
        return np.asarray(self.box[:, 3] - self.box[:, 1] + 1)

    def __len__(self) -> int:
        return len(self.frame)

    def select(self, rows: np.ndarray) -> Trajectories:
        """The chosen rows."""
        return Trajectories(
            self.frame[rows],
            self.track[rows],
            self.place[rows],
            self.colour[rows],
            self.box[rows],
            self.area[rows],
            self.vx[rows],
            self.vy[rows],
            self.moved[rows],
            self.sprite[rows],
            self.sprites,
        )

    def previous_rows(self) -> np.ndarray:
        """The row of the same track in the previous frame, int64 (n,); -1 for none."""
        order = np.lexsort((self.frame, self.track))
        one, two = order[:-1], order[1:]
        follows = (self.track[one] == self.track[two]) & (self.frame[one] + 1 == self.frame[two])
        result = np.full(len(self), -1)
        result[two[follows]] = one[follows]
        return result


def initial_params(count: int) -> TrackerParams:
    """Tracker parameters with one type per colour, of any size."""
    sizes = np.zeros((count, kernel.TYPE_PARAMS))
    sizes[:, [kernel.MAX_W, kernel.MAX_H]] = 1e9
    sizes[:, kernel.GATE_RADIUS] = INITIAL_GATE_RADIUS
    sizes[:, kernel.FIRST_PLACE] = np.arange(count) * INITIAL_PLACES
    sizes[:, kernel.END_PLACE] = sizes[:, kernel.FIRST_PLACE] + INITIAL_PLACES
    colours = np.eye(count, kernel.MAX_COLOURS, dtype=bool)
    return TrackerParams(sizes, colours, patience=INITIAL_PATIENCE)


def track_screens(
    screens: np.ndarray, starts: np.ndarray, segmentation: SegmentationModel, params: TrackerParams
) -> Trajectories:
    """Runs the detector's segmentation and tracker over a recording.

    Args:
        screens: uint8 (n, h, w). starts: bool (n,), where an episode begins.
    """
    runs, blobs, areas = scratch()
    collector = SpriteCollector()
    ids = np.zeros((kernel.MAX_BLOBS, 2), np.int64)

    def blobs_of(screen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        n_runs, count = kernel.connected_components(
            screen,
            segmentation.background,
            segmentation.search_mask,
            segmentation.colours,
            segmentation.links,
            runs,
            blobs,
            areas,
        )
        numbers = collector.add(runs, n_runs, blobs, count, areas)
        kernel.recognise_sprites(
            runs,
            n_runs,
            blobs,
            count,
            params.sprites,
            params.sprite_types,
            params.outlines,
            params.outline_types,
            ids,
        )
        kernel.join_parts(blobs, count, params.type_params, params.type_colours, params.parts)
        kernel.crop_protrusions(runs, n_runs, blobs, count, params.type_params, params.type_colours)
        return blobs[:count], numbers

    found = _track((blobs_of(screen) for screen in screens), starts, params)
    return replace(
        found,
        moved=_picture_moved(screens, found.frame, found.box, found.previous_rows()),
        sprites=collector.sprites(),
    )


def stitch_colour_changes(tracks: Trajectories) -> Trajectories:
    """Joins a track to the one before it where an object changed its colour: it has the outline
    that ended in the frame before at most MAX_STITCH_DISTANCE px away.

    Before the types are known each colour is tracked by itself; without this, tracks of an object
    that flashes are too short to show that it moves.
    """
    if not len(tracks.sprites):
        return tracks
    before = tracks.previous_rows()
    ends = np.ones(len(tracks), bool)
    ends[before[before >= 0]] = False
    outline = tracks.sprites.outlines.min(axis=1)[tracks.sprite]
    telling = tracks.sprites.telling[tracks.sprite]
    centre = (tracks.box[:, :2] + tracks.box[:, 2:]) / 2
    last: dict[tuple[int, int], list[int]] = {}
    for row in np.flatnonzero(ends & telling).tolist():
        last.setdefault((int(tracks.frame[row]), int(outline[row])), []).append(row)
    track, moved = tracks.track.copy(), tracks.moved.copy()
    vx, vy = tracks.vx.copy(), tracks.vy.copy()
    joined = np.arange(int(track.max(initial=-1)) + 1)
    for row in np.flatnonzero((before < 0) & telling).tolist():
        ended = last.get((int(tracks.frame[row]) - 1, int(outline[row])), [])
        near = [
            old for old in ended if np.hypot(*(centre[row] - centre[old])) <= MAX_STITCH_DISTANCE
        ]
        if len(near) == 1:
            ended.remove(near[0])
            vx[row], vy[row] = centre[row] - centre[near[0]]
            moved[row] = vx[row] != 0 or vy[row] != 0
            joined[track[row]] = joined[track[near[0]]]
    _, numbers = np.unique(joined[track], return_inverse=True)
    return replace(tracks, track=numbers.reshape(-1), vx=vx, vy=vy, moved=moved)


def track_boxes(
    boxes: Sequence[np.ndarray], starts: np.ndarray, params: TrackerParams
) -> Trajectories:
    """Runs the tracker over boxes from another source, int32 (n, 6) for each frame."""
    nothing_known = np.full(kernel.MAX_BLOBS, -1)
    blobs = ((boxes_as_blobs(one), nothing_known) for one in boxes)
    found = _track(blobs, starts, params)
    return replace(found, moved=(found.vx != 0) | (found.vy != 0))


def _track(
    frames: Iterable[tuple[np.ndarray, np.ndarray]], starts: np.ndarray, params: TrackerParams
) -> Trajectories:
    """All detections; `moved` is left False, and `sprites` empty.

    Args:
        frames: blobs, int32 (n, BLOB_COLUMNS), and the numbers of their sprites, int64 (n,).
    """
    assigned = np.zeros(kernel.MAX_BLOBS, np.int64)
    table = empty_table(params.places)
    number = np.zeros(params.places, np.int64)  # of the track in each place
    tracks, rows = 0, []
    for frame, (blobs, sprite_of) in enumerate(frames):
        if starts[frame]:
            table = empty_table(params.places)
        count = len(blobs)
        kernel.update_tracks(
            table, blobs, count, params.type_params, params.type_colours, params.patience, assigned
        )
        for blob in np.flatnonzero(assigned[:count] >= 0):
            place = assigned[blob]
            if table[place, kernel.AGE] == 0:
                number[place] = tracks
                tracks += 1
            rows.append(
                (
                    frame,
                    number[place],
                    place,
                    *blobs[blob, : kernel.SPRITE_TYPE],
                    sprite_of[blob],
                    table[place, kernel.VX],
                    table[place, kernel.VY],
                )
            )
    data = np.array(rows, dtype=np.float64).reshape(-1, 12)
    integers = data[:, :10].astype(np.int64)
    box, area, sprite = integers[:, 4:8], integers[:, 8], integers[:, 9]
    unknown = np.zeros(len(data), dtype=bool)
    frame_of, track, place_of, colour = integers[:, :4].T
    vx, vy = data[:, 10], data[:, 11]
    none = SpriteCollector().sprites()
    return Trajectories(frame_of, track, place_of, colour, box, area, vx, vy, unknown, sprite, none)


@numba.njit(cache=True, nogil=True)
def _picture_moved(
    screens: np.ndarray, frame: np.ndarray, box: np.ndarray, previous: np.ndarray
) -> np.ndarray:
    """Which detections show the picture of the previous box at another place, bool (n,).

    The previous picture, shifted so that one of its corners lies on the new box's, must match
    the screen in more pixels than unshifted. That is not so for a digit that changes or a line
    that comes out from behind something.
    """
    result = np.zeros(len(frame), np.bool_)
    for row in range(len(frame)):
        if previous[row] < 0:
            continue
        old, new = box[previous[row]], box[row]
        was, now = screens[frame[row] - 1], screens[frame[row]]
        for corner in range(2):
            dx, dy = new[2 * corner] - old[2 * corner], new[2 * corner + 1] - old[2 * corner + 1]
            if dx == 0 and dy == 0:
                continue
            if _matching_pixels(was, now, old, dx, dy) > _matching_pixels(was, now, old, 0, 0):
                result[row] = True
    return result


@numba.njit(cache=True, nogil=True)
def _matching_pixels(was: np.ndarray, now: np.ndarray, box: np.ndarray, dx: int, dy: int) -> int:
    """The number of pixels of the box's picture that match the screen (dx, dy) from there."""
    height, width = was.shape
    same = 0
    for y in range(max(box[1], -dy), min(box[3] + 1, height - dy)):
        for x in range(max(box[0], -dx), min(box[2] + 1, width - dx)):
            same += was[y, x] == now[y + dy, x + dx]
    return same

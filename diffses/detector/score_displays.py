"""Score displays: scanlines that the detector does not search."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from diffses.detector import kernel
from diffses.detector.object_types import ObjectType, TrackStats, moving_tracks
from diffses.detector.offline_tracks import Trajectories

MIN_VISITED_SHARE = 0.1  # visits of objects that are elsewhere, too, for each frame: no display
MIN_LINE_MOTION = 0.1  # of the detections on a scanline move, unless it is part of a display


def find_displays(
    tracks: Trajectories, stats: TrackStats, kinds: Sequence[ObjectType], shape: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """The search mask, bool (h, w), and the colours, bool (MAX_COLOURS,), that are searched
    everywhere.

    Scanlines in which most object-coloured blobs change in place are treated as score displays
    and masked, together with everything between them and the border of the screen if nothing
    moves there either. Colours that mostly move there are searched nevertheless (Space Invaders'
    saucer). Scanlines with things that vanish at contact, or that objects often visit
    which are on other scanlines, too, are no displays.
    """
    height, width = shape[0], shape[1]
    moving = moving_tracks(stats)[tracks.track]
    alike = np.any([kind.colours[tracks.colour] for kind in kinds], axis=0)
    moves = _by_line(tracks.box[moving & tracks.moved], height)
    detections, still = (
        _by_line(tracks.box[alike], height),
        _by_line(tracks.box[~moving & alike], height),
    )
    has_motion = moves > MIN_LINE_MOTION * detections
    display = (still > 0.5 * detections) & ~has_motion
    paths = np.flatnonzero(has_motion)
    top, bottom = (paths[0], paths[-1]) if len(paths) else (height, -1)
    ids = [kind.sprites for kind in kinds if kind.vanishes]
    things = np.isin(tracks.sprites.ids[:, 0], np.concatenate([*ids, np.zeros(0, np.int64)]))
    display &= _by_line(tracks.box[things[tracks.sprite]], height) == 0
    frames = int(tracks.frame.max(initial=0)) + 1
    elsewhere = ~(display[tracks.box[:, 1]] & display[tracks.box[:, 3]])
    goes = np.bincount(tracks.track, elsewhere) > 0  # tracks that are on other scanlines, too
    visits = _by_line(tracks.box[moving & goes[tracks.track]], height)
    display &= visits < MIN_VISITED_SHARE * frames
    above, below = np.flatnonzero(display[:top]), np.flatnonzero(display[bottom + 1 :])
    if len(above):
        display[: above[-1] + 1] = True
    if len(below):
        display[bottom + 1 + below[0] :] = True
    there = display[tracks.box[:, 1]] & display[tracks.box[:, 3]] & alike
    passes = np.bincount(tracks.colour[there & moving], minlength=kernel.MAX_COLOURS)
    rests = np.bincount(tracks.colour[there & ~moving], minlength=kernel.MAX_COLOURS)
    return np.repeat(~display[:, None], width, axis=1), passes > rests


def _by_line(boxes: np.ndarray, height: int) -> np.ndarray:
    """The number of boxes that cover each scanline, int64 (height,)."""
    change = np.zeros(height + 1, np.int64)
    np.add.at(change, boxes[:, 1], 1)
    np.add.at(change, boxes[:, 3] + 1, -1)
    return np.cumsum(change)[:height]

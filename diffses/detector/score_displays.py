"""Score displays: where nothing is looked for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from diffses.detector import kernel
from diffses.detector.object_types import Kind, Lives, movers
from diffses.detector.offline_tracks import Tracks

LINE_MOVES = 0.1  # share of the sights on a line in which something moves, unless it is a display


def find_displays(
    tracks: Tracks, life: Lives, kinds: Sequence[Kind], shape: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Where objects are looked for, bool (h, w): not in score displays; and those colours, by
    number, bool (MAX_COLOURS,), that are looked for there, too.

    The console draws line by line, so a display has lines of its own: those where most of what is
    seen, and could be taken for an object by its colour, appears and changes in place. They are
    left out, with all between them and the edge of the screen if nothing moves there either. But a
    colour of which most that is seen there moves is none of a display's: Space Invaders' saucer
    passes where the score is written.
    """
    height, width = shape[0], shape[1]
    mover = movers(life)[tracks.track]
    alike = np.any([kind.colours[tracks.colour] for kind in kinds], axis=0)
    moves = _by_line(tracks.box[mover & tracks.moved], height)
    sights, still = (
        _by_line(tracks.box[alike], height),
        _by_line(tracks.box[~mover & alike], height),
    )
    travelled = moves > LINE_MOVES * sights
    display = (still > 0.5 * sights) & ~travelled
    paths = np.flatnonzero(travelled)
    top, bottom = (paths[0], paths[-1]) if len(paths) else (height, -1)
    above, below = np.flatnonzero(display[:top]), np.flatnonzero(display[bottom + 1 :])
    if len(above):
        display[: above[-1] + 1] = True
    if len(below):
        display[bottom + 1 + below[0] :] = True
    there = display[tracks.box[:, 1]] & display[tracks.box[:, 3]] & alike
    passes = np.bincount(tracks.colour[there & mover], minlength=kernel.MAX_COLOURS)
    rests = np.bincount(tracks.colour[there & ~mover], minlength=kernel.MAX_COLOURS)
    return np.repeat(~display[:, None], width, axis=1), passes > rests


def _by_line(boxes: np.ndarray, height: int) -> np.ndarray:
    """How many boxes cover each line of the screen, int64 (height,)."""
    change = np.zeros(height + 1, np.int64)
    np.add.at(change, boxes[:, 1], 1)
    np.add.at(change, boxes[:, 3] + 1, -1)
    return np.cumsum(change)[:height]

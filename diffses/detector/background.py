"""The static background of a recording: for each pixel, its commonest colour."""

from __future__ import annotations

import numba
import numpy as np

MIN_BACKGROUND_SHARE = 0.03  # of the frames; a pixel's background colour is at least as frequent
MIN_RETURNS = 2  # times a pixel must leave its commonest colour, and return to it


def mode_background(screens: np.ndarray) -> np.ndarray:
    """The commonest colour of each pixel, uint8 (n, h, w) -> uint8 (h, w); the lowest index of
    equals."""
    return _mode(np.ascontiguousarray(screens))


@numba.njit(cache=True, nogil=True)
def _mode(screens: np.ndarray) -> np.ndarray:
    frames, height, width = screens.shape
    result = np.zeros((height, width), np.uint8)
    counts = np.zeros((width, 256), np.int32)
    for y in range(height):
        counts[:] = 0
        for frame in range(frames):
            for x in range(width):
                counts[x, screens[frame, y, x]] += 1
        for x in range(width):
            result[y, x] = np.argmax(counts[x])
    return result


@numba.njit(cache=True, nogil=True)
def background_at_rest(
    screens: np.ndarray, starts: np.ndarray, background: np.ndarray, objects: np.ndarray
) -> np.ndarray:
    """Corrects the background where an object rests for most of the time, uint8 (h, w).

    A pixel whose commonest colour is an object colour, and which has left that colour and
    returned to it at least MIN_RETURNS times, shows an object at rest: its background is the
    commonest of its other colours. A pixel that changes for good (a brick that is hit) keeps its
    colour.

    Args:
        screens: uint8 (n, h, w). starts: bool (n,), where an episode begins.
        background: uint8 (h, w), the commonest colours.
        objects: bool (256,), the palette indices of moving objects.
    """
    height, width = background.shape
    result = background.copy()
    for y in range(height):
        for x in range(width):
            if objects[background[y, x]]:
                other = _second_colour(screens[:, y, x], starts, background[y, x], objects)
                if other >= 0:
                    result[y, x] = other
    return result


@numba.njit(cache=True, nogil=True)
def _second_colour(
    pixel: np.ndarray, starts: np.ndarray, commonest: int, objects: np.ndarray
) -> int:
    """The background colour of one pixel, (n,), whose commonest colour is an object's; -1:
    unknown."""
    counts = np.zeros(256, np.int64)
    came = went = 0
    for frame in range(len(pixel)):
        counts[pixel[frame]] += 1
        if frame > 0 and not starts[frame]:
            came += pixel[frame] == commonest and pixel[frame - 1] != commonest
            went += pixel[frame] != commonest and pixel[frame - 1] == commonest
    if came < MIN_RETURNS or went < MIN_RETURNS:
        return -1
    best = -1
    for colour in range(256):
        often = not objects[colour] and counts[colour] >= MIN_BACKGROUND_SHARE * len(pixel)
        if often and (best < 0 or counts[colour] > counts[best]):
            best = colour
    return best

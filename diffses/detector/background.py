"""What a screen shows where there is no object."""

from __future__ import annotations

import numba
import numpy as np

RARE = 0.03  # a colour that a pixel has in fewer frames than this share is never its background
RETURNS = 2  # how often a pixel must have gone back and forth for its two colours to be compared


def most_frequent(screens: np.ndarray) -> np.ndarray:
    """The colour each pixel has most often, uint8 (n, h, w) -> uint8 (h, w); ties to the lowest."""
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
def behind(
    screens: np.ndarray, starts: np.ndarray, background: np.ndarray, objects: np.ndarray
) -> np.ndarray:
    """The background where objects rest for most of the time, uint8 (h, w).

    A pixel whose most frequent colour is one that moving objects have, and which has again and
    again been another colour in between, shows an object at rest: its background is the most
    frequent of its other colours. A pixel that changes once, as where a brick was, keeps it.

    Args:
        screens: uint8 (n, h, w). starts: bool (n,), where an episode begins.
        background: uint8 (h, w), the most frequent colours.
        objects: bool (256,), the colours of things that move.
    """
    height, width = background.shape
    result = background.copy()
    for y in range(height):
        for x in range(width):
            if objects[background[y, x]]:
                other = _other(screens[:, y, x], starts, background[y, x], objects)
                if other >= 0:
                    result[y, x] = other
    return result


@numba.njit(cache=True, nogil=True)
def _other(pixel: np.ndarray, starts: np.ndarray, usual: int, objects: np.ndarray) -> int:
    """The background of one pixel, (n,), that is mostly `usual`; -1 where it is not known."""
    counts = np.zeros(256, np.int64)
    came = went = 0
    for frame in range(len(pixel)):
        counts[pixel[frame]] += 1
        if frame > 0 and not starts[frame]:
            came += pixel[frame] == usual and pixel[frame - 1] != usual
            went += pixel[frame] != usual and pixel[frame - 1] == usual
    if came < RETURNS or went < RETURNS:
        return -1
    best = -1
    for colour in range(256):
        often = not objects[colour] and counts[colour] >= RARE * len(pixel)
        if often and (best < 0 or counts[colour] > counts[best]):
            best = colour
    return best

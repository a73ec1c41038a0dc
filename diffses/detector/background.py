"""The static background of a recording: what each pixel shows when no object is there."""

from __future__ import annotations

import numba
import numpy as np
from scipy import ndimage

MIN_SHARE = 0.01  # of the frames in which a pixel must show a colour that may be its background
MAX_CHANGED_SHARE = 0.5  # of a frame's pixels differ from the commonest: a flash, or another scene
MIN_KEPT_SHARE = 0.3  # of the frames are no flashes; else all of them count
REGION_RATIO = 2.0  # a region this many times larger than the commonest colour's is behind it


def mode_background(screens: np.ndarray) -> np.ndarray:
    """The commonest colour of each pixel, uint8 (n, h, w) -> uint8 (h, w); the lowest index of
    equals."""
    return np.asarray(_shares(np.ascontiguousarray(screens)).argmax(axis=2), np.uint8)


def learn_background(screens: np.ndarray) -> np.ndarray:
    """The background, uint8 (h, w), also where an object rests for most of the time.

    A pixel's commonest colour may be that of an object at rest, or of a thing that is still there
    in most frames (a pill, a brick). What is behind it is larger than the object: of the colours
    that a pixel shows in MIN_SHARE of the frames, the background is the one whose connected region
    is the largest. The region of a colour is made of all pixels that show it in MIN_SHARE of the
    frames; its size is the number of those in which it is the commonest, so that the way of an
    object is no region. The commonest colour stays unless the region is REGION_RATIO times its own.

    Args:
        screens: uint8 (n, h, w).
    """
    screens = np.ascontiguousarray(screens)
    shares = _shares(screens)
    commonest = np.asarray(shares.argmax(axis=2), np.uint8)
    calm = (screens != commonest).mean(axis=(1, 2)) <= MAX_CHANGED_SHARE
    if MIN_KEPT_SHARE <= calm.mean() < 1:
        shares = _shares(screens[calm])
        commonest = np.asarray(shares.argmax(axis=2), np.uint8)
    shown = shares >= MIN_SHARE * shares[0, 0].sum()
    regions = np.zeros(shown.shape[:2], np.int64)  # of the best colour so far
    own = np.zeros_like(regions)  # of the commonest colour
    best = commonest.copy()
    for colour in np.flatnonzero(shown.any(axis=(0, 1))):
        label, _ = ndimage.label(shown[:, :, colour], structure=np.ones((3, 3)))
        usual = commonest == colour
        sizes = np.bincount(label[usual], minlength=int(label.max()) + 1)
        sizes[0] = 0
        here = sizes[label]
        larger = here > regions
        best[larger], regions[larger] = colour, here[larger]
        own[usual] = here[usual]
    return np.where(regions >= REGION_RATIO * own, best, commonest)


@numba.njit(cache=True, nogil=True)
def _shares(screens: np.ndarray) -> np.ndarray:
    """In how many frames each pixel shows each colour, int32 (h, w, 256)."""
    frames, height, width = screens.shape
    counts = np.zeros((height, width, 256), np.int32)
    for y in range(height):
        for frame in range(frames):
            for x in range(width):
                counts[y, x, screens[frame, y, x]] += 1
    return counts

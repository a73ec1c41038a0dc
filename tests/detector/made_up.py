"""Made-up games, and what the tests of the detector share."""

from pathlib import Path

import numpy as np

from diffses.config import Label

PONG = Path(__file__).parent.parent / "data" / "pong_screens.npz"  # made by make_pong_screens.py
LABELS = {"player": Label.controllable, "ball": Label.smallest, "enemy": Label.largest}
FLOOR = 0  # palette index of the background
RED, BLUE, WHITE = 68, 132, 14  # palette indices


def picture_of(*boxes):
    """An empty screen with filled boxes (colour, left, top, width, height) on it."""
    picture = np.full((210, 160), FLOOR, np.uint8)
    for colour, left, top, width, height in boxes:
        picture[max(top, 0) : top + height, max(left, 0) : left + width] = colour
    return picture


def bouncing(steps, low, high, start, step):
    """Positions that go to and fro between two ends, (steps,)."""
    way = high - low
    at = (start - low + step * np.arange(steps)) % (2 * way)
    return low + np.where(at > way, 2 * way - at, at)

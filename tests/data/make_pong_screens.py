"""Makes pong_screens.npz: 400 screens of exploring Pong with true boxes, for the detector's tests.

The boxes come from what is known of Pong's picture: between rows 34 and 194 the player's paddle is
palette index 200, the enemy's 56 and the ball 14. Run: python tests/data/make_pong_screens.py
"""

from pathlib import Path

import numpy as np

from diffses.config import MotionDetector
from diffses.detector.frames import record
from diffses.detector.palette import rgb
from diffses.envs.protocol import Protocol

COLOURS = {"Player": 200, "Ball": 14, "Enemy": 56}
STEPS = 400

if __name__ == "__main__":
    rules = Protocol("v5", "pong", 4, 0.25, 30, True, 108_000)
    screens, starts, actions = record(rules, MotionDetector(seed=77, steps=STEPS), None)
    boxes = []
    for frame, screen in enumerate(screens):
        for category, colour in enumerate(COLOURS.values()):
            y, x = np.nonzero(screen[34:194] == colour)
            if len(x):
                box = (x.min(), y.min() + 34, np.ptp(x) + 1, np.ptp(y) + 1)
                boxes.append((frame, category, *(int(v) for v in box)))
    kinds = [
        ("frame", "i4"),
        ("category", "i2"),
        ("x", "i2"),
        ("y", "i2"),
        ("w", "i2"),
        ("h", "i2"),
    ]
    np.savez_compressed(
        Path(__file__).with_name("pong_screens.npz"),
        frames=rgb(screens),
        actions=actions,
        episode_start=starts,
        boxes=np.array(boxes, kinds),
        categories=np.array(list(COLOURS)),
    )

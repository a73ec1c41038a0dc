"""Made pong_screens.npz: python tests/data/make_pong_screens.py (from the project's folder).

180 steps of exploratory Pong, and the true boxes: the extents of the three known colours between
the walls. The colours are facts about the game, so they are known here and not to the detector.
"""

from pathlib import Path

import numpy as np

from diffses.config import ArcadeEnv, MotionDetector
from diffses.detector.palette import to_rgb
from diffses.detector.recording import recording_for
from diffses.envs.ale import v5

WALLS = slice(34, 194)  # lines of the playing field
COLOURS = {"Player": (92, 186, 92), "Ball": (236, 236, 236), "Enemy": (213, 130, 74)}


def main() -> None:
    env, settings = ArcadeEnv(game="pong"), MotionDetector(steps=180, seed=5)
    play = recording_for(v5(env), settings)
    screens, starts, action_tm1 = play.screens, play.starts, play.action_tm1
    frames = to_rgb(screens)
    rows = []
    for frame, picture in enumerate(frames[:, WALLS]):
        for category, colour in enumerate(COLOURS.values()):
            ys, xs = np.nonzero((picture == colour).all(axis=2))
            if len(xs):
                x, y = xs.min(), ys.min() + WALLS.start
                size = (np.ptp(xs) + 1, np.ptp(ys) + 1)
                rows.append((frame, category, x, y, *size))
    fields = [(name, "<i2") for name in ("frame", "category", "x", "y", "w", "h")]
    np.savez_compressed(
        Path(__file__).with_name("pong_screens.npz"),
        frames=frames,
        actions=action_tm1,
        episode_start=starts,
        boxes=np.array(rows, dtype=fields),
        categories=np.array(list(COLOURS)),
    )


if __name__ == "__main__":
    main()

"""The detector alone, on a recorded game."""

from __future__ import annotations

import importlib.util
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.fitness import rate
from benchmarks.play import QUICK_STEPS, STEPS, learned_detector
from benchmarks.rows import Effort, Row, compared, in_turn
from diffses.config import ArcadeEnv, MotionDetector
from diffses.detector.loading import open_detector
from diffses.detector.palette import to_rgb
from diffses.detector.recording import recording_for
from diffses.envs.ale import v5

FRAMES = 500
SEED = 1  # of the recording; the detector learned from seed 0


def detect(effort: Effort) -> list[Row]:
    """Frames a second of the motion detector on Pong, against OCAtari's vision mode."""
    protocol = v5(ArcadeEnv(game="pong"))
    screens = recording_for(protocol, MotionDetector(steps=FRAMES, seed=SEED)).screens
    with tempfile.TemporaryDirectory() as folder:
        where = learned_detector("pong", Path(folder), QUICK_STEPS if effort.quick else STEPS)
        detector = open_detector(where)

    def ours() -> float:
        detector.reset()
        return FRAMES * rate(
            lambda: [detector.observe(screen) for screen in screens], effort.seconds / 2
        )

    name, unit = "detect", "frames/s"
    if importlib.util.find_spec("ocatari") is None:
        rates = [ours() for _ in range(effort.turns)]
        note = "OCAtari is not installed: pip install --no-deps ocatari termcolor"
        return [
            Row(name, None, None, True, statistics.median(rates), None, unit, len(rates), note=note)
        ]
    look = ocatari()
    frames = to_rgb(screens)

    def theirs() -> float:
        return FRAMES * rate(lambda: [look(frame) for frame in frames], effort.seconds / 2)

    return [compared(name, in_turn(ours, theirs, effort.turns), bar=None, unit=unit)]


def ocatari() -> Callable[[np.ndarray], object]:
    """OCAtari's vision mode for Pong: takes a frame, uint8 (210, 160, 3)."""
    from ocatari.core import detect_objects_vision, init_objects

    objects = init_objects("Pong", False, vision=True)
    return lambda frame: detect_objects_vision(objects, frame, "Pong", False)

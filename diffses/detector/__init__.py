"""The detector: the objects on a screen as named features, learned without labels."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

from diffses.config import EnvConfig, MotionDetector
from diffses.detector.motion import OBJECT, Detector
from diffses.store import Draft

__all__ = ["OBJECT", "Detector", "learn_detector"]

log = logging.getLogger("diffses")

DRAWN = 500  # screens the sample picture is chosen from


def learn_detector(
    env: EnvConfig, detector: MotionDetector, *, inputs: Mapping[str, Path], draft: Draft
) -> None:
    """Writes `detector.json`, `detector.npz` and `sample.png`.

    Args:
        inputs: the teacher's folder where `detector.frames=teacher`, else nothing.
    """
    from diffses.detector.frames import record
    from diffses.detector.learning import learn
    from diffses.detector.picture import draw_sample
    from diffses.envs.protocol import v5

    screens, starts, actions = record(v5(env), detector, inputs.get("teacher"))
    found = learn(screens, starts, actions, detector, env.labels)
    found.save(draft.out)
    draw_sample(found, screens[-DRAWN:], starts[-DRAWN:], draft.out / "sample.png")
    names = ", ".join(kind.name for kind in found.types)
    log.info("found %s; %d features", names, len(found.features))

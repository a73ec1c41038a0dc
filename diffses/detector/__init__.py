"""The detector: finds the objects in the frames, without labels."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from diffses.config import DetectorConfig, EnvConfig
from diffses.detector.motion import Detector
from diffses.store import Draft

__all__ = ["Detector", "learn_detector"]


def learn_detector(
    env: EnvConfig, detector: DetectorConfig, *, inputs: Mapping[str, Path], draft: Draft
) -> None:
    """Writes `detector.json`, `background.npz` and `sample.png`."""
    from diffses.detector.frames import record
    from diffses.detector.learning import learn
    from diffses.detector.picture import draw
    from diffses.envs.protocol import v5

    screens, starts, actions = record(v5(env), detector, inputs.get("teacher"))
    learned = learn(screens, starts, actions, detector, env.labels)
    learned.save(draft.out)
    draw(learned, screens, draft.out / "sample.png")

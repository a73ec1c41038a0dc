"""The detector: the objects on a screen as named features, learned without labels."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import numpy as np

from diffses.config import (
    ArcadeEnv,
    DetectorConfig,
    EnvConfig,
    GymnasiumEnv,
    IdentityDetector,
    MotionDetector,
)
from diffses.detector.identity import Identity, name_observation
from diffses.detector.memory import OBJECT
from diffses.detector.motion import Detector
from diffses.errors import ArtifactError, ConfigError
from diffses.store import Draft

__all__ = ["OBJECT", "AnyDetector", "Detector", "learn_detector", "open_detector"]

log = logging.getLogger("diffses")


class AnyDetector(Protocol):
    """Sees one episode at a time, step after step."""

    features: tuple[str, ...]
    units: dict[str, str]  # of each feature

    def reset(self) -> None:
        """An episode begins."""

    def observe(self, screen: np.ndarray) -> np.ndarray:
        """The features of this step, float64 (f,), of what `Console.screen` shows; the next call
        may overwrite them."""

    @property
    def objects(self) -> np.ndarray:
        """The objects in sight, OBJECT (n,)."""

    def save(self, folder: Path) -> None:
        """Writes `detector.json`, which says its `kind`, and what else `open_detector` needs."""


def open_detector(folder: Path) -> AnyDetector:
    """Reads the detector of an artifact.

    Raises:
        ArtifactError: where it is not there or not readable.
    """
    try:
        about = json.loads((folder / "detector.json").read_text())
        if about["kind"] == "identity":
            return Identity(about["features"])
    except (OSError, ValueError, KeyError) as error:
        raise ArtifactError(
            f"{folder} holds no detector that can be read: {error}",
            fix="the folder of a detector artifact, or stage=detector force=[detector]",
        ) from error
    return Detector.load(folder)


def learn_detector(
    env: EnvConfig, detector: DetectorConfig, *, inputs: Mapping[str, Path], draft: Draft
) -> None:
    """Writes `detector.json` and what its kind needs, e.g. `detector.npz` and `sample.png`.

    Args:
        inputs: the teacher's folder where `detector.frames=teacher`, else nothing.

    Raises:
        ConfigError: where the detector does not suit the environment.
    """
    if isinstance(env, GymnasiumEnv) and isinstance(detector, IdentityDetector):
        name_observation(env).save(draft.out)
    elif isinstance(env, ArcadeEnv) and isinstance(detector, MotionDetector):
        _learn_motion(env, detector, inputs.get("teacher"), draft.out)
    else:
        raise ConfigError(
            f"{type(detector).__name__} does not suit {type(env).__name__}",
            fix="detector=motion for games of frames, detector=identity for vector observations",
        )


def _learn_motion(
    env: ArcadeEnv, detector: MotionDetector, teacher: Path | None, folder: Path
) -> None:
    from diffses.detector.frames import recording_for
    from diffses.detector.learning import learn
    from diffses.detector.picture import draw_sample
    from diffses.envs.protocol import v5

    play = recording_for(v5(env), detector, teacher)
    found = learn(play.screens, play.starts, play.actions, detector, env.labels)
    found.save(folder)
    draw_sample(found, play, folder / "sample.png")
    names = ", ".join(kind.name for kind in found.types)
    log.info("found %s; %d features", names, len(found.features))

"""The detector: the objects on a screen as named features, learned without labels."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from diffses.config import (
    ArcadeEnv,
    DetectorConfig,
    EnvConfig,
    GymnasiumEnv,
    IdentityDetector,
    LearnedDetector,
    MotionDetector,
    OracleDetector,
    SpaceDetector,
)
from diffses.detector.identity import Identity, name_observation
from diffses.detector.memory import OBJECT
from diffses.detector.motion import Detector
from diffses.errors import ArtifactError, ConfigError
from diffses.store import Draft

if TYPE_CHECKING:
    from diffses.detector.oracle import Oracle
    from diffses.detector.space.finder import SpaceFinder

__all__ = ["OBJECT", "AnyDetector", "Detector", "learn_detector", "look", "open_detector"]

log = logging.getLogger("diffses")


class AnyDetector(Protocol):
    """Sees one episode at a time, step after step."""

    sees_ram: bool  # an oracle: `observe` is given `Arcade.ram`, not `Console.screen`
    looks_back: bool  # things flicker: `observe` is given `Arcade.before`, too
    features: tuple[str, ...]
    units: dict[str, str]  # of each feature

    def reset(self) -> None:
        """An episode begins."""

    def acted(self, action: Any) -> None:
        """Before a step is looked at: the `Move` that led to it; None where none did."""

    def observe(self, screen: np.ndarray, before: np.ndarray | None = None) -> np.ndarray:
        """The features of this step, float64 (f,), of what `Console.screen` shows; the next call
        may overwrite them."""

    @property
    def objects(self) -> np.ndarray:
        """The objects in sight, OBJECT (n,)."""

    def save(self, folder: Path) -> None:
        """Writes `detector.json`, which says its `kind`, and what else `open_detector` needs."""


def look(detector: AnyDetector, console: Any) -> np.ndarray:
    """What a detector makes of a console's present step, float64 (f,)."""
    detector.acted(console.last)
    if detector.looks_back:
        return detector.observe(console.screen(), console.before())
    return detector.observe(console.ram() if detector.sees_ram else console.screen())


def open_detector(folder: Path) -> Detector | SpaceFinder | Oracle | Identity:
    """Reads the detector of an artifact.

    Raises:
        ArtifactError: where it is not there or not readable.
    """
    try:
        about = json.loads((folder / "detector.json").read_text())
        if about["kind"] == "identity":
            return Identity(about["features"])
        if about["kind"] == "space":
            from diffses.detector.space.finder import SpaceFinder  # loads torch

            return SpaceFinder.load(folder)
        if about["kind"] == "oracle":
            from diffses.detector.oracle import Oracle

            return Oracle.load(folder)
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
    elif isinstance(env, ArcadeEnv) and isinstance(detector, LearnedDetector):
        _learn(env, detector, inputs.get("teacher"), draft)
    else:
        raise ConfigError(
            f"{type(detector).__name__} does not suit {type(env).__name__}",
            fix="detector=motion or space for games of frames, identity for vector observations",
        )


def _learn(env: ArcadeEnv, detector: LearnedDetector, teacher: Path | None, draft: Draft) -> None:
    from diffses.detector.casting import with_button
    from diffses.detector.frames import recording_for
    from diffses.detector.learning import learn
    from diffses.detector.picture import draw_sample
    from diffses.envs.arcade import Arcade
    from diffses.envs.protocol import v5

    if isinstance(detector, OracleDetector):
        from diffses.detector.oracle import Reader, make_oracle

        Reader(env.game)  # an error at once, where it cannot be had
    play = recording_for(v5(env), detector, teacher)
    found: Detector | SpaceFinder | Oracle
    if isinstance(detector, MotionDetector):
        found = learn(play.screens, play.starts, play.actions, detector, env.labels, play.before)
    elif isinstance(detector, SpaceDetector):
        from diffses.detector.space.finder import learn_space  # loads torch

        found = learn_space(play, detector, env.labels, draft.scratch)
        for kept in ("curve.csv", "reconstruction_*.png"):
            for path in sorted(draft.scratch.glob(kept)):
                shutil.copyfile(path, draft.out / path.name)
    elif isinstance(detector, OracleDetector):
        found = make_oracle(env.game, play, detector)
        log.warning("detector=oracle reads objects from memory: its results are an upper bound")
    else:
        raise TypeError(f"no way to learn a {type(detector).__name__}")
    names = Arcade(v5(env)).action_names
    found = found.with_cast(with_button(found.memory.cast, names))
    found.save(draft.out)
    draw_sample(found, play, draft.out / "sample.png")
    types = ", ".join(kind.name for kind in found.memory.cast.types)
    log.info("found %s; %d features", types, len(found.features))

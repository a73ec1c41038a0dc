"""The `detector` stage: learns to detect the objects of a game."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

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
from diffses.detector.figures import draw_sample
from diffses.detector.identity import name_observation
from diffses.detector.learn import learn_from_recording
from diffses.detector.motion import MotionObjectDetector
from diffses.detector.object_schema import with_button
from diffses.detector.oracle import OracleObjectDetector, RamReader, learn_oracle
from diffses.detector.recording import recording_for
from diffses.envs.ale import AtariEnv, v5
from diffses.errors import ConfigError
from diffses.store import Workspace

if TYPE_CHECKING:
    from diffses.detector.space.detector import SpaceObjectDetector
    from diffses.envs.rollout import AgentSpec


log = logging.getLogger("diffses")


def learn_detector(
    env: EnvConfig, detector: DetectorConfig, *, inputs: Mapping[str, Path], workspace: Workspace
) -> None:
    """Writes `detector.json`, `sample.png` and the other files of the detector.

    Args:
        inputs: the teacher's folder where `detector.frames=teacher`, else nothing.

    Raises:
        ConfigError: where the detector does not suit the environment.
    """
    if isinstance(env, GymnasiumEnv) and isinstance(detector, IdentityDetector):
        name_observation(env).save(workspace.out)
    elif isinstance(env, ArcadeEnv) and isinstance(detector, LearnedDetector):
        _learn(env, detector, inputs.get("teacher"), workspace)
    else:
        raise ConfigError(
            f"{type(detector).__name__} does not suit {type(env).__name__}",
            fix="detector=motion or space for games of frames, identity for vector observations",
        )


def _learn(
    env: ArcadeEnv, detector: LearnedDetector, teacher: Path | None, workspace: Workspace
) -> None:
    if isinstance(detector, OracleDetector):
        RamReader(env.game)  # an error at once, where it cannot be had
    play = recording_for(v5(env), detector, _player(teacher))
    found: MotionObjectDetector | SpaceObjectDetector | OracleObjectDetector
    if isinstance(detector, MotionDetector):
        found = learn_from_recording(play, detector, env.labels)
    elif isinstance(detector, SpaceDetector):
        from diffses.detector.space.detector import learn_space  # loads torch

        found = learn_space(play, detector, env.labels, workspace.scratch)
        for kept in ("curve.csv", "reconstruction_*.png"):
            for path in sorted(workspace.scratch.glob(kept)):
                shutil.copyfile(path, workspace.out / path.name)
    elif isinstance(detector, OracleDetector):
        found = learn_oracle(env.game, play, detector)
        log.warning("detector=oracle reads objects from memory: its results are an upper bound")
    else:
        raise TypeError(f"no way to learn a {type(detector).__name__}")
    names = AtariEnv(v5(env)).action_names
    found = found.with_schema(with_button(found.tracker.schema, names))
    found.save(workspace.out)
    draw_sample(found, play, workspace.out / "sample.png")
    types = ", ".join(kind.name for kind in found.tracker.schema.types)
    log.info("found %s; %d features", types, len(found.features))


def _player(teacher: Path | None) -> AgentSpec | None:
    """The policy whose play is recorded: the teacher of an artifact; None for random actions."""
    if teacher is None:
        return None
    from diffses.teacher.agent import TeacherSpec  # loads torch

    return TeacherSpec(str(teacher))

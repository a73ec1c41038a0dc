"""The `detector` stage: learns to find the objects of a game."""

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
from diffses.detector.identity import name_observation
from diffses.detector.motion import MotionObjectDetector
from diffses.errors import ConfigError
from diffses.store import Draft

if TYPE_CHECKING:
    from diffses.detector.oracle import OracleObjectDetector
    from diffses.detector.space.detector import SpaceObjectDetector


log = logging.getLogger("diffses")


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
    from diffses.detector.figures import draw_sample
    from diffses.detector.learn import learn_motion_detector
    from diffses.detector.object_schema import with_button
    from diffses.detector.recording import recording_for
    from diffses.envs.ale import Arcade, v5

    if isinstance(detector, OracleDetector):
        from diffses.detector.oracle import RamReader, learn_oracle

        RamReader(env.game)  # an error at once, where it cannot be had
    spec = None
    if teacher is not None:
        from diffses.teacher.agent import TeacherSpec  # loads torch

        spec = TeacherSpec(str(teacher))
    play = recording_for(v5(env), detector, spec)
    found: MotionObjectDetector | SpaceObjectDetector | OracleObjectDetector
    if isinstance(detector, MotionDetector):
        found = learn_motion_detector(
            play.screens, play.starts, play.action_tm1, detector, env.labels, play.before
        )
    elif isinstance(detector, SpaceDetector):
        from diffses.detector.space.detector import learn_space  # loads torch

        found = learn_space(play, detector, env.labels, draft.scratch)
        for kept in ("curve.csv", "reconstruction_*.png"):
            for path in sorted(draft.scratch.glob(kept)):
                shutil.copyfile(path, draft.out / path.name)
    elif isinstance(detector, OracleDetector):
        found = learn_oracle(env.game, play, detector)
        log.warning("detector=oracle reads objects from memory: its results are an upper bound")
    else:
        raise TypeError(f"no way to learn a {type(detector).__name__}")
    names = Arcade(v5(env)).action_names
    found = found.with_schema(with_button(found.tracker.schema, names))
    found.save(draft.out)
    draw_sample(found, play, draft.out / "sample.png")
    types = ", ".join(kind.name for kind in found.tracker.schema.types)
    log.info("found %s; %d features", types, len(found.features))

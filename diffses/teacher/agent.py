"""A teacher at play: an SB3 agent that looks at frames through `PixelView`, or at objects."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from stable_baselines3 import A2C, DQN, PPO
from stable_baselines3.common.base_class import BaseAlgorithm

from diffses.agents.forest_agent import detector_at
from diffses.detector.base import AnyDetector, observe_env
from diffses.envs.ale import Arcade
from diffses.envs.base import Console, Move
from diffses.envs.preprocessing import DEPTH, SIDE, PixelView
from diffses.errors import ArtifactError, ConfigError

NOTHING = np.zeros(0)  # what a teacher of frames is told of the objects
ALGORITHMS: dict[str, type[BaseAlgorithm]] = {"a2c": A2C, "dqn": DQN, "ppo": PPO}


def load(path: Path, algorithm: str) -> BaseAlgorithm:
    """Reads a zip that SB3 saved, on the CPU.

    Schedules are replaced: agents of the RL zoo carry them as pickled functions of other Python
    versions, and a teacher that only plays needs none.

    Raises:
        ConfigError: for an unknown algorithm.
        ArtifactError: where SB3 cannot read the file.
    """
    if algorithm not in ALGORITHMS:
        choices = " | ".join(ALGORITHMS)
        raise ConfigError(
            f"teacher.algorithm={algorithm} is unknown", fix=f"teacher.algorithm={choices}"
        )
    unused = {
        "learning_rate": 0.0,
        "lr_schedule": constant,
        "clip_range": constant,
        "exploration_schedule": constant,
    }
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the schedules, and about old pickles
            return ALGORITHMS[algorithm].load(path, device="cpu", custom_objects=unused)
    except Exception as error:
        raise ArtifactError(
            f"{path} cannot be read as an SB3 {algorithm} agent: {type(error).__name__}: {error}",
            fix="teacher.path=<a .zip that model.save wrote>, with its teacher.algorithm",
        ) from error


def constant(progress: float) -> float:
    """A schedule of zeros."""
    return 0.0


def check(model: BaseAlgorithm, actions: int, game: str) -> None:
    """Raises ConfigError unless `model` plays `game` from 84x84x4 frames."""
    shape = model.observation_space.shape
    count = getattr(model.action_space, "n", None)
    if shape not in ((DEPTH, SIDE, SIDE), (SIDE, SIDE, DEPTH)) or count != actions:
        raise ConfigError(
            f"this teacher sees {shape} and has {count} actions; {game} gives "
            f"{(DEPTH, SIDE, SIDE)} and has {actions}",
            fix="a teacher that was trained on this game from stacked 84x84 frames",
        )


class Agent:
    """The teacher as a function of what the console shows.

    It always infers one state at a time in one thread, so what it answers does not depend on how
    many games run beside it.
    """

    def __init__(self, model: BaseAlgorithm) -> None:
        self._policy: Any = model.policy
        self._channels_last = model.observation_space.shape == (SIDE, SIDE, DEPTH)
        self._policy.set_training_mode(False)

    @classmethod
    def open(cls, folder: Path) -> Agent:
        """The agent of a teacher artifact."""
        about = json.loads((folder / "teacher.json").read_text())
        torch.set_num_threads(1)
        return cls(load(folder / "policy.zip", about["algorithm"]))

    @torch.no_grad()
    def logits(self, stack: np.ndarray) -> np.ndarray:
        """Action scores, (actions,): log-probabilities, or action values for DQN.

        Args:
            stack: uint8 (4, 84, 84), oldest first.
        """
        view = stack.transpose(1, 2, 0) if self._channels_last else stack
        frames = torch.from_numpy(np.ascontiguousarray(view)[None])
        if hasattr(self._policy, "q_net"):
            scores = self._policy.q_net(frames)
        else:
            features = self._policy.extract_features(frames, self._policy.pi_features_extractor)
            scores = self._policy.action_net(self._policy.mlp_extractor.forward_actor(features))
            scores = torch.log_softmax(scores, dim=1)
        return np.asarray(scores[0].double().numpy())


class Teacher(Protocol):
    """Scores the actions of one episode at a time, step after step."""

    sees_motion: bool  # whether it looks at the last two frames of a step (`Arcade.grey`)

    def begin(self) -> None:
        """An episode begins."""

    def scores(self, console: Any, row: np.ndarray) -> np.ndarray:
        """What it thinks of each action now, (actions,), as logits or action values; for Box
        actions the action it would take, (d,).

        Args:
            console: the environment at its present step.
            row: what the detector sees there, float64 (f,).
        """


class PixelTeacher:
    """A teacher that sees stacked 84x84 frames and nothing of the detector's."""

    sees_motion = True

    def __init__(self, logits: Callable[[np.ndarray], np.ndarray]) -> None:
        self._logits = logits
        self._view = PixelView()

    def begin(self) -> None:
        self._view.begin()

    def scores(self, console: Arcade, row: np.ndarray) -> np.ndarray:
        return self._logits(self._view.add(console.grey()))


def sees_objects(folder: Path) -> bool:
    """Whether the teacher of an artifact plays from what the detector sees."""
    return bool(json.loads((folder / "teacher.json").read_text()).get("sees") == "objects")


def open_teacher(folder: Path) -> Teacher:
    """The teacher of an artifact."""
    if sees_objects(folder):
        from diffses.teacher.mlp import Mlp, ObjectTeacher

        return ObjectTeacher(Mlp(load(folder / "policy.zip", "ppo").policy))
    return PixelTeacher(Agent.open(folder).logits)


@dataclass(frozen=True)
class TeacherSpec:
    """The greedy teacher of an artifact."""

    folder: str
    detector: str | None = None  # folder of the detector, where the teacher plays from objects

    @classmethod
    def of(cls, teacher: Path, detector: Path) -> TeacherSpec:
        """The teacher of an artifact, with the detector where it plays from objects."""
        return cls(str(teacher), str(detector) if sees_objects(teacher) else None)

    def build(self, console: Console) -> TeacherPlayer:
        if self.detector is None and sees_objects(Path(self.folder)):
            raise ArtifactError(
                f"the teacher in {self.folder} plays from objects, and no detector is given",
                fix="TeacherSpec.of(teacher, detector)",
            )
        detector = None if self.detector is None else detector_at(self.detector)
        return TeacherPlayer(open_teacher(Path(self.folder)), detector)


class TeacherPlayer:
    """Plays as a teacher prefers; ties go to the lowest action."""

    def __init__(self, teacher: Teacher, detector: AnyDetector | None = None) -> None:
        self._teacher, self._detector = teacher, detector
        self.sees_motion = teacher.sees_motion

    def begin(self, console: Console, seed: int) -> None:
        self._teacher.begin()
        if self._detector is not None:
            self._detector.reset()

    def act(self, console: Console) -> Move:
        row = NOTHING if self._detector is None else observe_env(self._detector, console)
        scores = self._teacher.scores(console, row)
        return choose(scores, console)

    def record(self) -> None:
        return None


def choose(scores: np.ndarray, console: Console) -> Move:
    """A teacher's greedy action: the best-scored one, ties to the lowest, or its Box action."""
    return int(scores.argmax()) if console.bounds is None else scores

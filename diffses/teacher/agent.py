"""Teachers as agents: SB3 policies that act on frames or on the detector's features.

Agents on disk outlive the names of our classes. An SB3 zip stores classes and functions as pickles
that name a module and an attribute; `load` resolves former names through `RENAMED_CLASSES`.
"""

from __future__ import annotations

import base64
import io
import json
import pickle
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from stable_baselines3 import A2C, DQN, PPO
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.save_util import open_path
from stable_baselines3.common.utils import ConstantSchedule

from diffses.agents.forest_agent import detector_at
from diffses.detector.base import AnyDetector, observe_env
from diffses.envs.ale import AtariEnv
from diffses.envs.base import Action, Env
from diffses.envs.preprocessing import DEPTH, SIDE, AtariPreprocessing
from diffses.errors import ArtifactError, ConfigError
from diffses.teacher.mlp import NumpyActor, ObjectTeacher

NO_FEATURES = np.zeros(0)  # the feature row of a teacher that plays from frames
ALGORITHMS: dict[str, type[BaseAlgorithm]] = {"a2c": A2C, "dqn": DQN, "ppo": PPO}

# former name -> present name of classes that saved agents may name; add an entry for every such
# class that is renamed or moved
RENAMED_CLASSES = {
    "diffses.teacher.standardise.Standardise": "diffses.teacher.normalizer.RunningNormalizer",
}
CLASS_FIELDS = ("policy_class", "policy_kwargs")  # fields of a zip's `data` that name our classes
UNUSED_SCHEDULES = ("lr_schedule", "clip_range", "exploration_schedule")  # needed to train alone
# SB3 allocates a buffer of `buffer_size` states (DQN), or of n_steps x n_envs, when it loads an
# agent: 26 GiB for frames and DQN's default. To act, none is needed.
NO_BUFFER = {"buffer_size": 1, "n_steps": 1, "n_envs": 1}

START = "teacher.start_from"  # the setting of an agent to train on, always by PPO


def load(path: Path, algorithm: str, setting: str = "teacher.path") -> BaseAlgorithm:
    """Reads an agent that SB3 saved, on the CPU, to act with it, without buffers to train with.

    Schedules are replaced by constants and not unpickled: agents of the RL zoo carry them as
    functions of other Python versions.

    Args:
        path: of the zip.
        algorithm: a key of `ALGORITHMS`.
        setting: that gives the path, for the error.

    Raises:
        ConfigError: for an unknown algorithm.
        ArtifactError: if SB3 cannot read the file.
    """
    if algorithm not in ALGORITHMS:
        choices = " | ".join(ALGORITHMS)
        raise ConfigError(
            f"teacher.algorithm={algorithm} is unknown", fix=f"teacher.algorithm={choices}"
        )
    schedules = dict.fromkeys(UNUSED_SCHEDULES, ConstantSchedule(0.0))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the schedules, and about old pickles
            unused = {"learning_rate": 0.0, **schedules, **NO_BUFFER}
            return ALGORITHMS[algorithm].load(
                path, device="cpu", custom_objects=unused | saved_classes(path)
            )
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())  # torch's have many lines
        fix = f"{setting}=<a .zip that model.save wrote>"
        if (own := saved_algorithm(path)) not in (None, algorithm):
            fix = f"teacher.algorithm={own}" if setting != START else f"{fix} with PPO"
        raise ArtifactError(
            f"{path} cannot be read as an SB3 {algorithm} agent: {reason:.300}", fix=fix
        ) from error


def saved_algorithm(path: Path) -> str | None:
    """The algorithm of `ALGORITHMS` whose settings an agent's zip has; None where none fits."""
    try:
        data = saved_settings(path)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None
    marks = {"buffer_size": "dqn", "n_epochs": "ppo", "n_steps": "a2c"}  # PPO has n_steps too
    return next((name for mark, name in marks.items() if mark in data), None)


def saved_settings(path: Path) -> dict[str, Any]:
    """The plain settings of an agent's zip, and its pickled ones as base64; none is unpickled."""
    with open_path(path, "r", suffix="zip") as file, zipfile.ZipFile(file) as archive:
        data: dict[str, Any] = json.loads(archive.read("data"))
    return data


def saved_classes(path: Path) -> dict[str, Any]:
    """The `CLASS_FIELDS` of an agent's zip that name classes of this package, as they are now.

    For `custom_objects` of SB3's `load`, which then does not unpickle these fields itself.
    """
    data = saved_settings(path)
    pickles = {
        name: base64.b64decode(data[name][":serialized:"])
        for name in CLASS_FIELDS
        if ":serialized:" in (data.get(name) or ())
    }
    return {
        name: _Unpickler(io.BytesIO(saved)).load()
        for name, saved in pickles.items()
        if b"diffses." in saved
    }


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if renamed := RENAMED_CLASSES.get(f"{module}.{name}"):
            module, _, name = renamed.rpartition(".")
        return super().find_class(module, name)


def check_agent(model: BaseAlgorithm, actions: int, game: str) -> None:
    """Checks that a model fits a game's actions and 84x84x4 frames of 0..255 or of 0..1.

    Raises:
        ConfigError: if it does not.
    """
    space: Any = model.observation_space
    shape = space.shape
    count = getattr(model.action_space, "n", None)
    if shape not in ((DEPTH, SIDE, SIDE), (SIDE, SIDE, DEPTH)) or count != actions:
        raise ConfigError(
            f"this teacher sees {shape} and has {count} actions; {game} gives "
            f"{(DEPTH, SIDE, SIDE)} and has {actions}",
            fix="a teacher that was trained on this game from stacked 84x84 frames",
        )
    low, high = float(space.low.min()), float(space.high.max())
    if (low, high) not in ((0, 255), (0, 1)) or (high == 1 and space.dtype.kind != "f"):
        raise ConfigError(
            f"this teacher was trained on {space.dtype} frames of {low:g} to {high:g}; how to "
            "scale frames to them is not known",
            fix="a teacher that was trained on frames of 0 to 255, or on floats of 0 to 1",
        )


class PixelPolicy:
    """An SB3 policy on stacked frames, as a function from frames to action scores.

    Infers one state at a time in one thread, so that its scores do not depend on how many games
    run at the same time.
    """

    def __init__(self, model: BaseAlgorithm) -> None:
        self._policy: Any = model.policy
        space: Any = model.observation_space
        self._channels_last = space.shape == (SIDE, SIDE, DEPTH)
        self._unit_range = bool(space.high.max() == 1)  # trained on frames scaled to 0..1
        self._policy.set_training_mode(False)

    @classmethod
    def open(cls, folder: Path) -> PixelPolicy:
        """The policy of a teacher artifact."""
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
        if self._unit_range:
            frames = frames.float() / 255
        if hasattr(self._policy, "q_net"):
            scores = self._policy.q_net(frames)
        else:
            features = self._policy.extract_features(frames, self._policy.pi_features_extractor)
            scores = self._policy.action_net(self._policy.mlp_extractor.forward_actor(features))
            scores = torch.log_softmax(scores, dim=1)
        return np.asarray(scores[0].double().numpy())


class Teacher(Protocol):
    """Scores the actions at each step of an episode, one episode at a time."""

    needs_frame_pair: bool  # whether it looks at `AtariEnv.frame_pair`

    def reset(self) -> None:
        """Starts an episode."""

    def clone_state(self) -> Any:
        """What it remembers of the episode; no later call changes it."""

    def restore_state(self, state: Any) -> None:
        """Goes back to a state of `clone_state`."""

    def scores(self, env: Any, row: np.ndarray) -> np.ndarray:
        """Logits or action values, (actions,); for Box actions the mean action, (d,).

        Args:
            env: the environment at its present step.
            row: the detector's features there, float64 (f,).
        """


class PixelTeacher:
    """A teacher that acts on stacked 84x84 frames alone."""

    needs_frame_pair = True

    def __init__(self, logits: Callable[[np.ndarray], np.ndarray]) -> None:
        self._logits = logits
        self._view = AtariPreprocessing()

    def reset(self) -> None:
        self._view.reset()

    def clone_state(self) -> np.ndarray:
        """The stack of frames, uint8 (4, 84, 84)."""
        return self._view.stack.copy()

    def restore_state(self, state: np.ndarray) -> None:
        """Goes back to a state of `clone_state`."""
        self._view.stack[:] = state

    def scores(self, env: AtariEnv, row: np.ndarray) -> np.ndarray:
        return self._logits(self._view.add(env.frame_pair()))


def sees_objects(folder: Path) -> bool:
    """Whether an artifact's teacher acts on the detector's features."""
    return bool(json.loads((folder / "teacher.json").read_text()).get("sees") == "objects")


def open_teacher(folder: Path) -> Teacher:
    """The teacher of an artifact."""
    if sees_objects(folder):
        return ObjectTeacher(NumpyActor(load(folder / "policy.zip", "ppo").policy))
    return PixelTeacher(PixelPolicy.open(folder).logits)


@dataclass(frozen=True)
class TeacherSpec:
    """How to build the greedy player of a teacher artifact, in any process.

    Args:
        folder: of the teacher artifact.
        detector: of the detector artifact, for a teacher that acts on features.
    """

    folder: str
    detector: str | None = None

    @classmethod
    def of(cls, teacher: Path, detector: Path) -> TeacherSpec:
        """The spec of an artifact; its `detector` is set if the teacher acts on features."""
        return cls(str(teacher), str(detector) if sees_objects(teacher) else None)

    def build(self, env: Env) -> TeacherAgent:
        if self.detector is None and sees_objects(Path(self.folder)):
            raise ArtifactError(
                f"the teacher in {self.folder} plays from objects, and no detector is given",
                fix="TeacherSpec.of(teacher, detector)",
            )
        detector = None if self.detector is None else detector_at(self.detector)
        return TeacherAgent(open_teacher(Path(self.folder)), detector)


class TeacherAgent:
    """Plays the teacher's greedy actions; ties go to the lowest index."""

    def __init__(self, teacher: Teacher, detector: AnyDetector | None = None) -> None:
        self._teacher, self._detector = teacher, detector
        self.needs_frame_pair = teacher.needs_frame_pair

    def reset(self, env: Env, seed: int) -> None:
        self._teacher.reset()
        if self._detector is not None:
            self._detector.reset()

    def act(self, env: Env) -> Action:
        row = NO_FEATURES if self._detector is None else observe_env(self._detector, env)
        scores = self._teacher.scores(env, row)
        return choose(scores, env)

    def clone_state(self) -> tuple[Any, Any]:
        """What teacher and detector remember of the episode."""
        seen = None if self._detector is None else self._detector.clone_state()
        return self._teacher.clone_state(), seen

    def restore_state(self, state: tuple[Any, Any]) -> None:
        """Goes back to a state of `clone_state`."""
        remembered, seen = state
        self._teacher.restore_state(remembered)
        if self._detector is not None:
            self._detector.restore_state(seen)

    def record(self) -> None:
        return None


def choose(scores: np.ndarray, env: Env) -> Action:
    """A teacher's greedy action: the best-scored one, ties to the lowest, or its Box action."""
    return int(scores.argmax()) if env.bounds is None else scores

"""The agent that records a dataset while it plays."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from diffses.agents.forest_agent import ForestAgent, detector_at
from diffses.detector.base import AnyDetector, observe_env
from diffses.envs.base import Action, Env, random_action
from diffses.policy.forest import Forest
from diffses.teacher.agent import Teacher, choose, open_teacher


@dataclass(frozen=True)
class RecordingSpec:
    """How to build the recording agent: the greedy teacher, with some random actions."""

    teacher: str  # folders of the artifacts
    detector: str
    random_actions: float  # share of the steps on which a random action is played
    driver: Forest | None = None  # plays in the teacher's place; the teacher still labels each step

    def build(self, env: Env) -> RecordingAgent:
        return RecordingAgent(open_teacher(Path(self.teacher)), detector_at(self.detector), self)


class RecordingAgent:
    """Plays the teacher's actions and records features, objects, scores and actions of each step.

    Teacher and detector observe the same environment: a pixel teacher sees its last two frames in
    grey, the detector the present frame.
    """

    def __init__(self, teacher: Teacher, detector: AnyDetector, spec: RecordingSpec) -> None:
        self._teacher, self._detector, self._share = teacher, detector, spec.random_actions
        self._driver = ForestAgent(spec.driver, detector) if spec.driver is not None else None
        self.needs_frame_pair = teacher.needs_frame_pair

    def reset(self, env: Env, seed: int) -> None:
        self._teacher.reset()
        self._detector.reset()
        self._random = np.random.default_rng(seed)
        self._rows: list[tuple[np.ndarray, np.ndarray, Action]] = []
        self._objects: list[np.ndarray] = []

    def act(self, env: Env) -> Action:
        row = observe_env(self._detector, env).copy()
        scores = self._teacher.scores(env, row)
        action = choose(scores, env) if self._driver is None else self._driver.choose(row)
        if self._random.random() < self._share:
            action = random_action(env, self._random)
        self._rows.append((row, scores, action))
        self._objects.append(self._detector.objects)
        return action

    def record(self) -> dict[str, np.ndarray]:
        """The recorded steps: the arrays of `Part` without `episode`, and the objects of all steps.

        `objects` has one row per object, `object_counts` the number of objects of each step.
        """
        features, scores, actions = zip(*self._rows, strict=True)
        discrete = isinstance(actions[0], int)
        return {
            "features": np.array(features),
            "logits": np.array(scores),
            "actions": np.array(actions, dtype=np.int16 if discrete else np.float64),
            "objects": np.concatenate(self._objects),
            "object_counts": np.array([len(o) for o in self._objects], dtype=np.int16),
        }

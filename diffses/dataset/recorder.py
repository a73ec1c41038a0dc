"""The agent that plays while a dataset is recorded, and notes what it saw and did."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from diffses.agents.forest_agent import ForestAgent, detector_at
from diffses.detector.base import AnyDetector, look
from diffses.envs.base import Action, Env, random_action
from diffses.policy.forest import Forest
from diffses.teacher.agent import Teacher, choose, open_teacher


@dataclass(frozen=True)
class RecordingSpec:
    """The greedy teacher, now and then disturbed, with the detector looking on."""

    teacher: str  # folders of the artifacts
    detector: str
    random_actions: float  # share of the steps on which a random action is played
    driver: Forest | None = None  # plays in the teacher's place, which then only says what it would

    def build(self, env: Env) -> RecordingAgent:
        return RecordingAgent(open_teacher(Path(self.teacher)), detector_at(self.detector), self)


class RecordingAgent:
    """Plays as the teacher does and notes features, objects, scores and actions of every step.

    Teacher and detector look at the same emulator: a pixel teacher at its last two frames in grey,
    the detector at the present frame in full.
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
        row = look(self._detector, env).copy()
        scores = self._teacher.scores(env, row)
        action = choose(scores, env) if self._driver is None else self._driver.choose(row)
        if self._random.random() < self._share:
            action = random_action(env, self._random)
        self._rows.append((row, scores, action))
        self._objects.append(self._detector.objects)
        return action

    def record(self) -> dict[str, np.ndarray]:
        features, scores, actions = zip(*self._rows, strict=True)
        discrete = isinstance(actions[0], int)
        return {
            "features": np.array(features),
            "logits": np.array(scores),
            "actions": np.array(actions, dtype=np.int16 if discrete else np.float64),
            "objects": np.concatenate(self._objects),
            "object_counts": np.array([len(o) for o in self._objects], dtype=np.int16),
        }

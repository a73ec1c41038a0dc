"""The agent that plays while a dataset is recorded, and notes what it saw and did."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from diffses.agents.forest_agent import ForestPlayer, detector_at
from diffses.detector.base import AnyDetector, observe_env
from diffses.envs.base import Console, Move, random_move
from diffses.policy.forest import Forest
from diffses.teacher.agent import Teacher, choose, open_teacher


@dataclass(frozen=True)
class RecorderSpec:
    """The greedy teacher, now and then disturbed, with the detector looking on."""

    teacher: str  # folders of the artifacts
    detector: str
    random_actions: float  # share of the steps on which a random action is played
    driver: Forest | None = None  # plays in the teacher's place, which then only says what it would

    def build(self, console: Console) -> RecordingPlayer:
        return RecordingPlayer(open_teacher(Path(self.teacher)), detector_at(self.detector), self)


class RecordingPlayer:
    """Plays as the teacher does and notes features, objects, scores and actions of every step.

    Teacher and detector look at the same emulator: a pixel teacher at its last two frames in grey,
    the detector at the present frame in full.
    """

    def __init__(self, teacher: Teacher, detector: AnyDetector, spec: RecorderSpec) -> None:
        self._teacher, self._detector, self._share = teacher, detector, spec.random_actions
        self._driver = ForestPlayer(spec.driver, detector) if spec.driver is not None else None
        self.sees_motion = teacher.sees_motion

    def begin(self, console: Console, seed: int) -> None:
        self._teacher.begin()
        self._detector.reset()
        self._random = np.random.default_rng(seed)
        self._rows: list[tuple[np.ndarray, np.ndarray, Move]] = []
        self._objects: list[np.ndarray] = []

    def act(self, console: Console) -> Move:
        row = observe_env(self._detector, console).copy()
        scores = self._teacher.scores(console, row)
        action = choose(scores, console) if self._driver is None else self._driver.choose(row)
        if self._random.random() < self._share:
            action = random_move(console, self._random)
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

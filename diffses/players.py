"""Who plays in the rollout engine: a forest that looks through the detector, and the recorder."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from diffses.detector import Detector
from diffses.envs.arcade import Arcade
from diffses.envs.view import PixelView
from diffses.errors import ArtifactError
from diffses.policy.compiled import Compiled
from diffses.policy.forest import Forest

if TYPE_CHECKING:
    from diffses.teacher.agent import Agent  # torch is loaded only where the teacher plays


@cache
def detector_at(folder: str) -> Detector:
    """The detector of an artifact, read once in a process; a player resets it at every start."""
    return Detector.load(Path(folder))


@dataclass(frozen=True)
class ForestSpec:
    """A forest on what the detector in `detector` sees."""

    forest: Forest
    detector: str  # folder of the artifact

    def build(self, console: Arcade) -> ForestPlayer:
        return ForestPlayer(self.forest, detector_at(self.detector))


class ForestPlayer:
    """Takes the action whose tree has the highest value; ties go to the lowest."""

    sees_motion = False

    def __init__(self, forest: Forest, detector: Detector) -> None:
        missing = set(forest.features) - set(detector.features)
        if missing:
            raise ArtifactError(
                f"the forest wants features that the detector does not give: {sorted(missing)}",
                fix="the detector that the forest was made with, or a new distillation",
            )
        names = list(detector.features)
        self._columns = np.array([names.index(name) for name in forest.features], dtype=np.int64)
        self._all = list(forest.features) == names
        self._detector = detector
        self._choose = Compiled(forest).choose_one
        self._actions = forest.action_ids

    def begin(self, console: Arcade, seed: int) -> None:
        self._detector.reset()

    def act(self, console: Arcade) -> int:
        return self.choose(self._detector.observe(console.screen()))

    def choose(self, row: np.ndarray) -> int:
        """The action for one row of the detector's features, (f,)."""
        return self._actions[self._choose(row if self._all else row[self._columns])]

    def record(self) -> None:
        return None


@dataclass(frozen=True)
class RecorderSpec:
    """The greedy teacher, now and then disturbed, with the detector looking on."""

    teacher: str  # folders of the artifacts
    detector: str
    random_actions: float  # share of the steps on which a random action is played
    driver: Forest | None = None  # plays in the teacher's place, which then only says what it would

    def build(self, console: Arcade) -> RecordingPlayer:
        from diffses.teacher.agent import Agent

        agent = Agent.open(Path(self.teacher))
        return RecordingPlayer(agent, detector_at(self.detector), self)


class RecordingPlayer:
    """Plays as the teacher does and notes features, objects, logits and actions of every step.

    Teacher and detector look at the same emulator: the one at its last two frames in grey, the
    other at the present frame in full.
    """

    sees_motion = True

    def __init__(self, agent: Agent, detector: Detector, spec: RecorderSpec) -> None:
        self._agent, self._detector, self._share = agent, detector, spec.random_actions
        self._driver = ForestPlayer(spec.driver, detector) if spec.driver is not None else None
        self._view = PixelView()

    def begin(self, console: Arcade, seed: int) -> None:
        self._view.begin()
        self._detector.reset()
        self._random = np.random.default_rng(seed)
        self._rows: list[tuple[np.ndarray, np.ndarray, int]] = []
        self._objects: list[np.ndarray] = []

    def act(self, console: Arcade) -> int:
        logits = self._agent.logits(self._view.add(console.grey()))
        row = self._detector.observe(console.screen()).copy()
        action = int(logits.argmax()) if self._driver is None else self._driver.choose(row)
        if self._random.random() < self._share:
            action = int(self._random.integers(len(logits)))
        self._rows.append((row, logits, action))
        self._objects.append(self._detector.objects)
        return action

    def record(self) -> dict[str, np.ndarray]:
        features, logits, actions = zip(*self._rows, strict=True)
        return {
            "features": np.array(features),
            "logits": np.array(logits),
            "actions": np.array(actions, dtype=np.int16),
            "objects": np.concatenate(self._objects),
            "object_counts": np.array([len(o) for o in self._objects], dtype=np.int16),
        }

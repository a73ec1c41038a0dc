"""Who plays in the rollout engine: a forest that looks through the detector, and the recorder."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from diffses.detector.base import AnyDetector, look
from diffses.detector.loading import open_detector
from diffses.envs.base import Console, Move, random_move
from diffses.errors import ArtifactError
from diffses.policy.compiled import Compiled
from diffses.policy.forest import Forest

if TYPE_CHECKING:
    from diffses.teacher.agent import Teacher  # torch is loaded only where the teacher plays


@cache
def _read(folder: str) -> AnyDetector:
    return open_detector(Path(folder))


def detector_at(folder: str) -> AnyDetector:
    """The detector of an artifact, one for each player: the files are read once in a process, what
    is remembered of an episode is the player's own."""
    return _read(folder).fresh()


@dataclass(frozen=True)
class ForestSpec:
    """A forest on what the detector in `detector` sees."""

    forest: Forest
    detector: str  # folder of the artifact

    def build(self, console: Console) -> ForestPlayer:
        return ForestPlayer(self.forest, detector_at(self.detector))


class ForestPlayer:
    """Takes the action whose tree has the highest value, ties go to the lowest; or, for Box
    actions, the trees' values, squashed."""

    sees_motion = False

    def __init__(self, forest: Forest, detector: AnyDetector) -> None:
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
        self._forest, self._compiled = forest, Compiled(forest)

    def begin(self, console: Console, seed: int) -> None:
        self._detector.reset()

    def act(self, console: Console) -> Move:
        return self.choose(look(self._detector, console))

    def choose(self, row: np.ndarray) -> Move:
        """The action for one row of the detector's features, (f,)."""
        row = row if self._all else row[self._columns]
        if self._forest.bounds is not None:
            return self._forest.squash(self._compiled.scores_one(row))
        return self._forest.action_ids[self._compiled.choose_one(row)]

    def record(self) -> None:
        return None


@dataclass(frozen=True)
class RecorderSpec:
    """The greedy teacher, now and then disturbed, with the detector looking on."""

    teacher: str  # folders of the artifacts
    detector: str
    random_actions: float  # share of the steps on which a random action is played
    driver: Forest | None = None  # plays in the teacher's place, which then only says what it would

    def build(self, console: Console) -> RecordingPlayer:
        from diffses.teacher.agent import open_teacher

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
        row = look(self._detector, console).copy()
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


def choose(scores: np.ndarray, console: Console) -> Move:
    """A teacher's greedy action: the best-scored one, ties to the lowest, or its Box action."""
    return int(scores.argmax()) if console.bounds is None else scores

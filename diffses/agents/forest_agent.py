"""A forest that plays in the rollout engine, on what the detector sees."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from diffses.detector.base import AnyDetector, observe_env
from diffses.detector.loading import open_detector
from diffses.envs.base import Console, Move
from diffses.errors import ArtifactError
from diffses.policy.compiled import Compiled
from diffses.policy.forest import Forest


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
        return self.choose(observe_env(self._detector, console))

    def choose(self, row: np.ndarray) -> Move:
        """The action for one row of the detector's features, (f,)."""
        row = row if self._all else row[self._columns]
        if self._forest.bounds is not None:
            return self._forest.squash(self._compiled.scores_one(row))
        return self._forest.action_ids[self._compiled.choose_one(row)]

    def record(self) -> None:
        return None

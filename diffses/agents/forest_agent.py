"""An agent that plays a forest on the features of a detector."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from diffses.detector.base import AnyDetector, observe_env
from diffses.detector.loading import open_detector
from diffses.envs.base import Action, Env
from diffses.errors import ArtifactError
from diffses.policy.compiled import Compiled
from diffses.policy.forest import Forest


@cache
def _read(folder: str) -> AnyDetector:
    return open_detector(Path(folder))


def detector_at(folder: str) -> AnyDetector:
    """A detector of an artifact, with a state of its own.

    A process reads the files once; the state of the tracker is not shared between agents.
    """
    return _read(folder).fresh()


@dataclass(frozen=True)
class ForestSpec:
    """How to build the agent of a forest and a detector, which computes the forest's features
    alone; see `Forest.with_used_features`."""

    forest: Forest
    detector: str  # folder of the artifact

    def build(self, env: Env) -> ForestAgent:
        return ForestAgent(self.forest, _read(self.detector).with_features(self.forest.features))


class ForestAgent:
    """Greedy: takes the action whose tree has the highest value; ties go to the lowest index.

    For Box actions, the action is the trees' values, squashed into the bounds.

    Raises:
        ArtifactError: if the forest uses a feature that the detector does not have.
    """

    needs_frame_pair = False

    def __init__(self, forest: Forest, detector: AnyDetector) -> None:
        missing = set(forest.features) - set(detector.features)
        if missing:
            raise ArtifactError(
                f"the forest uses features that the detector does not have: {sorted(missing)}",
                fix="use the detector that the forest was made with, or distill again",
            )
        names = list(detector.features)
        self._columns = np.array([names.index(name) for name in forest.features], dtype=np.int64)
        self._all = list(forest.features) == names
        self._detector = detector
        self._forest, self._compiled = forest, Compiled(forest)

    def reset(self, env: Env, seed: int) -> None:
        self._detector.reset()

    def act(self, env: Env) -> Action:
        return self.choose(self.observe(env))

    def observe(self, env: Env) -> np.ndarray:
        """The detector's features of the present step, float64 (f,); once a step, also where the
        agent's choice is not followed. The next call may overwrite them."""
        return observe_env(self._detector, env)

    def clone_state(self) -> Any:
        """What the detector remembers of the episode."""
        return self._detector.clone_state()

    def restore_state(self, state: Any) -> np.ndarray:
        """Goes back to a state of `clone_state`; returns the features of that step."""
        return self._detector.restore_state(state)

    def choose(self, row: np.ndarray) -> Action:
        """The action for a row of the detector's features, float64 (f,)."""
        row = row if self._all else row[self._columns]
        if self._forest.bounds is not None:
            return self._forest.squash(self._compiled.scores_one(row))
        return self._forest.action_ids[self._compiled.choose_one(row)]

    def record(self) -> None:
        return None

"""Measured advantages as a proposer: changes that pay in labelled states of the policy.

What a changed policy would gain is estimated from the labels alone: where it acts otherwise than
the policy did, the advantage of holding its action for a few steps. That is a hint, not the return
of the changed policy (Kakade and Langford 2002: only while it changes few states), so games decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from diffses.advantages.arms import Hold, discrete_arms
from diffses.advantages.estimate import Advantages, estimate_advantages
from diffses.agents.forest_agent import ForestSpec
from diffses.config import AdvantagesConfig
from diffses.envs.base import EvaluationProtocol
from diffses.errors import DiffsesError
from diffses.finetune.growth import Change, Distinct
from diffses.policy.forest import Forest

CAUTION = 1.5  # standard errors that are taken off a gain
CHARGE = (
    0.1  # of the mean gap, for each changed state: what changes much is worth less than it says
)
MIN_AGREEMENT = 0.65  # of two replicates on the best arm, below which labels tell nothing
REPLICATES = 2
SPACING = 20  # mean number of steps between two labelled states


class Labels:
    """Labelled states of one policy.

    Args:
        found: of `estimate_advantages`, with `REPLICATES`.
        arm_of: for each action of the environment the arms that stand for it, indices; of an
            action without one of its own, those of its parts.
    """

    def __init__(self, found: Advantages, arm_of: Sequence[Sequence[int]]) -> None:
        self._found = found
        gained = found.advantages
        worth = gained.mean(axis=1)
        self._worth = np.column_stack([worth[:, list(arms)].mean(axis=1) for arms in arm_of])
        self._states = np.arange(len(found))
        self._distinct = Distinct(found.rows)
        _, self._cluster = np.unique(found.episode, return_inverse=True)
        best = worth.max(axis=1)
        self.mean_gap = float(best.mean()) if len(best) else 0.0
        self.agreement = _agreement(gained)
        self.share = float((np.ptp(worth, axis=1) > 0).mean()) if len(worth) else 0.0

    def __len__(self) -> int:
        return len(self._states)

    @property
    def tell(self) -> bool:
        """Whether replicates agree so well that the labels mean something."""
        return self.agreement >= MIN_AGREEMENT

    def score(self, forest: Forest) -> float:
        """A cautious estimate of the gain of a policy, per state: its mean less `CAUTION` standard
        errors, clustered by episode, and the charge for the states in which it acts otherwise."""
        actions = self._distinct.decisions(forest)
        changed = actions != self._found.chosen
        gains = np.where(changed, self._worth[self._states, actions], 0.0)
        mean = float(gains.mean())
        sums = np.bincount(self._cluster, gains - mean)
        error = float(np.sqrt((sums**2).sum())) / len(gains)
        return mean - CAUTION * error - CHARGE * self.mean_gap * float(changed.mean())


def _agreement(gained: np.ndarray) -> float:
    """How often the arm that is best in one replicate is best in the other, over the states in
    which the arms differ in both; 1 where they differ nowhere. gained: (n, replicates, arms)."""
    differ = (np.ptp(gained, axis=2) > 0).all(axis=1)
    one, other = gained[differ, 0], gained[differ, 1]
    if not len(one):
        return 1.0
    chosen = one.argmax(axis=1)
    return float((other[np.arange(len(other)), chosen] >= other.max(axis=1)).mean())


@dataclass(frozen=True)
class Labeller:
    """Labels states of policies.

    Args:
        detector: folder of the artifact.
        actions, groups, pushes: as in `discrete_arms`.
        workers: processes; 0: one for each core.
        folder: for finished episodes, so that an interrupted search goes on.
    """

    protocol: EvaluationProtocol
    detector: str
    actions: tuple[str, ...]
    groups: tuple[tuple[int, ...], ...]
    pushes: tuple[tuple[float, ...], ...]
    workers: int
    folder: Path

    def label(self, forest: Forest, seed: int, states: int) -> tuple[Labels | None, int]:
        """Labels so many states of a policy; of more states the first are the same.

        Args:
            seed: of this policy.

        Returns:
            The labels, None where the policy's episodes end before there is a state to label; and
            the environment steps that all of them took.
        """
        arms = discrete_arms(self.actions, self.groups, self.pushes)
        settings = AdvantagesConfig(
            states=states, replicates=REPLICATES, spacing=SPACING, workers=self.workers
        )
        scratch = self.folder / f"labels_{seed}"
        scratch.mkdir(exist_ok=True)
        spec = ForestSpec(forest, self.detector)
        steps: list[int] = []
        try:
            found = estimate_advantages(
                spec,
                self.protocol,
                arms,
                settings,
                seed,
                scratch=scratch,
                progress=lambda episode: steps.append(episode.steps),
            )
        except DiffsesError:
            return None, sum(steps)
        held = {arm.index: place for place, arm in enumerate(arms.arms) if isinstance(arm, Hold)}
        return Labels(found, self._arms_of(held)), sum(steps)

    def _arms_of(self, held: dict[int, int]) -> list[list[int]]:
        """For each action the arm of its group; where there is none, those of its parts; the base's
        where there are none of these either."""
        own = {a: held[one] for group in self.groups for one in group if one in held for a in group}
        parts = {
            self._push(action): arm
            for action, arm in own.items()
            if sum(map(bool, self._push(action))) == 1
        }
        found = []
        for action in range(len(self.actions)):
            push = self._push(action)
            split = [
                tuple(value if i == j else 0.0 for j, value in enumerate(push))
                for i in range(len(push))
            ]
            composed = [parts[part] for part in split if part in parts]
            found.append([own[action]] if action in own else composed or [0])
        return found

    def _push(self, action: int) -> tuple[float, ...]:
        return self.pushes[action] if action < len(self.pushes) else ()


def best_changes(
    labels: Labels,
    changed: Sequence[tuple[Change, Forest, tuple[int, ...]]],
    number: int,
    alike: int = 3,
) -> list[Change]:
    """The changes with the highest scores above 0.

    Args:
        changed: each with the forest it leads to, and the features that it brings in.
        number: of changes, at the most.
        alike: of those that bring in the same features, at the most.
    """
    scores = [labels.score(forest) for _, forest, _ in changed]
    counts: dict[tuple[int, ...], int] = {}
    found: list[Change] = []
    for place in np.argsort(scores)[::-1].tolist():
        change, _, new = changed[place]
        if scores[place] <= 0 or len(found) == number:
            break
        if counts.get(new, 0) < alike:
            counts[new] = counts.get(new, 0) + 1
            found.append(change)
    return found

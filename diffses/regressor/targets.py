"""What the trees are fitted to, and how well they do."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from diffses.policy.expression import Floats
from diffses.policy.forest import Forest, highest

NEAR = 0.05  # of a Box action's range
FLOOR = 0.05  # so that no state is of no account


def reference_action(targets: Floats, template: Forest) -> int | None:
    """The action the others are measured against: the one whose centred scores vary least.

    Argmax and softmax do not change when one function of the state is taken from all scores, so
    this action's tree can be the constant 0: a third of a three-action forest saved, and no
    information lost. None for Box actions, of which each dimension counts by itself.
    """
    if template.bounds is not None:
        return None
    centred = targets - targets.mean(axis=1, keepdims=True)
    return int(centred.var(axis=0).argmin())


def relative(targets: Floats, reference: int | None) -> Floats:
    """The scores less those of the reference action, (n, actions)."""
    return targets if reference is None else targets - targets[:, [reference]]


def decisiveness(targets: Floats, template: Forest) -> Floats:
    """How much a state matters to the divergence from the teacher, (n,), from FLOOR to 1 + FLOOR.

    1 - sum_a p(a)**2, the trace of the curvature of KL(p || softmax(scores)) at p =
    softmax(targets), and FLOOR more: where the teacher is sure, its scores may be off by much.
    For Box actions the mean slope of the squashing, 1 - tanh(score)**2.
    """
    if template.bounds is not None:
        slopes: Floats = (1 - np.tanh(targets) ** 2).mean(axis=1) + FLOOR
        return slopes
    odds = np.exp(targets - targets.max(axis=1, keepdims=True))
    p = odds / odds.sum(axis=1, keepdims=True)
    weights: Floats = (1 - (p**2).sum(axis=1)) + FLOOR
    return weights


def labels(targets: Floats) -> NDArray[np.int64]:
    """The teacher's greedy action, ties to the lowest, (n,)."""
    return highest(targets)


def agreeing(scores: Floats, targets: Floats, template: Forest) -> int:
    """In how many states both take the same greedy action; for Box actions, how many values of
    the two squashed actions lie within NEAR of the range of each other."""
    if template.bounds is not None:
        return int((np.abs(np.tanh(scores) - np.tanh(targets)) < 2 * NEAR).sum())
    return int((highest(scores) == labels(targets)).sum())


def agreement(forest: Forest, features: Floats, targets: Floats) -> float:
    """`agreeing` as a share of the states; for Box actions, of all values."""
    count = targets.size if forest.bounds is not None else len(targets)
    return agreeing(forest.scores(features), targets, forest) / count


def check_data(features: Floats, targets: Floats, template: Forest) -> tuple[Floats, Floats]:
    """Both as float64; ValueError unless they are finite and fit each other and the template."""
    features = np.ascontiguousarray(features, dtype=np.float64)
    targets = np.ascontiguousarray(targets, dtype=np.float64)
    wanted = (len(features), len(template.features)), (len(features), len(template.actions))
    if (features.shape, targets.shape) != wanted or not len(features):
        raise ValueError(
            f"want features (n, {len(template.features)}) and targets (n, "
            f"{len(template.actions)}), got {features.shape} and {targets.shape}"
        )
    if not (np.isfinite(features).all() and np.isfinite(targets).all()):
        raise ValueError("features and targets must be finite")
    return features, targets

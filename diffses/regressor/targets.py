"""The targets and weights of the fits, and the greedy agreement with the teacher."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from diffses.policy.expression import Floats
from diffses.policy.forest import Forest, highest

BOX_TOLERANCE = 0.05  # two Box actions agree within this share of the action's range
MIN_CURVATURE_WEIGHT = 0.05  # added to every state's weight, so that none is ignored


def reference_action(targets: Floats, template: Forest) -> int | None:
    """The action that the others are measured against: its centred scores vary least.

    Softmax and argmax are invariant under subtracting one function of the state from all scores,
    so the tree of this action can be the constant 0. That saves a third of a three-action forest
    without loss. None for Box actions, whose dimensions are independent.

    Args:
        targets: the teacher's scores, (n, actions).
    """
    if template.bounds is not None:
        return None
    centred = targets - targets.mean(axis=1, keepdims=True)
    return int(centred.var(axis=0).argmin())


def relative_to_reference(targets: Floats, reference: int | None) -> Floats:
    """The scores minus those of the reference action, (n, actions)."""
    return targets if reference is None else targets - targets[:, [reference]]


def kl_curvature_weight(targets: Floats, template: Forest) -> Floats:
    """Weight of each state in the squared error, (n,), from 0.05 to 1.05.

    The trace of the Hessian of KL(p || softmax(scores)) at p = softmax(targets), which is
    1 - sum_a p(a)**2, plus `MIN_CURVATURE_WEIGHT`: where the teacher is certain, an error of the
    scores changes the divergence little. For Box actions the mean slope of the squashing,
    1 - tanh(score)**2.

    Args:
        targets: the teacher's scores as logits, (n, actions).
    """
    if template.bounds is not None:
        slopes: Floats = (1 - np.tanh(targets) ** 2).mean(axis=1) + MIN_CURVATURE_WEIGHT
        return slopes
    odds = np.exp(targets - targets.max(axis=1, keepdims=True))
    p = odds / odds.sum(axis=1, keepdims=True)
    weights: Floats = (1 - (p**2).sum(axis=1)) + MIN_CURVATURE_WEIGHT
    return weights


def greedy_actions(targets: Floats) -> NDArray[np.int64]:
    """The teacher's greedy action in each state, (n,); ties go to the lowest index."""
    return highest(targets)


def count_agreements(scores: Floats, targets: Floats, template: Forest) -> int:
    """The number of states in which both take the same greedy action.

    For Box actions the number of values, over states and dimensions, in which the squashed
    actions differ by less than `BOX_TOLERANCE` of the range.
    """
    if template.bounds is not None:
        # tanh covers a range of 2
        return int((np.abs(np.tanh(scores) - np.tanh(targets)) < 2 * BOX_TOLERANCE).sum())
    return int((highest(scores) == greedy_actions(targets)).sum())


def greedy_agreement(forest: Forest, features: Floats, targets: Floats) -> float:
    """`count_agreements` as a share of the states or, for Box actions, of all values."""
    count = targets.size if forest.bounds is not None else len(targets)
    return count_agreements(forest.scores(features), targets, forest) / count


def check_data(features: Floats, targets: Floats, template: Forest) -> tuple[Floats, Floats]:
    """Features and targets as contiguous float64.

    Raises:
        ValueError: unless both are finite and fit each other and the template.
    """
    features = np.ascontiguousarray(features, dtype=np.float64)
    targets = np.ascontiguousarray(targets, dtype=np.float64)
    shapes = (len(features), len(template.features)), (len(features), len(template.actions))
    if (features.shape, targets.shape) != shapes or not len(features):
        raise ValueError(
            f"want features (n, {len(template.features)}) and targets (n, "
            f"{len(template.actions)}), got {features.shape} and {targets.shape}"
        )
    if not (np.isfinite(features).all() and np.isfinite(targets).all()):
        raise ValueError("features and targets must be finite")
    return features, targets

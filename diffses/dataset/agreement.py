"""Agreement of a forest with the teacher on recorded steps."""

from __future__ import annotations

import numpy as np

from diffses.dataset.data import Part
from diffses.policy.forest import Forest


def action_agreement(forest: Forest, part: Part, groups: tuple[tuple[int, ...], ...]) -> float:
    """Share of the steps on which forest and teacher choose equivalent actions, 0 to 1.

    Args:
        groups: of equivalent actions.

    Returns:
        For Box actions, `box_agreement`.
    """
    if forest.bounds is not None:
        return box_agreement(forest, part)
    group_of = {action: index for index, group in enumerate(groups) for action in group}
    teacher = np.array([group_of[a] for a in part.logits.argmax(axis=1)])
    forest_groups = np.array([group_of[a] for a in forest.action_ids])
    return float((forest_groups[forest.choose(part.features)] == teacher).mean())


def box_agreement(forest: Forest, part: Part) -> float:
    """1 - NMAE of the forest's Box actions.

    NMAE is the mean absolute error against the teacher's actions, divided by the action's range.
    """
    assert forest.bounds is not None
    low, high = np.array(forest.bounds).T
    distance = np.abs(forest.squash(forest.scores(part.features)) - part.logits) / (high - low)
    return float(1 - distance.mean())


def exact_agreement(forest: Forest, part: Part) -> float:
    """Share of the steps on which forest and teacher choose the same action, 0 to 1.

    For Box actions, `box_agreement`.
    """
    if forest.bounds is not None:
        return box_agreement(forest, part)
    ids = np.array(forest.action_ids)
    return float((ids[forest.choose(part.features)] == part.logits.argmax(axis=1)).mean())

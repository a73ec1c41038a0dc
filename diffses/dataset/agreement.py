"""How often two policies take the same action."""

from __future__ import annotations

import numpy as np

from diffses.dataset.data import Part
from diffses.policy.forest import Forest


def action_agreement(forest: Forest, part: Part, groups: tuple[tuple[int, ...], ...]) -> float:
    """Share of the steps on which forest and teacher choose actions of equal effect; for Box
    actions, 1 less their mean distance as a share of the range."""
    if forest.bounds is not None:
        return box_agreement(forest, part)
    home = {action: index for index, group in enumerate(groups) for action in group}
    teacher = np.array([home[a] for a in part.logits.argmax(axis=1)])
    forest_groups = np.array([home[a] for a in forest.action_ids])
    return float((forest_groups[forest.choose(part.features)] == teacher).mean())


def box_agreement(forest: Forest, part: Part) -> float:
    """1 - mean |a - b| / range of forest's and teacher's Box actions."""
    assert forest.bounds is not None
    low, high = np.array(forest.bounds).T
    distance = np.abs(forest.squash(forest.scores(part.features)) - part.logits) / (high - low)
    return float(1 - distance.mean())


def exact_agreement(forest: Forest, part: Part) -> float:
    """Share of the steps on which forest and teacher choose the very same action; of Box actions
    as `agreement`."""
    if forest.bounds is not None:
        return box_agreement(forest, part)
    ids = np.array(forest.action_ids)
    return float((ids[forest.choose(part.features)] == part.logits.argmax(axis=1)).mean())

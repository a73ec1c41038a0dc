"""Pruning: smaller forests that take nearly the same actions in recorded states."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from diffses.policy.compiled import Compiled
from diffses.policy.expression import Expression, end_of
from diffses.policy.forest import Forest


def prune(forest: Forest, rows: np.ndarray, tolerance: float) -> Forest:
    """Replaces operators by one of their arguments, or by 0, while nearly all actions stay.

    Greedy: of all such cuts within the tolerance the one that leaves fewest nodes, then the one
    that changes fewest actions; again until there is none. Changes add up: the tolerance is against
    the forest as it was given.

    Args:
        rows: float64 (n, features), the states.
        tolerance: share of the states in which the action may become another, 0 to 1; for Box
            actions their mean absolute change, as a share of the range.
    """
    wanted = decisions(forest, rows)
    while True:
        best: tuple[int, float] | None = None
        for candidate in cuts(forest):
            size = candidate.size
            if best is not None and size > best[0]:
                continue
            changed = change(candidate, rows, wanted)
            if changed <= tolerance and (best is None or (size, changed) < best):
                best, chosen = (size, changed), candidate
        if best is None:
            return forest
        forest = chosen


def without_unused(forest: Forest, rows: np.ndarray) -> Forest:
    """The forest without the actions whose tree is a constant that wins in none of the states.

    Args:
        rows: float64 (n, features).
    """
    if forest.bounds is not None:
        return forest
    used = set(decisions(forest, rows).tolist())
    kept = [i for i, tree in enumerate(forest.trees) if i in used or len(tree) > 1]
    return replace(
        forest,
        actions=tuple(forest.actions[i] for i in kept),
        action_ids=tuple(forest.action_ids[i] for i in kept),
        trees=tuple(forest.trees[i] for i in kept),
    )


def decisions(forest: Forest, rows: np.ndarray) -> np.ndarray:
    """The forest's action in each state: the index of a tree, (n,), or Box actions, (n, d)."""
    if forest.bounds is not None:
        return forest.squash(Compiled(forest).scores(rows))
    return Compiled(forest).choose(rows)


def change(forest: Forest, rows: np.ndarray, wanted: np.ndarray) -> float:
    """The share of the states in which the action is not the wanted one, 0 to 1; for Box actions
    the mean absolute difference, as a share of the range."""
    found = decisions(forest, rows)
    if forest.bounds is None:
        return float((found != wanted).mean())
    low, high = np.array(forest.bounds).T
    return float((np.abs(found - wanted) / (high - low)).mean())


def cuts(forest: Forest) -> list[Forest]:
    """All forests in which one operator is replaced by one of its arguments, or by 0."""
    found = []
    for number, tree in enumerate(forest.trees):
        for shorter in shortened(tree):
            trees = (*forest.trees[:number], shorter, *forest.trees[number + 1 :])
            found.append(replace(forest, trees=trees))
    return found


def shortened(tree: Expression) -> list[Expression]:
    """All trees in which one operator is replaced by one of its arguments, or by 0."""
    found: list[Expression] = []
    for start, token in enumerate(tree):
        if not isinstance(token, str):
            continue
        stop = end_of(tree, start)
        argument = start + 1
        while argument < stop:
            end = end_of(tree, argument)
            found.append((*tree[:start], *tree[argument:end], *tree[stop:]))
            argument = end
        found.append((*tree[:start], 0.0, *tree[stop:]))
    return found

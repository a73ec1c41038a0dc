"""Which forests live on: return first, size as a second objective (Deb et al. 2002, NSGA-II)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from diffses.finetune.evaluator import Member, ranked, spread


def select(members: Sequence[Member], size: int) -> list[Member]:
    """The better half of the places go by return alone, the rest by fronts of return against
    size, the least crowded of a front first."""
    ordered = ranked(unique(members))
    kept = ordered[: math.ceil(size / 2)]
    rest = ordered[len(kept) :]
    typical = spread(members)
    values = np.array([[m.cautious(typical), -m.forest.size] for m in rest])
    for front in fronts(values) if len(rest) else []:
        distance = crowding(values[front])
        kept += [rest[front[i]] for i in np.argsort(-distance, kind="stable")]
    return kept[:size]


def unique(members: Sequence[Member]) -> list[Member]:
    """Each forest once, with the member that played most."""
    best: dict[str, Member] = {}
    for member in members:
        text = member.forest.to_json()
        if text not in best or len(member.returns) > len(best[text].returns):
            best[text] = member
    return list(best.values())


def fronts(values: np.ndarray) -> list[list[int]]:
    """Non-dominated sorting: the rows that no other beats, then those only they beat, and so on.

    Args:
        values: (n, objectives), higher is better.
    """
    left = list(range(len(values)))
    found = []
    while left:
        front = [i for i in left if not any(dominates(values[j], values[i]) for j in left)]
        found.append(front)
        left = [i for i in left if i not in front]
    return found


def dominates(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether one is no worse in any objective and better in some."""
    return bool((one >= other).all() and (one > other).any())


def crowding(values: np.ndarray) -> np.ndarray:
    """How far each row is from its neighbours in a front, (n,); infinite at the ends."""
    distance = np.zeros(len(values))
    for column in values.T:
        order = np.argsort(column, kind="stable")
        finite = np.where(np.isfinite(column), column, 0.0)[order]
        width = float(np.ptp(finite)) or 1.0
        distance[order[[0, -1]]] = np.inf
        distance[order[1:-1]] += (finite[2:] - finite[:-2]) / width
    return distance

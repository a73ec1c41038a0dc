"""Selection on return and size: half the places by return alone, half by Pareto fronts.

Non-dominated sorting and crowding distance are those of NSGA-II (Deb et al. 2002), but this is not
NSGA-II, where size would count as much as return for every place.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from diffses.finetune.evaluator import Individual, pooled_std, ranked


def select(individuals: Sequence[Individual], size: int) -> list[Individual]:
    """The survivors, at most `size`, each forest once.

    The better half of the places go by `ranked`; the rest by fronts of the lower confidence bound
    of the return against the number of nodes, within a front the least crowded first.
    """
    ordered = ranked(unique(individuals))
    kept = ordered[: math.ceil(size / 2)]
    rest = ordered[len(kept) :]
    std = pooled_std(individuals)
    values = np.array([[one.lower_confidence_bound(std), -one.forest.size] for one in rest])
    for front in non_dominated_sort(values) if len(rest) else []:
        distance = crowding_distance(values[front])
        kept += [rest[front[i]] for i in np.argsort(-distance, kind="stable")]
    return kept[:size]


def unique(individuals: Sequence[Individual]) -> list[Individual]:
    """Each forest once, as the individual with most episodes."""
    best: dict[str, Individual] = {}
    for one in individuals:
        text = one.forest.to_json()
        if text not in best or len(one.returns) > len(best[text].returns):
            best[text] = one
    return list(best.values())


def non_dominated_sort(values: np.ndarray) -> list[list[int]]:
    """Fronts of row numbers: the rows that no other dominates, then those that only rows of the
    first front dominate, and so on.

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


def crowding_distance(values: np.ndarray) -> np.ndarray:
    """For each row of a front, (n, objectives), the distance between its two neighbours, summed
    over the objectives, each as a share of its range: (n,); infinite at the ends."""
    distance = np.zeros(len(values))
    for column in values.T:
        order = np.argsort(column, kind="stable")
        finite = np.where(np.isfinite(column), column, 0.0)[order]
        width = float(np.ptp(finite)) or 1.0
        distance[order[[0, -1]]] = np.inf
        distance[order[1:-1]] += (finite[2:] - finite[:-2]) / width
    return distance

"""Genetic programming by gplearn, with this project's operators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from gplearn.fitness import make_fitness
from gplearn.functions import make_function
from gplearn.genetic import SymbolicRegressor

from diffses.config import GplearnRegressor
from diffses.policy.expression import Expression, Floats
from diffses.policy.operators import OPERATORS

Report = Callable[[float], None]


def search(
    settings: GplearnRegressor, features: Floats, target: Floats, weights: Floats, seed: int
) -> list[Expression]:
    """Trees that follow `target` up to a scale and an offset: the best of each size met.

    The fitness is the share of the target's variance that the best a*tree + b leaves unexplained
    (Keijzer 2003), so the search spends no effort on scales. gplearn's own random draws depend
    on the seed alone.

    Args:
        settings: of the search.
        features: float64 (n, columns).
        target: float64 (n,).
        weights: of the states in the variance, float64 (n,), above 0.
        seed: 0 to 2**31 - 1.

    Returns:
        Trees over the columns, the smallest first, each better than all that are smaller.
    """
    regressor = SymbolicRegressor(
        population_size=settings.population,
        generations=1,
        tournament_size=settings.tournament,
        const_range=(-settings.constants, settings.constants),
        init_depth=(settings.depth_min, settings.depth_max),
        function_set=[function(name) for name in settings.operators],
        metric=make_fitness(function=unexplained, greater_is_better=False, wrap=False),
        parsimony_coefficient=settings.parsimony,
        p_crossover=settings.crossover,
        p_subtree_mutation=settings.subtree_mutation,
        p_hoist_mutation=settings.hoist_mutation,
        p_point_mutation=settings.point_mutation,
        p_point_replace=settings.point_replace,
        warm_start=True,
        low_memory=True,
        random_state=seed,
    )
    best: dict[int, tuple[float, Expression]] = {}
    with np.errstate(all="ignore"):
        for generation in range(settings.generations):
            regressor.set_params(generations=generation + 1)
            regressor.fit(features, target, sample_weight=weights)
            for program in regressor._programs[-1]:
                _keep(best, float(program.raw_fitness_), program.program)
    return front(best)


def function(name: str) -> Any:
    """gplearn's function for one of our operators."""
    operator = OPERATORS[name]
    return make_function(function=operator.on(np), name=name, arity=operator.arity, wrap=False)


def unexplained(target: Floats, predicted: Floats, weights: Floats) -> float:
    """The share of the target's variance that a*predicted + b leaves, 1 - r**2, all weighted.

    Anything that is not finite or does not vary counts as worse than a constant.
    """
    weights = weights / weights.sum()
    with np.errstate(all="ignore"):
        centred = predicted - weights @ predicted
        spread = float(weights @ centred**2)
    if not np.isfinite(spread) or spread <= 1e-20:
        return 2.0
    wanted = target - weights @ target
    total = float(weights @ wanted**2)
    if total == 0:
        return 0.0
    return max(0.0, 1.0 - float(weights @ (centred * wanted)) ** 2 / (spread * total))


def _keep(best: dict[int, tuple[float, Expression]], error: float, program: list[Any]) -> None:
    if error < best.get(len(program), (1.0,))[0]:
        best[len(program)] = error, expression(program)


def expression(program: list[Any]) -> Expression:
    """Our tree for a program whose functions have the names of our operators."""
    return tuple(_token(node) for node in program)


def _token(node: Any) -> str | int | float:
    if isinstance(node, float):
        return float(node)
    return int(node) if isinstance(node, int | np.integer) else str(node.name)


def front(best: dict[int, tuple[float, Expression]]) -> list[Expression]:
    """The trees that no smaller one equals, the smallest first, from size -> (error, tree)."""
    kept: list[Expression] = []
    low = np.inf
    for size in sorted(best):
        error, tree = best[size]
        if error < low:
            low = error
            kept.append(tree)
    return kept

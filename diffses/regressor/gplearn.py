"""Symbolic regression by genetic programming: gplearn, with this project's operators."""

from __future__ import annotations

from typing import Any

import numpy as np
from gplearn.fitness import make_fitness
from gplearn.functions import make_function
from gplearn.genetic import SymbolicRegressor

from diffses.config import GplearnRegressor
from diffses.policy.expression import Expression, Floats
from diffses.policy.operators import OPERATORS


def search(
    settings: GplearnRegressor, features: Floats, target: Floats, weights: Floats, seed: int
) -> list[Expression]:
    """Trees that fit `target` up to a scale and an offset: the Pareto front of error and size.

    The fitness is the unexplained share of the target's variance after the best linear scaling
    a*tree + b (Keijzer 2003, Improving Symbolic Regression with Interval Arithmetic and Linear
    Scaling), so that the search need not find scales.

    Args:
        settings: of the search.
        features: float64 (n, columns).
        target: float64 (n,).
        weights: of the states, float64 (n,), above 0.
        seed: of all random draws, 0 to 2**31 - 1.

    Returns:
        Trees over the columns, the smallest first, each with a lower error than all smaller ones.
    """
    regressor = SymbolicRegressor(
        population_size=settings.population,
        generations=1,
        tournament_size=settings.tournament,
        const_range=(-settings.constants, settings.constants),
        init_depth=(settings.depth_min, settings.depth_max),
        function_set=[to_gplearn_function(name) for name in settings.operators],
        metric=make_fitness(function=unexplained_variance, greater_is_better=False, wrap=False),
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
    return pareto_front(best)


def to_gplearn_function(name: str) -> Any:
    """An operator of `OPERATORS` as a gplearn function."""
    operator = OPERATORS[name]
    return make_function(function=operator.on(np), name=name, arity=operator.arity, wrap=False)


def unexplained_variance(target: Floats, predicted: Floats, weights: Floats) -> float:
    """The weighted share of the target's variance that a*predicted + b leaves, 1 - r**2.

    2, worse than any constant, for predictions that are not finite or do not vary.

    Args:
        target, predicted, weights: float64 (n,).
    """
    weights = weights / weights.sum()
    with np.errstate(all="ignore"):
        centred = predicted - weights @ predicted
        variance = float(weights @ centred**2)
    if not np.isfinite(variance) or variance <= 1e-20:
        return 2.0
    centred_target = target - weights @ target
    total = float(weights @ centred_target**2)
    if total == 0:
        return 0.0
    return max(0.0, 1.0 - float(weights @ (centred * centred_target)) ** 2 / (variance * total))


def _keep(best: dict[int, tuple[float, Expression]], error: float, program: list[Any]) -> None:
    if error < best.get(len(program), (1.0,))[0]:
        best[len(program)] = error, to_expression(program)


def to_expression(program: list[Any]) -> Expression:
    """A gplearn program, whose functions are named as in `OPERATORS`, as an expression."""
    return tuple(_token(node) for node in program)


def _token(node: Any) -> str | int | float:
    if isinstance(node, float):
        return float(node)
    return int(node) if isinstance(node, int | np.integer) else str(node.name)


def pareto_front(best: dict[int, tuple[float, Expression]]) -> list[Expression]:
    """The Pareto front of error and size, the smallest tree first.

    Args:
        best: size -> (error, tree), the best tree of each size.
    """
    kept: list[Expression] = []
    low = np.inf
    for size in sorted(best):
        error, tree = best[size]
        if error < low:
            low = error
            kept.append(tree)
    return kept

"""Genetic programming by Operon (Burlacu et al. 2020), which also fits the constants."""

from __future__ import annotations

from typing import Any

import numpy as np
from pyoperon.sklearn import SymbolicRegressor

from diffses.config import OperonRegressor
from diffses.policy.expression import Expression, Floats, Token

# ours -> Operon's; its division is not protected, so trees are judged anew with our operators
SYMBOLS = {
    "add": "add",
    "sub": "sub",
    "mul": "mul",
    "div": "div",
    "min": "fmin",
    "max": "fmax",
    "abs": "abs",
    "sqrt": "sqrtabs",
    "log": "logabs",
    "tanh": "tanh",
}


def search(
    settings: OperonRegressor, features: Floats, target: Floats, weights: Floats, seed: int
) -> list[Expression]:
    """Trees that follow `target`, from the front of r**2 against length (NSGA-II).

    Args:
        settings: of the search.
        features: float64 (n, columns).
        target: float64 (n,).
        weights: of the states, float64 (n,), above 0. Operon knows none, so it is given n states
            drawn with these chances.
        seed: of its random draws; it runs in one thread, so the same seed gives the same trees.

    Returns:
        Trees over the columns, the shortest first. Operon computes in float32: where no divisor
        or logarithm's argument is near 0 the values equal its own to about 1e-6.
    """
    regressor = SymbolicRegressor(
        allowed_symbols=",".join([*(SYMBOLS[name] for name in settings.operators), *LEAVES]),
        objectives=["r2", "length"],
        optimizer_iterations=settings.local_search,
        population_size=settings.population,
        max_evaluations=settings.evaluations,
        max_length=settings.max_length,
        max_depth=settings.max_depth,
        model_selection_criterion="mean_squared_error",
        n_threads=1,
        random_state=seed,
    )
    chances = weights / weights.sum()
    drawn = np.random.default_rng(seed).choice(len(target), len(target), p=chances)
    regressor.fit(features[drawn], target[drawn])
    return [expression(model["tree"], regressor) for model in models(regressor)]


LEAVES = ("constant", "variable")


def models(regressor: SymbolicRegressor) -> list[dict[str, Any]]:
    """The fitted front, the shortest first."""
    return sorted(regressor.pareto_front_, key=lambda model: (model["length"], model["model"]))


def expression(tree: Any, regressor: SymbolicRegressor) -> Expression:
    """An Operon tree as ours, its weighted variables as products.

    Operon keeps its nodes in reverse prefix order.
    """
    columns = {key: index for index, key in enumerate(regressor.variables_)}
    names = {theirs: ours for ours, theirs in SYMBOLS.items()}
    tokens: list[Token] = []
    for node in reversed(tree.Nodes):
        value = float(node.Value)
        if node.IsConstant:
            tokens.append(value)
        elif node.IsVariable:
            weight: list[Token] = [] if value == 1 else ["mul", value]
            tokens += [*weight, columns[node.HashValue]]
        else:
            tokens.append(names[SPELLED.get(node.Name, node.Name)])
    return tuple(tokens)


SPELLED = {"+": "add", "-": "sub", "*": "mul", "/": "div"}  # how Operon names its nodes

"""Symbolic regression by Operon (Burlacu et al. 2020), which also fits the constants."""

from __future__ import annotations

from typing import Any

import numpy as np
from pyoperon.sklearn import SymbolicRegressor

from diffses.config import OperonRegressor
from diffses.policy.expression import Expression, Floats, Token

# our operators -> Operon's. Operon's division is not protected: errors are computed again with ours
OPERON_SYMBOLS = {
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
LEAVES = ("constant", "variable")
OPERON_NODES = {"+": "add", "-": "sub", "*": "mul", "/": "div"}  # names of nodes -> of operators


def search(
    settings: OperonRegressor, features: Floats, target: Floats, weights: Floats, seed: int
) -> list[Expression]:
    """Trees that fit `target`: the Pareto front of r**2 and length (NSGA-II).

    Args:
        settings: of the search.
        features: float64 (n, columns).
        target: float64 (n,).
        weights: of the states, float64 (n,), above 0. Operon has no sample weights, so n states
            are drawn with probabilities proportional to them.
        seed: of all random draws. Operon runs in one thread, so the same seed gives the same trees.

    Returns:
        Trees over the columns, the shortest first. Operon computes in float32: its values differ
        by about 1e-6 from ours, where no divisor or argument of a logarithm is near 0.
    """
    regressor = SymbolicRegressor(
        allowed_symbols=",".join([*(OPERON_SYMBOLS[name] for name in settings.operators), *LEAVES]),
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
    probabilities = weights / weights.sum()
    drawn = np.random.default_rng(seed).choice(len(target), len(target), p=probabilities)
    regressor.fit(features[drawn], target[drawn])
    return [to_expression(model["tree"], regressor) for model in pareto_models(regressor)]


def pareto_models(regressor: SymbolicRegressor) -> list[dict[str, Any]]:
    """The models on the fitted Pareto front, the shortest first."""
    return sorted(regressor.pareto_front_, key=lambda model: (model["length"], model["model"]))


def to_expression(tree: Any, regressor: SymbolicRegressor) -> Expression:
    """An Operon tree as an expression; its weighted variables become products.

    Operon stores nodes in reverse prefix order.
    """
    columns = {key: index for index, key in enumerate(regressor.variables_)}
    names = {theirs: ours for ours, theirs in OPERON_SYMBOLS.items()}
    tokens: list[Token] = []
    for node in reversed(tree.Nodes):
        value = float(node.Value)
        if node.IsConstant:
            tokens.append(value)
        elif node.IsVariable:
            weight: list[Token] = [] if value == 1 else ["mul", value]
            tokens += [*weight, columns[node.HashValue]]
        else:
            tokens.append(names[OPERON_NODES.get(node.Name, node.Name)])
    return tuple(tokens)

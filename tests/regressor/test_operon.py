"""Operon's trees are converted to expressions of equal values."""

import numpy as np
import pytest
from pyoperon.sklearn import SymbolicRegressor

from diffses.config import OPERON, OperonRegressor
from diffses.errors import ConfigError
from diffses.policy.expression import check_tree, evaluate
from diffses.regressor.gplearn import unexplained_variance
from diffses.regressor.operon import LEAVES, OPERON_SYMBOLS, pareto_models, search, to_expression

SETTINGS = OperonRegressor(population=100, evaluations=2000, local_search=3)


@pytest.fixture
def rows():
    return np.random.default_rng(0).normal(size=(300, 3))


@pytest.mark.parametrize(
    "operators", [["add", "sub", "mul"], ["add", "max", "min"], ["mul", "abs", "tanh"], OPERON]
)
def test_the_values_are_operons_own(rows, operators):
    target = np.maximum(rows[:, 0], 0.3) * rows[:, 1] - np.tanh(rows[:, 2])
    symbols = ",".join([*(OPERON_SYMBOLS[name] for name in operators), *LEAVES])
    regressor = SymbolicRegressor(
        allowed_symbols=symbols,
        objectives=["r2", "length"],
        optimizer_iterations=3,
        max_length=25,
        population_size=100,
        max_evaluations=3000,
        model_selection_criterion="mean_squared_error",
        random_state=4,
    ).fit(rows, target)
    compared = 0
    for model in pareto_models(regressor):
        ours = to_expression(model["tree"], regressor)
        check_tree(ours, 3)
        theirs = regressor.evaluate_model(model["tree"], rows)
        scale = 1 + np.abs(theirs).max()
        # where a divisor is small ours is protected, so up to 1 % of the states may differ
        near = np.abs(evaluate(ours, rows) - theirs) < 1e-5 * scale
        assert near.all() or (near.mean() > 0.99 and {"div", "log", "sqrt"} & set(ours))
        compared += len(ours) > 3
    assert compared >= 2


def test_a_small_law_is_found_with_its_constants(rows):
    target = 5 * rows[:, 0] * rows[:, 2] + 7
    found = search(SETTINGS, rows, target, np.ones(300), seed=1)
    assert np.abs(evaluate(found[-1], rows) - target).max() < 1e-3
    # a front, not a point
    assert unexplained_variance(target, evaluate(found[0], rows), np.ones(300)) > 0.5


def test_the_same_seed_gives_the_same_trees(rows):
    target = np.sin(rows[:, 0]) + rows[:, 1]
    first, again, other = (search(SETTINGS, rows, target, np.ones(300), seed) for seed in (1, 1, 2))
    assert repr(first) == repr(again) != repr(other)


def test_states_of_weight_zero_are_ignored(rows):
    target = np.where(rows[:, 1] > 0, rows[:, 0], -9 * rows[:, 2])
    weights = np.where(rows[:, 1] > 0, 1.0, 1e-12)
    found = search(SETTINGS, rows, target, weights, seed=1)
    assert np.abs(evaluate(found[-1], rows) - rows[:, 0]).max() < 1e-3


def test_operators_that_operon_lacks_are_refused():
    assert set(OPERON_SYMBOLS) == set(OPERON)
    with pytest.raises(ConfigError, match="is_right_of"):
        OperonRegressor(operators=["add", "is_right_of"])

"""gplearn with our operators."""

import numpy as np
import pytest

from diffses.config import GplearnRegressor
from diffses.policy.expression import check_tree, evaluate
from diffses.policy.operators import OPERATORS, Operator
from diffses.regressor.gplearn import (
    pareto_front,
    search,
    to_gplearn_function,
    unexplained_variance,
)

SMALL = {"population": 150, "generations": 6, "tournament": 10}


@pytest.fixture
def rows():
    return np.random.default_rng(0).normal(size=(300, 3))


def test_a_small_law_is_found(rows):
    target = 5 * rows[:, 0] * rows[:, 2] + 7  # the search need not find 5 and 7
    found = search(GplearnRegressor(**SMALL), rows, target, np.ones(300), seed=1)
    assert ("mul", 0, 2) in found or ("mul", 2, 0) in found
    assert unexplained_variance(target, evaluate(found[-1], rows), np.ones(300)) < 1e-12


def test_the_same_seed_gives_the_same_trees(rows):
    target = np.sin(rows[:, 0]) + rows[:, 1]
    settings = GplearnRegressor(population=50, generations=3, tournament=5)
    first, again, other = (search(settings, rows, target, np.ones(300), seed) for seed in (1, 1, 2))
    assert repr(first) == repr(again) != repr(other)
    assert [len(tree) for tree in first] == sorted({len(tree) for tree in first})


def test_every_operator_runs_in_gplearn(rows, monkeypatch):
    def body(xp):
        return lambda a, b, c: xp.where(a > 0, xp.abs(b), c)

    monkeypatch.setitem(OPERATORS, "pick", Operator("pick", 3, body))  # one entry is enough
    names = sorted(OPERATORS)  # whatever order they were registered in
    assert {to_gplearn_function(name).arity for name in names} == {1, 2, 3, 4}
    settings = GplearnRegressor(**(SMALL | {"generations": 3}), operators=names)
    target = np.maximum(rows[:, 0], rows[:, 1])
    found = search(settings, rows, target, np.ones(300), seed=3)
    for tree in found:
        check_tree(tree, 3)
    used = {token for tree in found for token in tree if isinstance(token, str)}
    assert used & {"max", "min", "abs", "is_right_of", "logical", "pick"}


def test_unexplained_variance_is_that_of_the_best_line():
    target = np.array([1.0, 2.0, 3.0, 4.0])
    ones = np.ones(4)
    assert unexplained_variance(target, -3 * target + 5, ones) == pytest.approx(0)
    # r of (0, 1, 0, 1) with (1, 2, 3, 4): covariance 0.25, variances 0.25 and 1.25, r**2 = 0.2
    assert unexplained_variance(target, np.array([0.0, 1, 0, 1]), ones) == pytest.approx(0.8)
    # without the last state (1, 2, 3) and (0, 1, 0): covariance 0
    weights = np.array([2.0, 2, 2, 0])
    assert unexplained_variance(target, np.array([0.0, 1, 0, 1]), weights) == pytest.approx(1.0)
    assert unexplained_variance(target, ones, ones) == 2.0
    assert unexplained_variance(target, np.array([0.0, 1, np.inf, 1]), ones) == 2.0
    assert unexplained_variance(target, np.array([0.0, 1, np.nan, 1]), ones) == 2.0
    assert unexplained_variance(ones, target, ones) == 0.0


def test_the_pareto_front_has_no_dominated_tree():
    best = {1: (0.5, (0,)), 3: (0.5, ("add", 0, 1)), 5: (0.2, ("add", 0, "add", 0, 1))}
    assert pareto_front(best) == [(0,), ("add", 0, "add", 0, 1)]

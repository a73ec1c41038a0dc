"""Rewrites change the size of a tree and not one bit of its values."""

import numpy as np
import pytest

from diffses.policy.expression import evaluate
from diffses.policy.forest import Forest
from diffses.policy.operators import EPS, OPERATORS
from diffses.policy.simplify import simplify, simplify_forest

HUGE = (-1e308, 1e200, 5e-324)


def bits(values):
    return np.where(np.isnan(values), np.nan, values).view(np.int64)


@pytest.fixture(scope="module")
def rows(finite_rows):
    """10,000 finite rows: normal numbers, edge values, and products that overflow."""
    rows = np.concatenate([finite_rows] * 5)
    rng = np.random.default_rng(3)
    return np.where(rng.random(rows.shape) < 0.02, rng.choice(HUGE, rows.shape), rows)


REWRITES = [
    (("add", 1.0, 2.0), (3.0,)),
    (("mul", 1.0, 0), (0,)),
    (("mul", 0, 1.0), (0,)),
    (("mul", 0, -1.0), ("neg", 0)),
    (("div", 0, 1.0), (0,)),
    (("div", 0, -1.0), ("neg", 0)),
    (("div", 0, EPS), (1.0,)),
    (("sub", 0, 0.0), (0,)),
    (("add", 0, -0.0), (0,)),
    (("add", -0.0, 0), (0,)),
    (("neg", "neg", 0), (0,)),
    (("abs", "neg", 0), ("abs", 0)),
    (("abs", "abs", 0), ("abs", 0)),
    (("max", "mul", 0, 1, "mul", 0, 1), ("mul", 0, 1)),
    (("min", 0, 0), (0,)),
    (("sub", 0, 0), (0.0,)),
    (("div", 0, 0), (1.0,)),
    (("is_above", "mul", 0, 1, "mul", 0, 1), (0.0,)),
    (("logical", 0, 1, 2, 2), (2,)),
    (("logical", 0, 0, 1, 2), (2,)),
    (("logical", 2.0, 1.0, 1, 2), (1,)),
    (("add", 0, "neg", 1), ("sub", 0, 1)),
    (("sub", 0, "neg", 1), ("add", 0, 1)),
    (("add", "neg", 0, 1), ("sub", 1, 0)),
    (("mul", "neg", 0, "neg", 1), ("mul", 0, 1)),
    (("div", "neg", 0, "neg", 1), ("div", 0, 1)),
    (("mul", "neg", 0, 2.0), ("mul", 0, -2.0)),
    (("div", 2.0, "neg", 0), ("div", -2.0, 0)),
    (("mul", 0, "add", 0.5, 0.5), (0,)),
]


@pytest.mark.parametrize(("tree", "smaller"), REWRITES)
def test_each_rewrite_is_bit_equal(tree, smaller, rows):
    assert repr(simplify(tree)) == repr(smaller)
    np.testing.assert_array_equal(bits(evaluate(smaller, rows)), bits(evaluate(tree, rows)))


@pytest.mark.parametrize(
    "tree",
    [
        ("add", 0, 0.0),  # -0 + 0 is 0
        ("mul", 0, 0.0),  # -1 * 0 is -0
        ("neg", "sub", 0, 1),  # -(x - x) is -0, x - x is 0
        ("sub", "mul", 0, 1, "mul", 0, 1),  # inf - inf is NaN
        ("div", "mul", 0, 1, "mul", 0, 1),  # inf / inf is NaN
        ("mul", 2.0, "mul", 3.0, 0),  # rounds twice
        ("mul", 1e200, 1e200),  # overflows: no constant is infinite
        ("max", "mul", 0, 0.0, "mul", 0, -0.0),  # alike for ==, not to the bit
        ("logical", 0, 1, 1, 1.0),  # feature 1 is not the constant 1
    ],
)
def test_a_rewrite_that_would_change_a_bit_is_not_made(tree):
    assert simplify(tree) == tree


def test_random_trees_stay_bit_equal(trees, rows):
    shrunk = 0
    for tree in trees:
        smaller = simplify(tree)
        shrunk += len(smaller) < len(tree)
        assert len(smaller) <= len(tree)
        np.testing.assert_array_equal(bits(evaluate(smaller, rows)), bits(evaluate(tree, rows)))
    assert shrunk > 10


def test_trees_full_of_ones_and_zeros_stay_bit_equal(rows):
    rng = np.random.default_rng(4)
    leaves = [0, 1, 0.0, -0.0, 1.0, -1.0, EPS]
    names = ["add", "sub", "mul", "div", "neg", "abs", "max", "min", "logical", "is_below"]

    def grow(depth):
        if depth == 0:
            return (leaves[rng.integers(len(leaves))],)
        name = names[rng.integers(len(names))]
        return (name, *(t for _ in range(OPERATORS[name].arity) for t in grow(depth - 1)))

    for _ in range(300):
        tree = grow(rng.integers(1, 4))
        np.testing.assert_array_equal(
            bits(evaluate(simplify(tree), rows[:2000])), bits(evaluate(tree, rows[:2000]))
        )


def test_a_forest_is_simplified_tree_by_tree():
    forest = Forest(("a", "b"), ("A", "B"), (0, 3), (("mul", 1.0, 0), ("neg", "neg", 1)))
    assert simplify_forest(forest) == Forest(("a", "b"), ("A", "B"), (0, 3), ((0,), (1,)))


def test_the_bounds_of_box_actions_stay():
    box = Forest(("a",), ("u0",), (0,), (("mul", 1.0, 0),), ((-2.0, 2.0),))
    assert simplify_forest(box).bounds == box.bounds

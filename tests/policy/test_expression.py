"""Trees as flat tuples."""

import numpy as np
import pytest

from diffses.policy.expression import (
    arguments,
    check_tree,
    constants,
    depth,
    end_of,
    evaluate,
    with_constants,
)

TREE = ("sub", "mul", 0.5, 1, "logical", 0, 2.0, "neg", 1, 3.0)  # 0.5*x1 - logical(x0, 2, -x1, 3)


def test_evaluation_by_hand():
    # x0 = 1, x1 = 4: 0.5*4 - 3 = -1; x0 = 5, x1 = 4: 0.5*4 - (-4) = 6
    assert evaluate(TREE, np.array([[1.0, 4.0], [5.0, 4.0]])).tolist() == [-1.0, 6.0]


def test_parts_of_a_tree():
    assert arguments(TREE) == [("mul", 0.5, 1), ("logical", 0, 2.0, "neg", 1, 3.0)]
    assert arguments(TREE, 4) == [(0,), (2.0,), ("neg", 1), (3.0,)]
    assert arguments((1,)) == []
    assert end_of(TREE, 1) == 4
    assert depth(TREE) == 3
    assert depth((0.5,)) == 0


def test_constants_are_read_and_replaced_from_left_to_right():
    assert constants(TREE) == [0.5, 2.0, 3.0]
    assert constants(with_constants(TREE, iter([7.0, 8.0, 9.0]))) == [7.0, 8.0, 9.0]


@pytest.mark.parametrize(
    ("tokens", "problem"),
    [
        ((), "lacks 1"),
        (("add", 0), "lacks 1"),
        (("add", 0, 1, 1), "complete before token 3"),
        (("plus", 0, 1), "no operator 'plus'"),
        (("neg", 2), "no feature 2"),
        (("neg", -1), "no feature -1"),
        ((float("nan"),), "nan"),
        ((float("inf"),), "inf"),
        ((True,), "True"),
        ((np.float64(1.0),), "neither"),
    ],
)
def test_an_incomplete_or_invalid_tree_raises(tokens, problem):
    with pytest.raises(ValueError, match=problem):
        check_tree(tokens, 2)


def test_the_reference_does_not_warn_and_does_not_alias():
    rows = np.array([[1e308, 0.0]])
    assert evaluate(("mul", 0, 0), rows)[0] == np.inf
    values = evaluate((0,), rows)
    values[0] = 5.0
    assert rows[0, 0] == 1e308

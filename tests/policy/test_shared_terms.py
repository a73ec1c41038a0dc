"""Terms that all trees of a forest share are subtracted."""

import numpy as np
import pytest

from diffses.policy.forest import Forest
from diffses.policy.shared_terms import subtract_shared_terms

ROWS = np.random.default_rng(0).normal(size=(2000, 3))
NAMES = ("a", "b", "c")


def forest(text, bounds=None):
    made = Forest.from_text(text, NAMES)
    return Forest(made.features, made.actions, made.action_ids, made.trees, bounds)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # the whole of one tree
        ("X = 2.0*a + b\nY = 2.0*a + b + max(b, c)", "X = 0.0\nY = max(b, c)"),
        # a summand of all; the constant of most
        (
            "X = a/b + c\nY = 0.5*b + a/b\nZ = a/b - c",
            "X = c\nY = 0.5*b\nZ = -c",
        ),
        # opposed trees stay as they are
        ("X = 0.5\nY = a*b\nZ = -(a*b)", "X = 0.5\nY = a*b\nZ = -(a*b)"),
        # through brackets and signs: -(a - 3b) is 3b - a
        ("X = -(a - 3.0*b) + tanh(c)\nY = 3.0*b - a", "X = tanh(c)\nY = 0.0"),
    ],
)
def test_by_hand(text, expected):
    before = forest(text)
    after = subtract_shared_terms(before, ROWS)
    assert after.text() == expected
    assert (after.choose(ROWS) == before.choose(ROWS)).all()


def test_a_linear_fit_loses_a_tree():
    weights = np.random.default_rng(1).normal(size=(3, 4))
    lines = [
        f"T{i} = {w[0]!r}*a + {w[1]!r}*b + {w[2]!r}*c + {w[3]!r}"
        for i, w in enumerate(weights.tolist())
    ]
    before = forest("\n".join(lines).replace("+ -", "- "))
    after = subtract_shared_terms(before, ROWS)
    assert min(after.sizes) == 1
    assert after.size < before.size
    assert (after.choose(ROWS) == before.choose(ROWS)).all()


def test_the_forest_stays_if_an_action_would_change():
    # 1e16 swallows a, which is below 0: subtracted, it would count
    before = forest("X = 10000000000000000.0*c + a\nY = 10000000000000000.0*c")
    rows = np.abs(ROWS) * [-0.01, 1.0, 1.0]
    assert (before.choose(rows) == 0).mean() > 0.9  # ties
    assert subtract_shared_terms(before, rows) == before


def test_box_actions_are_unchanged():
    box = forest("u0 = a + b\nu1 = a + c", ((-1.0, 1.0), (-1.0, 1.0)))
    assert subtract_shared_terms(box, ROWS) == box

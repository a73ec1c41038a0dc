"""Variation operators."""

import numpy as np
import pytest

from diffses.dataset.data import Dataset, Part
from diffses.finetune.variation import (
    VARIATION_OPERATORS,
    PrimitiveSet,
    antisymmetric,
    chosen_actions,
    random_forest,
    representatives,
    vary,
)
from diffses.policy.forest import Forest

ROWS = np.random.default_rng(0).normal(size=(300, 3)) * [1.0, 10.0, 0.1]
OPERATORS = ("add", "sub", "mul", "div", "max", "logical")
NAMES = ("NOOP", "FIRE", "LEFT", "LEFTFIRE")


@pytest.fixture
def primitives():
    logits = np.zeros((len(ROWS), 4))
    part = Part(ROWS, logits, np.zeros(len(ROWS), int), np.zeros(len(ROWS), int))
    data = Dataset(part, part, ("a", "b", "c"), NAMES, ((0, 1), (2, 3)))
    return PrimitiveSet.of(data, ROWS, OPERATORS, 15)


def forest(tree, other=(0.5,)):
    return Forest(("a", "b", "c"), ("NOOP", "LEFT"), (0, 2), (other, tree))


MOTHER = forest(("add", "mul", 2.0, 0, "max", 1, "sub", 2, 0.25))
FATHER = forest(("div", 1, "add", 0.5, "mul", 2, 2), ("mul", 0.1, 1))


@pytest.mark.parametrize("name", VARIATION_OPERATORS)
def test_children_are_within_the_limits_and_decide_otherwise(name, primitives):
    random = np.random.default_rng(1)
    made = [vary({name: 1.0}, MOTHER, FATHER, primitives, random) for _ in range(30)]
    kept = [found[0] for found in made if found is not None]
    assert len(kept) >= 20
    assert all(max(one.sizes) <= 15 for one in kept)
    before = chosen_actions(MOTHER, primitives)
    assert all((chosen_actions(one, primitives) != before).any() for one in kept)
    assert len(set(kept)) > (1 if name in ("hoist", "regroup") else 5)


def test_the_same_chance_makes_the_same_child(primitives):
    odds = dict.fromkeys(VARIATION_OPERATORS, 1.0)
    pair = [vary(odds, MOTHER, FATHER, primitives, np.random.default_rng(7)) for _ in range(2)]
    assert pair[0] == pair[1]


def test_a_step_of_constants_keeps_the_shape(primitives):
    made = VARIATION_OPERATORS["constants"](MOTHER, FATHER, primitives, np.random.default_rng(0))
    assert made.sizes == MOTHER.sizes
    assert (made.constants() != MOTHER.constants()).any()


def test_hoisting_never_grows_a_tree(primitives):
    random = np.random.default_rng(3)
    assert all(
        VARIATION_OPERATORS["hoist"](MOTHER, FATHER, primitives, random).size <= MOTHER.size
        for _ in range(20)
    )


def test_random_forests_are_scaled_to_the_features(primitives):
    random = np.random.default_rng(0)
    made = [random_forest(MOTHER, primitives, random, linear=True) for _ in range(20)]
    weights = np.array([[t for t in one.trees[1] if isinstance(t, float)][1:] for one in made])
    assert np.abs(weights).mean(axis=0) * ROWS.std(axis=0) == pytest.approx(0.8, abs=0.4)
    assert all(max(one.sizes) <= 15 for one in made)


def test_opposed_trees_change_alike():
    tree, new = ("add", "mul", 2.0, 0, 1), ("add", "mul", 2.0, 0, 2)
    names, ids = ("NOOP", "UP", "DOWN"), (0, 1, 2)
    mother = Forest(("a", "b", "c"), names, ids, ((0.5,), ("neg", *tree), tree))
    down = Forest(("a", "b", "c"), names, ids, ((0.5,), ("neg", *tree), new))
    assert antisymmetric(mother, down).trees == ((0.5,), ("neg", *new), new)
    up = Forest(("a", "b", "c"), names, ids, ((0.5,), new, tree))
    assert antisymmetric(mother, up).trees == ((0.5,), new, ("neg", *new))
    still = Forest(("a", "b", "c"), names, ids, ((0.7,), ("neg", *tree), tree))
    assert antisymmetric(mother, still) == still


def test_actions_of_equal_effect_take_turns():
    found = representatives(MOTHER, ((0, 1), (2, 3)), NAMES)
    assert [one.actions for one in found] == [("NOOP", "LEFT"), ("FIRE", "LEFTFIRE")]
    assert [one.action_ids for one in found] == [(0, 2), (1, 3)]


def test_box_actions_have_no_representatives(primitives):
    box = Forest(("a", "b", "c"), ("u0",), (0,), (("mul", 1.0, 0),), ((-1.0, 1.0),))
    assert representatives(box, ((0,),), ("u0",)) == [box]
    assert vary({"regroup": 1.0}, box, box, primitives, np.random.default_rng(0)) is None
    made = vary({"graft": 1.0}, box, box, primitives, np.random.default_rng(0))
    assert made is not None
    assert made[0].bounds == box.bounds

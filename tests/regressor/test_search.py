"""Symbolic regression: from trees per action to candidate forests."""

import numpy as np
import pytest

from diffses.config import GplearnRegressor, LinearRegressor, OperonRegressor
from diffses.errors import ConfigError
from diffses.policy.expression import evaluate
from diffses.regressor import fit_forests, fit_linear
from diffses.regressor.search import FittedTree, affine_tree, combine_trees, substitute
from diffses.regressor.targets import greedy_agreement

GPLEARN = {"population": 120, "generations": 4, "tournament": 8, "rows": 400, "constant_steps": 5}
TINY = GPLEARN | {"population": 40, "generations": 2, "rows": 200, "constant_steps": 0}
SETTINGS = {
    "gplearn": GplearnRegressor(**GPLEARN, workers=1),
    "operon": OperonRegressor(
        population=100, evaluations=1500, rows=400, constant_steps=5, workers=1
    ),
}


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS.keys())
def test_a_search_is_no_worse_than_the_linear_fit(curved_game, settings):
    shown = []
    found = fit_forests(settings, *curved_game, seed=1, progress=lambda **now: shown.append(now))
    linear = fit_linear(*curved_game)
    assert linear in found
    sizes = [forest.size for forest in found]
    assert sizes == sorted(sizes)
    assert len(set(found)) == len(found) > 4
    # the law is a product: a line agrees on two thirds of the states, the product on nearly all
    best = max(greedy_agreement(forest, *curved_game[:2]) for forest in found)
    assert greedy_agreement(linear, *curved_game[:2]) < 0.7 < 0.95 < best
    assert min(sizes) < 15
    assert shown[-1]["searches"] == "4/4"  # two actions, each with and without the linear fit
    assert 0 <= shown[-1]["unexplained"] < 0.1


def test_the_linear_fit_needs_no_search(linear_game):
    found = fit_forests(LinearRegressor(workers=1), *linear_game, seed=1)
    linear = fit_linear(*linear_game)
    assert linear in found
    assert greedy_agreement(linear, *linear_game[:2]) == 1.0
    again = fit_forests(LinearRegressor(workers=1), *linear_game, seed=2)
    assert again == found  # nothing is drawn at random


def test_the_fine_tuned_linear_fit_is_a_second_candidate(kinked_game):
    found = fit_forests(LinearRegressor(workers=1, constant_steps=15), *kinked_game, seed=1)
    linear = fit_linear(*kinked_game)
    assert linear in found
    same_size = [forest for forest in found if forest.size == linear.size]
    agreements = [greedy_agreement(forest, *kinked_game[:2]) for forest in same_size]
    assert min(agreements) == greedy_agreement(linear, *kinked_game[:2])
    assert min(agreements) < 0.95 < 0.99 < max(agreements)


def test_another_seed_gives_other_forests(curved_game):
    settings = GplearnRegressor(**(TINY | {"rows": 1500}), workers=1)  # all rows: no draw there
    first, again, other = (fit_forests(settings, *curved_game, seed=s) for s in (1, 1, 2))
    assert first == again != other


@pytest.mark.slow
def test_the_number_of_workers_does_not_change_a_tree(curved_game):
    alone, side_by_side = (
        fit_forests(GplearnRegressor(**GPLEARN, workers=n), *curved_game, seed=3) for n in (1, 2)
    )
    assert alone == side_by_side


def test_restarts_add_to_what_is_found(curved_game):
    settings = GplearnRegressor(**TINY, workers=1)
    once = fit_forests(settings, *curved_game, seed=1)
    settings.restarts = 2
    settings.linear_leaf = False
    shown = []
    fit_forests(settings, *curved_game, seed=1, progress=lambda **now: shown.append(now))
    assert shown[-1]["searches"] == "4/4"  # two actions, two restarts
    settings.linear_leaf = True
    assert fit_forests(settings, *curved_game, seed=1) != once


def test_features_far_from_1_are_scaled_and_the_scale_is_undone(curved_game):
    features, targets, template = curved_game
    factors = np.array([1e4, 1e4, 1e-3, 1, 1, 1e4])
    settings = GplearnRegressor(**GPLEARN, workers=1, linear_leaf=False)
    found = fit_forests(settings, features * factors, targets, template, seed=1)
    assert max(greedy_agreement(forest, features * factors, targets) for forest in found) > 0.95


@pytest.mark.parametrize(
    "tree",
    [
        (0,),
        ("mul", 0, 1),
        ("add", "mul", 0, 2.0, 3.0),
        ("sub", "mul", 2.0, 0, 3.0),
        ("sub", 3.0, 0),
        ("add", 3.0, "mul", "add", 0, 1.0, -2.0),
        ("add", 0, "mul", 1, 2.0),  # its last token is not its second argument
        ("max", 0, 2.0),
        ("mul", 2.0, "add", 1, 0),
    ],
)
def test_scale_and_offset_are_merged_into_a_tree(tree):
    rows = np.random.default_rng(0).normal(size=(50, 2))
    whole = affine_tree(tree, -1.5, 0.25)
    expected = -1.5 * evaluate(tree, rows) + 0.25
    np.testing.assert_allclose(evaluate(whole, rows), expected, rtol=1e-12, atol=1e-12)
    assert len(whole) <= len(tree) + 4


def test_scales_at_the_root_cost_no_nodes():
    assert affine_tree(("add", "mul", 2.0, 0, 3.0), 10.0, 1.0) == ("add", "mul", 20.0, 0, 31.0)
    assert affine_tree(("sub", "mul", 0, 2.0, 3.0), 10.0, 30.0) == ("mul", 20.0, 0)


def test_a_leaf_is_replaced_by_its_tree():
    tree = ("mul", 2, "add", 0, 2.0)
    assert substitute(tree, {2: ("neg", 1)}) == ("mul", "neg", 1, "add", 0, 2.0)


def test_forests_are_combined_by_size_and_error(linear_game):
    template = linear_game.template
    small, large = ("mul", 2.0, 0), ("add", "mul", 2.0, 0, "mul", "mul", 3.0, 1, "add", 2, 3)
    other = ("mul", -2.0, 0)
    found = [
        FittedTree(1, False, 0.3, small),
        FittedTree(1, False, 0.1, large),
        FittedTree(2, False, 0.3, other),
        FittedTree(2, True, 0.2, ("neg", 5)),
    ]
    trees = {forest.trees for forest in combine_trees(found, template)}
    zero = (0.0,)
    assert trees == {
        (zero, small, other),  # 5 nodes a tree, plain
        (zero, large, other),  # 15
        (zero, zero, ("neg", 5)),  # with the linear fit as a leaf
        (zero, small, ("neg", 5)),  # all
        (zero, large, ("neg", 5)),
    }


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"operators": ["add", "sinh"]}, "sinh"),
        ({"operators": []}, "none given"),
        ({"constant_steps": -1}, "regressor.constant_steps=-1"),
    ],
)
def test_settings_that_cannot_work_are_refused(change, problem):
    with pytest.raises(ConfigError, match=problem):
        GplearnRegressor(**change)

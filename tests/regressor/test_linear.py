"""The linear fit: exact where the teacher is linear, compact, stable."""

from dataclasses import replace

import numpy as np
import pytest

from diffses.regressor import fit_linear
from diffses.regressor.linear import linear_front, weighted_sum
from diffses.regressor.targets import greedy_actions, greedy_agreement, relative_to_reference


def centred(scores):
    return scores - scores.mean(axis=1, keepdims=True)


def test_a_linear_teacher_is_fitted_exactly(linear_game):
    forest = fit_linear(*linear_game)
    assert greedy_agreement(forest, linear_game.features, linear_game.targets) == 1.0
    scores = centred(forest.scores(linear_game.features))
    np.testing.assert_allclose(scores, linear_game.targets, atol=1e-9)
    # NOOP = 0, RIGHT = 3*(ball.y-player.y) - 0.5*player.vy + 0.2: 3 + 1 + 3 + 1 + 1 nodes, and LEFT
    assert forest.text(digits=3).splitlines() == [
        "NOOP = 0",
        "RIGHT = 3*(ball.y-player.y) - 0.5*player.vy + 0.2",
        "LEFT = -3*(ball.y-player.y) + 0.5*player.vy - 0.2",
    ]


def test_no_less_agreement_than_the_full_fit():
    rng = np.random.default_rng(5)
    features = rng.normal(size=(2000, 8))
    features[:, 7] = features[:, 0] - features[:, 1]
    targets = np.tanh(features @ rng.normal(size=(8, 4))) + 0.3 * rng.normal(size=(2000, 4))
    template = blank(8, 4)
    full = np.column_stack([features, np.ones(2000)])
    predicted = full @ np.linalg.lstsq(full, targets, rcond=None)[0]
    wanted = (greedy_actions(predicted) == greedy_actions(targets)).mean()
    forest = fit_linear(features, targets, template)
    assert greedy_agreement(forest, features, targets) >= wanted
    assert forest.size < 3 * (8 * 4 + 1)  # a full relative fit: 3 trees of 8 terms and a constant


def blank(features, actions):
    from diffses.policy.forest import Forest

    names = tuple(f"f{i}" for i in range(features))
    labels = tuple(f"A{i}" for i in range(actions))
    return Forest(names, labels, tuple(range(actions)), ((0.0,),) * actions)


def test_whole_features_go_before_single_terms(kinked_game):
    # dropping term by term from all features ends at 31 nodes, with both positions of a difference
    forest = fit_linear(*kinked_game)
    assert forest.size == 19
    assert "ball.y-player.y" in forest.text()


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_units_do_not_matter(linear_game, scale):
    features, targets, template = linear_game
    factors = np.array([1, scale, 1, scale, 1, 1 / scale])
    forest = fit_linear(features * factors, targets, template)
    scores = centred(forest.scores(features * factors))
    np.testing.assert_allclose(scores, targets, atol=1e-6)


def test_constant_and_few_rows_are_harmless(linear_game):
    features, targets, template = linear_game
    forest = fit_linear(features[:3], targets[:3], template)  # fewer rows than features
    assert greedy_agreement(forest, features[:3], targets[:3]) == 1.0
    flat = fit_linear(np.ones_like(features), targets, template)
    assert flat.sizes == (1, 1, 1)
    means = relative_to_reference(targets, 0).mean(axis=0)
    np.testing.assert_allclose([tree[0] for tree in flat.trees], means, atol=1e-12)


def test_the_front_grows_by_features(linear_game):
    front = linear_front(*linear_game)
    used = [len({t for tree in f.trees for t in tree if type(t) is int}) for f in front]
    assert used == [1, 2, 3, 4]  # of the five that vary, the fifth being a difference of two
    first, second = front[:2]
    assert "ball.y-player.y" in first.text()
    assert greedy_agreement(first, *linear_game[:2]) < 1.0
    assert greedy_agreement(second, *linear_game[:2]) == 1.0


def test_a_weighted_sum_by_hand():
    tree = weighted_sum([(2.0, 0), (-3.0, 1), (0.0, 2)], -1.0)
    assert tree == ("sub", "sub", "mul", 2.0, 0, "mul", 3.0, 1, 1.0)
    assert weighted_sum([], 0.5) == (0.5,)
    assert weighted_sum([(1.5, 3)], 0.0) == ("mul", 1.5, 3)


def test_the_template_keeps_its_names(linear_game):
    template = replace(linear_game.template, action_ids=(5, 1, 4))
    assert fit_linear(*linear_game[:2], template).action_ids == (5, 1, 4)

"""Attribution: contributions of terms that add up to the chosen tree's lead."""

import dataclasses

import numpy as np

from diffses.policy.attribution import attribute_terms
from diffses.policy.forest import Forest

FEATURES = ("ball.y", "player.y", "ball.vx")


def rows(count=500):
    return np.random.default_rng(3).normal(size=(count, 3))


def forest(*lines):
    return Forest.from_text("\n".join(lines), FEATURES)


def test_the_contributions_sum_to_the_lead():
    made = forest(
        "A = 0.5*ball.y - (player.y - 2.0) + max(ball.vx, 3*player.y) - -(ball.y*ball.y)",
        "B = logical(ball.y, 0.0, player.y + 1.5, -2*ball.vx) + ball.y/player.y",
        "C = min(ball.y, player.y) - 0.25",
    )
    found = attribute_terms(made, rows())
    each = np.arange(len(rows()))
    lead = found.values[each, found.chosen] - found.values[each, found.runner_up]
    assert (lead >= 0).all()
    np.testing.assert_allclose(found.contributions.sum(axis=1), lead, atol=1e-9)
    ordered = np.sort(found.values, axis=1)
    np.testing.assert_array_equal(found.values[each, found.runner_up], ordered[:, -2])


def test_opposed_terms_are_one_term():
    found = attribute_terms(
        forest("A = -5*ball.y + 1.0", "B = 5*ball.y"), np.array([[0.3, 0.0, 0.0]])
    )
    assert found.terms == ("5*ball.y", "constant")
    assert found.chosen.tolist() == [1]
    np.testing.assert_allclose(found.contributions, [[3.0, -1.0]])


def test_of_a_maximum_the_active_branch_counts():
    found = attribute_terms(
        forest("A = max(ball.y, player.y)", "B = 0.0"), np.array([[2.0, 1, 0], [1, 2, 0]])
    )
    assert found.terms[:2] == ("ball.y", "player.y")
    np.testing.assert_allclose(found.contributions[:, :2], [[2, 0], [0, 2]])


def test_one_tree_and_box_actions_have_no_runner_up():
    one = attribute_terms(forest("A = ball.y + 2.0"), rows(4))
    assert (one.runner_up == -1).all()
    np.testing.assert_allclose(one.contributions.sum(axis=1), one.values[:, 0])
    box = dataclasses.replace(forest("u0 = ball.y", "u1 = ball.y"), bounds=((-1.0, 1.0),) * 2)
    assert attribute_terms(box, rows(4)).terms == ("u0: ball.y", "u1: ball.y")


def test_nan_values_do_not_win():
    made = forest("A = 1e300*1e300*ball.y - 1e300*1e300*ball.y", "B = player.y")
    found = attribute_terms(made, rows(5))
    assert (found.chosen == 1).all()
    assert (found.runner_up == 0).all()


def test_a_sum_with_a_factor_is_split_too():
    forest = Forest(
        ("a", "b"), ("LEFT", "RIGHT"), (0, 1), (("mul", 2.0, "sub", 0, "mul", 3.0, 1), (0.5,))
    )
    found = attribute_terms(forest, np.array([[4.0, 1.0]]))
    assert found.terms == ("a", "3*b", "constant")
    np.testing.assert_allclose(found.contributions, [[8.0, -6.0, -0.5]])
    assert found.contributions.sum() == found.values[0, 0] - found.values[0, 1]

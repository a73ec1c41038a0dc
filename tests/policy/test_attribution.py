"""Why a forest chose: shares of terms that add up to the winner's lead."""

import dataclasses

import numpy as np

from diffses.policy.attribution import reasons
from diffses.policy.forest import Forest

FEATURES = ("ball.y", "player.y", "ball.vx")


def rows(count=500):
    return np.random.default_rng(3).normal(size=(count, 3))


def forest(*lines):
    return Forest.from_text("\n".join(lines), FEATURES)


def test_the_shares_add_up_to_the_lead():
    made = forest(
        "A = 0.5*ball.y - (player.y - 2.0) + max(ball.vx, 3*player.y) - -(ball.y*ball.y)",
        "B = logical(ball.y, 0.0, player.y + 1.5, -2*ball.vx) + ball.y/player.y",
        "C = min(ball.y, player.y) - 0.25",
    )
    found = reasons(made, rows())
    each = np.arange(len(rows()))
    lead = found.values[each, found.chosen] - found.values[each, found.second]
    assert (lead >= 0).all()
    np.testing.assert_allclose(found.shares.sum(axis=1), lead, atol=1e-9)
    ordered = np.sort(found.values, axis=1)
    np.testing.assert_array_equal(found.values[each, found.second], ordered[:, -2])


def test_opposed_terms_count_as_one():
    found = reasons(forest("A = -5*ball.y + 1.0", "B = 5*ball.y"), np.array([[0.3, 0.0, 0.0]]))
    assert found.terms == ("5*ball.y", "constant")
    assert found.chosen.tolist() == [1]
    np.testing.assert_allclose(found.shares, [[3.0, -1.0]])


def test_of_a_maximum_the_part_in_force_counts():
    found = reasons(
        forest("A = max(ball.y, player.y)", "B = 0.0"), np.array([[2.0, 1, 0], [1, 2, 0]])
    )
    assert found.terms[:2] == ("ball.y", "player.y")
    np.testing.assert_allclose(found.shares[:, :2], [[2, 0], [0, 2]])


def test_one_tree_and_box_actions_have_no_rival():
    one = reasons(forest("A = ball.y + 2.0"), rows(4))
    assert (one.second == -1).all()
    np.testing.assert_allclose(one.shares.sum(axis=1), one.values[:, 0])
    box = dataclasses.replace(forest("u0 = ball.y", "u1 = ball.y"), bounds=((-1.0, 1.0),) * 2)
    assert reasons(box, rows(4)).terms == ("u0: ball.y", "u1: ball.y")


def test_values_that_are_no_numbers_do_not_win():
    made = forest("A = 1e300*1e300*ball.y - 1e300*1e300*ball.y", "B = player.y")
    found = reasons(made, rows(5))
    assert (found.chosen == 1).all()
    assert (found.second == 0).all()


def test_a_sum_that_is_multiplied_is_taken_apart_too():
    forest = Forest(
        ("a", "b"), ("LEFT", "RIGHT"), (0, 1), (("mul", 2.0, "sub", 0, "mul", 3.0, 1), (0.5,))
    )
    found = reasons(forest, np.array([[4.0, 1.0]]))
    assert found.terms == ("a", "3*b", "constant")
    np.testing.assert_allclose(found.shares, [[8.0, -6.0, -0.5]])
    assert found.shares.sum() == found.values[0, 0] - found.values[0, 1]

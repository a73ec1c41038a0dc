"""Targets, weights and greedy agreement."""

import numpy as np
import pytest

from diffses.policy.forest import Forest
from diffses.regressor.targets import (
    check_data,
    greedy_actions,
    greedy_agreement,
    kl_curvature_weight,
    reference_action,
    relative_to_reference,
)

TARGETS = np.array([[0.0, 5.0, -5.0], [1.0, -3.0, 2.0], [0.5, 0.5, -1.0]])

THREE = Forest(("a",), ("A", "B", "C"), (0, 1, 2), ((0.0,),) * 3)
BOX = Forest(("a",), ("x", "y"), (0, 1), ((0.0,),) * 2, ((-1.0, 1.0), (-2.0, 0.0)))


def test_the_reference_varies_least_and_becomes_zero():
    assert reference_action(TARGETS, THREE) == 0
    assert reference_action(TARGETS, BOX) is None
    assert relative_to_reference(TARGETS, None) is TARGETS
    assert relative_to_reference(TARGETS, 0).tolist() == [[0, 5, -5], [0, -4, 1], [0, 0, -1.5]]


def test_neither_argmax_nor_softmax_changes():
    def softmax(x):
        return np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)

    np.testing.assert_allclose(softmax(relative_to_reference(TARGETS, 0)), softmax(TARGETS))
    assert (
        greedy_actions(relative_to_reference(TARGETS, 0)).tolist()
        == greedy_actions(TARGETS).tolist()
        == [1, 2, 0]
    )


def test_agreement_by_hand():
    forest = Forest(("a",), ("A", "B", "C"), (0, 1, 2), ((0.0,), (0,), (-9.0,)))
    # a = 1, 1, -1: chooses B, B, A; the teacher B, C, A
    assert greedy_agreement(forest, np.array([[1.0], [1.0], [-1.0]]), TARGETS) == pytest.approx(
        2 / 3
    )


@pytest.mark.parametrize(
    ("features", "targets", "problem"),
    [
        (np.zeros((3, 2)), TARGETS, "want features"),
        (np.zeros((2, 1)), TARGETS, "want features"),
        (np.zeros((3, 1)), TARGETS[:, :2], "want features"),
        (np.zeros((0, 1)), TARGETS[:0], "want features"),
        (np.full((3, 1), np.nan), TARGETS, "finite"),
    ],
)
def test_data_that_do_not_fit_are_refused(features, targets, problem):
    template = Forest(("a",), ("A", "B", "C"), (0, 1, 2), ((0.0,),) * 3)
    with pytest.raises(ValueError, match=problem):
        check_data(features, targets, template)


def test_the_kl_curvature_weight_by_hand():
    # p = (1/2, 1/2): 1 - 1/2; p = (3/4, 1/4): 1 - 10/16; sure: 0; and 0.05 each
    targets = np.array([[7.0, 7.0], [np.log(3), 0.0], [0.0, 800.0]])
    np.testing.assert_allclose(kl_curvature_weight(targets, THREE), [0.55, 0.425, 0.05])


def test_box_actions_agree_within_the_tolerance_and_weigh_less_at_their_limits():
    targets = np.arctanh(np.array([[0.0, 0.5], [0.05, -0.5]]))
    # the forest says 0, 0: within 5 % of the range of the first column alone
    assert greedy_agreement(BOX, np.zeros((2, 1)), targets) == pytest.approx(2 / 4)
    np.testing.assert_allclose(
        kl_curvature_weight(targets, BOX), [0.05 + (1 + 0.75) / 2, 0.05 + (0.9975 + 0.75) / 2]
    )

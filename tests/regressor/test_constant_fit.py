"""Constant fine-tuning towards the teacher's action distribution."""

import numpy as np
import pytest
import torch

from diffses.policy.forest import Forest
from diffses.regressor.constant_fit import fit_constants, mean_kl, one_thread
from diffses.regressor.targets import greedy_agreement


def test_mean_kl_by_hand():
    # p = (3/4, 1/4), q = (1/2, 1/2): 3/4 ln(3/2) + 1/4 ln(1/2)
    teacher = torch.log(torch.tensor([[3.0, 1.0]]))
    expected = 0.75 * np.log(1.5) + 0.25 * np.log(0.5)
    assert mean_kl(teacher, torch.zeros(1, 2)).item() == pytest.approx(expected)


def test_the_teachers_constants_are_recovered(linear_game):
    features, targets, template = linear_game
    start = Forest(
        template.features,
        template.actions,
        template.action_ids,
        (
            (0.0,),
            ("add", "mul", 1.0, 5, "add", "mul", 0.1, 3, 0.5),
            ("add", "mul", -1.0, 5, "add", "mul", 0.1, 3, -0.5),
        ),
    )
    polished = fit_constants(start, features, targets, 50)
    before, after = (greedy_agreement(f, features, targets) for f in (start, polished))
    assert before < 0.99 < after
    assert [len(tree) for tree in polished.trees] == [len(tree) for tree in start.trees]


def test_a_fit_that_agrees_less_often_is_rejected():
    # The teacher prefers B by 10 in two states and A by 0.1 in three. A constant forest that
    # always says A agrees with three of five, yet p(B) is (2*1 + 3*0.475)/5 = 0.685 on average,
    # so the divergence is least for one that always says B.
    targets = np.array([[0.0, 10.0]] * 2 + [[0.1, 0.0]] * 3)
    features = np.zeros((5, 1))
    start = Forest(("a",), ("A", "B"), (0, 1), ((0.0,), (-1.0,)))
    assert greedy_agreement(start, features, targets) == 0.6
    assert fit_constants(start, features, targets, 20) is start


def test_there_may_be_nothing_to_fit():
    start = Forest(("a",), ("A", "B"), (0, 1), ((0,), ("neg", 0)))
    targets = np.array([[1.0, 0.0]])
    assert fit_constants(start, np.ones((1, 1)), targets, 20) is start
    constant = start.from_text("A = 0.0\nB = 1.0", ("a",))
    assert fit_constants(constant, np.ones((1, 1)), targets, 0) is constant


def test_the_number_of_threads_is_restored():
    before = torch.get_num_threads()
    with one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before

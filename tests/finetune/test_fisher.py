"""The metric on constants, and the distance from the teacher."""

import numpy as np
import pytest

from diffses.dataset.data import Dataset, Part
from diffses.finetune.fisher import ACTION_STD, TeacherKL, natural_gradient_basis, softmax
from diffses.policy.forest import Forest


def forest(weights=(1.0, -2.0), bias=0.3):
    return Forest(
        ("a", "b"),
        ("LEFT", "RIGHT"),
        (0, 1),
        ((0.0,), ("add", "add", "mul", weights[0], 0, "mul", weights[1], 1, bias)),
    )


ROWS = np.random.default_rng(0).normal(size=(4000, 2)) * [1.0, 50.0]


def divergence(p_scores, q_scores):
    p, q = softmax(p_scores), softmax(q_scores)
    return (p * (np.log(p) - np.log(q))).sum(axis=1).mean()


def test_a_unit_step_moves_the_policy_by_one_nat_on_average():
    # to second order: a small step s along a random direction costs s^2 nats
    start = forest(weights=(1.0, -0.02))
    axes = natural_gradient_basis(start, ROWS)
    assert axes.shape == (4, 3)  # of four constants, adding the same to both trees does nothing
    steps = 0.05 * np.random.default_rng(1).normal(size=(200, axes.shape[1]))
    costs = [
        divergence(
            start.scores(ROWS), start.with_constants(start.constants() + axes @ s).scores(ROWS)
        )
        for s in steps
    ]
    assert np.mean(costs) == pytest.approx(0.05**2, rel=0.25)


def dataset(scores):
    part = Part(ROWS, scores, np.zeros(len(ROWS), int), np.zeros(len(ROWS), int))
    return Dataset(part, part, ("a", "b"), ("LEFT", "RIGHT"), ((0,), (1,)))


def test_the_divergence_from_the_teacher():
    start = forest(weights=(1.0, -0.02))
    teacher = TeacherKL(dataset(start.scores(ROWS)), seed=0)
    assert teacher.divergence(start) == pytest.approx(0, abs=1e-9)
    assert teacher.divergence(forest(weights=(-1.0, 0.02))) > 0.1


def test_a_unit_step_of_a_box_action_is_a_nat_too():
    # normal distributions of one width: KL = (a - b)^2 / (2 width^2), a and b in half ranges
    start = Forest(("a", "b"), ("u0",), (0,), (("mul", 0.5, 0),), ((-2.0, 2.0),))
    axes = natural_gradient_basis(start, ROWS)
    assert axes.shape == (1, 1)
    moved = start.with_constants(start.constants() + 0.05 * axes[:, 0])
    actions = [np.tanh(forest.scores(ROWS)) for forest in (start, moved)]
    cost = ((actions[0] - actions[1]) ** 2).mean() / (2 * ACTION_STD**2)
    assert cost == pytest.approx(0.05**2, rel=0.1)


def test_the_distance_from_a_teacher_of_box_actions():
    # it plays +1 of -2..2, a half of its half range; the forest plays 0: (1/2)^2 / (2 width^2)
    part = Part(ROWS, np.ones((len(ROWS), 1)), np.zeros((len(ROWS), 1)), np.zeros(len(ROWS), int))
    box = ((-2.0, 2.0),)
    data = Dataset(part, part, ("a", "b"), ("u0",), ((0,),), box)
    start = Forest(("a", "b"), ("u0",), (0,), (("mul", 0.0, 0),), box)
    assert TeacherKL(data, seed=0).divergence(start) == pytest.approx(0.125 / ACTION_STD**2)


def test_what_decides_nothing_leaves_no_axis():
    start = Forest(("a", "b"), ("LEFT", "RIGHT"), (0, 1), ((0,), (0,)))
    assert natural_gradient_basis(start, ROWS).shape[1] == 0

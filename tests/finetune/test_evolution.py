"""What the search measures and how it moves."""

import numpy as np
import pytest

from diffses.dataset.data import Dataset, Part
from diffses.envs.play import Episode
from diffses.finetune.evolution import Guide, fitness, softmax, whitening
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
    axes = whitening(start, ROWS)
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


def test_the_guide_measures_the_distance_from_the_teacher():
    start = forest(weights=(1.0, -0.02))
    guide = Guide(start, dataset(start.scores(ROWS)), seed=0)
    assert guide.divergence(start) == pytest.approx(0, abs=1e-9)
    assert guide.divergence(forest(weights=(-1.0, 0.02))) > 0.1


def test_the_origin_of_the_search_is_the_start():
    start = forest()
    guide = Guide(start, dataset(start.scores(ROWS)), seed=0)
    origin = guide.forest(np.zeros(guide.axes.shape[1]))
    assert (origin.constants() == start.constants()).all()


@pytest.mark.parametrize(
    ("score", "steps", "cut", "expected"),
    [
        (-21.0, 700, False, -42.0),  # 21 points lost in half the time: at that pace, 42
        (-21.0, 1400, True, -21.0),
        (21.0, 700, False, 21.0),
        (-3.0, 1400, True, -3.0),
    ],
)
def test_a_game_lost_sooner_is_lost_worse(score, steps, cut, expected):
    assert fitness(Episode(None, score, steps, cut, None), limit=1400) == expected

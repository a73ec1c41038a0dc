"""Label statistics: by hand, and on made-up returns with a known signal and noise."""

import numpy as np
import pytest

from diffses.advantages.estimate import Advantages
from diffses.advantages.statistics import (
    clustered_error,
    has_gap,
    label_statistics,
    noise_variance,
    signal,
)


def labels(returns, episode=None, steps=0):
    count = len(returns)
    episode = np.arange(count) if episode is None else np.array(episode)
    names = tuple(f"arm {i}" for i in range(returns.shape[2]))
    rows = np.zeros((count, 1))
    at = np.zeros(count, np.int32)
    return Advantages(rows, names, returns, at, episode, at, steps, 0.0)


def test_by_hand():
    # two replicates of three arms: a state with an effect and no noise, one with noise alone
    returns = np.array([[[0, 1, 2], [3, 4, 5]], [[0, 1, 0], [1, 0, 0]]], float)
    assert noise_variance(returns).tolist() == [0, pytest.approx(0.5)]
    # without the mean of its replicate (1/3): [-1/3, 2/3, -1/3] and [2/3, -1/3, -1/3]; the arms'
    # means of these are [1/6, 1/6, -1/3]; left are +-1/2 in four places: 4/4 / (1 * 2)
    assert has_gap(returns).tolist() == [True, False]
    found = label_statistics(labels(returns, steps=30))
    assert (found.states, found.episodes, found.steps) == (2, 2, 15)
    assert found.differ == 1
    assert found.gap == 0.5
    assert found.gap_error == pytest.approx(0.5)  # two episodes, 0 and 1: sqrt(0.5 / 2)
    # state 1: the best is the best of the other; state 2: it is not
    assert found.reproducible == 0.5
    assert found.by_chance == pytest.approx(1 / 3)
    # state 1: arm 2 gains 2 on arm 0. State 2: arm 1 has 0 in the other replicate, where arm 0 has
    # 1; arm 0 is the base itself: mean -1/2
    assert found.headroom == pytest.approx((2 - 0.5) / 2)
    assert found.noise == pytest.approx(0.5)
    assert found.signal == pytest.approx(np.sqrt((1 + (1 / 12 - 0.25)) / 2))


def test_known_signal_and_noise_are_found():
    random = np.random.default_rng(0)
    worth = 0.7 * random.normal(size=(4000, 1, 5))
    common = 3 * random.normal(size=(4000, 3, 1))  # noise that all arms share tells nothing
    returns = worth + common + 0.4 * random.normal(size=(4000, 3, 5))
    assert signal(returns) == pytest.approx(0.7, rel=0.03)
    assert np.sqrt(noise_variance(returns).mean()) == pytest.approx(0.4, rel=0.03)


def test_one_state_in_twenty_without_a_gap_seems_to_have_one():
    returns = np.random.default_rng(0).normal(size=(6000, 4, 5))
    assert has_gap(returns).mean() == pytest.approx(0.05, abs=0.01)


def test_ties_for_the_best_arm_count_in_part():
    returns = np.array([[[1, 1, 0, 0], [1, 0, 0, 0]]], float)
    found = label_statistics(labels(returns))
    assert found.reproducible == pytest.approx((0.5 + 1) / 2)
    assert found.by_chance == pytest.approx((1 / 4 + 2 / 4) / 2)
    same = label_statistics(labels(np.zeros((3, 2, 4))))
    assert (same.reproducible, same.gap, same.differ, same.headroom) == (None, 0, 0, 0)


def test_states_of_an_episode_go_together():
    values = np.array([1.0, 1, 1, 1, 0, 0, 0, 0])
    together = clustered_error(values, np.repeat([0, 1], 4))
    alone = clustered_error(values, np.arange(8))
    assert together == pytest.approx(0.5)
    assert alone == pytest.approx(values.std(ddof=1) / np.sqrt(8))


def test_of_a_single_replicate_the_noise_is_not_known():
    found = label_statistics(labels(np.array([[[0.0, 1.0]], [[1.0, 1.0]]])))
    assert (found.gap, found.noise, found.reproducible) == (0.5, 0, None)
    assert found.headroom is None

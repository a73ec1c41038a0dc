"""Expected values worked by hand."""

import math

import numpy as np
import pytest

from diffses.evaluation.statistics import (
    describe,
    improvement_interval,
    interval,
    iqm,
    mean,
    probability_of_improvement,
    stratified_interval,
)


def test_mean_and_iqm_by_hand():
    # sorted 0 1 2 3 4 5 6 100: floor(8 / 4) = 2 go at each end, (2 + 3 + 4 + 5) / 4 = 3.5
    returns = [100, 1, 6, 3, 4, 5, 2, 0]
    assert mean(returns) == 121 / 8
    assert iqm(returns) == 3.5


def test_iqm_drops_whole_returns_only():
    # floor(7 / 4) = 1 at each end of 0 1 2 3 4 5 99: (1 + 2 + 3 + 4 + 5) / 5 = 3
    assert iqm([0, 1, 2, 3, 4, 5, 99]) == 3
    assert iqm([1, 2, 9]) == 4  # floor(3 / 4) = 0: nothing dropped


def test_iqm_is_over_the_last_axis():
    # floor(4 / 4) = 1 at each end: of 1 2 6 9 remain (2 + 6) / 2 = 4, of 0 0 0 8 remain two 0s
    returns = np.array([[6, 1, 9, 2], [0, 8, 0, 0]])
    np.testing.assert_array_equal(iqm(returns), [4, 0])
    np.testing.assert_array_equal(iqm(returns.reshape(2, 1, 4)), [[4], [0]])


def test_interval_of_two_returns_by_hand():
    # resamples of (0, 10) have mean 0, 5, 10 with probability 1/4, 1/2, 1/4: both tails hold 2.5 %
    assert interval([0, 10], seed=0) == (0, 10)


def test_interval_of_rare_success_by_hand():
    # One 1 among a hundred 0s: the resampled sum is Binomial(100, 0.01).
    # P(0) = 0.99^100 = 0.366 > 0.025, so low = 0. P(<=2) = 0.921, P(<=3) = 0.982 > 0.975: high = 3.
    assert interval([1] + [0] * 99, seed=4) == (0, pytest.approx(0.03))


def test_interval_has_the_width_of_the_normal_one():
    returns = np.random.default_rng(1).normal(5, 2, size=400)
    low, high = interval(returns, seed=2)
    half = 1.96 * returns.std() / math.sqrt(400)
    assert low == pytest.approx(returns.mean() - half, abs=0.02)
    assert high == pytest.approx(returns.mean() + half, abs=0.02)


def test_the_seed_decides_the_interval():
    returns = np.random.default_rng(3).normal(size=30)
    assert interval(returns, seed=5) == interval(returns, seed=5)
    assert interval(returns, seed=5) != interval(returns, seed=6)


def test_interval_takes_another_statistic():
    # The outlier is 1 of 8; the resampled mean often contains it twice, the interquartile mean
    # contains it only where at least three of eight draws are the outlier.
    returns = [0, 1, 2, 3, 4, 5, 6, 1000]
    assert interval(returns, seed=0, statistic=iqm)[1] < interval(returns, seed=0)[1]


def test_strata_are_resampled_by_themselves():
    # Constant strata cannot vary, though the two together do: (2 * 1 + 2 * 9) / 4 = 5.
    assert stratified_interval([[1, 1], [9, 9]], seed=0) == (5, 5)
    assert interval([1, 1, 9, 9], seed=0) != (5, 5)


def test_one_stratum_is_resampled_as_a_vector_is():
    # the same draws, so the intervals of a single run and of a sweep of one agree to the last bit
    returns = np.random.default_rng(11).normal(size=17)
    assert stratified_interval([returns], seed=3) == interval(returns, seed=3)


def test_strata_may_differ_in_length():
    # three 0s and one pair (0, 8): the sum is 0, 8 or 16 with probability 1/4, 1/2, 1/4
    assert stratified_interval([[0, 0, 0], [0, 8]], seed=0) == (0, 16 / 5)


def test_the_same_episodes_twice_are_no_more_certain():
    returns = np.random.default_rng(7).normal(size=30)
    once, twice = interval(returns, seed=8), stratified_interval([returns, returns], seed=8)
    assert twice == pytest.approx(once)


def test_one_episode_has_no_interval():
    assert interval([3], seed=0) is None
    assert stratified_interval([[1, 2], [3]], seed=0) is None
    assert stratified_interval([], seed=0) is None


def test_describe():
    assert describe([0, 10], seed=0) == {"episodes": 2, "mean": 5, "iqm": 5, "ci95": [0, 10]}
    assert describe([0, 10], seed=0, exhaustive=True)["ci95"] is None


@pytest.mark.parametrize("returns", [[], [1, math.nan], [math.inf, 1], 3])
def test_what_cannot_be_summed_up_is_refused(returns):
    with pytest.raises(ValueError, match=r"no returns|not finite"):
        describe(returns, seed=0)


def test_a_matrix_has_no_single_interval():
    with pytest.raises(ValueError, match=r"shape \(2, 2\)"):
        interval([[1, 2], [3, 4]], seed=0)


RUNS = [6.3, -3.85, 12.7, 1.25, 1.25, -8.5, 0.0]
OTHERS = [-2.5, 1.25, -3.85, 0.5, 9.75]


def test_probability_of_improvement_is_rliables():
    # computed with rliable 1.2.0 on single-task scores
    assert probability_of_improvement(RUNS, OTHERS) == pytest.approx(0.5285714285714286)
    assert probability_of_improvement(RUNS, RUNS) == 0.5
    assert iqm(RUNS) == pytest.approx(0.99)
    assert iqm(OTHERS) == pytest.approx(-0.25)


def test_the_same_of_an_importable_rliable():
    metrics = pytest.importorskip("rliable.metrics")
    rng = np.random.default_rng(1)
    for _ in range(20):
        one, other = np.round(rng.normal(size=(9, 1))), np.round(rng.normal(size=(6, 1)))
        expected = metrics.probability_of_improvement(one, other)
        assert probability_of_improvement(one[:, 0], other[:, 0]) == pytest.approx(expected)
        assert iqm(one[:, 0]) == pytest.approx(metrics.aggregate_iqm(one))


def test_the_interval_of_an_improvement():
    # rliable's metric under arch 8.0.0's bootstrap of independent samples, 50,000 times
    low, high = improvement_interval(RUNS, OTHERS, seed=0)
    assert low == pytest.approx(0.2, abs=0.03)
    assert high == pytest.approx(0.857, abs=0.03)
    assert improvement_interval([3.0, 4.0], [1.0, 2.0], seed=0) == (1.0, 1.0)
    # of (0, 10) drawn twice none, one or both beat 5, with probability 1/4, 1/2, 1/4
    assert improvement_interval([0, 10], [5, 5], seed=0) == (0, 1)
    assert improvement_interval([3.0], [1.0, 2.0], seed=0) is None

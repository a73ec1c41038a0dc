"""CMA-ES: its formulas by hand and against another implementation, and how it is resumed."""

import json
import math

import cmaes
import numpy as np
import pytest

from diffses.finetune.cmaes import CMAES


def climb(strategy, generations, target, scale):
    for _ in range(generations):
        points = strategy.ask()
        strategy.tell(points, -(((points - target) * scale) ** 2).sum(axis=1))


# The best two of four points in two dimensions, from a mean of (0, 0) and a step size of 0.5:
# y = (2, 0) and (0, 1)
POINTS = np.array([[-3.0, 7.0], [1.0, 0.0], [5.0, -2.0], [0.0, 0.5]])
FITNESS = np.array([-9.0, 3.0, -8.0, 2.0])


def told(p_sigma, p_c, generation):
    """After a `tell` of these points with C = diag(4, 1) before it."""
    strategy = CMAES(2, population=4, sigma=0.5, seed=0)
    state = {"covariance": [[4.0, 0.0], [0.0, 1.0]], "p_sigma": p_sigma, "p_c": p_c}
    strategy.restore(strategy.state() | state | {"generation": generation})
    strategy.tell(POINTS, FITNESS)
    return strategy.state()


def test_a_generation_by_hand():
    # n = 2, lambda = 4, mu = 2
    # w = (ln 2.5 - ln 1, ln 2.5 - ln 2) = (0.916291, 0.223144) / 1.139435 = (0.804163, 0.195837)
    # mu_eff  = 1 / (0.646678 + 0.038352) = 1.459790
    # c_sigma = 3.459790 / 8.459790 = 0.408969
    # d_sigma = 1 + 0 + 0.408969, since sqrt(0.459790 / 3) < 1
    # c_c     = 4.729895 / 7.459790 = 0.634052
    # c_1     = 2 / (3.3^2 + 1.459790) = 0.161946
    # c_mu    = 2 (1.459790 - 2 + 0.685030) / (4^2 + 1.459790) = 0.016589
    # chi_n   = 1.414214 (1 - 1 / 8 + 1 / 84) = 1.254273
    after = told([0.0, 0.0], [0.0, 0.0], generation=0)
    # y_w = 0.804163 (2, 0) + 0.195837 (0, 1); the mean moves by half of it
    assert after["mean"] == pytest.approx([0.804163, 0.097919], abs=2e-6)
    # C^(-1/2) halves the first axis: sqrt(0.408969 * 1.591031 * 1.459790) (0.804163, 0.195837)
    assert after["p_sigma"] == pytest.approx([0.783743, 0.190864], abs=2e-6)
    # its length is 0.806649; 0.5 exp(0.408969 / 1.408969 (0.806649 / 1.254273 - 1))
    assert after["sigma"] == pytest.approx(0.450798, abs=2e-6)
    # h_sigma = 1, as 0.806649 / sqrt(1 - 0.591031^2) = 1.0 < (1.4 + 2 / 3) 1.254273 = 2.59
    # sqrt(0.634052 * 1.365948 * 1.459790) (1.608326, 0.195837)
    assert after["p_c"] == pytest.approx([1.808418, 0.220202], abs=2e-6)
    # 0.821465 diag(4, 1) + 0.161946 p_c p_c' + 0.016589 (0.804163 diag(4, 0) + 0.195837 diag(0, 1))
    wanted = np.array([[3.868847, 0.064490], [0.064490, 0.832567]])
    np.testing.assert_allclose(after["covariance"], wanted, atol=5e-6)
    assert after["generation"] == 1


def test_a_long_path_stalls_the_covariances_own():
    # 0.591031 * 6 + 0.783743 = 4.329930, longer than 2.59 once divided by sqrt(1 - 0.591031^102)
    after = told([6.0, 0.0], [1.0, -2.0], generation=50)
    assert after["p_sigma"] == pytest.approx([4.329930, 0.190864], abs=5e-6)
    # h_sigma = 0: (1 - 0.634052) (1, -2), and no y_w
    assert after["p_c"] == pytest.approx([0.365948, -0.731896], abs=2e-6)
    # (0.821465 + 0.161946 * 0.634052 * 1.365948) diag(4, 1) + ... = 0.961724 diag(4, 1) + ...
    # 3.846896 + 0.161946 * 0.133918 + 0.053362; 0.161946 * -0.267836;
    # 0.961724 + 0.161946 * 0.535672 + 0.003249
    wanted = np.array([[3.921946, -0.043375], [-0.043375, 1.051723]])
    np.testing.assert_allclose(after["covariance"], wanted, atol=1e-5)
    # the length is 4.334133: exp(0.290261 (4.334133 / 1.254273 - 1)) = exp(0.712742)
    assert after["sigma"] == pytest.approx(0.5 * 2.039576, abs=2e-5)


def test_the_step_size_grows_at_most_e_fold():
    assert told([60.0, 0.0], [0.0, 0.0], generation=50)["sigma"] == pytest.approx(0.5 * math.e)


@pytest.mark.parametrize(("n", "population", "stalls"), [(6, 10, {False, True}), (3, 24, {True})])
def test_five_generations_are_those_of_another_implementation(n, population, stalls):
    # up a slope h_sigma is 0 in most of them; of 24 points in 3-D mu_eff is above n + 2 (damping)
    strategy = CMAES(n, population, sigma=0.3, seed=3)
    other = cmaes.CMA(np.zeros(n), 0.3, population_size=population)
    other._weights = np.maximum(other._weights, 0)  # no active covariance update
    slope, stalled = np.linspace(1, 2, n), []
    for _ in range(5):
        points = strategy.ask()
        cost = points @ slope
        before = np.array(strategy.state()["p_c"])
        strategy.tell(points, -cost)
        other.tell(list(zip(points, cost, strict=True)))
        after = strategy.state()
        stalled.append(np.allclose(after["p_c"], (1 - strategy._c_c) * before))
        np.testing.assert_allclose(after["mean"], other.mean, rtol=1e-9)
        np.testing.assert_allclose(after["sigma"], other._sigma, rtol=1e-9)
        np.testing.assert_allclose(after["p_sigma"], other._p_sigma, rtol=1e-9)
        np.testing.assert_allclose(after["p_c"], other._pc, rtol=1e-9)
        np.testing.assert_allclose(after["covariance"], other._C, rtol=1e-7)
    assert set(stalled) == stalls


def test_halving_keeps_all_but_the_step_size():
    strategy = CMAES(3, 6, 0.5, seed=2)
    climb(strategy, 3, np.ones(3), np.ones(3))
    before = strategy.state()
    strategy.halve_sigma()
    changed = {"sigma": before["sigma"] / 2, "generation": 4}
    assert strategy.state() == before | changed


def test_it_finds_the_top_of_a_stretched_hill():
    # condition number 10^4: without an adapted covariance this takes thousands of generations
    target, scale = np.arange(8) * 0.3, 10 ** np.linspace(0, 2, 8)
    strategy = CMAES(8, population=12, sigma=0.5, seed=1)
    climb(strategy, 200, target, scale)
    assert np.abs(strategy.mean - target).max() < 1e-3


def test_it_goes_on_from_its_state_as_if_never_stopped():
    target, scale = np.ones(3), np.ones(3)
    whole, first = (CMAES(3, 6, 0.5, seed=2) for _ in range(2))
    climb(whole, 10, target, scale)
    climb(first, 4, target, scale)
    second = CMAES(3, 6, 0.5, seed=2)
    second.restore(json.loads(json.dumps(first.state())))
    climb(second, 6, target, scale)
    assert (second.mean == whole.mean).all()


def test_another_seed_is_another_search():
    assert (CMAES(3, 6, 0.5, 1).ask() != CMAES(3, 6, 0.5, 2).ask()).all()

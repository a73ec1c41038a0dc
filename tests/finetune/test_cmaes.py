import json

import numpy as np

from diffses.finetune.cmaes import Strategy


def climb(strategy, generations, target, scale):
    for _ in range(generations):
        points = strategy.ask()
        strategy.tell(points, -(((points - target) * scale) ** 2).sum(axis=1))


def test_it_finds_the_top_of_a_stretched_hill():
    # condition number 10^4: without an adapted covariance this takes thousands of generations
    target, scale = np.arange(8) * 0.3, 10 ** np.linspace(0, 2, 8)
    strategy = Strategy(8, population=12, sigma=0.5, seed=1)
    climb(strategy, 300, target, scale)
    assert np.abs(strategy.mean - target).max() < 1e-3


def test_it_goes_on_from_its_state_as_if_never_stopped():
    target, scale = np.ones(3), np.ones(3)
    whole, first = (Strategy(3, 6, 0.5, seed=2) for _ in range(2))
    climb(whole, 10, target, scale)
    climb(first, 4, target, scale)
    second = Strategy(3, 6, 0.5, seed=2)
    second.restore(json.loads(json.dumps(first.state())))
    climb(second, 6, target, scale)
    assert (second.mean == whole.mean).all()


def test_another_seed_is_another_search():
    assert (Strategy(3, 6, 0.5, 1).ask() != Strategy(3, 6, 0.5, 2).ask()).all()

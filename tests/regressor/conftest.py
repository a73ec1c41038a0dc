"""A small teacher: three actions, scores of a known law."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

from diffses.policy.forest import Forest

FEATURES = ("ball.y", "player.y", "ball.vx", "player.vy", "still", "ball.y-player.y")


class Game(NamedTuple):
    features: np.ndarray  # (n, 6), "still" is constant, the difference collinear
    targets: np.ndarray  # (n, 3), centred
    template: Forest


def game(law, count=1500, noise=0.0, seed=0):
    """Random states and `law(columns...)`, the score of RIGHT; LEFT's is its opposite, NOOP 0."""
    rng = np.random.default_rng(seed)
    x = np.column_stack([rng.uniform(0, 2, (count, 2)), rng.normal(size=(count, 2))])
    features = np.column_stack([x, np.full(count, 0.7), x[:, 0] - x[:, 1]])
    score = law(*x.T)
    targets = np.column_stack([0 * score, score, -score]) + noise * rng.normal(size=(count, 3))
    blank = Forest(FEATURES, ("NOOP", "RIGHT", "LEFT"), (0, 2, 3), ((0.0,),) * 3)
    return Game(features, targets - targets.mean(axis=1, keepdims=True), blank)


@pytest.fixture
def linear_game():
    return game(lambda by, py, vx, vy: 3 * (by - py) - 0.5 * vy + 0.2)


@pytest.fixture
def curved_game():
    return game(lambda by, py, vx, vy: 2 * vx * (by - py) + 0.3, noise=0.05)


@pytest.fixture
def kinked_game():
    """A teacher that is surer the faster the ball comes: a line that follows the scores misses
    where the choice turns."""
    return game(
        lambda by, py, vx, vy: np.sign(by - py + 0.3 * vy) * (1 + 5 * (vx > 0) * np.abs(by - py)),
        count=800,
    )

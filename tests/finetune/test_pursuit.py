"""Starts that need no teacher, on a world of three numbers."""

import numpy as np
import pytest

from diffses.dataset.data import Dataset, Part
from diffses.finetune.pursuit import controlled, mirror, pursuits
from diffses.policy.forest import Forest

FEATURES = ("player.y", "player.vy", "ball.x", "ball.y", "ball.vy", "ball.y-player.y")
ACTIONS = ("NOOP", "FIRE", "UP", "DOWN")
GROUPS = ((0, 1), (2,), (3,))
EFFECT = np.array([0.0, 0.0, -0.4, 0.4])  # of each action on player.vy, in 10 px per step


def world(lag=1, steps=400, effect=EFFECT):
    """Random actions that move the player `lag` screens later, and a ball that drifts."""
    random = np.random.default_rng(0)
    actions = random.integers(4, size=steps)
    speed = np.zeros(steps)
    speed[lag:] = effect[actions[: steps - lag]] + random.normal(0, 0.02, steps - lag)
    player, ball = np.cumsum(speed) / 10, np.cumsum(random.normal(0, 0.1, steps)) / 10
    rows = np.stack([player, speed, ball, ball, np.gradient(ball) * 10, ball - player], axis=1)
    part = Part(rows, np.zeros((steps, 4)), actions, np.zeros(steps, np.int32))
    return Dataset(part, part, FEATURES, ACTIONS, GROUPS)


@pytest.mark.parametrize("lag", [1, 2, 3])
def test_the_player_and_the_effect_of_each_action_are_found(lag):
    player, axis, effect = controlled(world(lag))
    assert (player, axis) == ("player", "y")
    assert effect.tolist() == [0, -1, 1]


def test_chasing_steps_towards_the_ball_and_fleeing_away():
    chase, flee = pursuits(world())
    below = np.array([[1.0, 0, 0.5, 1.5, 0, 0.5]])  # the ball is 50 px below the player
    above = np.array([[1.5, 0, 0.5, 1.0, 0, -0.5]])
    assert [chase.actions[int(chase.choose(row)[0])] for row in (below, above)] == ["DOWN", "UP"]
    assert [flee.actions[int(flee.choose(row)[0])] for row in (below, above)] == ["UP", "DOWN"]


def test_the_weights_that_a_search_may_move_are_there():
    chase = pursuits(world())[0]
    assert chase.text() == (
        "NOOP = 0.0\n"
        "UP = -10.0*(ball.y-player.y) + (0.0 + 0.0*ball.x)*ball.vy + 0.0*player.vy"
        " + 0.0*ball.x + 0.0\n"
        "DOWN = 10.0*(ball.y-player.y) + (0.0 + 0.0*ball.x)*ball.vy + 0.0*player.vy"
        " + 0.0*ball.x + 0.0"
    )  # the world has no ball.vx, so no weight hangs on it


def test_where_the_actions_move_nothing_there_is_no_pursuit():
    assert pursuits(world(effect=np.zeros(4))) == []


def test_what_pulls_one_way_pushes_the_other():
    chase = pursuits(world())[0]
    ties = mirror(chase, world())
    free = np.arange(1.0, ties.shape[1] + 1)
    moved = chase.with_constants(chase.constants() + ties @ free)
    up, down = (np.array([t for t in tree if isinstance(t, float)]) for tree in moved.trees[1:])
    assert up == pytest.approx(-down)
    assert moved.trees[0] == (free[-1],)


def test_trees_of_different_shape_are_not_tied():
    chase = pursuits(world())[0]
    other = (*chase.trees[:2], ("mul", 2.0, 3))
    assert mirror(Forest(chase.features, chase.actions, chase.action_ids, other), world()) is None

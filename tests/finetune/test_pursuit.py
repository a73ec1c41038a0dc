"""Starts that need no teacher, on a world of three numbers."""

from dataclasses import replace

import numpy as np
import pytest

from diffses.dataset.data import Dataset, Part
from diffses.finetune.pursuit import controlled, mirror, pursuits
from diffses.policy.forest import Forest

FEATURES = ("player.y", "player.vy", "ball.x", "ball.y", "ball.vy", "ball.y-player.y")
ACTIONS = ("NOOP", "FIRE", "UP", "DOWN")
GROUPS = ((0, 1), (2,), (3,))
EFFECT = np.array([0.0, 0.0, -0.4, 0.4])  # of each action on player.vy, in 10 px per step


def world(lag=1, steps=400, effect=EFFECT, across=False):
    """Random actions that move the player `lag` screens later, and a ball that drifts; with
    `across` it also goes from 0.2 to 1.4 and back."""
    random = np.random.default_rng(0)
    actions = random.integers(4, size=steps)
    speed = np.zeros(steps)
    speed[lag:] = effect[actions[: steps - lag]] + random.normal(0, 0.02, steps - lag)
    player, ball = np.cumsum(speed) / 10, np.cumsum(random.normal(0, 0.1, steps)) / 10
    rows = np.stack([player, speed, ball, ball, np.gradient(ball) * 10, ball - player], axis=1)
    features = FEATURES
    if across:
        features = (*FEATURES, "ball.vx")
        rows[:, 2] = 0.8 + 0.6 * np.sin(np.arange(steps) / 10)
        rows = np.column_stack([rows, np.gradient(rows[:, 2]) * 10])
    part = Part(rows, np.zeros((steps, 4)), actions, np.zeros(steps, np.int32))
    return Dataset(part, part, features, ACTIONS, GROUPS)


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
        "NOOP = 0.5\n"
        "UP = -(10.0*(ball.y-player.y) + (0.0 + 0.0*ball.x)*ball.vy + 0.0*player.vy"
        " + 0.0*ball.x + 0.0)\n"
        "DOWN = 10.0*(ball.y-player.y) + (0.0 + 0.0*ball.x)*ball.vy + 0.0*player.vy"
        " + 0.0*ball.x + 0.0"
    )  # the world has no ball.vx, so no weight hangs on it


def test_where_the_actions_move_nothing_there_is_no_pursuit():
    assert pursuits(world(effect=np.zeros(4))) == []


def test_what_pulls_one_way_pushes_the_other():
    chase = pursuits(world())[0]
    ties = mirror(chase)
    free = np.arange(1.0, ties.shape[1] + 1)
    moved = chase.with_constants(chase.constants() + ties @ free)
    assert moved.trees[1] == ("neg", *moved.trees[2])
    assert moved.trees[0] == (0.5 + free[0],)


def test_trees_of_different_shape_are_not_tied():
    chase = pursuits(world())[0]
    other = (*chase.trees[:2], ("mul", 2.0, 3))
    assert mirror(Forest(chase.features, chase.actions, chase.action_ids, other)) is None


def test_an_interception_meets_a_ball_that_comes():
    # at 10 px per step across, the ball is 40 px off and falls 5 px per step: it arrives 20 px
    # lower, at the player's height; once it goes, only where it is now counts
    meet = pursuits(world(across=True))[3]
    names = list(meet.features)
    row = dict.fromkeys(names, 0.0)
    row |= {"ball.x": 1.0, "ball.vx": 1.0, "ball.vy": 0.5, "ball.y-player.y": -0.2}
    still, _, down = meet.scores(np.array([list(row.values())]))[0]
    assert abs(down) < still
    row |= {"ball.vx": -1.0, "ball.y-player.y": -0.6}
    assert meet.actions[int(meet.choose(np.array([list(row.values())]))[0])] == "UP"


def test_box_actions_have_no_pursuits():
    data = world()
    assert pursuits(replace(data, bounds=((-1.0, 1.0),))) == []

"""Starts that need no teacher, on a world of three numbers."""

from dataclasses import replace

import numpy as np
import pytest

from diffses.dataset.data import Dataset, Part
from diffses.finetune.action_effects import moved
from diffses.finetune.seed_policies.interception import RESTS, pursuits
from diffses.finetune.weight_sharing import mirror
from diffses.policy.forest import Forest
from tests.finetune.decisions import PLANE, act, recording, starts, wandering

FEATURES = (
    "player.y", "player.vy", "ball.x", "ball.y", "ball.vy", "ball.y-player.y", "player.pushy"
)  # fmt: skip
ACTIONS = ("NOOP", "FIRE", "UP", "DOWN")
GROUPS = ((0, 1), (2,), (3,))
EFFECT = np.array([0.0, 0.0, -0.4, 0.4])  # of each action on player.vy, in 10 px per step


def world(lag=1, steps=400, effect=EFFECT, across=False):
    """Random actions that move the player `lag` screens later, and a ball that drifts; with
    `across` it also goes from 0.2 to 1.4 and back, and from 0.3 to 1.9 once."""
    random = np.random.default_rng(0)
    actions = random.integers(4, size=steps)
    speed = np.zeros(steps)
    speed[lag:] = effect[actions[: steps - lag]] + random.normal(0, 0.02, steps - lag)
    player, ball = np.cumsum(speed) / 10, np.cumsum(random.normal(0, 0.1, steps)) / 10
    pushed = np.append(0.0, np.sign(effect)[actions[:-1]])
    rows = [player, speed, ball, ball, np.gradient(ball) * 10, ball - player, pushed]
    rows = np.stack(rows, axis=1)
    features = FEATURES
    if across:
        features = (*FEATURES, "ball.vx")
        rows[:, 2] = 0.8 + 0.6 * np.sin(np.arange(steps) / 10)
        rows[:, 3] = np.linspace(0.3, 1.9, steps)
        rows = np.column_stack([rows, np.gradient(rows[:, 2]) * 10])
    part = Part(rows, np.zeros((steps, 4)), actions, np.zeros(steps, np.int32))
    return Dataset(part, part, features, ACTIONS, GROUPS)


def test_chasing_steps_towards_the_ball_and_fleeing_away():
    chase, flee = starts(pursuits, world())
    below = np.array([[1.0, 0, 0.5, 1.5, 0, 0.5, 0]])  # the ball is 50 px below the player
    above = np.array([[1.5, 0, 0.5, 1.0, 0, -0.5, 0]])
    assert [chase.actions[int(chase.choose(row)[0])] for row in (below, above)] == ["DOWN", "UP"]
    assert [flee.actions[int(flee.choose(row)[0])] for row in (below, above)] == ["UP", "DOWN"]


def test_the_weights_that_a_search_may_move_are_there():
    chase = starts(pursuits, world())[0]
    assert chase.text() == (
        "NOOP = 0.5\n"
        "UP = -(10.0*(ball.y-player.y) + (0.0 + 0.0*ball.x)*ball.vy + 0.0*player.vy"
        " + 0.0*ball.x + 0.0 + 0.0*player.pushy)\n"
        "DOWN = 10.0*(ball.y-player.y) + (0.0 + 0.0*ball.x)*ball.vy + 0.0*player.vy"
        " + 0.0*ball.x + 0.0 + 0.0*player.pushy"
    )  # the world has no ball.vx, so no weight hangs on it


def test_where_the_actions_move_nothing_there_is_no_pursuit():
    assert starts(pursuits, world(effect=np.zeros(4))) == []


def test_what_pulls_one_way_pushes_the_other():
    chase = starts(pursuits, world())[0]
    ties = mirror(chase)
    free = np.arange(1.0, ties.shape[1] + 1)
    moved = chase.with_constants(chase.constants() + ties @ free)
    assert moved.trees[1] == ("neg", *moved.trees[2])
    assert moved.trees[0] == (0.5 + free[0],)


def test_trees_of_different_shape_are_not_tied():
    chase = starts(pursuits, world())[0]
    other = (*chase.trees[:2], ("mul", 2.0, 3))
    assert mirror(Forest(chase.features, chase.actions, chase.action_ids, other)) is None


def test_an_interception_meets_a_ball_that_comes():
    # at 10 px per step across, the ball is 40 px from the end of its way and falls 5 px per step:
    # it arrives 20 px lower; once it goes, only where it is now counts
    meet = starts(pursuits, world(across=True))[5]
    ball = {"ball_x": 1.0, "ball_y": 1.0, "ball_vx": 1.0, "ball_vy": 0.5}
    assert act(meet, **ball, player_y=1.2) == "NOOP"
    assert act(meet, **ball, player_y=1.0) == "DOWN"
    assert act(meet, **ball, player_y=1.4) == "UP"
    # 10 px above the lower wall it is turned back after 2 of 4 steps, and arrives where it is
    ball |= {"ball_vx": 1.0, "ball_y": 1.8}
    assert act(meet, **ball, player_y=1.8) == "NOOP"
    assert act(meet, **ball, player_y=2.0) == "UP"


def test_when_the_ball_goes_an_interception_returns_to_the_middle():
    meet = starts(pursuits, world(across=True))[5]
    gone = {"ball_x": 1.0, "ball_y": 0.4, "ball_vx": -1.0, "ball_vy": 0.5}
    moves = [act(meet, **gone, player_y=y) for y in (0.8, 1.1, 1.4)]
    assert moves == ["DOWN", "NOOP", "UP"]


def test_it_is_met_off_the_middle_by_where_the_player_is():
    """Towards the wider half, towards the other one, and at the middle near the far wall."""
    found = starts(pursuits, world(across=True))[5:]  # of a ball that comes from the left
    seen = set()
    for meet in found:
        offs = []
        for player in (0.5, 1.3, 1.8):
            row = dict.fromkeys(meet.features, 0.0)
            row |= {"ball.x": 1.0, "ball.y": 1.1, "ball.vx": 1.0, "player.y": player}
            score = meet.scores(np.array([list(row.values())]))[0, 2]
            offs.append(round(float(score) / 10 - (1.1 - player), 3))
        seen.add(tuple(offs))
    assert seen == {(-0.01, 0.01, 0.01), (0.01, -0.01, -0.01), (-0.01, 0.01, 0.0)}


def sluggish(steps=3000):
    """A player with momentum that answers a step late: next velocity = 0.3 of it + 0.5 of the last
    action + 0.9 of the one before, in 10 px per step."""
    random = np.random.default_rng(0)
    actions = random.integers(4, size=steps)
    push = np.array([0.0, 0.0, -1.0, 1.0])[actions]
    speed, place = np.zeros(steps), np.zeros(steps)
    for t in range(1, steps):
        speed[t] = 0.3 * speed[t - 1] + 0.5 * push[t - 1] + 0.9 * (push[t - 2] if t > 1 else 0)
        place[t] = place[t - 1] + speed[t] / 10
    rows = np.stack([place, speed], axis=1)
    part = Part(rows, np.zeros((steps, 4)), actions, np.zeros(steps, np.int32))
    return Dataset(part, part, ("player.y", "player.vy"), ACTIONS, GROUPS)


def test_how_the_player_answers_is_found_from_play():
    found = moved(sluggish(), 0, 1, np.array([0.0, -1.0, 1.0]))
    first = 0.5 / 10
    second = first + (0.3 * 0.5 + 0.9) / 10
    third = second + 0.3 * (0.3 * 0.5 + 0.9) / 10
    assert found.stride == pytest.approx((third, first, second))
    assert found.coasts == pytest.approx((0.3 + 0.3**2 + 0.3**3) / 10)
    assert found.lags == pytest.approx(0.9 * (1 + 0.3 + 0.3**2) / 10)
    assert moved(sluggish(20), 0, 1, np.array([0.0, -1.0, 1.0])) is None  # too little to tell
    assert moved(sluggish(), 0, 1, np.array([0.0, 1.0, -1.0])) is None  # it goes the other way


def test_what_was_done_and_momentum_count_before_the_place_tells():
    data = world(across=True)
    meet = starts(pursuits, data)[5]
    ball = {"ball_x": 1.0, "ball_y": 1.0, "ball_vx": 1.0, "ball_vy": 0.5}
    # the world's player does the action of two looks ago: 4 px are still to come after a push
    assert act(meet, **ball, player_y=1.187) == "DOWN"  # 1.3 px off, and 1 px off its middle
    assert act(meet, **ball, player_y=1.187, player_pushy=1.0) == "NOOP"


def test_box_actions_have_no_pursuits():
    data = world()
    assert starts(pursuits, replace(data, bounds=((-1.0, 1.0),))) == []


ON_A_PLANE = (
    "me.x", "me.y", "me.vx", "me.vy", "it.x-me.x", "it.y-me.y", "me.pushx", "me.pushy"
)  # fmt: skip


def plane(steps=600):
    """Nine ways to go on a plane, each also with the button, and a thing that lies at (1, 1)."""
    actions, push = wandering(steps)
    speed = np.roll(push, 1, axis=0) + np.random.default_rng(1).normal(0, 0.05, (steps, 2))
    place = 1 + 0.5 * np.sin(np.cumsum(speed, axis=0) / 10)
    pushed = np.concatenate([np.zeros((1, 2)), push[:-1]])
    told = dict(zip(ON_A_PLANE, np.column_stack([place, speed, 1 - place, pushed]).T, strict=True))
    return recording(ON_A_PLANE, PLANE, actions, **told)


def test_two_axes_are_steered_at_once_with_and_without_the_button():
    data = plane()
    found = starts(pursuits, data)
    assert len(found) == 2 * (2 + 2 + 4 + 9)  # with and without the button: x, y, both, kept off
    towards = [act(one, **{"it.x-me.x": 0.5, "it.y-me.y": -0.5}) for one in found]
    assert {"+1-1", "+1-1 FIRE", "-1+1", "-1-1", "+1+1"} <= set(towards)
    rest = [act(one, me_x=1.0) for one in found[:16]]
    assert set(rest) == {"+0+0", "+0+0 FIRE"}
    assert max(max(one.sizes) for one in found) <= 41


def test_the_button_is_pressed_and_let_go_in_turns():
    data = plane()
    rows = np.column_stack([data.train.features, np.zeros(len(data.train))])
    part = replace(data.train, features=rows)
    named = replace(data, train=part, features=(*data.features, "me.button"))
    turns = starts(pursuits, named)[2]  # after the first and the last of the actions
    far = {"it.x-me.x": 0.5}
    assert act(turns, **far) == "+1+0 FIRE"
    assert act(turns, **far, **{"me.button": 1.0}) == "+1+0"
    assert max(max(one.sizes) for one in starts(pursuits, named)) <= 41


def test_the_button_is_pressed_again_after_a_while():
    data = plane()
    rows = np.column_stack([data.train.features, np.zeros((len(data.train), 2))])
    part = replace(data.train, features=rows)
    named = replace(data, train=part, features=(*data.features, "me.button", "me.rest"))
    for number, steps in enumerate(RESTS):
        beats = starts(pursuits, named)[
            3 + number
        ]  # after those with the button never, always, in turns
        pressed = [act(beats, **{"it.x-me.x": 0.5, "me.rest": r / 10}) for r in range(11)]
        wait = int(steps) + 1
        assert pressed == ["+1+0"] * wait + ["+1+0 FIRE"] * (11 - wait)
    assert max(max(one.sizes) for one in starts(pursuits, named)) <= 41


def test_a_distance_is_kept_on_the_side_where_the_player_is():
    keeps = starts(pursuits, plane())[-2]  # 20 px along both axes, without the button
    for d, wanted in ((0.5, "+1+0"), (0.1, "-1+0"), (-0.5, "-1+0"), (-0.1, "+1+0")):
        assert act(keeps, **{"it.x-me.x": d, "it.y-me.y": 0.2}) == wanted


def test_a_diagonal_shares_its_weights_with_the_ways_it_is_made_of():
    both = next(
        one for one in starts(pursuits, plane()) if len(one.trees[4]) > len(one.trees[1]) > 1
    )
    ties = mirror(both)
    free = np.random.default_rng(0).normal(size=ties.shape[1])
    moved = both.with_constants(both.constants() + ties @ free)
    rows = np.random.default_rng(1).normal(size=(20, 8))
    score = dict(zip(both.actions, moved.scores(rows).T, strict=True))
    assert np.allclose(score["+1+1"], score["+1+0"] + score["+0+1"])
    assert np.allclose(score["-1+1"], -score["+1+0"] + score["+0+1"])


def test_how_near_is_near_enough_shrinks_as_the_ball_arrives_or_stays():
    shrinking, staying = starts(pursuits, world(lag=2, across=True))[8:10]
    assert len(shrinking.trees[0]) > 1 == len(staying.trees[0])
    early, late = ({"ball.x": x, "ball.vx": 1.0} for x in (0.3, 1.35))
    for forest, less in ((shrinking, True), (staying, False)):
        rows = [[values.get(name, 0.0) for name in forest.features] for values in (early, late)]
        first, last = forest.scores(np.array(rows))[:, 0]
        assert (last < first) == less

"""The measured dynamics, on trajectories whose true values are known."""

import json

import numpy as np
import pytest
from made_up import bouncing

from diffses.detector.dynamics import find_walls, identify_dynamics, is_coarse, read_dynamics
from diffses.detector.offline_tracks import Trajectories
from diffses.detector.sprites import SpriteCollector

PUSHES = np.array([[0.0, 0, 0], [1, 0, 0], [-1, 0, 0]])  # of the actions: none, right, left
NAMES = ("player", "ball")


def trajectories(*objects):
    """From (place, track, first frame, centres float64 (n, 2)) of each; boxes of 4 x 6 px."""
    rows = []
    for place, track, first, centres in objects:
        corners = np.round(np.asarray(centres) - (2, 3)).astype(int)
        steps = np.diff(corners, axis=0, prepend=corners[:1])
        rows += [
            (first + i, track, place, *corner, corner[0] + 3, corner[1] + 5, *step)
            for i, (corner, step) in enumerate(zip(corners, steps, strict=True))
        ]
    data = np.array(sorted(rows))
    moved = (data[:, 7] != 0) | (data[:, 8] != 0)
    return Trajectories(
        data[:, 0], data[:, 1], data[:, 2], data[:, 2], data[:, 3:7], data[:, 3],
        data[:, 7].astype(float), data[:, 8].astype(float), moved,
        np.full(len(data), -1), SpriteCollector().sprites(),
    )  # fmt: skip


def held_actions(random, steps):
    """Random actions, each held for 1 to 12 steps."""
    actions = np.zeros(steps, int)
    at = 0
    while at < steps:
        hold = int(random.integers(1, 13))
        actions[at : at + hold] = random.integers(3)
        at += hold
    return actions


def player_of(actions, kept, last, now, *, low=-np.inf, high=np.inf, start=80.0):
    """A player along x with velocity v' = kept v + last push + now push', in a range."""
    at, velocity, previous, found = start, 0.0, 0.0, []
    for action in actions:
        push = PUSHES[action, 0]
        velocity = kept * velocity + last * previous + now * push
        reached = float(np.clip(at + velocity, low, high))
        velocity, at, previous = reached - at, reached, push
        found.append((at, 100.0))
    return np.array(found)


def identified(tracks, actions, names=NAMES):
    return identify_dynamics(tracks, tracks.place, names, 0, 0, PUSHES, actions)


@pytest.mark.parametrize(
    ("kept", "last", "now"), [(0.0, 0.0, 8.0), (0.5, 0.0, 6.0), (0.0, 6.0, 2.0), (0.2, 12.0, 4.0)]
)
def test_momentum_and_delay_of_the_player(kept, last, now):
    random = np.random.default_rng(0)
    actions = held_actions(random, 2000)
    centres = player_of(actions, kept, last, now, low=-400, high=560)
    found = identified(trajectories((0, 0, 0, centres)), actions)
    assert found.coast[0] == pytest.approx(kept / (1 - kept), abs=0.12)
    assert found.lag[0] == pytest.approx(last / (1 - kept), abs=1.0)
    assert found.speed[:2] == pytest.approx([(now + last) / (1 - kept)] * 2, rel=0.06)
    assert found.coast[1] == found.lag[1] == found.speed[2] == 0


def test_ends_deaths_and_what_else_moves_the_player_do_not_change_its_response():
    random = np.random.default_rng(1)
    actions = held_actions(random, 2500)
    centres = player_of(actions, 0.0, 1.0, 3.0, low=20, high=140)
    for knock in range(100, 2400, 100):  # it is knocked back now and then, whatever the action
        back = 4 * np.arange(1, 31)
        centres[knock : knock + 30, 0] = np.maximum(20, centres[knock - 1, 0] - back)
    parts = ((0, 0, 0, centres[:1500]), (0, 1, 1500, centres[1500:]))
    found = identified(trajectories(*parts), actions)
    assert found.coast[0] == pytest.approx(0, abs=0.2)
    assert found.lag[0] == pytest.approx(1, abs=1)
    assert found.speed[:2] == pytest.approx([4, 4], abs=0.5)


def test_the_range_ends_where_a_push_has_no_effect():
    random = np.random.default_rng(2)
    actions = held_actions(random, 1000)
    centres = player_of(actions, 0, 0, 4.0, low=20)
    found = identified(trajectories((0, 0, 0, centres)), actions)
    assert found.range[:2] == (20, None)  # to the right it was never held up
    assert found.range[2:] == (None, None)


def test_a_recording_without_a_player_or_without_its_motion():
    random = np.random.default_rng(3)
    ball = np.column_stack([bouncing(500, 10, 150, 20, 3), np.full(500, 50)])
    tracks = trajectories((1, 0, 0, ball))
    actions = held_actions(random, 500)
    found = identify_dynamics(tracks, tracks.place, NAMES, None, -1, PUSHES, actions)
    assert found.types[1].walls == pytest.approx((10, 150, None, None), abs=0.6)
    still = trajectories((0, 0, 0, np.full((500, 2), 80.0)))
    found = identified(still, actions)
    assert (found.coast, found.lag, found.speed) == ((0, 0), (0, 0), (0,) * 4)


@pytest.mark.parametrize("step", [1, 3, 7, 11])
def test_walls_are_where_objects_turn_back(step):
    path = bouncing(900, 12.0, 147.0, 40.0, step)
    low, high = find_walls([path[:400], path[400:]])
    assert low == pytest.approx(12, abs=0.6)
    assert high == pytest.approx(147, abs=0.6)


def test_a_paddle_inside_is_no_wall_and_a_stray_turn_is_none():
    random = np.random.default_rng(4)
    field = bouncing(3000, 10.0, 150.0, 20.0, 3)
    hits = bouncing(500, 60.0, 120.0, 70.0, 3)  # turned back inside more often
    stray = np.concatenate([np.arange(150.0, 190, 4), np.arange(190.0, 100, -4)])
    shaking = 80 + random.integers(-1, 2, 500)
    low, high = find_walls([field, *[hits] * 9, stray, shaking])
    assert low == pytest.approx(10, abs=0.6)
    assert high == pytest.approx(150, abs=0.6)


def test_what_passes_or_leaves_the_screen_has_no_walls():
    passing = [np.arange(0.0, 160, 4)] * 30  # reappears at the left, as a new track
    assert find_walls(passing) == (None, None)
    patrol = [bouncing(100, 60.0, 100.0, 70.0, 4)]
    assert find_walls([*passing, *patrol]) == (None, None)


def test_coarse_steps():
    jumps = np.tile([0, 0, 0, 2], 50).astype(float)
    slow = np.tile([1, 1, 0, 1], 50).astype(float)  # 0.75 px a step
    fast = np.tile([8, 9, 8, 8], 50).astype(float)
    assert is_coarse([jumps])
    assert is_coarse([slow])
    assert not is_coarse([fast])
    assert not is_coarse([np.zeros(50)])
    assert not is_coarse([])


def shots(first, from_x, count, velocity):
    """Shots from the player at y = 180, one after the other."""
    flight = np.arange(1, 10)[:, None] * np.array(velocity) + (0, -6)
    starts = [np.array([from_x[first + 12 * shot], 180]) for shot in range(count)]
    return [(1, 10 + n, first + 12 * n, flight + start) for n, start in enumerate(starts)]


def test_the_projectile_and_its_speed():
    random = np.random.default_rng(5)
    actions = held_actions(random, 600)
    centres = player_of(actions, 0, 0, 4.0, low=20, high=140)
    centres[:, 1] = 180
    flying = shots(20, centres[:, 0], 20, (0, -9))
    found = identified(trajectories((0, 0, 0, centres), *flying), actions)
    assert (found.projectile, found.projectile_speed) == ("ball", (0, 9))
    assert found.lead_speed == (4, 9)
    towards = np.column_stack([np.zeros(9), 9 * np.arange(9.0) - 20])  # from beside the player
    falling = [(1, track, first, centres[first] + towards) for _, track, first, _ in flying]
    found = identified(trajectories((0, 0, 0, centres), *falling), actions)
    assert found.projectile is None
    assert found.lead_speed == (4, 0)


def test_they_are_read_as_they_were_written():
    random = np.random.default_rng(6)
    actions = held_actions(random, 400)
    centres = player_of(actions, 0.25, 1.0, 4.0, low=20, high=140)
    found = identified(trajectories((0, 0, 0, centres)), actions)
    words = json.loads(json.dumps(found.describe(NAMES)))
    assert read_dynamics(words) == found

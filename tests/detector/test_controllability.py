import numpy as np

from diffses.detector.controllability import (
    explained_moves,
    explained_variance,
    find_player,
    push_directions,
)


def test_motion_that_follows_the_actions_is_told_from_motion_that_does_not():
    random = np.random.default_rng(0)
    actions = random.integers(0, 3, 400)
    frames = np.arange(400)
    obeys = np.column_stack([np.zeros(400), 3.0 * (actions - 1) + random.normal(0, 1, 400)])
    alone = np.column_stack([np.zeros(400), 3.0 * (random.integers(0, 3, 400) - 1)])
    assert explained_variance(frames, obeys, actions) > 0.7  # 6 of a variance of 7
    assert explained_variance(frames, alone, actions) < 0.1


def test_an_action_that_turns_rather_than_moves_counts():
    # the action changes the velocity, as with skis
    random = np.random.default_rng(1)
    actions = random.integers(0, 3, 400)
    velocity = np.cumsum(actions - 1).astype(float)
    assert explained_variance(np.arange(400), np.column_stack([velocity, velocity]), actions) > 0.9


def test_what_hardly_moves_or_is_hardly_seen_is_not_asked():
    actions = np.arange(400) % 3
    still = np.zeros((400, 2))
    assert explained_variance(np.arange(400), still, actions) == -1
    assert explained_variance(np.arange(10), np.ones((10, 2)) * actions[:10, None], actions) == -1


def test_nobody_is_the_player_where_nothing_obeys():
    assert find_player({0: 0.01, 1: -1.0}, {0: 1.0, 1: 1.0}) is None
    assert find_player({}, {}) is None


def test_the_player_obeys_best_of_those_that_are_usually_there():
    assert find_player({0: 0.2, 1: 0.4}, {0: 1.0, 1: 0.9}) == 1
    assert find_player({0: 0.2, 1: 0.4}, {0: 1.0, 1: 0.3}) == 0
    assert find_player({0: 0.01, 1: 0.4}, {0: 1.0, 1: 0.3}) == 1


def test_the_way_each_action_pushes_is_found_whenever_it_shows():
    random = np.random.default_rng(0)
    actions = random.integers(0, 4, 600)
    speed = np.array([0.0, -3.0, 3.0, 0.1])[actions]
    for late in (0, 1, 2):
        along = np.roll(speed, late) + random.normal(0, 0.5, 600)
        aside = random.normal(0, 2, 600)
        found = push_directions(np.arange(600), np.column_stack([aside, along]), actions)
        assert found.tolist() == [[0, 0], [0, -1], [0, 1], [0, 0]]


def test_what_no_action_moves_is_pushed_by_none():
    actions = np.arange(400) % 3
    alone = np.random.default_rng(0).normal(0, 3, (400, 2))
    assert not push_directions(np.arange(400), alone, actions).any()
    assert not push_directions(np.arange(400), np.zeros((400, 2)), actions).any()
    assert not push_directions(np.arange(9), np.ones((9, 2)) * actions[:9, None], actions).any()


def test_a_player_that_can_seldom_move_is_known_by_the_way_it_moves_then():
    random = np.random.default_rng(0)
    actions = np.repeat(random.integers(0, 3, 200), 6)
    frames = np.arange(1200)
    free = frames % 60 < 4  # it obeys in one step of fifteen
    obeys = np.column_stack([np.zeros(1200), np.where(free, 4.0 * (actions - 1), 0)])
    alone = np.column_stack([np.zeros(1200), np.where(free, 4.0 * (np.roll(actions, 300) - 1), 0)])
    assert explained_variance(frames, obeys, actions) < 0.1
    assert explained_moves(frames, obeys, actions) > 0.9
    assert explained_moves(frames, alone, actions) == -1

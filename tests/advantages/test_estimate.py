"""Returns worked out by hand; resume, budget, workers."""

import dataclasses

import numpy as np
import pytest
from corridor import ARMS, HURT, RIGHT, STAY, CorridorProtocol, base

from diffses.advantages import estimate as module
from diffses.advantages import rollouts
from diffses.advantages.arms import Arms, Base, Hold, box_arms, discrete_arms
from diffses.advantages.estimate import Advantages, estimate_advantages
from diffses.agents.forest_agent import ForestSpec
from diffses.config import AdvantagesConfig, GymnasiumEnv
from diffses.detector.identity import name_observation
from diffses.envs.base import random_action
from diffses.envs.forked import CAN_FORK, in_fork
from diffses.envs.gymnasium import GymnasiumProtocol
from diffses.errors import DiffsesError
from diffses.zoo.champion import FOLDER, open_champion

SETTINGS = AdvantagesConfig(
    states=12,
    replicates=2,
    hold=2,
    horizon=4,
    gamma=0.5,
    random_actions=0.0,
    spacing=3,
    episode_states=4,
    workers=1,
)


def labels(tmp_path, action=RIGHT, protocol=None, arms=ARMS, seed=0, scratch=None, **changes):
    settings = dataclasses.replace(SETTINGS, **changes)
    spec = base(tmp_path / "detector", action)
    protocol = protocol or CorridorProtocol()
    return estimate_advantages(spec, protocol, arms, settings, seed, scratch=scratch)


def test_the_returns_are_those_worked_out_by_hand(tmp_path):
    found = labels(tmp_path)
    assert found.arms == ("base", "STAY", "RIGHT", "HURT")
    # base and RIGHT: 1 + 1/2 + 1/4 + 1/8; STAY: two steps without, 1/4 + 1/8; HURT: a life, and
    # nothing after it
    assert found.returns.shape == (12, 2, 4)
    assert np.unique(found.returns.reshape(-1, 4), axis=0).tolist() == [[1.875, 0.375, 1.875, 0]]
    assert found.advantages[5, 1].tolist() == [0, -1.5, 0, -1.875]
    assert (found.rows[:, 0] == found.at).all()  # it moved at every step
    assert found.chosen.tolist() == [RIGHT] * 12
    assert len(set(found.episode.tolist())) == 3  # 4 states each


def test_all_steps_are_counted(tmp_path):
    found = labels(tmp_path, protocol=CorridorProtocol(restore_steps=10))
    # base 4 steps, STAY 4, HURT 1; RIGHT equals the base after steps 2 and 3, which is enough; four
    # restores, and one to go on, but for the last state of an episode
    walked = sum(int(found.at[found.episode == one].max()) for one in set(found.episode.tolist()))
    assert found.steps == 12 * (4 + 4 + 1 + 3 + 5 * 10) - 3 * 10 + walked
    assert found.equal == pytest.approx(1 / 4)


def test_what_chance_has_no_part_in_is_played_once(tmp_path):
    assert labels(tmp_path, replicates=50).steps == labels(tmp_path, replicates=1).steps
    noisy = CorridorProtocol(noise=0.3)
    more, less = (labels(tmp_path, protocol=noisy, replicates=r).steps for r in (4, 2))
    assert more > 1.5 * less


def test_arms_of_a_replicate_draw_the_same_noise_and_replicates_do_not(tmp_path):
    found = labels(tmp_path, protocol=CorridorProtocol(noise=0.4), replicates=3)
    assert (found.returns[:, :, 0] == found.returns[:, :, 2]).all()  # base and RIGHT
    means = found.returns[:, :, 0]
    assert (means[:, 0] != means[:, 1]).any()
    assert (means[:, 1] != means[:, 2]).any()


def test_labels_do_not_change_what_is_met(tmp_path):
    """The walk goes on as if nothing had been measured on the way."""
    protocol, seed = CorridorProtocol(noise=0.4), 5
    found = labels(tmp_path, protocol=protocol, seed=seed, random_actions=0.5, episode_states=8)
    checked = 0
    for episode in set(found.episode.tolist()):
        env, random = protocol.make_env(), np.random.default_rng(episode)
        env.reset(episode)
        here = found.episode == episode
        due = dict(zip(found.at[here].tolist(), found.rows[here], strict=True))
        random.integers(2 * SETTINGS.spacing - 1)
        while due:
            if env.steps in due:
                assert env.observation().tolist() == due.pop(env.steps).tolist()
                random.integers(1, 2 * SETTINGS.spacing)
                checked += 1
            by_chance = random.random() < 0.5
            env.step(random_action(env, random) if by_chance else RIGHT)
    assert checked == 12


def test_holding_what_the_base_does_now_is_not_the_base(tmp_path):
    arms = Arms((Base(), Hold(STAY, "STAY")))
    found = labels(tmp_path, HURT, arms=arms, hold=4, random_actions=0.0, episode_states=1)
    assert np.unique(found.returns, axis=0).tolist() == [[[0, 0], [0, 0]]]
    assert found.equal == 0


def test_seeds_give_other_states_and_the_same_seed_the_same(tmp_path):
    protocol = CorridorProtocol(noise=0.3)
    one, again, other = (labels(tmp_path, protocol=protocol, seed=seed) for seed in (1, 1, 2))
    assert (one.returns == again.returns).all()
    assert (one.episode != other.episode).all()


@pytest.mark.slow
def test_the_number_of_workers_changes_nothing(tmp_path):
    kept = []
    for workers in (1, 2):
        found = labels(tmp_path, protocol=CorridorProtocol(noise=0.3), workers=workers)
        found.save(tmp_path / f"{workers}.npz")
        kept.append((tmp_path / f"{workers}.npz").read_bytes())
    assert kept[0] == kept[1]


@pytest.mark.slow
def test_labels_of_a_sticky_game_do_not_depend_on_workers(protocol):
    champion = open_champion("pong").forest
    spec = ForestSpec(champion, str(FOLDER / "pong"))
    arms = Arms((Base(), Hold(2, "RIGHT"), Hold(3, "LEFT")))
    kept = []
    for workers in (1, 2):
        settings = dataclasses.replace(
            SETTINGS, horizon=12, spacing=20, episode_states=3, random_actions=0.3, workers=workers
        )
        kept.append(estimate_advantages(spec, protocol(), arms, settings, 3))
    for field in dataclasses.fields(Advantages):
        assert np.array_equal(*(getattr(one, field.name) for one in kept))


def test_a_killed_estimate_goes_on_where_it_was(tmp_path, monkeypatch):
    (tmp_path / "scratch").mkdir()
    protocol, played = CorridorProtocol(noise=0.3), []

    def counted(job):
        if len(played) == 2:
            raise KeyboardInterrupt
        played.append(job.seed)
        return label(job)

    label = module.label_episode
    whole = labels(tmp_path, protocol=protocol)
    monkeypatch.setattr(module, "label_episode", counted)
    with pytest.raises(KeyboardInterrupt):
        labels(tmp_path, protocol=protocol, scratch=tmp_path / "scratch")
    before = played.copy()
    monkeypatch.setattr(module, "label_episode", lambda job: played.append(job.seed) or label(job))
    resumed = labels(tmp_path, protocol=protocol, scratch=tmp_path / "scratch")
    assert played == list(dict.fromkeys(whole.episode.tolist()))
    assert len(before) == 2
    for field in dataclasses.fields(Advantages):
        assert np.array_equal(getattr(whole, field.name), getattr(resumed, field.name))


def test_a_budget_is_kept_to(tmp_path):
    full = labels(tmp_path, states=60)
    spec = base(tmp_path / "detector", RIGHT)
    settings = dataclasses.replace(SETTINGS, states=60)
    for budget in (0, full.steps // 3, 2 * full.steps):
        found = estimate_advantages(spec, CorridorProtocol(), ARMS, settings, 0, budget=budget)
        assert found.steps <= 1.02 * budget
        assert len(found) >= 0.5 * min(60, 60 * budget / full.steps)
    assert len(found) == 60
    assert found.rows.shape == (60, 2)


def test_there_are_as_many_states_as_are_wanted(tmp_path):
    found, more = labels(tmp_path, states=10), labels(tmp_path)
    for name in ("rows", "observations", "returns", "chosen", "episode", "at"):
        assert np.array_equal(getattr(found, name), getattr(more, name)[:10])
    assert found.steps == more.steps  # those of the states that are left out, too


def test_episodes_too_short_for_a_state_are_an_error(tmp_path):
    with pytest.raises(DiffsesError, match=r"fix: advantages\.spacing=20"):
        labels(tmp_path, protocol=CorridorProtocol(length=0), spacing=100)


def test_what_is_saved_is_read(tmp_path):
    found = labels(tmp_path)
    found.save(tmp_path / "labels.npz")
    read = Advantages.open(tmp_path / "labels.npz")
    for field in dataclasses.fields(Advantages):
        assert np.array_equal(getattr(read, field.name), getattr(found, field.name))


def test_of_many_actions_only_the_factored_ones_are_arms():
    pushes = [(x, y, b) for b in (0, 1) for x in (-1, 0, 1) for y in (-1, 0, 1)]
    names = [f"A{i}" for i in range(18)]
    groups = [(i,) for i in range(18)]
    chosen = [arm.index for arm in discrete_arms(names, groups, pushes).arms[1:]]
    # left, up, nothing, down, right, button
    assert chosen == [1, 3, 4, 5, 7, 13]
    assert len(discrete_arms(names, groups).arms) == 19  # effects are not known
    merged = discrete_arms(names, [(0, 4), (13, 17), (5,)], pushes)
    assert merged.names == ("base", "A4", "A13", "A5")  # the plainest of each group


def test_a_nudge_moves_one_dimension_within_its_bounds():
    arms = box_arms(("u0", "u1"), ((-1.0, 1.0), (0.0, 10.0)), 0.25)
    assert arms.names == ("base", "u0 less", "u0 more", "u1 less", "u1 more")
    now = np.array([0.8, 4.0])
    moved = [arm.action(now, ()).tolist() for arm in arms.arms]
    assert moved == [[0.8, 4], [pytest.approx(0.3), 4], [1, 4], [0.8, 1.5], [0.8, 6.5]]
    assert now.tolist() == [0.8, 4.0]


@pytest.mark.skipif(not CAN_FORK, reason="no forks")
def test_forks_give_what_replays_give_for_fewer_steps(tmp_path, monkeypatch):
    name_observation(GymnasiumEnv("LunarLander-v3")).save(tmp_path)
    champion = open_champion("lunar_lander").forest
    names = tuple(f"o{i}" for i in range(8))
    spec = ForestSpec(dataclasses.replace(champion, features=names), str(tmp_path))
    arms = Arms((Base(), Hold(0, "A0"), Hold(2, "A2")))
    settings = dataclasses.replace(SETTINGS, states=4, horizon=10, spacing=15, random_actions=0.2)

    def measured():
        return estimate_advantages(spec, GymnasiumProtocol("LunarLander-v3"), arms, settings, 1)

    forked = measured()
    monkeypatch.setattr(rollouts, "CAN_FORK", False)
    replayed = measured()
    for name in ("rows", "returns", "chosen", "episode", "at"):
        assert np.array_equal(getattr(forked, name), getattr(replayed, name))
    assert (forked.returns[:, 0] != forked.returns[:, 1]).any()  # engines draw noise
    # one way to each state and 6 rollouts of 10 steps; else each of these and of the ways on, too
    walked = sum(int(forked.at[forked.episode == one].max()) for one in set(forked.episode))
    assert forked.steps == 4 * 6 * 10 + walked
    assert replayed.steps - forked.steps >= 6 * int(forked.at.sum())


def test_an_error_in_a_fork_is_raised_here():
    def wrong():
        raise ValueError("there")

    with pytest.raises(ValueError, match="there"):
        in_fork(wrong)
    kept = []
    assert in_fork(lambda: kept.append(1) or [2]) == [2]
    assert kept == []

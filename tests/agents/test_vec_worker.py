"""The engine as a vector of environments: the episodes are those that `play` plays."""

import numpy as np
import pytest

from diffses.agents.forest_agent import ForestSpec
from diffses.agents.object_vec_env import ObjectVecEnv
from diffses.agents.vec_worker import VecEnvConfig
from diffses.config import GymnasiumEnv, MotionDetector
from diffses.detector.identity import name_observation
from diffses.detector.learn import learn_motion_detector
from diffses.detector.recording import recording_for
from diffses.envs.gymnasium import GymnasiumProtocol
from diffses.envs.rollout import Job, play_one
from diffses.errors import DiffsesError
from diffses.policy.forest import Forest
from diffses.seeds import seed_for


@pytest.fixture
def cartpole(tmp_path):
    name_observation(GymnasiumEnv(id="CartPole-v1")).save(tmp_path)
    return GymnasiumProtocol("CartPole-v1"), str(tmp_path)


def drive(config, forest, n_envs, workers, episodes=2):
    """Returns and lengths of the first episodes of each slot, the forest playing."""
    envs = ObjectVecEnv(config, n_envs, workers)
    found = {}
    count = [0] * n_envs
    rows = envs.reset()
    while min(count) < episodes:
        if forest.bounds is None:
            chosen = forest.choose(rows.astype(np.float64))
            actions = np.array(forest.action_ids)[chosen]
        else:
            actions = forest.squash(forest.scores(rows.astype(np.float64)))
        rows, _, over, infos = envs.step(actions)
        for slot in np.flatnonzero(over):
            if count[slot] < episodes:
                end = infos[slot]["episode"]
                found[slot, count[slot]] = end["r"], end["l"], infos[slot]["TimeLimit.truncated"]
            count[slot] += 1
    envs.close()
    return found


def played(config, forest, n_envs, episodes=2):
    """The same through `play_one`."""
    found = {}
    for slot in range(n_envs):
        for number in range(episodes):
            seed = seed_for(config.seed, "train", slot, number)
            job = Job(ForestSpec(forest, config.detector), config.protocol, seed, config.max_steps)
            episode = play_one(job)
            found[slot, number] = episode.score, episode.steps
    return found


BALANCE = Forest(
    ("o0", "o1", "o2", "o3"), ("A0", "A1"), (0, 1), ((0.0,), ("add", "add", 2, "mul", 0.3, 3, 1))
)


@pytest.mark.parametrize(("n_envs", "workers"), [(1, 1), (3, 1)])
def test_a_forest_returns_what_it_returns_alone(cartpole, n_envs, workers):
    config = VecEnvConfig(*cartpole, seed=5)
    found = drive(config, BALANCE, n_envs, workers)
    assert {key: end[:2] for key, end in found.items()} == played(config, BALANCE, n_envs)
    assert not any(cut for _, _, cut in found.values())


@pytest.mark.slow
def test_workers_change_nothing(cartpole):
    config = VecEnvConfig(*cartpole, seed=5)
    assert drive(config, BALANCE, 4, 2) == drive(config, BALANCE, 4, 1)


@pytest.mark.slow
@pytest.mark.parametrize(("game", "workers"), [("pong", 2), ("breakout", 1)])
def test_a_forest_returns_what_it_returns_alone_in_games(tmp_path, protocol, game, workers):
    sticky = protocol(game)
    settings = MotionDetector(steps=600)
    play = recording_for(sticky, settings)
    detector = learn_motion_detector(play.screens, play.starts, play.action_tm1, settings, {})
    detector.save(tmp_path)
    first, second = detector.features[:2]
    trees = ((0.3,), (0,), ("sub", 0.9, 0), ("sub", 0, 1))
    forest = Forest((first, second), ("A", "B", "C", "D"), (0, 1, 2, 3), trees)
    wide = Forest(detector.features, forest.actions, forest.action_ids, trees)
    config = VecEnvConfig(sticky, str(tmp_path), seed=2, max_steps=200)
    together = drive(config, wide, 3, workers, episodes=1)
    assert {k: v[:2] for k, v in together.items()} == played(config, forest, 3, episodes=1)


def test_a_cut_episode_says_so_and_shows_its_end(cartpole):
    envs = ObjectVecEnv(VecEnvConfig(*cartpole, seed=1, max_steps=3), 2)
    first = envs.reset()
    for _ in range(2):
        rows, _, over, _ = envs.step(np.array([0, 1]))
        assert not over.any()
        before = rows
    rows, rewards, over, infos = envs.step(np.array([0, 1]))
    assert over.all()
    assert rewards.tolist() == [1, 1]
    for info, last, now, start in zip(infos, before, rows, first, strict=True):
        assert info["TimeLimit.truncated"]
        assert info["episode"]["l"] == 3
        # positions move by velocity * 0.02 s a step: the end follows what was seen before it
        assert info["terminal_observation"][0] == pytest.approx(last[0] + 0.02 * last[1], abs=1e-6)
        assert not np.array_equal(now, start)  # the next episode is another one


def test_only_the_actions_offered_can_be_taken(cartpole):
    envs = ObjectVecEnv(VecEnvConfig(*cartpole, seed=1, actions=(1,)), 1)
    assert envs.action_space.n == 1
    start = envs.reset()
    rows, *_ = envs.step(np.array([0]))
    assert rows[0, 1] > start[0, 1]  # pushed to the right


def test_rewards_may_be_given_as_their_sign(tmp_path):
    name_observation(GymnasiumEnv(id="Pendulum-v1")).save(tmp_path)
    config = VecEnvConfig(
        GymnasiumProtocol("Pendulum-v1"), str(tmp_path), seed=1, sign=True, max_steps=1
    )
    envs = ObjectVecEnv(config, 1)
    assert envs.action_space.low.tolist() == [-2]
    envs.reset()
    _, rewards, _, infos = envs.step(np.array([[0.5]]))
    assert rewards.tolist() == [-1]
    assert infos[0]["episode"]["r"] != -1


@pytest.mark.slow
def test_a_workers_error_is_raised_here_and_so_is_its_death(cartpole):
    envs = ObjectVecEnv(VecEnvConfig(*cartpole, seed=1, actions=(0,)), 2, 2)
    envs.reset()
    with pytest.raises(IndexError):
        envs.step(np.ones(2, int))
    envs._workers[0]._process.kill()
    with pytest.raises(DiffsesError, match="worker process of the vectorised environment died"):
        envs.step(np.zeros(2, int))
    envs.close()

"""CartPole with recorded random play in place of a teacher's."""

import numpy as np
import pytest

from diffses.config import GymnasiumEnv
from diffses.dataset.data import Dataset, Part
from diffses.detector.identity import name_observation
from diffses.envs.gymnasium import gymnasium_protocol
from diffses.finetune.evaluator import FitnessEvaluator
from diffses.policy.forest import Forest

FEATURES = ("cart.x", "cart.vx", "pole.angle", "pole.turn")


@pytest.fixture
def cartpole():
    """`cartpole("mul", 2.0, 2)`: pushes right where that tree is above 0."""

    def make(*tree):
        return Forest(FEATURES, ("A0", "A1"), (0, 1), ((0.0,), tree))

    return make


@pytest.fixture
def env():
    return GymnasiumEnv("CartPole-v1", features=list(FEATURES))


@pytest.fixture
def protocol(env):
    return gymnasium_protocol(env)


@pytest.fixture
def detector(env, tmp_path):
    folder = tmp_path / "detector"
    folder.mkdir()
    name_observation(env).save(folder)
    return folder


@pytest.fixture
def evaluator(protocol, detector):
    return FitnessEvaluator(protocol, detector, 200, workers=1)


@pytest.fixture
def data(protocol):
    """Random play; the recorded scores prefer to push the way the pole falls."""
    env, random = protocol.make_env(), np.random.default_rng(0)
    rows, actions, episodes = [], [], []
    for episode in range(10):
        env.reset(episode)
        while not env.done:
            rows.append(env.observation().copy())
            actions.append(int(random.integers(2)))
            episodes.append(episode)
            env.step(actions[-1])
    rows = np.array(rows)
    fall = rows[:, 2] + rows[:, 3]
    logits = np.stack([-fall, fall], axis=1)
    part = Part(rows, logits, np.array(actions), np.array(episodes, np.int32))
    return Dataset(part, part, FEATURES, ("A0", "A1"), ((0,), (1,)))

"""A task that no choice of constants solves: the structure has to change."""

import gymnasium as gym
import numpy as np
import pytest

from diffses.config import GymnasiumEnv, SearchFinetune
from diffses.dataset.data import Dataset, Part
from diffses.detector.identity import name_observation
from diffses.envs.gymnasium import gymnasium_protocol
from diffses.finetune.evaluator import FitnessEvaluator, Individual, ranked
from diffses.finetune.lineage import Kind, Lineage
from diffses.finetune.search import Search
from diffses.finetune.variation import PrimitiveSet
from diffses.policy.forest import Forest

STEPS = 40  # of an episode: the highest return
# weighted sums of both numbers: half-planes
STARTS = [
    Forest(("a", "b"), ("A0", "A1"), (0, 1), ((bias,), ("add", "mul", w, 0, "mul", v, 1)))
    for bias, w, v in ((0.1, 1.0, 1.0), (0.2, -1.0, 1.0), (0.0, 0.5, -1.0), (-0.3, -1.0, -1.0))
]


class Signs(gym.Env):
    """Two numbers from -1 to 1; action 1 is right where their signs are equal, else action 0."""

    observation_space = gym.spaces.Box(-1.0, 1.0, (2,), np.float32)
    action_space = gym.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps = 0
        return self._draw(), {}

    def step(self, action):
        right = int(action) == int(self.numbers[0] * self.numbers[1] > 0)
        self.steps += 1
        return self._draw(), float(right), self.steps == STEPS, False, {}

    def _draw(self):
        self.numbers = self.np_random.uniform(-1, 1, 2).astype(np.float32)
        return self.numbers


@pytest.fixture
def searched(tmp_path):
    """`searched(evolution_share)`: the best individual and its mean return in new episodes."""
    gym.register("Signs-v0", Signs)
    env = GymnasiumEnv("Signs-v0", features=["a", "b"])
    protocol = gymnasium_protocol(env)
    name_observation(env).save(tmp_path)
    rows = np.random.default_rng(0).uniform(-1, 1, (400, 2))
    part = Part(rows, np.zeros((400, 2)), np.zeros(400, int), np.zeros(400, int))
    data = Dataset(part, part, ("a", "b"), ("A0", "A1"), ((0,), (1,)))

    def search(evolution_share):
        settings = SearchFinetune(
            steps=30_000,
            population=16,
            n_constant_searches=2,
            evolution_share=evolution_share,
            guidance=0.0,
            max_nodes=9,
        )
        evaluator = FitnessEvaluator(protocol, tmp_path, None, workers=1)
        primitives = PrimitiveSet.of(data, rows, settings.operators, settings.max_nodes)
        run = Search(data, primitives, evaluator, settings, seed=2)
        run.screen([Individual(one, Lineage.start("line", i)) for i, one in enumerate(STARTS)])
        while run.steps < settings.steps and run.step() is not None:
            pass
        best = ranked(run.population)[0]
        return best, evaluator.play([best.forest], range(1000, 1020))[0].mean()

    yield search
    del gym.registry["Signs-v0"]


def test_constants_alone_do_not_solve_it(searched):
    # a half-plane is right on at most 2/3 of the square: a + b > c with c = 2/3 is right where
    # both are positive but for a triangle of c^2 / 2, in 7/9 of that quarter, and where the signs
    # differ but for two triangles of (1 - c)^2 / 2, in 17/18 of that half: 7/36 + 17/36 = 2/3
    best, mean = searched(evolution_share=0.0)
    assert best.forest.sizes == STARTS[0].sizes
    assert 0.55 * STEPS < mean < 0.72 * STEPS


def test_evolution_finds_the_structure_that_does(searched):
    best, mean = searched(evolution_share=0.8)
    assert mean > 0.95 * STEPS
    made = best.lineage
    while made.parent is not None:
        made = made.parent
    assert made.kind is Kind.child

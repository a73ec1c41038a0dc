"""A made-up environment on which returns can be worked out by hand, and arms for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diffses.advantages.arms import Arms, Base, Hold
from diffses.agents.forest_agent import ForestSpec
from diffses.detector.identity import Identity
from diffses.policy.forest import Forest

STAY, RIGHT, HURT = 0, 1, 2
ARMS = Arms((Base(), Hold(STAY, "STAY"), Hold(RIGHT, "RIGHT"), Hold(HURT, "HURT")))


@dataclass(frozen=True)
class CorridorProtocol:
    """noise: chance that a step to the right fails. restore_steps: what a restore costs."""

    noise: float = 0.0
    length: int = 1000
    restore_steps: int = 0
    name: str = "gym"

    def make_env(self):
        return Corridor(self)

    def seeds(self, namespace, seed, episodes):
        return list(range(episodes))


class Corridor:
    """RIGHT moves on and pays 1; HURT costs a life; one starts with 3 lives and x = 0."""

    action_names = ("STAY", "RIGHT", "HURT")
    bounds = None
    truncated = False
    restores_by_replay = False

    def __init__(self, protocol):
        self.protocol = protocol

    def reset(self, seed):
        self._random = np.random.default_rng(seed)
        self.x, self.lives, self.steps, self.last_action, self.draws = 0, 3, 0, None, 0

    @property
    def done(self):
        return self.steps >= self.protocol.length or self.lives == 0

    def step(self, action):
        self.steps, self.last_action = self.steps + 1, action
        self.lives -= action == HURT
        moves = action == RIGHT
        if self.protocol.noise:
            self.draws += 1
            moves &= self._random.random() >= self.protocol.noise
        self.x += moves
        return float(moves)

    def observation(self):
        return np.array([self.x, self.steps], np.float64)

    def clone_state(self):
        kept = self.x, self.lives, self.steps, self.last_action, self.draws
        return kept, self._random.bit_generator.state

    def restore_state(self, snapshot, donor=None):
        kept, own = snapshot
        self.x, self.lives, self.steps, self.last_action, self.draws = kept
        self._random.bit_generator.state = own if donor is None else donor[1]
        return self.protocol.restore_steps

    def draw_from(self, donor):
        self._random.bit_generator.state = donor[1]

    def fingerprint(self):
        return np.array([self.x, self.lives, self.steps]).tobytes()

    def drew_since(self, snapshot):
        return self._random.bit_generator.state != snapshot[1]


def base(folder, action):
    """A policy that always takes one action, and the detector of the corridor."""
    folder.mkdir(exist_ok=True)
    Identity(("x", "steps")).save(folder)
    trees = tuple((float(a == action),) for a in range(3))
    return ForestSpec(Forest(("x", "steps"), Corridor.action_names, (0, 1, 2), trees), str(folder))

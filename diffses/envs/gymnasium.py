"""Gymnasium environments with a vector as observation, such as CartPole."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Discrete

from diffses.config import GymnasiumEnv
from diffses.envs.base import Action, Bounds
from diffses.envs.gymnasium_state import (
    Layers,
    can_be_copied,
    copy_layers,
    keeps_history,
    restore_layers,
)
from diffses.errors import ConfigError
from diffses.seeds import seed_for


@dataclass(frozen=True)
class GymnasiumProtocol:
    """The environment as registered with Gymnasium, with its own time limit."""

    id: str
    options: str = "{}"  # JSON: arguments of `gymnasium.make`

    @property
    def name(self) -> str:
        return "gym"

    def make_env(self) -> GymEnv:
        return GymEnv(self)

    def seeds(self, namespace: str, seed: int, episodes: int) -> list[int]:
        """Episode seeds of one namespace: train, validation or test."""
        return [seed_for(seed, namespace, episode) for episode in range(episodes)]


def gymnasium_protocol(env: GymnasiumEnv) -> GymnasiumProtocol:
    return GymnasiumProtocol(env.id, json.dumps(dict(env.options), sort_keys=True))


@dataclass(frozen=True)
class GymSnapshot:
    """The state of a `GymEnv` at one step."""

    seed: int  # of the episode
    taken: tuple[Any, ...]  # the actions since its start, as Gymnasium takes them
    layers: Layers | None  # a copy of the state; None: it is reached by playing `taken` again
    generator: Mapping[str, Any]  # state of the random generator
    observation: np.ndarray  # float64 (f,)
    last_action: Action | None
    done: bool
    truncated: bool


class GymEnv:
    """A Gymnasium environment as an `Env`. An episode's seed is the seed of its reset."""

    def __init__(self, protocol: GymnasiumProtocol) -> None:
        self.protocol = protocol
        self._env = _make(protocol)
        observations, space = self._env.observation_space, self._env.action_space
        assert isinstance(observations, Box)
        assert isinstance(space, Box | Discrete)
        self.bounds: Bounds | None = None
        if isinstance(space, Box):
            low, high = space.low.ravel().tolist(), space.high.ravel().tolist()
            self.bounds = tuple(zip(low, high, strict=True))
            self.action_names = tuple(f"u{i}" for i in range(len(low)))
            self._shape, self._dtype = space.shape, space.dtype
        else:
            self.action_names = tuple(f"A{i}" for i in range(int(space.n)))
            self._first = int(space.start)
        self.steps = 0
        self.last_action: Action | None = None
        self.done = True
        self.truncated = False
        self._observation = np.zeros(int(np.prod(observations.shape)))
        self.restores_by_replay = not can_be_copied(self._env)
        self._seed = 0
        self._taken: list[Any] = []  # in this episode

    @property
    def width(self) -> int:
        """Length of an observation."""
        return len(self._observation)

    def reset(self, seed: int) -> None:
        """Starts an episode. seed: 0 to 2**31 - 1."""
        if seed < 0 or seed >= 2**31:
            raise ValueError(f"an episode seed lies in 0..2**31-1, got {seed}")
        self._seed, self._taken = seed, []
        observation = self._start(seed)
        self._observation = np.asarray(observation, np.float64).ravel()
        self.steps, self.last_action, self.done, self.truncated = 0, None, False, False

    def _start(self, seed: int) -> Any:
        if keeps_history(self._env):
            self._env = _make(self.protocol)  # 0.1 ms
        observation, _ = self._env.reset(seed=seed)
        return observation

    def step(self, action: Action) -> float:
        """Takes one step and returns its reward.

        Args:
            action: an index, or a value for each dimension of a Box action, float64 (d,).
        """
        taken: Any
        if self.bounds is None:
            taken = self._first + int(action)
        else:
            taken = np.asarray(action, self._dtype).reshape(self._shape)
        self._taken.append(taken)
        observation, reward, terminated, truncated, _ = self._env.step(taken)
        self._observation = np.asarray(observation, np.float64).ravel()
        self.steps += 1
        self.last_action = action
        self.done = bool(terminated or truncated)
        self.truncated = bool(truncated and not terminated)
        return float(reward)

    def observation(self) -> np.ndarray:
        """The present observation, float64 (f,)."""
        return self._observation

    def clone_state(self) -> GymSnapshot:
        """The present state, for `restore_state`."""
        return GymSnapshot(
            self._seed,
            tuple(self._taken),
            None if self.restores_by_replay else copy_layers(self._env),
            self._random.bit_generator.state,
            self._observation.copy(),
            self.last_action,
            self.done,
            self.truncated,
        )

    def restore_state(self, snapshot: GymSnapshot, donor: GymSnapshot | None = None) -> int:
        """Goes back to a state.

        Args:
            donor: a state whose random generator the run goes on with; None: the state's own.

        Returns:
            The steps that were played again.
        """
        played = 0
        if snapshot.layers is not None:
            restore_layers(self._env, snapshot.layers)
        else:
            self._start(snapshot.seed)
            for taken in snapshot.taken:
                self._env.step(taken)
            # where the run went on with a donor's generator, its own draws were others
            self._random.bit_generator.state = snapshot.generator
            played = len(snapshot.taken)
        if donor is not None:
            self.draw_from(donor)
        self._seed, self._taken = snapshot.seed, list(snapshot.taken)
        self._observation = snapshot.observation
        self.steps, self.last_action = len(snapshot.taken), snapshot.last_action
        self.done, self.truncated = snapshot.done, snapshot.truncated
        return played

    def draw_from(self, donor: GymSnapshot) -> None:
        """Goes on with the random generator of another state; the state stays as it is."""
        self._random.bit_generator.state = donor.generator

    def fingerprint(self) -> None:
        """Not known: an observation need not show the whole state."""

    def drew_since(self, snapshot: GymSnapshot) -> bool:
        """Whether the task has drawn random numbers since a state."""
        return bool(self._random.bit_generator.state != snapshot.generator)

    @property
    def _random(self) -> np.random.Generator:
        return self._env.unwrapped.np_random


def _make(protocol: GymnasiumProtocol) -> gymnasium.Env[Any, Any]:
    """The Gymnasium environment.

    Raises:
        ConfigError: if it is not registered or lacks a package, if its observation is not a vector,
            or if its action space is neither Discrete nor a bounded Box.
    """
    try:
        with warnings.catch_warnings():
            # importing Box2D warns, and crashes the process where warnings are errors
            warnings.simplefilter("ignore", DeprecationWarning)
            env = gymnasium.make(
                protocol.id, disable_env_checker=True, **json.loads(protocol.options)
            )
    except gymnasium.error.DependencyNotInstalled as error:
        raise ConfigError(
            f"env.id={protocol.id} lacks a package: {error}", fix="install it, as the message says"
        ) from error
    except (gymnasium.error.Error, TypeError) as error:
        near = ", ".join(sorted(i for i in gymnasium.registry if i.split("-")[0] in protocol.id))
        raise ConfigError(
            f"env.id={protocol.id} cannot be made: {error}",
            fix=f"env.id=<{near or 'an id that Gymnasium has, e.g. CartPole-v1'}>",
        ) from error
    observations, actions = env.observation_space, env.action_space
    if not isinstance(observations, Box) or len(observations.shape) != 1:
        raise ConfigError(
            f"env.id={protocol.id} has observations {observations}: want a vector",
            fix="env=ale env.game=<game> for a game of frames",
        )
    if not isinstance(actions, Discrete | Box):
        raise ConfigError(
            f"env.id={protocol.id} has actions {actions}: want Discrete or Box",
            fix="another env.id",
        )
    if isinstance(actions, Box) and not actions.is_bounded():
        raise ConfigError(f"env.id={protocol.id}: {actions} has no limits", fix="another env.id")
    return env

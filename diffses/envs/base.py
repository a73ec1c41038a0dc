"""What a player plays on: one environment, one episode at a time, each named by its seed."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Bounds = tuple[tuple[float, float], ...]  # lowest and highest value of each dimension
Action = int | NDArray[np.float64]  # an index into `action_names`, or a value for each dimension


class Env(Protocol):
    """An environment at its present step."""

    action_names: tuple[str, ...]  # of the actions, or of the dimensions where `bounds` is given
    bounds: Bounds | None  # of a Box action; None where actions are discrete
    steps: int  # since the start of the episode

    @property
    def last_action(self) -> Action | None:
        """What the last step was taken with; None at the start."""

    @property
    def done(self) -> bool: ...

    @property
    def truncated(self) -> bool:
        """Whether a limit of time ended the episode, and not the game."""

    def reset(self, seed: int) -> None:
        """Begins the episode that `seed` names, 0 to 2**31 - 1: the same one every time."""

    def step(self, action: Any) -> float:
        """Takes one step, with an `Action`; its reward, unclipped."""

    def observation(self) -> np.ndarray:
        """What there is to see now, overwritten by the next step: a frame's palette indices,
        uint8 (height, width), or an observation, float64 (f,)."""


class EvaluationProtocol(Protocol):
    """How episodes are played; hashable and picklable. Results under different rules never mix."""

    @property
    def name(self) -> str: ...

    def make_env(self) -> Env:
        """The environment, not started yet; ConfigError where there is no such thing."""

    def seeds(self, namespace: str, seed: int, episodes: int) -> list[int]:
        """Episode seeds of one namespace: train, validation or test."""


def random_action(env: Env, random: np.random.Generator) -> Action:
    """A uniformly random action."""
    if env.bounds is None:
        return int(random.integers(len(env.action_names)))
    low, high = np.array(env.bounds).T
    action: NDArray[np.float64] = random.uniform(low, high)
    return action

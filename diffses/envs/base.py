"""The interfaces of environments and of the protocols by which they are played."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Bounds = tuple[tuple[float, float], ...]  # lowest and highest value of each dimension
Action = int | NDArray[np.float64]  # an index into `action_names`, or a value for each dimension


class Env(Protocol):
    """One environment that plays one episode at a time.

    Unlike a `gymnasium.Env`, it keeps its present step: what `reset` and `step` of Gymnasium return
    is read from properties. Each episode has a seed and is the same whenever it is played.
    """

    action_names: tuple[str, ...]  # of the actions, or of the dimensions where `bounds` is given
    bounds: Bounds | None  # of a Box action; None where actions are discrete
    steps: int  # taken in this episode
    restores_by_replay: bool  # whether `restore_state` plays the episode again up to the state

    @property
    def last_action(self) -> Action | None:
        """The action of the last step; None before the first."""

    @property
    def done(self) -> bool:
        """Whether the episode has ended: terminated or truncated."""

    @property
    def truncated(self) -> bool:
        """Whether the episode was ended by a time limit, not by the game."""

    def reset(self, seed: int) -> None:
        """Starts an episode. seed: 0 to 2**31 - 1; the same seed gives the same episode."""

    def step(self, action: Any) -> float:
        """Takes one step with an `Action`; returns its reward, unclipped."""

    def observation(self) -> np.ndarray:
        """The present observation; the next step overwrites it.

        Returns:
            A frame as palette indices, uint8 (height, width), or a vector, float64 (f,).
        """

    def clone_state(self) -> Any:
        """The present state, its random generator and what is observed included."""

    def restore_state(self, snapshot: Any, donor: Any = None) -> int:
        """Goes back to a state of `clone_state`, also one of an earlier episode.

        Args:
            donor: another state, whose random generator the run goes on with; None: its own.

        Returns:
            The steps that had to be taken to get there.
        """

    def draw_from(self, donor: Any) -> None:
        """Goes on with the random generator of another state; the state stays as it is."""

    def fingerprint(self) -> bytes | None:
        """Equal where two runs from one state, with the same draws of the random generator, are in
        the same state again; None: that cannot be told."""

    def drew_since(self, snapshot: Any) -> bool:
        """Whether chance had a part in the steps since that state of the same run."""


class EvaluationProtocol(Protocol):
    """How episodes are played: the environment, its settings and its seeds.

    Hashable and picklable. Results of different protocols are never mixed.
    """

    @property
    def name(self) -> str:
        """As the results name it: v5, v4 or gym."""

    def make_env(self) -> Env:
        """A new environment, to be reset before its first step.

        Raises:
            ConfigError: where there is no such environment.
        """

    def seeds(self, namespace: str, seed: int, episodes: int) -> list[int]:
        """Episode seeds of one namespace: train, validation or test."""


def random_action(env: Env, random: np.random.Generator) -> Action:
    """A uniformly random action."""
    if env.bounds is None:
        return int(random.integers(len(env.action_names)))
    low, high = np.array(env.bounds).T
    action: NDArray[np.float64] = random.uniform(low, high)
    return action

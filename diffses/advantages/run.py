"""A policy in an environment that can be taken back to an earlier step, and goes on as it did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from diffses.agents.forest_agent import ForestAgent
from diffses.envs.base import Action, Env
from diffses.envs.rollout import Agent


class RestorableAgent(Agent, Protocol):
    """An agent whose memory of the episode can be kept."""

    def clone_state(self) -> Any:
        """What it remembers of the episode; no later call changes it."""

    def restore_state(self, state: Any) -> Any:
        """Goes back to a state of `clone_state`."""


@dataclass(frozen=True)
class RunSnapshot:
    """All that a run needs to go on from one step: nothing is observed again.

    env: of `Env.clone_state`. agent: what the policy's detector remembers. advisers: what each
    adviser remembers. row: the features there, float64 (f,). action: the policy's choice there.
    advice: each adviser's choice.
    """

    env: Any
    agent: Any
    advisers: tuple[Any, ...]
    row: np.ndarray
    action: Action
    advice: tuple[Action, ...]


class Run:
    """One episode at a time of a policy, which other agents (a teacher) may watch.

    The policy looks once at every step, whatever is played, so that its detector keeps track.

    Args:
        env: the environment; it must not be used elsewhere in the meantime.
        agent: of the policy.
        advisers: agents that are asked at each step of `step(..., watched=True)`.
    """

    def __init__(
        self, env: Env, agent: ForestAgent, advisers: Sequence[RestorableAgent] = ()
    ) -> None:
        self.env: Any = env
        self._agent, self._advisers = agent, tuple(advisers)
        self._pair = any(one.needs_frame_pair for one in advisers)
        self.row = np.zeros(0)  # features of the present step; the next step overwrites them
        self.action: Action = 0  # the policy's choice at the present step
        self.advice: tuple[Action, ...] = ()

    def reset(self, seed: int) -> None:
        """Starts an episode."""
        self.env.reset(seed)
        for one in (self._agent, *self._advisers):
            one.reset(self.env, seed)
        self._look(watched=True)

    def step(self, action: Action, *, watched: bool = False) -> float:
        """Takes one step and looks at what came of it, unless the episode has ended.

        Args:
            watched: whether the advisers look, too. Once they have missed a step, they must not
                look again before a reset or a restore.

        Returns:
            The reward, unclipped.
        """
        pair = watched and self._pair
        reward = self.env.step(action, frame_pair=True) if pair else self.env.step(action)
        if not self.env.done:
            self._look(watched)
        return float(reward)

    def _look(self, watched: bool) -> None:
        self.row = self._agent.observe(self.env)
        self.action = self._agent.choose(self.row)
        if watched:
            self.advice = tuple(one.act(self.env) for one in self._advisers)

    def snapshot(self) -> RunSnapshot:
        """The present step."""
        return RunSnapshot(
            self.env.clone_state(),
            self._agent.clone_state(),
            tuple(one.clone_state() for one in self._advisers),
            self.row.copy(),
            self.action,
            self.advice,
        )

    def restore(self, snapshot: RunSnapshot, donor: Any = None) -> int:
        """Goes back to a step.

        Args:
            donor: a state of the environment whose random generator the run goes on with.

        Returns:
            The environment steps that had to be taken to get there.
        """
        steps: int = self.env.restore_state(snapshot.env, donor)
        self.row = self._agent.restore_state(snapshot.agent)
        for one, state in zip(self._advisers, snapshot.advisers, strict=True):
            one.restore_state(state)
        self.action, self.advice = snapshot.action, snapshot.advice
        return steps

    def fingerprint(self) -> bytes | None:
        """Equal where two runs from one snapshot with one generator have become one; None: that
        cannot be told."""
        seen = self.env.fingerprint()
        return None if seen is None else seen + _bytes(self._agent.clone_state())


def _bytes(state: Any) -> bytes:
    """An agent's state of arrays, as bytes."""
    if isinstance(state, tuple):
        return b"".join(_bytes(one) for one in state)
    return np.asarray(state).tobytes()

"""Consoles side by side, each with a detector, in this process or in workers.

A worker never loads torch, so that this module must not.
"""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from diffses.detector.base import look
from diffses.detector.loading import open_detector
from diffses.envs.base import EvaluationProtocol
from diffses.envs.rollout import quiet, spawning
from diffses.errors import DiffsesError
from diffses.seeds import seed_for

Stepped = tuple[np.ndarray, np.ndarray, np.ndarray, list[dict[str, Any]]]


@dataclass(frozen=True)
class VecEnvConfig:
    """What every slot plays.

    seed: episode e of slot s is named `seed_for(seed, "train", s, e)`.
    actions: those that are offered, as indices into the console's; None: all of them.
    sign: whether rewards are given as their sign.
    max_steps: cut an episode after this many steps; None: never.
    """

    protocol: EvaluationProtocol
    detector: str  # folder of the artifact
    seed: int
    actions: tuple[int, ...] | None = None
    sign: bool = False
    max_steps: int | None = None


class ObjectEnv:
    """One episode after the other."""

    def __init__(self, config: VecEnvConfig, number: int) -> None:
        self._config, self._number = config, number
        self._env = config.protocol.make_env()
        self._detector = open_detector(Path(config.detector))
        self._limit = config.max_steps if config.max_steps is not None else 2**62
        self._episode = 0

    def reset(self) -> np.ndarray:
        """Starts the next episode; its first features, float32 (f,)."""
        self._env.reset(seed_for(self._config.seed, "train", self._number, self._episode))
        self._detector.reset()
        self._episode += 1
        self._score, self._started = 0.0, time.perf_counter()
        return self._see()

    def _see(self) -> np.ndarray:
        return look(self._detector, self._env).astype(np.float32)

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, dict[str, Any]]:
        """Takes one step; where that ends the episode, the features are those of the next one's
        start, and what was seen last is in the information, as SB3 has it."""
        env, config = self._env, self._config
        reward = env.step(action if config.actions is None else config.actions[action])
        self._score += reward
        row, over = self._see(), env.done or env.steps >= self._limit
        info: dict[str, Any] = {}
        if over:
            seconds = round(time.perf_counter() - self._started, 6)
            info = {
                "terminal_observation": row,
                "TimeLimit.truncated": not env.done or env.truncated,
                "episode": {"r": self._score, "l": env.steps, "t": seconds},
            }
            row = self.reset()
        return row, float(np.sign(reward)) if config.sign else reward, over, info


class Worker(Protocol):
    """Some of the slots, here or in another process. An answer follows each request."""

    def send(self, request: str, *arguments: Any) -> None:
        """Requests `reset`, or `step` with an action for each slot."""

    def recv(self) -> Any: ...

    def close(self) -> None: ...


class InProcessWorker:
    """Slots of this process."""

    def __init__(self, config: VecEnvConfig, numbers: Sequence[int]) -> None:
        self._slots = [ObjectEnv(config, number) for number in numbers]
        self._answer: Any = None

    def send(self, request: str, *arguments: Any) -> None:
        self._answer = getattr(self, request)(*arguments)

    def recv(self) -> Any:
        return self._answer

    def close(self) -> None:
        """Nothing is left to do."""

    def reset(self) -> np.ndarray:
        """The first features of each slot's next episode, float32 (slots, f)."""
        return np.stack([slot.reset() for slot in self._slots])

    def step(self, actions: Sequence[Any]) -> Stepped:
        """A step of each slot: features, rewards, whether it ended an episode, information."""
        done = [slot.step(action) for slot, action in zip(self._slots, actions, strict=True)]
        rows, rewards, over, infos = zip(*done, strict=True)
        return np.stack(rows), np.array(rewards, np.float32), np.array(over), list(infos)


class SubprocessWorker:
    """Slots of a worker process, which ends with this one."""

    def __init__(self, config: VecEnvConfig, numbers: Sequence[int]) -> None:
        context = spawning()
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, config, numbers), daemon=True)
        self._process.start()
        theirs.close()

    def send(self, request: str, *arguments: Any) -> None:
        with contextlib.suppress(ConnectionError):  # a dead worker's answer says so
            self._pipe.send((request, *arguments))

    def recv(self) -> Any:
        """What the worker answers.

        Raises:
            DiffsesError: where it died.
        """
        try:
            found = self._pipe.recv()
        except (EOFError, ConnectionError) as error:
            raise DiffsesError(
                "a worker of the rollout engine died",
                fix="look for what ended it (memory?), or play in one process: teacher.workers=1",
            ) from error
        if isinstance(found, Exception):
            raise found
        return found

    def close(self) -> None:
        self._pipe.close()
        self._process.join()


def _serve(pipe: Connection, config: VecEnvConfig, numbers: Sequence[int]) -> None:
    """A worker: answers requests until there is nobody to ask."""
    quiet()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is told, and closes the pipe
    group: InProcessWorker | None = None
    while True:
        try:
            request, *arguments = pipe.recv()
        except EOFError:
            return
        try:
            group = group or InProcessWorker(config, numbers)
            group.send(request, *arguments)
            pipe.send(group.recv())
        except Exception as error:
            pipe.send(error)

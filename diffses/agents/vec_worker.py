"""Workers of a vectorised environment: environments with detectors, here or in a process.

This module must not import torch, so that worker processes do not load it.
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

from diffses.detector.base import observe_env
from diffses.detector.loading import open_detector
from diffses.envs.base import EvaluationProtocol
from diffses.envs.rollout import prepare_worker, spawning
from diffses.errors import DiffsesError
from diffses.seeds import seed_for

Stepped = tuple[np.ndarray, np.ndarray, np.ndarray, list[dict[str, Any]]]


@dataclass(frozen=True)
class VecEnvConfig:
    """What every environment of a vectorised environment plays.

    seed: episode e of environment i has the seed `seed_for(seed, "train", i, e)`.
    actions: the available actions, as indices into the environment's; None: all of them.
    sign: whether rewards are clipped to their sign.
    max_steps: truncate an episode after this many steps; None: never.
    """

    protocol: EvaluationProtocol
    detector: str  # folder of the artifact
    seed: int
    actions: tuple[int, ...] | None = None
    sign: bool = False
    max_steps: int | None = None


class ObjectEnv:
    """One environment whose observations are a detector's features; resets itself when done."""

    def __init__(self, config: VecEnvConfig, number: int) -> None:
        self._config, self._number = config, number
        self._env = config.protocol.make_env()
        self._detector = open_detector(Path(config.detector))
        self._limit = config.max_steps if config.max_steps is not None else 2**62
        self._episode = 0

    def reset(self) -> np.ndarray:
        """Starts the next episode and returns its first features, float32 (f,)."""
        self._env.reset(seed_for(self._config.seed, "train", self._number, self._episode))
        self._detector.reset()
        self._episode += 1
        self._return, self._started = 0.0, time.perf_counter()
        return self._features()

    def _features(self) -> np.ndarray:
        return observe_env(self._detector, self._env).astype(np.float32)

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, dict[str, Any]]:
        """Takes one step.

        Returns:
            Features, reward, whether the episode is done, and SB3's `info`. When it is done, the
            features are the first ones of the next episode, and `info["terminal_observation"]`
            are the last ones of this episode.
        """
        env, config = self._env, self._config
        reward = env.step(action if config.actions is None else config.actions[action])
        self._return += reward
        row, done = self._features(), env.done or env.steps >= self._limit
        info: dict[str, Any] = {}
        if done:
            seconds = round(time.perf_counter() - self._started, 6)
            info = {
                "terminal_observation": row,
                "TimeLimit.truncated": not env.done or env.truncated,
                "episode": {"r": self._return, "l": env.steps, "t": seconds},
            }
            row = self.reset()
        return row, float(np.sign(reward)) if config.sign else reward, done, info


class Worker(Protocol):
    """Runs some of the environments, in this process or another. Each `recv` follows a `send`."""

    def send(self, request: str, *arguments: Any) -> None:
        """Sends the request `reset`, or `step` with one action per environment."""

    def recv(self) -> Any:
        """The result of the last request."""

    def close(self) -> None: ...


class InProcessWorker:
    """Environments of this process."""

    def __init__(self, config: VecEnvConfig, numbers: Sequence[int]) -> None:
        self._envs = [ObjectEnv(config, number) for number in numbers]
        self._result: Any = None

    def send(self, request: str, *arguments: Any) -> None:
        self._result = getattr(self, request)(*arguments)

    def recv(self) -> Any:
        return self._result

    def close(self) -> None:
        """Does nothing: there is no process to end."""

    def reset(self) -> np.ndarray:
        """Starts an episode in each environment; the first features, float32 (n_envs, f)."""
        return np.stack([env.reset() for env in self._envs])

    def step(self, actions: Sequence[Any]) -> Stepped:
        """Steps each environment: features, rewards, dones and infos, as of `ObjectEnv.step`."""
        stepped = [env.step(action) for env, action in zip(self._envs, actions, strict=True)]
        rows, rewards, done, infos = zip(*stepped, strict=True)
        return np.stack(rows), np.array(rewards, np.float32), np.array(done), list(infos)


class SubprocessWorker:
    """Environments of a worker process, which ends when this process ends."""

    def __init__(self, config: VecEnvConfig, numbers: Sequence[int]) -> None:
        context = spawning()
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, config, numbers), daemon=True)
        self._process.start()
        theirs.close()

    def send(self, request: str, *arguments: Any) -> None:
        with contextlib.suppress(ConnectionError):  # `recv` reports a dead worker
            self._pipe.send((request, *arguments))

    def recv(self) -> Any:
        """The result of the last request.

        Raises:
            DiffsesError: if the worker process has died.
        """
        try:
            result = self._pipe.recv()
        except (EOFError, ConnectionError) as error:
            raise DiffsesError(
                "a worker process of the vectorised environment died",
                fix="check whether memory ran out, or use one process: teacher.workers=1",
            ) from error
        if isinstance(result, Exception):
            raise result
        return result

    def close(self) -> None:
        self._pipe.close()
        self._process.join()


def _serve(pipe: Connection, config: VecEnvConfig, numbers: Sequence[int]) -> None:
    """A worker process: answers requests until the pipe is closed."""
    prepare_worker()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent gets it and closes the pipe
    worker: InProcessWorker | None = None
    while True:
        try:
            request, *arguments = pipe.recv()
        except EOFError:
            return
        try:
            worker = worker or InProcessWorker(config, numbers)
            worker.send(request, *arguments)
            pipe.send(worker.recv())
        except Exception as error:
            pipe.send(error)

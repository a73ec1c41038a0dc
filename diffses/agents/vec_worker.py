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

from diffses.detector.base import observe_env
from diffses.detector.loading import open_detector
from diffses.envs.base import Rules
from diffses.envs.rollout import quiet, spawning
from diffses.errors import DiffsesError
from diffses.seeds import seed_for

Stepped = tuple[np.ndarray, np.ndarray, np.ndarray, list[dict[str, Any]]]


@dataclass(frozen=True)
class Course:
    """What every slot plays.

    seed: episode e of slot s is named `seed_for(seed, "train", s, e)`.
    actions: those that are offered, as indices into the console's; None: all of them.
    sign: whether rewards are given as their sign.
    max_steps: cut an episode after this many steps; None: never.
    """

    rules: Rules
    detector: str  # folder of the artifact
    seed: int
    actions: tuple[int, ...] | None = None
    sign: bool = False
    max_steps: int | None = None


class Slot:
    """One episode after the other."""

    def __init__(self, course: Course, number: int) -> None:
        self._course, self._number = course, number
        self._console = course.rules.open()
        self._detector = open_detector(Path(course.detector))
        self._limit = course.max_steps if course.max_steps is not None else 2**62
        self._episode = 0

    def begin(self) -> np.ndarray:
        """Starts the next episode; its first features, float32 (f,)."""
        self._console.start(seed_for(self._course.seed, "train", self._number, self._episode))
        self._detector.reset()
        self._episode += 1
        self._score, self._started = 0.0, time.perf_counter()
        return self._see()

    def _see(self) -> np.ndarray:
        return observe_env(self._detector, self._console).astype(np.float32)

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, dict[str, Any]]:
        """Takes one step; where that ends the episode, the features are those of the next one's
        start, and what was seen last is in the information, as SB3 has it."""
        console, course = self._console, self._course
        reward = console.step(action if course.actions is None else course.actions[action])
        self._score += reward
        row, over = self._see(), console.over or console.steps >= self._limit
        info: dict[str, Any] = {}
        if over:
            seconds = round(time.perf_counter() - self._started, 6)
            info = {
                "terminal_observation": row,
                "TimeLimit.truncated": not console.over or console.cut,
                "episode": {"r": self._score, "l": console.steps, "t": seconds},
            }
            row = self.begin()
        return row, float(np.sign(reward)) if course.sign else reward, over, info


class Group(Protocol):
    """Some of the slots, here or in another process. An answer follows each request."""

    def ask(self, request: str, *arguments: Any) -> None:
        """Requests `reset`, or `step` with an action for each slot."""

    def answer(self) -> Any: ...

    def close(self) -> None: ...


class Here:
    """Slots of this process."""

    def __init__(self, course: Course, numbers: Sequence[int]) -> None:
        self._slots = [Slot(course, number) for number in numbers]
        self._answer: Any = None

    def ask(self, request: str, *arguments: Any) -> None:
        self._answer = getattr(self, request)(*arguments)

    def answer(self) -> Any:
        return self._answer

    def close(self) -> None:
        """Nothing is left to do."""

    def reset(self) -> np.ndarray:
        """The first features of each slot's next episode, float32 (slots, f)."""
        return np.stack([slot.begin() for slot in self._slots])

    def step(self, actions: Sequence[Any]) -> Stepped:
        """A step of each slot: features, rewards, whether it ended an episode, information."""
        done = [slot.step(action) for slot, action in zip(self._slots, actions, strict=True)]
        rows, rewards, over, infos = zip(*done, strict=True)
        return np.stack(rows), np.array(rewards, np.float32), np.array(over), list(infos)


class Elsewhere:
    """Slots of a worker process, which ends with this one."""

    def __init__(self, course: Course, numbers: Sequence[int]) -> None:
        context = spawning()
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, course, numbers), daemon=True)
        self._process.start()
        theirs.close()

    def ask(self, request: str, *arguments: Any) -> None:
        with contextlib.suppress(ConnectionError):  # a dead worker's answer says so
            self._pipe.send((request, *arguments))

    def answer(self) -> Any:
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


def _serve(pipe: Connection, course: Course, numbers: Sequence[int]) -> None:
    """A worker: answers requests until there is nobody to ask."""
    quiet()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is told, and closes the pipe
    group: Here | None = None
    while True:
        try:
            request, *arguments = pipe.recv()
        except EOFError:
            return
        try:
            group = group or Here(course, numbers)
            group.ask(request, *arguments)
            pipe.send(group.answer())
        except Exception as error:
            pipe.send(error)

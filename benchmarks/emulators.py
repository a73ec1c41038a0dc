"""Emulation alone: processes that do nothing but `ALEInterface.act`."""

from __future__ import annotations

import multiprocessing
import time
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Self

import numpy as np
from ale_py import ALEInterface, LoggerMode, roms

from diffses.envs.ale import AtariProtocol

CHUNK = 100  # steps between two looks at the clock


def emulate(protocol: AtariProtocol, seed: int, pipe: Connection) -> None:
    """Plays random actions, for as many seconds as it is told; no screen is read.

    Answers with steps and CPU seconds. ALE itself holds each action for
    `protocol.frame_skip` frames.
    """
    ALEInterface.setLoggerMode(LoggerMode.Error)
    ale = ALEInterface()
    ale.setFloat("repeat_action_probability", protocol.sticky)
    ale.setInt("frame_skip", protocol.frame_skip)
    ale.setInt("random_seed", seed)
    rom = roms.get_rom_path(protocol.game)
    assert rom is not None  # the engine plays it too
    ale.loadROM(rom)
    random, actions = np.random.default_rng(seed), ale.getMinimalActionSet()
    pipe.send(None)
    while (seconds := pipe.recv()) is not None:
        steps, before, end = 0, time.process_time(), time.perf_counter() + seconds
        while time.perf_counter() < end:
            for action in random.integers(len(actions), size=CHUNK).tolist():
                ale.act(actions[action])
                if ale.game_over():
                    ale.reset_game()
            steps += CHUNK
        pipe.send((steps, time.process_time() - before))


class Emulators:
    """`workers` processes that emulate side by side; call it for steps a second of one turn."""

    def __init__(self, protocol: AtariProtocol, workers: int, seconds: float) -> None:
        context = multiprocessing.get_context("spawn")
        self.seconds = seconds
        self.cpu: list[float] = []  # seconds a step, of each turn
        self._pipes: list[Connection] = []
        self._processes = []
        for seed in range(workers):
            ours, theirs = context.Pipe()
            process = context.Process(target=emulate, args=(protocol, seed, theirs), daemon=True)
            process.start()
            self._pipes.append(ours)
            self._processes.append(process)
        for pipe in self._pipes:
            pipe.recv()

    def __call__(self) -> float:
        started = time.perf_counter()
        for pipe in self._pipes:
            pipe.send(self.seconds)
        steps, cpu = zip(*(pipe.recv() for pipe in self._pipes), strict=True)
        passed = time.perf_counter() - started
        self.cpu.append(sum(cpu) / sum(steps))
        return float(sum(steps) / passed)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for pipe in self._pipes:
            pipe.send(None)
        for process in self._processes:
            process.join()

"""What the processes of the rollout engine have used."""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

from diffses.envs.rollout import pool


def ask(question: Callable[[], float], workers: int) -> dict[int, float]:
    """The answer of this process and of each worker, by process id; `question` is a function of
    a module. With one worker the engine plays in this process."""
    answers = {os.getpid(): question()}
    while workers > 1 and len(answers) < workers + 1:
        tasks = [pool(workers).submit(_answer, question) for _ in range(workers)]
        answers |= dict(task.result() for task in tasks)
    return answers


def _answer(question: Callable[[], float]) -> tuple[int, float]:
    time.sleep(0.02)  # so that the next worker takes the next task
    return os.getpid(), question()


def cpu_seconds(workers: int) -> float:
    """CPU time of this process and its workers since they began."""
    return sum(ask(time.process_time, workers).values())


def peak_mb(workers: int) -> float:
    """The sum of the most that each process had resident at any time, in MB of 10^6 bytes."""
    return sum(ask(own_peak_mb, workers).values())


def own_peak_mb() -> float:
    """The most this process had resident at any time, MB."""
    status = Path("/proc/self/status")
    if status.exists():  # what `getrusage` says on Linux includes the process that started this one
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return float(line.split()[1]) * 1024 / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6

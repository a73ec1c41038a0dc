"""The rollout engine: plays episodes in worker processes, with one environment each.

A job is (agent, protocol, episode seed). This module knows of an agent only that it maps
observations to actions. A worker plays one episode at a time, so an episode's result depends
neither on the number of workers nor on earlier episodes.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from multiprocessing.context import SpawnContext
from multiprocessing.process import BaseProcess
from typing import Any, Protocol, TypeVar

import numpy as np

from diffses.envs.base import Action, Env, EvaluationProtocol, random_action

DISCOUNT = 0.999  # per step
JobT = TypeVar("JobT")
ResultT = TypeVar("ResultT")
KEPT_AGENTS = 64  # agents a worker caches, because loading a detector or a network takes time


class Agent(Protocol):
    """Chooses the actions of one episode after the other."""

    needs_frame_pair: bool  # whether it looks at `AtariEnv.frame_pair`

    def reset(self, env: Any, seed: int) -> None:
        """Forgets the previous episode. `env` has just been reset with `seed`."""

    def act(self, env: Any) -> Action:
        """The action for the present step of `env`."""

    def record(self) -> dict[str, np.ndarray] | None:
        """What the agent recorded in this episode: arrays with one row per step; None: nothing."""


class AgentSpec(Protocol):
    """How to build an agent. Small, picklable and hashable, because it is sent to workers."""

    def build(self, env: Any) -> Agent: ...


@dataclass(frozen=True)
class Job:
    """One episode to play."""

    agent: AgentSpec
    protocol: EvaluationProtocol
    seed: int  # of the episode: 0 to 2**31 - 1
    max_steps: int | None = None  # truncate the episode after this many steps; None: never


@dataclass(frozen=True)
class Episode:
    """The result of a job."""

    job: Job
    score: float  # the return: the sum of unclipped rewards
    steps: int
    truncated: bool  # by `max_steps`; a time limit of the protocol does not count
    record: dict[str, np.ndarray] | None  # what the agent recorded
    penalties: float = 0.0  # minus the sum of all negative rewards, 0 or more
    discounted_return: float = 0.0  # the sum of DISCOUNT ** t * reward at step t


_envs: dict[EvaluationProtocol, Env] = {}
_agents: OrderedDict[tuple[EvaluationProtocol, AgentSpec], Agent] = OrderedDict()


def play_one(job: Job) -> Episode:
    """Plays one episode in this process."""
    env = worker_env(job.protocol)
    return play_episode(job, env, _agent(job, env))


def worker_env(protocol: EvaluationProtocol) -> Env:
    """This process's environment of a protocol, which all its jobs use, one after the other."""
    if protocol not in _envs:
        _envs[protocol] = protocol.make_env()
    return _envs[protocol]


def play_episode(job: Job, env: Any, agent: Agent) -> Episode:
    """Plays one episode until it is done or `max_steps` are taken."""
    env.reset(job.seed)
    step = stepper(env, agent)
    agent.reset(env, job.seed)
    score, penalties, discounted_return, weight = 0.0, 0.0, 0.0, 1.0
    limit = job.max_steps if job.max_steps is not None else 2**62
    while not env.done and env.steps < limit:
        reward = step(agent.act(env))
        score += reward
        discounted_return += weight * reward
        weight *= DISCOUNT
        if reward < 0:
            penalties -= reward
    truncated = not env.done
    record = agent.record()
    return Episode(job, score, env.steps, truncated, record, penalties, discounted_return)


def stepper(env: Any, agent: Agent) -> Callable[[Action], float]:
    """`env.step`, with the last two frames of each step if the agent needs them."""
    return partial(env.step, frame_pair=True) if agent.needs_frame_pair else env.step


def _agent(job: Job, env: Env) -> Agent:
    key = (job.protocol, job.agent)
    if key not in _agents:
        _agents[key] = job.agent.build(env)
        if len(_agents) > KEPT_AGENTS:
            _agents.popitem(last=False)
    _agents.move_to_end(key)
    return _agents[key]


_pools: dict[int, ProcessPoolExecutor] = {}  # by the number of workers


def play(jobs: Sequence[Job], workers: int = 0) -> Iterator[Episode]:
    """Plays all jobs and yields each episode when it ends, in no fixed order.

    Args:
        workers: as in `run_jobs`.
    """
    return run_jobs(play_one, jobs, workers)


def run_jobs(
    work: Callable[[JobT], ResultT], jobs: Sequence[JobT], workers: int = 0
) -> Iterator[ResultT]:
    """Does all jobs and yields each result when it is there, in no fixed order.

    Args:
        work: a function of a module; jobs and results are sent between processes.
        workers: number of processes; 0: one per core; 1: this process. Worker processes are kept
            for the next call.
    """
    workers = workers or os.cpu_count() or 1
    if workers == 1 or len(jobs) == 1:
        yield from map(work, jobs)
        return
    futures = [pool(workers).submit(work, job) for job in jobs]
    try:
        for future in as_completed(futures):
            yield future.result()
    except BrokenProcessPool:
        close()
        raise
    finally:
        for future in futures:
            future.cancel()


def pool(workers: int) -> ProcessPoolExecutor:
    """The pool of worker processes, started at the first call and kept."""
    if workers not in _pools:
        _pools[workers] = ProcessPoolExecutor(workers, spawning(), initializer=prepare_worker)
    return _pools[workers]


def spawning() -> SpawnContext:
    """The multiprocessing context of worker processes: spawn."""
    if multiprocessing.get_start_method(allow_none=True) == "loky":
        # in a joblib job: a spawned process would get this name, which it does not know
        multiprocessing.set_start_method("spawn", force=True)
    return multiprocessing.get_context("spawn")


def prepare_worker() -> None:
    """Prepares a worker process: it computes in one thread, since with one worker per core all
    cores are in use, and ends when its parent does, however that ends."""
    os.environ["OMP_NUM_THREADS"] = "1"
    os.environ["NUMBA_NUM_THREADS"] = "1"
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)


@atexit.register
def close() -> None:
    """Stops all worker processes."""
    for executor in _pools.values():
        executor.shutdown(wait=True, cancel_futures=True)
    _pools.clear()


@dataclass(frozen=True)
class RandomSpec:
    """Uniformly random actions."""

    def build(self, env: Env) -> Agent:
        return RandomAgent()


class RandomAgent:
    needs_frame_pair = False

    def reset(self, env: Env, seed: int) -> None:
        self._random = np.random.default_rng(seed)

    def act(self, env: Env) -> Action:
        return random_action(env, self._random)

    def record(self) -> None:
        return None


def evaluate_policy(
    spec: AgentSpec,
    protocol: EvaluationProtocol,
    seeds: Sequence[int],
    *,
    max_steps: int | None = None,
    workers: int = 0,
    progress: Callable[[Episode], Any] = lambda episode: None,
) -> list[Episode]:
    """Plays episodes with one agent.

    Args:
        spec: of the agent.
        seeds: of the episodes; none twice.
        max_steps: truncate each episode after this many steps; None: never.
        workers: as in `play`.
        progress: called after each episode.

    Returns:
        The episodes in the order of `seeds`.
    """
    place = {seed: index for index, seed in enumerate(seeds)}
    done: list[Episode | None] = [None] * len(seeds)
    for finished in play([Job(spec, protocol, seed, max_steps) for seed in seeds], workers):
        done[place[finished.job.seed]] = finished
        progress(finished)
    return [one for one in done if one is not None]

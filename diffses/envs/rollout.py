"""The rollout engine: episodes played by worker processes, one console each.

A job is (agent, rules, episode seed). An agent is anything that maps what a console shows to
an action; this module knows nothing else about it. An episode's result does not depend on how many
workers there are, nor on what a worker played before: each plays one episode at a time, alone.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from multiprocessing.context import SpawnContext
from typing import Any, Protocol

import numpy as np

from diffses.envs.base import Action, Env, EvaluationProtocol, random_action

DISCOUNT = 0.999  # a step
KEPT_AGENTS = 64  # a worker keeps what it built, since loading a detector or a network costs time


class Agent(Protocol):
    """Plays episodes, one after the other."""

    needs_frame_pair: bool  # whether it looks at `AtariEnv.frame_pair`

    def reset(self, env: Any, seed: int) -> None:
        """An episode has begun, named by `seed`: forget the one before."""

    def act(self, env: Any) -> Action:
        """The action to take."""

    def record(self) -> dict[str, np.ndarray] | None:
        """What was noted during the episode: arrays of one row a step."""


class AgentSpec(Protocol):
    """How to build an agent: small, picklable and hashable, so that it can be sent to a worker."""

    def build(self, env: Any) -> Agent: ...


@dataclass(frozen=True)
class Job:
    agent: AgentSpec
    protocol: EvaluationProtocol
    seed: int  # of the episode: 0 to 2**31 - 1
    max_steps: int | None = None  # cut the episode after this many steps


@dataclass(frozen=True)
class Episode:
    job: Job
    score: float  # the return: the sum of the game's own rewards, unclipped
    steps: int
    truncated: bool  # ended by `max_steps`, not by the game
    record: dict[str, np.ndarray] | None
    lost: float = 0.0  # the part of the return below 0: the sum of all penalties, as a number >= 0
    discounted: float = 0.0  # the return with rewards at step t weighted by DISCOUNT ** t


_envs: dict[EvaluationProtocol, Env] = {}
_agents: OrderedDict[tuple[EvaluationProtocol, AgentSpec], Agent] = OrderedDict()


def play_one(job: Job) -> Episode:
    """Plays one episode in this process."""
    if job.protocol not in _envs:
        _envs[job.protocol] = job.protocol.make_env()
    env = _envs[job.protocol]
    return episode(job, env, _agent(job, env))


def episode(job: Job, env: Any, agent: Agent) -> Episode:
    """One episode, from its start to the game's end or `max_steps`."""
    env.reset(job.seed)
    step = stepper(env, agent)
    agent.reset(env, job.seed)
    score, lost, discounted, weight = 0.0, 0.0, 0.0, 1.0
    limit = job.max_steps if job.max_steps is not None else 2**62
    while not env.done and env.steps < limit:
        reward = step(agent.act(env))
        score += reward
        discounted += weight * reward
        weight *= DISCOUNT
        if reward < 0:
            lost -= reward
    return Episode(job, score, env.steps, not env.done, agent.record(), lost, discounted)


def stepper(env: Any, agent: Agent) -> Callable[[Action], float]:
    """`env.step`, which also keeps each step's last two frames for an agent that looks at them."""
    return partial(env.step, frame_pair=True) if agent.needs_frame_pair else env.step


def _agent(job: Job, env: Env) -> Agent:
    key = (job.protocol, job.agent)
    if key not in _agents:
        _agents[key] = job.agent.build(env)
        if len(_agents) > KEPT_AGENTS:
            _agents.popitem(last=False)
    _agents.move_to_end(key)
    return _agents[key]


_pools: dict[int, ProcessPoolExecutor] = {}


def play(jobs: Sequence[Job], workers: int = 0) -> Iterator[Episode]:
    """Plays all jobs and yields each episode as it ends.

    Args:
        workers: processes; 0 means one for each core. With 1 it plays in this process. The
            processes stay for the next call.
    """
    workers = workers or os.cpu_count() or 1
    if workers == 1 or len(jobs) == 1:
        yield from map(play_one, jobs)
        return
    futures = [pool(workers).submit(play_one, job) for job in jobs]
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
    """The worker processes, started at the first call and kept."""
    if workers not in _pools:
        _pools[workers] = ProcessPoolExecutor(workers, spawning(), initializer=quiet)
    return _pools[workers]


def spawning() -> SpawnContext:
    """How worker processes are started."""
    if multiprocessing.get_start_method(allow_none=True) == "loky":
        # in a joblib job: a spawned process is told this name, and does not know it
        multiprocessing.set_start_method("spawn", force=True)
    return multiprocessing.get_context("spawn")


def quiet() -> None:
    """One thread a worker: the games keep every core busy already."""
    os.environ["OMP_NUM_THREADS"] = "1"
    os.environ["NUMBA_NUM_THREADS"] = "1"


@atexit.register
def close() -> None:
    """Ends the worker processes."""
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
    """The episodes of one agent, in the order of `seeds`."""
    place = {seed: index for index, seed in enumerate(seeds)}
    done: list[Episode | None] = [None] * len(seeds)
    for finished in play([Job(spec, protocol, seed, max_steps) for seed in seeds], workers):
        done[place[finished.job.seed]] = finished
        progress(finished)
    return [one for one in done if one is not None]

"""Where the time goes: the pieces of a step of play and of a PPO update, on kept inputs."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numba
import numpy as np
import torch
from stable_baselines3 import PPO

from benchmarks.learners import learn, learner
from benchmarks.play import JOB_STEPS, MICRO, QUICK_STEPS, STEPS, forest_agent
from benchmarks.rows import Effort, Row
from diffses.agents.forest_agent import ForestAgent, detector_at
from diffses.detector import kernel
from diffses.detector.base import observe_env
from diffses.detector.motion import MotionObjectDetector
from diffses.detector.segmentation import empty_table, scratch
from diffses.envs.ale import AtariEnv
from diffses.envs.rollout import Job, play_episode

GAMES = ("pong", "breakout", "space_invaders")
LEARNERS = ("stock", "same_network", "default")
Piece = tuple[str, float]  # its name, seconds a step


def profile(effort: Effort) -> list[Row]:
    """Prints the tables; there are no rows."""
    for game in GAMES[:1] if effort.quick else GAMES:
        print(shown(f"a step of play, {game}: CPU time", *play_pieces(game, effort)))
    threads = 1 if effort.quick else os.cpu_count() or 1
    for name in LEARNERS[-1:] if effort.quick else LEARNERS:
        title = f"a step of PPO, {name}, {threads} threads: wall time"
        print(shown(title, *learner_pieces(name, threads, effort)))
    return []


def shown(title: str, whole: float, pieces: Sequence[Piece]) -> str:
    """The pieces, what is left of the whole, and the whole."""
    rest = whole - sum(seconds for _, seconds in pieces)
    lines = [title]
    for name, seconds in [*pieces, ("all else", rest), ("whole", whole)]:
        lines.append(f"  {name:<34} {MICRO * seconds:8.1f} us {100 * seconds / whole:6.1f} %")
    return "\n".join(lines) + "\n"


def least(work: Callable[[], Any], count: int, turns: int, clock: Callable[[], float]) -> float:
    """Seconds that one of `count` pieces of work takes, in the best of some turns."""
    best = float("inf")
    for _ in range(turns):
        started = clock()
        work()
        best = min(best, clock() - started)
    return best / count


# --- play -----------------------------------------------------------------------------------------


def play_pieces(game: str, effort: Effort) -> tuple[float, list[Piece]]:
    """Seconds a step of a forest's play, and of the pieces of it."""
    with tempfile.TemporaryDirectory() as folder:
        spec, protocol = forest_agent(game, Path(folder), QUICK_STEPS if effort.quick else STEPS)
        env = protocol.make_env()
        agent = spec.build(env)
        detector = detector_at(spec.detector)
        assert isinstance(detector, MotionObjectDetector)
    steps = JOB_STEPS // 10 if effort.quick else JOB_STEPS
    job = Job(spec, protocol, protocol.seeds("train", 0, 1)[0], steps)
    actions, screens, rows = kept(job, env, agent, detector)

    def play_again() -> None:
        env.reset(job.seed)
        for action in actions:
            env.step(action)

    def timed(work: Callable[[], Any]) -> float:
        work()  # compiles
        return least(work, len(actions), effort.turns, time.process_time)

    look = compiled_look(detector, screens)
    blobs, follow = (timed(partial(look, track)) for track in (False, True))
    observe = timed(lambda: [detector.observe(screen) for screen in screens])
    return timed(lambda: play_episode(job, env, agent)), [
        ("emulator, ALEInterface.act", timed(play_again)),
        ("getScreen", timed(lambda: [env.observation() for _ in screens])),
        ("detector: blobs", blobs),
        ("detector: tracking", follow - blobs),
        ("detector: features, and the call", observe - follow),
        ("forest", timed(lambda: [agent.choose(row) for row in rows])),
    ]


def kept(
    job: Job, env: AtariEnv, agent: ForestAgent, detector: MotionObjectDetector
) -> tuple[list[int], np.ndarray, np.ndarray]:
    """An episode's actions, screens and rows of features."""
    actions, screens, rows = [], [], []
    env.reset(job.seed)
    agent.reset(env, job.seed)
    while not env.done and env.steps < (job.max_steps or 0):
        screens.append(env.observation().copy())
        rows.append(observe_env(detector, env).copy())
        actions.append(int(agent.choose(rows[-1])))
        env.step(actions[-1])
    return actions, np.array(screens), np.array(rows)


def compiled_look(detector: MotionObjectDetector, screens: np.ndarray) -> Callable[[bool], None]:
    """The detector's kernels on all screens without Python between them: blobs alone, or, where
    the argument says so, also tracking."""
    segmentation, params = detector.model.segmentation, detector.model.schema.params
    runs, blobs, areas = scratch()
    table, assigned = empty_table(params.places), np.zeros(kernel.MAX_BLOBS, np.int64)
    known = (
        segmentation.background,
        segmentation.search_mask,
        segmentation.colours,
        segmentation.links,
        runs,
        blobs,
        areas,
    )
    tracking = (table, params.type_params, params.type_colours, params.patience, assigned)
    return lambda track: _look(screens, *known, *tracking, track)


@numba.njit(nogil=True)  # no cache: it would keep the kernels as they were
def _look(
    screens: np.ndarray,
    background: np.ndarray,
    search_mask: np.ndarray,
    colours: np.ndarray,
    links: np.ndarray,
    runs: np.ndarray,
    blobs: np.ndarray,
    areas: np.ndarray,
    table: np.ndarray,
    type_params: np.ndarray,
    type_colours: np.ndarray,
    patience: int,
    assigned: np.ndarray,
    track: bool,
) -> None:
    for frame in range(len(screens)):
        n_runs, count = kernel.connected_components(
            screens[frame], background, search_mask, colours, links, runs, blobs, areas
        )
        kernel.crop_protrusions(runs, n_runs, blobs, count, type_params, type_colours)
        if track:
            kernel.update_tracks(table, blobs, count, type_params, type_colours, patience, assigned)


# --- PPO ------------------------------------------------------------------------------------------


def learner_pieces(name: str, threads: int, effort: Effort) -> tuple[float, list[Piece]]:
    """Seconds a step of a learner, playing and learning, and of the pieces of it."""
    model = learner(name, threads)
    learn(model, 1)
    whole = 1 / learn(model, 1 if effort.quick else 3)
    turns = 2 if effort.quick else 10
    clock = time.perf_counter
    games, random = model.env, np.random.default_rng(0)
    assert games is not None
    action_space: Any = games.action_space

    def emulate() -> None:
        games.step(random.integers(action_space.n, size=games.num_envs))

    seen = model.policy.obs_to_tensor(model._last_obs)[0]  # type: ignore[arg-type]

    @torch.no_grad()
    def act() -> None:
        model.policy(seen)

    pieces = [
        ("rollout: emulators", least(emulate, games.num_envs, 5 * turns, clock)),
        ("rollout: forward", least(act, games.num_envs, 5 * turns, clock)),
        *update_pieces(model, turns, clock),
    ]
    games.close()
    return whole, pieces


def update_pieces(model: PPO, turns: int, clock: Callable[[], float]) -> list[Piece]:
    """Seconds that each step costs in the updates: on one batch, times the epochs."""
    batch = next(model.rollout_buffer.get(model.batch_size))
    count = model.batch_size / model.n_epochs
    policy = model.policy
    policy.set_training_mode(True)

    def forward() -> torch.Tensor:
        values, log_prob, entropy = policy.evaluate_actions(
            batch.observations, batch.actions.long().flatten()
        )
        assert entropy is not None
        return values.mean() + log_prob.mean() + entropy.mean()

    def backward() -> None:
        policy.optimizer.zero_grad()
        forward().backward()  # type: ignore[no-untyped-call]

    def optimise() -> None:
        torch.nn.utils.clip_grad_norm_(policy.parameters(), model.max_grad_norm)
        policy.optimizer.step()

    ahead = least(forward, 1, turns, clock)
    both = least(backward, 1, turns, clock)
    return [
        ("update: forward", ahead / count),
        ("update: backward", (both - ahead) / count),
        ("update: Adam", least(optimise, 1, turns, clock) / count),
    ]

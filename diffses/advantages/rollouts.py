"""One episode of a base policy, and the rollouts of all arms from some of its states.

Under common random numbers: all arms of a replicate draw the same noise. Replicate 0 goes on with
the state's own random generator, each later one with the generator as the base rollout of the one
before left it.

Source: rollout classification policy iteration (Lagoudakis and Parr 2003); common random numbers
as the "vine" of TRPO (Schulman et al. 2015, arXiv:1502.05477, section 5.2).
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import numpy as np

from diffses.advantages.arms import Adviser, Arm, Arms
from diffses.advantages.run import Run, RunSnapshot
from diffses.agents.forest_agent import ForestSpec
from diffses.config import AdvantagesConfig
from diffses.envs.base import Action, EvaluationProtocol, random_action
from diffses.envs.rollout import worker_env

KEPT_RUNS = 8  # base policies with their advisers that a worker caches
EQUAL_STEPS = 2  # for which an arm must equal the base before its rollout ends: an equal state may
# still differ in the action that a sticky console repeats


@dataclass(frozen=True)
class EpisodeJob:
    """An episode whose states are to be labelled. seed: of the episode, 0 to 2**31 - 1."""

    base: ForestSpec
    protocol: EvaluationProtocol
    arms: Arms
    settings: AdvantagesConfig
    seed: int


@dataclass(frozen=True)
class EpisodeLabels:
    """The labelled states of one episode, in the order of time.

    rows: features, float64 (n, f). returns: discounted returns, float64 (n, replicates, arms).
    chosen: the base policy's actions there, int64 (n,), or float64 (n, d) of Box actions.
    at: their steps, int32 (n,). seed: of the episode. steps: environment steps spent. equal: share
    of the rollouts that ended because they had become the base's.
    """

    rows: np.ndarray
    returns: np.ndarray
    chosen: np.ndarray
    at: np.ndarray
    seed: int
    steps: int
    equal: float


def label_episode(job: EpisodeJob) -> EpisodeLabels:
    """Plays the base policy, some steps at random, and labels states on the way.

    The states are `spacing` steps apart in the mean: 1 to 2 spacing - 1, uniformly.
    """
    settings, run = job.settings, _run(job)
    random = np.random.default_rng(job.seed)
    run.reset(job.seed)
    labeller = Labeller(run, job.arms, settings)
    snapshots: list[RunSnapshot] = []
    found: list[np.ndarray] = []
    at: list[int] = []
    due, walked = int(random.integers(2 * settings.spacing - 1)), 0
    while not run.env.done:
        if walked == due:
            snapshot = run.snapshot()
            found.append(labeller.returns(snapshot))
            snapshots.append(snapshot)
            at.append(walked)
            if len(found) == settings.episode_states:
                break
            labeller.spent += run.restore(snapshot)
            due += int(random.integers(1, 2 * settings.spacing))
        by_chance = random.random() < settings.random_actions
        action = random_action(run.env, random) if by_chance else run.action
        run.step(action, watched=True)
        walked += 1
    rows = np.array([one.row for one in snapshots]).reshape(len(found), len(run.row))
    shape = (len(found), settings.replicates, len(job.arms.arms))
    return EpisodeLabels(
        rows,
        np.array(found, np.float64).reshape(shape),
        np.array([one.action for one in snapshots]),
        np.array(at, np.int32),
        job.seed,
        walked + labeller.spent,
        labeller.equal / max(1, labeller.rollouts),
    )


_runs: OrderedDict[Any, Run] = OrderedDict()


def _run(job: EpisodeJob) -> Run:
    key = (job.protocol, job.base, job.arms.advisers)
    if key not in _runs:
        env = worker_env(job.protocol)
        advisers: list[Any] = [spec.build(env) for spec in job.arms.advisers]
        _runs[key] = Run(env, job.base.build(env), advisers)
        if len(_runs) > KEPT_RUNS:
            _runs.popitem(last=False)
    _runs.move_to_end(key)
    return _runs[key]


@dataclass(frozen=True)
class Rollout:
    """What came of one arm.

    total: discounted return. so_far: the same after each step. prints: fingerprint after each
    step, of the base's rollout.
    """

    total: float
    so_far: list[float]
    prints: list[bytes | None]


class Labeller:
    """Estimates what each arm is worth at a state, and counts the environment steps."""

    def __init__(self, run: Run, arms: Arms, settings: AdvantagesConfig) -> None:
        self._run, self._arms, self._settings = run, arms.arms, settings
        self.spent = 0  # environment steps
        self.rollouts = 0
        self.equal = 0  # rollouts that ended as the base's

    def returns(self, snapshot: RunSnapshot) -> np.ndarray:
        """Discounted returns, float64 (replicates, arms).

        Where chance has no part, all replicates are the same and one is played.
        """
        found = np.zeros((self._settings.replicates, len(self._arms)))
        donor: Any = None
        for replicate in range(len(found)):
            base = self._rollout(snapshot, self._arms[0], donor)
            left = self._run.env.clone_state()
            chance = self._run.env.drew_since(snapshot.env if donor is None else donor)
            found[replicate, 0] = base.total
            for place, arm in enumerate(self._arms[1:], 1):
                found[replicate, place] = self._rollout(snapshot, arm, donor, base).total
                chance = chance or self._run.env.drew_since(
                    snapshot.env if donor is None else donor
                )
            if not chance:
                found[replicate:] = found[replicate]
                break
            donor = left
        return found

    def _rollout(
        self, snapshot: RunSnapshot, arm: Arm, donor: Any, base: Rollout | None = None
    ) -> Rollout:
        """Follows an arm for `hold` steps and then the base policy, to the horizon.

        It ends with a lost life or the episode, with nothing to come; and where its state has
        become that of the base's rollout, with what is left of the base's return.
        """
        run, settings = self._run, self._settings
        self.spent += run.restore(snapshot, donor)
        self.rollouts += 1
        lives, total, weight, equal = _lives(run.env), 0.0, 1.0, 0
        so_far: list[float] = []
        prints: list[bytes | None] = []
        for step in range(settings.horizon):
            held = step < settings.hold
            action: Action = arm.action(run.action, run.advice) if held else run.action
            watched = isinstance(arm, Adviser) and step + 1 < settings.hold
            total += weight * run.step(action, watched=watched)
            weight *= settings.gamma
            self.spent += 1
            so_far.append(total)
            if run.env.done or _lives(run.env) < lives:
                break
            lives = _lives(run.env)
            if base is None:
                prints.append(run.fingerprint())
            elif step + 1 >= settings.hold:
                there = base.prints[step] if step < len(base.prints) else None
                equal = equal + 1 if there is not None and run.fingerprint() == there else 0
                if equal == EQUAL_STEPS:
                    self.equal += 1
                    total += base.total - base.so_far[step]
                    break
        return Rollout(total, so_far, prints)


def _lives(env: Any) -> int:
    """Lives left; 0 where there are none to lose."""
    return int(getattr(env, "lives", 0))

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
from diffses.envs.forked import CAN_FORK, in_fork
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

    rows: features, float64 (n, f). observations: of the environment, uint8 (n, height, width) or
    float64 (n, f). returns: discounted returns, float64 (n, replicates, arms).
    chosen: the base policy's actions there, int64 (n,), or float64 (n, d) of Box actions.
    at: their steps, int32 (n,). seed: of the episode. steps: environment steps spent. equal: share
    of the rollouts that ended because they had become the base's.
    """

    rows: np.ndarray
    observations: np.ndarray
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
    observations: list[np.ndarray] = []
    found: list[np.ndarray] = []
    at: list[int] = []
    due, walked = int(random.integers(2 * settings.spacing - 1)), 0
    while not run.env.done:
        if walked == due:
            snapshot = run.snapshot()
            observations.append(run.env.observation().copy())
            found.append(labeller.returns(snapshot))
            snapshots.append(snapshot)
            at.append(walked)
            if len(found) == settings.episode_states:
                break
            labeller.go_on(snapshot)
            due += int(random.integers(1, 2 * settings.spacing))
        by_chance = random.random() < settings.random_actions
        action = random_action(run.env, random) if by_chance else run.action
        run.step(action, watched=True)
        walked += 1
    rows = np.array([one.row for one in snapshots]).reshape(len(found), len(run.row))
    shape = (len(found), settings.replicates, len(job.arms.arms))
    return EpisodeLabels(
        rows,
        np.array(observations),
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
    step, of the base's rollout. left: the environment's state at the end, of the base's rollout.
    chance: whether random numbers were drawn. steps: environment steps spent. equal: whether it
    ended because it had become the base's.
    """

    total: float
    so_far: list[float]
    prints: list[bytes | None]
    left: Any
    chance: bool
    steps: int
    equal: bool


class Labeller:
    """Estimates what each arm is worth at the present step of a run, and counts the steps.

    Where a state could only be reached by playing the episode again, each rollout is played in a
    fork of this process, which leaves the run where it is; without forks (Windows) it is replayed.
    """

    def __init__(self, run: Run, arms: Arms, settings: AdvantagesConfig) -> None:
        self._run, self._arms, self._settings = run, arms.arms, settings
        self._forks = CAN_FORK and run.env.restores_by_replay
        self.spent = 0  # environment steps
        self.rollouts = 0
        self.equal = 0  # rollouts that ended as the base's

    def returns(self, snapshot: RunSnapshot) -> np.ndarray:
        """Discounted returns, float64 (replicates, arms).

        Where chance has no part, all replicates are the same and one is played.

        Args:
            snapshot: of the present step of the run. `go_on` before its next step.
        """
        found = np.zeros((self._settings.replicates, len(self._arms)))
        donor: Any = None
        for replicate in range(len(found)):
            base = self._rollout(snapshot, self._arms[0], donor)
            others = [self._rollout(snapshot, arm, donor, base) for arm in self._arms[1:]]
            found[replicate] = [one.total for one in (base, *others)]
            if not any(one.chance for one in (base, *others)):
                found[replicate:] = found[replicate]
                break
            donor = base.left
        return found

    def go_on(self, snapshot: RunSnapshot) -> None:
        """Brings the run back to the step at which `returns` was called."""
        if not self._forks:
            self.spent += self._run.restore(snapshot)

    def _rollout(
        self, snapshot: RunSnapshot, arm: Arm, donor: Any, base: Rollout | None = None
    ) -> Rollout:
        def played() -> Rollout:
            steps = 0
            if not self._forks:
                steps = self._run.restore(snapshot, donor)
            elif donor is not None:
                self._run.env.draw_from(donor)
            start = snapshot.env if donor is None else donor
            return self._follow(arm, base, start, steps)

        found = in_fork(played) if self._forks else played()
        self.spent += found.steps
        self.equal += found.equal
        self.rollouts += 1
        return found

    def _follow(self, arm: Arm, base: Rollout | None, start: Any, steps: int) -> Rollout:
        """Follows an arm for `hold` steps and then the base policy, to the horizon.

        It ends with a lost life or the episode, with nothing to come; and where its state has
        become that of the base's rollout, with what is left of the base's return.

        Args:
            base: the base's rollout; None: this is it.
            start: a state of the environment with the random generator of the present one.
            steps: that were spent to get to the state.
        """
        run, settings = self._run, self._settings
        lives, total, weight, alike = _lives(run.env), 0.0, 1.0, 0
        so_far: list[float] = []
        prints: list[bytes | None] = []
        for step in range(settings.horizon):
            held = step < settings.hold
            action: Action = arm.action(run.action, run.advice) if held else run.action
            watched = isinstance(arm, Adviser) and step + 1 < settings.hold
            total += weight * run.step(action, watched=watched)
            weight *= settings.gamma
            so_far.append(total)
            if run.env.done or _lives(run.env) < lives:
                break
            lives = _lives(run.env)
            if base is None:
                prints.append(run.fingerprint())
            elif step + 1 >= settings.hold:
                there = base.prints[step] if step < len(base.prints) else None
                alike = alike + 1 if there is not None and run.fingerprint() == there else 0
                if alike == EQUAL_STEPS:
                    total += base.total - base.so_far[step]
                    break
        left = run.env.clone_state() if base is None else None
        chance = run.env.drew_since(start)
        spent = steps + len(so_far)
        return Rollout(total, so_far, prints, left, chance, spent, alike == EQUAL_STEPS)


def _lives(env: Any) -> int:
    """Lives left; 0 where there are none to lose."""
    return int(getattr(env, "lives", 0))

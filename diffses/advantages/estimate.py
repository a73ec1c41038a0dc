"""`estimate_advantages`: labelled states of a base policy."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from diffses.advantages.arms import Arms
from diffses.advantages.rollouts import EpisodeJob, EpisodeLabels, label_episode
from diffses.agents.forest_agent import ForestSpec
from diffses.config import AdvantagesConfig
from diffses.envs.base import EvaluationProtocol
from diffses.envs.rollout import run_jobs
from diffses.errors import DiffsesError
from diffses.seeds import seed_for

EMPTY_WAVES = 3  # waves of episodes without any state before it is an error
RESTORE_STEPS = 5  # steps that a restore costs, as far as that is not known yet


@dataclass(frozen=True)
class Advantages:
    """Labelled states, by episode and time.

    rows: the detector's features, float64 (n, f).
    arms: their names; the first is the base policy, closed loop.
    returns: discounted returns of each arm, float64 (n, replicates, arms). Within a replicate all
        arms drew the same noise, so compare arms within replicates.
    chosen: the base policy's actions, int64 (n,), or float64 (n, d) of Box actions.
    episode: seed of each state's episode, int64 (n,): hold out and cluster by episode.
    at: step of the episode, int32 (n,).
    steps: environment steps spent, all of them.
    equal: share of the rollouts that ended early because they had become the base's.
    observations: of the environment, uint8 (n, height, width) or float64 (n, f).
    """

    rows: np.ndarray
    arms: tuple[str, ...]
    returns: np.ndarray
    chosen: np.ndarray
    episode: np.ndarray
    at: np.ndarray
    steps: int
    equal: float
    observations: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def advantages(self) -> np.ndarray:
        """Returns less the base's of the same replicate, float64 (n, replicates, arms)."""
        gained: np.ndarray = self.returns - self.returns[:, :, :1]
        return gained

    def save(self, path: Path) -> None:
        """Writes an .npz file."""
        arrays: dict[str, Any] = {one.name: getattr(self, one.name) for one in fields(self)}
        np.savez_compressed(path, **arrays)

    @classmethod
    def open(cls, path: Path) -> Advantages:
        """Reads what `save` wrote."""
        with np.load(path) as file:
            found: dict[str, Any] = {name: file[name] for name in file.files}
        found["arms"] = tuple(found["arms"].tolist())
        return cls(**found | {"steps": int(found["steps"]), "equal": float(found["equal"])})


def estimate_advantages(
    base: ForestSpec,
    protocol: EvaluationProtocol,
    arms: Arms,
    settings: AdvantagesConfig,
    seed: int,
    *,
    budget: float = math.inf,
    scratch: Path | None = None,
    progress: Callable[[EpisodeLabels], Any] = lambda episode: None,
) -> Advantages:
    """What each arm is worth in states of a base policy.

    At a state every arm is followed for `settings.hold` steps and then the base policy, to
    `settings.horizon` steps; the value is the discounted return, with nothing to come after a lost
    life. The result depends on the arguments alone but for `scratch` and `progress`, not on the
    number of workers (`settings.workers`).

    Args:
        base: the forest and its detector. The states are met on its episodes, with a share of
            random actions.
        protocol: of the environment.
        arms: of `discrete_arms` or `box_arms`.
        settings: `settings.seed` is not used.
        seed: of the episodes, 0 to 2**31 - 1.
        budget: environment steps; with too few of them there are fewer states. It is kept to
            within the difference between the costs of two episodes.
        scratch: a folder for finished episodes, to go on from after a crash; it must be used for
            the same arguments only.
        progress: called after each episode.

    Raises:
        DiffsesError: if the episodes end before there is a state to label.
    """
    done: list[EpisodeLabels] = []
    states = spent = empty = 0
    while (missing := settings.states - states) > 0:
        each = max(
            (one.steps / len(one.rows) for one in done if len(one.rows)),
            default=_most_steps(settings, arms),
        )
        count = min(missing, math.inf if budget == math.inf else (budget - spent) // each)
        if count < 1:
            break
        # as if one episode more had had all of its states, so that few short ones are no rule
        per_episode = (states + settings.episode_states) / (len(done) + 1)
        episodes = math.ceil(count / per_episode)
        seeds = [seed_for(seed, "advantages", len(done) + i) for i in range(episodes)]
        jobs = [EpisodeJob(base, protocol, arms, settings, one) for one in seeds]
        wave = _labelled(jobs, scratch, progress)
        done += wave
        found = sum(len(one.rows) for one in wave)
        states, spent = states + found, spent + sum(one.steps for one in wave)
        empty = 0 if found else empty + 1
        if empty == EMPTY_WAVES:
            raise DiffsesError(
                f"{len(done)} episodes ended before there was a state to label",
                fix=f"advantages.spacing={max(1, settings.spacing // 5)}",
            )
    return _joined(done, arms, settings)


def _most_steps(settings: AdvantagesConfig, arms: Arms) -> float:
    """Environment steps of a state where no rollout ends early."""
    rollouts = settings.replicates * len(arms.arms)
    return rollouts * (settings.horizon + RESTORE_STEPS) + RESTORE_STEPS + settings.spacing


def _labelled(
    jobs: Sequence[EpisodeJob],
    scratch: Path | None,
    progress: Callable[[EpisodeLabels], Any],
) -> list[EpisodeLabels]:
    """The episodes of all jobs, in their order."""
    found: dict[int, EpisodeLabels] = {}
    for job in jobs:
        if scratch is not None and _file(scratch, job.seed).is_file():
            found[job.seed] = _read(_file(scratch, job.seed))
            progress(found[job.seed])
    left = [job for job in jobs if job.seed not in found]
    for episode in run_jobs(label_episode, left, jobs[0].settings.workers):
        found[episode.seed] = episode
        if scratch is not None:
            _write(_file(scratch, episode.seed), episode)
        progress(episode)
    return [found[job.seed] for job in jobs]


def _file(scratch: Path, seed: int) -> Path:
    return scratch / f"episode_{seed}.npz"


def _write(path: Path, episode: EpisodeLabels) -> None:
    arrays: dict[str, Any] = {one.name: getattr(episode, one.name) for one in fields(episode)}
    unfinished = path.with_suffix(".partial")
    with unfinished.open("wb") as file:
        np.savez(file, **arrays)
    unfinished.replace(path)


def _read(path: Path) -> EpisodeLabels:
    with np.load(path) as file:
        found: dict[str, Any] = {name: file[name] for name in file.files}
    kinds = {"seed": int, "steps": int, "equal": float}
    return EpisodeLabels(**found | {name: kind(found[name]) for name, kind in kinds.items()})


def _joined(done: Sequence[EpisodeLabels], arms: Arms, settings: AdvantagesConfig) -> Advantages:
    """All states of the episodes, cut to as many as are wanted."""
    some = [one for one in done if len(one.rows)]
    if not some:
        nothing = np.zeros((0, settings.replicates, len(arms.arms)))
        none = np.zeros(0, np.int64)
        empty = np.zeros((0, 0))
        return Advantages(empty, arms.names, nothing, none, none, none, 0, 0.0)
    short = slice(settings.states)
    return Advantages(
        np.concatenate([one.rows for one in some])[short],
        arms.names,
        np.concatenate([one.returns for one in some])[short],
        np.concatenate([one.chosen for one in some])[short],
        np.concatenate([np.full(len(one.rows), one.seed, np.int64) for one in some])[short],
        np.concatenate([one.at for one in some])[short],
        sum(one.steps for one in done),
        float(np.average([one.equal for one in some], weights=[len(one.rows) for one in some])),
        np.concatenate([one.observations for one in some])[short],
    )

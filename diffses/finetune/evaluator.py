"""Fitness: individuals of a search play episodes on common seeds, the promising ones more."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from diffses.agents.forest_agent import ForestSpec
from diffses.envs.base import EvaluationProtocol
from diffses.envs.rollout import Episode, Job, play
from diffses.finetune.lineage import Lineage
from diffses.policy.forest import Forest

MIN_FINISHED = 8  # episodes that have to end at the same score before a game counts as first-to-N
MAX_PROBES = 12  # episodes that are played to find that out, at the most
PROBE_LENGTH = 5  # times the step limit of a search that such an episode may take
PRIOR_POINTS = 2.0  # by which the score of a cut first-to-N episode is drawn towards a draw
LCB_WIDTH = 1.0  # standard errors by which a lower confidence bound is below the mean
PRIOR_EPISODES = 2.0  # weight of the pooled variance in a forest's own, in episodes


@dataclass
class Individual:
    """A forest of a search, with the returns of the episodes it has played.

    Ties in return are broken by discounted return: with equal returns, earlier rewards (or later
    losses) indicate more headroom within the step limit.

    Args:
        forest: the policy.
        lineage: where it came from.
        returns: one for each episode.
        discounted_returns: of the same episodes.
    """

    forest: Forest
    lineage: Lineage
    returns: list[float] = field(default_factory=list)
    discounted_returns: list[float] = field(default_factory=list)

    @property
    def mean(self) -> float:
        """Mean return; -inf before the first episode."""
        return float(np.mean(self.returns)) if self.returns else -math.inf

    @property
    def discounted_return(self) -> float:
        """Mean discounted return; -inf before the first episode."""
        found = self.discounted_returns
        return float(np.mean(found)) if found else -math.inf

    def standard_error(self, pooled_std: float) -> float:
        """Standard error of the mean return, inf before the first episode.

        The variance of few episodes says little, so it is shrunk towards the pooled one, which
        counts as `PRIOR_EPISODES` more.
        """
        n = len(self.returns)
        if n == 0:
            return math.inf
        squares = float(np.sum((np.array(self.returns) - self.mean) ** 2))
        return math.sqrt((squares + PRIOR_EPISODES * pooled_std**2) / (n + PRIOR_EPISODES) / n)

    def lower_confidence_bound(self, pooled_std: float) -> float:
        """The mean return less `LCB_WIDTH` standard errors; -inf before the first episode."""
        if not self.returns:
            return -math.inf
        return self.mean - LCB_WIDTH * self.standard_error(pooled_std)

    def state(self) -> dict[str, Any]:
        """All that `restore` needs, as JSON."""
        return {
            "forest": self.forest.to_json(),
            "lineage": self.lineage.to_json(),
            "returns": self.returns,
            "discounted_returns": self.discounted_returns,
        }

    @classmethod
    def restore(cls, state: dict[str, Any]) -> Individual:
        return cls(
            Forest.from_json(state["forest"]),
            Lineage.from_json(state["lineage"]),
            list(state["returns"]),
            list(state["discounted_returns"]),
        )


class Played(Protocol):
    """What `FirstToN` reads of an episode."""

    @property
    def score(self) -> float: ...
    @property
    def penalties(self) -> float: ...
    @property
    def steps(self) -> int: ...
    @property
    def truncated(self) -> bool: ...


@dataclass
class FirstToN:
    """Whether a game ends when one side has N points (21 in Pong), found from finished episodes.

    In such a game the score of a cut episode is extrapolated to N points: its rate tells more than
    the difference so far, which depends on when it was cut.

    Args:
        ends: the points of the side that had more, at the end of each finished episode.
        steps: the length of each of these episodes.
    """

    ends: list[float] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)

    def observe(self, episode: Played) -> None:
        """Takes note of an episode, unless it was cut."""
        if not episode.truncated:
            self.ends.append(max(episode.score + episode.penalties, episode.penalties))
            self.steps.append(episode.steps)

    @property
    def target(self) -> float | None:
        """N; None where the game is none of this kind, or too few episodes have finished: their
        points differ, time ends them all, or a single point does."""
        if len(self.ends) < MIN_FINISHED or len(set(self.ends)) > 1 or len(set(self.steps)) == 1:
            return None
        return self.ends[0] if self.ends[0] > 1 else None

    def extrapolated_return(self, episode: Played) -> float:
        """The return; for a cut first-to-N episode the final difference at the rates so far:
        N (made - lost) / (max(made, lost) + `PRIOR_POINTS`), so that a single point decides little.
        """
        target = self.target
        if target is None or not episode.truncated:
            return episode.score
        made, lost = episode.score + episode.penalties, episode.penalties
        return target * (made - lost) / (max(made, lost) + PRIOR_POINTS)


class FitnessEvaluator:
    """Plays the episodes of a search and counts the environment steps.

    Args:
        protocol: of the environment.
        detector: folder of the detector's artifact.
        max_steps: after which an episode is cut; None: never.
        workers: processes; 0: one for each core.
    """

    def __init__(
        self, protocol: EvaluationProtocol, detector: Path, max_steps: int | None, workers: int
    ) -> None:
        self._protocol, self._detector, self._workers = protocol, detector, workers
        self.max_steps = max_steps
        self.spent = 0  # environment steps
        self.episodes = 0  # that these were
        self.on_steps: Callable[[int], object] | None = None  # called with steps as they are spent
        self.first_to_n = FirstToN()

    def spend(self, steps: int) -> None:
        """Counts environment steps."""
        self.spent += steps
        if self.on_steps is not None:
            self.on_steps(steps)

    def probe(self, forests: Sequence[Forest], seed: int, budget: float = math.inf) -> None:
        """Plays long episodes, one a forest, to find out whether the game is first-to-N: as many
        as `budget` steps surely are enough for, and none where these are fewer than
        `MIN_FINISHED`.

        Episodes within the step limit of a search would mislead: in Boxing a knock-out ends an
        episode at 100 points, but most episodes end with the clock.
        """
        if self.max_steps is None:
            return
        length = PROBE_LENGTH * self.max_steps
        jobs = [self._job(forest, seed, length) for forest in dict.fromkeys(forests)]
        jobs = jobs[: int(min(len(jobs), budget // length))]
        if len(jobs) < MIN_FINISHED:
            return
        for episode in sorted(self._played(jobs), key=lambda one: jobs.index(one.job)):
            self.first_to_n.observe(episode)

    def play(
        self, forests: Sequence[Forest], seeds: Sequence[int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Plays every forest on every seed; the same forest twice on a seed is played once.

        Returns:
            Returns, extrapolated where an episode of a first-to-N game is cut, and discounted
            returns, each (forests, seeds).
        """
        jobs = [self._job(forest, seed, self.max_steps) for seed in seeds for forest in forests]
        places: dict[Job, list[int]] = {}
        for place, job in enumerate(jobs):
            places.setdefault(job, []).append(place)
        returns, discounted = np.zeros(len(jobs)), np.zeros(len(jobs))
        for episode in self._played(list(places)):
            returns[places[episode.job]] = self.first_to_n.extrapolated_return(episode)
            discounted[places[episode.job]] = episode.discounted_return
        shape = (len(seeds), len(forests))
        return returns.reshape(shape).T, discounted.reshape(shape).T

    def _job(self, forest: Forest, seed: int, max_steps: int | None) -> Job:
        spec = ForestSpec(forest.with_used_features(), str(self._detector))
        return Job(spec, self._protocol, seed, max_steps)

    def _played(self, jobs: Sequence[Job]) -> Iterator[Episode]:
        for episode in play(jobs, self._workers):
            self.spend(episode.steps)
            self.episodes += 1
            yield episode

    def affordable_episodes(self, budget: float) -> int:
        """How many episodes `budget` steps are enough for: of the greatest length where there is
        a limit, else of the mean length so far."""
        longest = self.max_steps or self.spent / max(1, self.episodes)
        return int(max(0.0, budget) // max(1.0, longest))

    def evaluate(self, individuals: Sequence[Individual], seeds: Sequence[int]) -> None:
        """Plays the individuals on the seeds and appends the returns to theirs."""
        returns, discounted = self.play([one.forest for one in individuals], seeds)
        for one, more, more_discounted in zip(individuals, returns, discounted, strict=True):
            one.returns += more.tolist()
            one.discounted_returns += more_discounted.tolist()

    def successive_halving(
        self,
        individuals: Sequence[Individual],
        seeds: Sequence[int],
        keep: int,
        group: Callable[[Individual], str] | None = None,
        budget: float = math.inf,
    ) -> list[Individual]:
        """All play the first seed, the better half the second, and so on (Jamieson and Talwalkar
        2016, arXiv:1502.07943), down to `keep`.

        Args:
            keep: how many are never eliminated.
            group: the best of each group is never eliminated either.
            budget: after the first, no rung begins once the evaluator has spent so many steps.

        Returns:
            Those that are left, the best first.
        """
        racing = list(individuals)
        for rung, seed in enumerate(seeds):
            if rung > 0 and self.spent >= budget:
                break
            self.evaluate(racing, [seed])
            racing = ranked(racing)
            first = {} if group is None else {group(one): one for one in reversed(racing)}
            cut = max(keep, math.ceil(len(racing) / 2))
            racing = [one for i, one in enumerate(racing) if i < cut or one in first.values()]
        return racing


def pooled_std(individuals: Sequence[Individual]) -> float:
    """Root of the median variance of an individual's returns, over those with two episodes or more;
    0 where there is none."""
    tried = [np.var(one.returns, ddof=1) for one in individuals if len(one.returns) > 1]
    return math.sqrt(float(np.median(tried))) if tried else 0.0


def ranked(individuals: Sequence[Individual]) -> list[Individual]:
    """The best first: by lower confidence bound of the return, then discounted return, then the
    smaller size."""
    std = pooled_std(individuals)
    return sorted(
        individuals,
        key=lambda one: (-one.lower_confidence_bound(std), -one.discounted_return, one.forest.size),
    )


def ranks(fitness: np.ndarray, discounted: np.ndarray) -> np.ndarray:
    """Each candidate's rank from 0, the worst: by fitness, then by discounted return. Both (n,)."""
    order = np.lexsort((discounted, fitness))
    found = np.empty(len(order))
    found[order] = np.arange(len(order))
    return found

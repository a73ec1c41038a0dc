"""Where forests of a search play: episodes on common seeds, few for all, more for the promising."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from diffses.agents.forest_agent import ForestSpec
from diffses.envs.base import EvaluationProtocol
from diffses.envs.rollout import Episode, Job, play
from diffses.policy.forest import Forest

MATCHES = 8  # episodes that have to end at the same score before the game counts as a match
PROBES = 12  # episodes that are played for that, at the most
WHOLE = 5  # times longer than others, where these take that long
DOUBT = 2.0  # points by which the score of a match that was cut is drawn towards a draw
CAUTION = 1.0  # standard errors that an estimate from few episodes is taken to be too high by
PRIOR = 2.0  # episodes of average spread that an estimate of a forest's own spread begins with


@dataclass
class Member:
    """A forest of a search, and what it has returned so far.

    paces: discounted return of the same episodes: of two forests that return the same, the one
        with the higher pace is the better. (Who loses 0:21 has lost later, who wins 21:0 won
        sooner, and who crosses a road 32 times will sooner cross it once more.)
    """

    forest: Forest
    source: str  # where it came from, e.g. "pursuit/2" or "generation 3, crossover"
    returns: list[float] = field(default_factory=list)
    paces: list[float] = field(default_factory=list)

    @property
    def mean(self) -> float:
        return float(np.mean(self.returns)) if self.returns else -math.inf

    @property
    def pace(self) -> float:
        return float(np.mean(self.paces)) if self.paces else -math.inf

    def error(self, spread: float) -> float:
        """Standard error of the mean, its variance drawn towards `spread`'s."""
        n = len(self.returns)
        if n == 0:
            return math.inf
        squares = float(np.sum((np.array(self.returns) - self.mean) ** 2))
        return math.sqrt((squares + PRIOR * spread**2) / (n + PRIOR) / n)

    def cautious(self, spread: float) -> float:
        """The mean less `CAUTION` standard errors."""
        return self.mean - CAUTION * self.error(spread) if self.returns else -math.inf

    def state(self) -> dict[str, Any]:
        return {
            "forest": self.forest.to_json(),
            "source": self.source,
            "returns": self.returns,
            "paces": self.paces,
        }

    @classmethod
    def restore(cls, state: dict[str, Any]) -> Member:
        forest = Forest.from_json(state["forest"])
        return cls(forest, state["source"], list(state["returns"]), list(state["paces"]))


@dataclass
class Match:
    """Whether a game is a match that ends when one side has so many points, found from episodes.

    Of such a game a cut episode says more than its score so far: who makes 4 points and gives away
    2 in a while loses one for every two, however long the while.

    ends: the most points that either side had in each episode that came to its end.
    steps: how long these were.
    """

    ends: list[float] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)

    def note(self, episode: Episode) -> None:
        if not episode.truncated:
            self.ends.append(max(episode.score + episode.lost, episode.lost))
            self.steps.append(episode.steps)

    @property
    def points(self) -> float | None:
        """What either side has to reach; None where it is no match."""
        if len(self.ends) < MATCHES or len(set(self.ends)) > 1 or len(set(self.steps)) == 1:
            return None
        return self.ends[0] if self.ends[0] > 1 else None

    def whole(self, episode: Episode) -> float:
        """The return; of a match that was cut what it comes to if both sides go on as they did.

        The leader is taken to have `DOUBT` points more, lest a single one decide.
        """
        points = self.points
        if points is None or not episode.truncated:
            return episode.score
        made, lost = episode.score + episode.lost, episode.lost
        return points * (made - lost) / (max(made, lost) + DOUBT)


class Arena:
    """Plays the episodes of a search and counts the environment steps."""

    def __init__(
        self, protocol: EvaluationProtocol, detector: Path, limit: int | None, workers: int
    ) -> None:
        self._protocol, self._detector, self._workers = protocol, detector, workers
        self.limit = limit  # steps after which an episode is cut
        self.spent = 0  # environment steps
        self.episodes = 0  # that these were
        self.watch: Callable[[int], object] | None = None  # told of steps as they are spent
        self.match = Match()

    def spend(self, steps: int) -> None:
        """Counts environment steps."""
        self.spent += steps
        if self.watch is not None:
            self.watch(steps)

    def probe(self, forests: Sequence[Forest], seed: int, budget: float = math.inf) -> None:
        """Plays whole episodes, one a forest, to see whether the game is a match: as many as
        `budget` steps surely are enough for, and none where these are too few to tell.

        Episodes that end before the limit of a search would not tell: a boxer who knocks the other
        out ends at 100, but most bouts end with the clock.
        """
        if self.limit is None:
            return
        jobs = [
            Job(ForestSpec(forest, str(self._detector)), self._protocol, seed, WHOLE * self.limit)
            for forest in dict.fromkeys(forests)
        ]
        jobs = jobs[: int(min(len(jobs), budget // (WHOLE * self.limit)))]
        if len(jobs) < MATCHES:
            return
        for episode in sorted(self._played(jobs), key=lambda one: jobs.index(one.job)):
            self.match.note(episode)

    def play(
        self, forests: Sequence[Forest], seeds: Sequence[int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Every forest on every seed: returns and paces, each (forests, seeds).

        An episode that is cut returns what it would have come to, where that can be told.
        """
        jobs = [
            Job(ForestSpec(forest, str(self._detector)), self._protocol, seed, self.limit)
            for seed in seeds
            for forest in forests
        ]
        places: dict[Job, list[int]] = {}
        for place, job in enumerate(jobs):
            places.setdefault(job, []).append(place)
        returns = np.zeros(len(jobs))
        paces = np.zeros(len(jobs))
        for episode in self._played(list(places)):
            returns[places[episode.job]] = self.match.whole(episode)
            paces[places[episode.job]] = episode.discounted
        shape = (len(seeds), len(forests))
        return returns.reshape(shape).T, paces.reshape(shape).T

    def _played(self, jobs: Sequence[Job]) -> Iterator[Episode]:
        for episode in play(jobs, self._workers):
            self.spend(episode.steps)
            self.episodes += 1
            yield episode

    def affordable(self, budget: float) -> int:
        """How many episodes `budget` steps are enough for: if all are as long as they may be, or
        where they may be of any length, as those before were."""
        longest = self.limit or self.spent / max(1, self.episodes)
        return int(max(0.0, budget) // max(1.0, longest))

    def add(self, members: Sequence[Member], seeds: Sequence[int]) -> None:
        """Has the members play, and notes what they returned."""
        returns, paces = self.play([member.forest for member in members], seeds)
        for member, more, faster in zip(members, returns, paces, strict=True):
            member.returns += more.tolist()
            member.paces += faster.tolist()

    def race(
        self,
        members: Sequence[Member],
        seeds: Sequence[int],
        keep: int,
        kind: Callable[[Member], str] | None = None,
        budget: float = math.inf,
    ) -> list[Member]:
        """Successive halving: all play the first seed, the better half the second and so on, but
        never fewer than `keep`, and the best of each kind. After the first none begins when
        `budget` steps are spent. Those that were in it to the end, the best first."""
        racing = list(members)
        for number, seed in enumerate(seeds):
            if number > 0 and self.spent >= budget:
                break
            self.add(racing, [seed])
            racing = ranked(racing)
            first = {} if kind is None else {kind(m): m for m in reversed(racing)}
            cut = max(keep, math.ceil(len(racing) / 2))
            racing = [m for i, m in enumerate(racing) if i < cut or m in first.values()]
        return racing


def spread(members: Sequence[Member]) -> float:
    """The typical standard deviation of a forest's returns; 0 where nobody played twice."""
    tried = [np.var(m.returns, ddof=1) for m in members if len(m.returns) > 1]
    return math.sqrt(float(np.median(tried))) if tried else 0.0


def ranked(members: Sequence[Member]) -> list[Member]:
    """The best first: by cautious mean return, then pace, then size."""
    typical = spread(members)
    return sorted(members, key=lambda m: (-m.cautious(typical), -m.pace, m.forest.size))


def places(fitness: np.ndarray, pace: np.ndarray) -> np.ndarray:
    """Each candidate's place from 0, the worst: by fitness, then by pace. Both (n,)."""
    order = np.lexsort((pace, fitness))
    found = np.empty(len(order))
    found[order] = np.arange(len(order))
    return found

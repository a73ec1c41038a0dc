"""Validation: episodes of their own choose the champion among the finalists."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from diffses.agents.forest_agent import ForestSpec
from diffses.config import FinetuneConfig
from diffses.csv_rows import write_rows
from diffses.envs.base import EvaluationProtocol
from diffses.envs.rollout import Episode, Job, play
from diffses.finetune.lineage import Lineage
from diffses.finetune.selection import dominates
from diffses.logger.progress import Bar
from diffses.policy.forest import Forest

TIE_WIDTH = 0.25  # standard errors that a candidate may be behind the best and count as equal
RUNGS = (0.25, 0.5)  # shares of the episodes after which the worse half is eliminated


@dataclasses.dataclass
class Candidate:
    """A forest, with its returns in the first validation episodes."""

    forest: Forest
    lineage: Lineage
    returns: list[float] = dataclasses.field(default_factory=list)
    steps: int = 0  # environment steps these took

    @property
    def mean(self) -> float:
        return float(np.mean(self.returns))

    @property
    def standard_error(self) -> float:
        """Of the mean; 0 for a single episode."""
        n = len(self.returns)
        return float(np.std(self.returns, ddof=1)) / math.sqrt(n) if n > 1 else 0.0


class Validator:
    """Plays validation episodes, the same for every forest of every search.

    candidates: each different forest that was validated, in order of its first evaluation.
    """

    def __init__(
        self, protocol: EvaluationProtocol, settings: FinetuneConfig, detector: Path
    ) -> None:
        self._protocol, self._settings, self._detector = protocol, settings, str(detector)
        # seed 0, not the search's: searches are compared on the same episodes
        self._seeds = protocol.seeds("validation", 0, settings.validation_episodes)
        self.candidates: list[Candidate] = []

    def evaluate(
        self, forests: Sequence[tuple[Forest, Lineage]], episodes: int | None = None
    ) -> list[Candidate]:
        """The forests as candidates that have played the first `episodes` validation episodes, or
        all; what a forest has played before is not played again."""
        asked = [self._candidate(forest, lineage) for forest, lineage in forests]
        waiting = {id(one): one for one in asked}.values()
        jobs = [
            (one, self._job(one.forest, seed))
            for one in waiting
            for seed in self._seeds[len(one.returns) : episodes]
        ]
        played: dict[Job, Episode] = {}
        with Bar(len(jobs), "episode", "validate") as progress:
            for episode in play([job for _, job in jobs], self._settings.workers):
                played[episode.job] = episode
                progress.update(1, score=episode.score)
        for one, job in jobs:  # in the order of the seeds
            one.returns.append(played[job].score)
            one.steps += played[job].steps
        return asked

    def _job(self, forest: Forest, seed: int) -> Job:
        spec = ForestSpec(forest.with_used_features(), self._detector)
        return Job(spec, self._protocol, seed, self._settings.validation_steps)

    def _candidate(self, forest: Forest, lineage: Lineage) -> Candidate:
        found = next((known for known in self.candidates if known.forest == forest), None)
        if found is None:
            found = Candidate(forest, lineage)
            self.candidates.append(found)
        return found

    def successive_halving(self, forests: Sequence[tuple[Forest, Lineage]], keep: int) -> Candidate:
        """All play the share of the episodes that `RUNGS` says, the better half, at least `keep`,
        goes on, and the `keep` best play all episodes. A forest named twice takes one place.

        Returns:
            `best()`, of all that were ever validated.
        """
        unique: dict[Forest, Lineage] = {}
        for forest, lineage in forests:
            unique.setdefault(forest, lineage)
        racing = list(unique.items())
        for share in RUNGS:
            found = self.evaluate(racing, math.ceil(share * len(self._seeds)))
            found.sort(key=lambda one: (-one.mean, one.forest.size))
            left = found[: max(keep, math.ceil(len(found) / 2))]
            racing = [(one.forest, one.lineage) for one in left]
        self.evaluate(racing[:keep])
        return self.best()

    def best(self) -> Candidate:
        """The champion, of those that have played every episode: the smallest whose mean is within
        `TIE_WIDTH` standard errors of the highest; of equal sizes the higher mean, then the first.
        """
        whole = [one for one in self.candidates if len(one.returns) == len(self._seeds)]
        top = max(whole, key=lambda one: (one.mean, -one.forest.size))
        equals = [one for one in whole if one.mean >= top.mean - TIE_WIDTH * top.standard_error]
        return min(equals, key=lambda one: (one.forest.size, -one.mean))

    def front(self) -> list[Candidate]:
        """The Pareto front of return and size, the highest mean return first.

        Two candidates are compared on the episodes both played, since candidates eliminated early
        were evaluated on fewer episodes.
        """
        everyone = self.candidates
        best = [one for one in everyone if not any(_dominates(other, one) for other in everyone)]
        return sorted(best, key=lambda one: -one.mean)


def _dominates(one: Candidate, other: Candidate) -> bool:
    common = min(len(one.returns), len(other.returns))
    values = [np.array([np.mean(c.returns[:common]), -c.forest.size]) for c in (one, other)]
    return dominates(*values)


def write_validation(path: Path, validator: Validator, champion: Candidate) -> None:
    """Writes `validation.csv`: a row for each candidate."""
    rows = [
        {
            "policy": "finetuned" if one is champion else one.lineage.label,
            "source": one.lineage.label,
            "episodes": len(one.returns),
            "mean": one.mean,
            "standard_error": one.standard_error,
            "size": one.forest.size,
            "champion": one is champion,
        }
        for one in validator.candidates
    ]
    write_rows(path, rows)


def write_front(folder: Path, validator: Validator) -> None:
    """Writes `front.csv`, the Pareto front of return and size, and the forests it names."""
    (folder / "front").mkdir()
    rows = []
    for number, one in enumerate(validator.front()):
        name = f"front/{number:02d}.json"
        one.forest.save(folder / name)
        rows.append(
            {
                "return": one.mean,
                "standard_error": one.standard_error,
                "episodes": len(one.returns),
                "size": one.forest.size,
                "file": name,
                "source": one.lineage.label,
            }
        )
    write_rows(folder / "front.csv", rows)

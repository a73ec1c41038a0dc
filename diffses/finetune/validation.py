"""The validation episodes that choose the champion."""

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
from diffses.finetune.selection import dominates
from diffses.logger.progress import Bar
from diffses.policy.forest import Forest

EQUAL = 0.25  # standard errors that a forest may be behind the best and be as good
LOOKS = (0.25, 0.5)  # shares of the episodes that many play before few play all


@dataclasses.dataclass
class Judged:
    """A forest and what it returned in the first validation episodes."""

    forest: Forest
    source: str  # where it came from, e.g. "distill/00" or "child 12.3 (graft)"
    returns: list[float] = dataclasses.field(default_factory=list)
    steps: int = 0  # environment steps this cost

    @property
    def mean(self) -> float:
        return float(np.mean(self.returns))

    @property
    def error(self) -> float:
        """Standard error of the mean; 0 for a single episode."""
        n = len(self.returns)
        return float(np.std(self.returns, ddof=1)) / math.sqrt(n) if n > 1 else 0.0


class Judge:
    """Plays validation episodes: the same for every forest of every search."""

    def __init__(
        self, protocol: EvaluationProtocol, settings: FinetuneConfig, detector: Path
    ) -> None:
        self._protocol, self._settings, self._detector = protocol, settings, str(detector)
        # seed 0, not the search's: searches are compared on the same episodes
        self._seeds = protocol.seeds("validation", 0, settings.validation_episodes)
        self.judged: list[Judged] = []

    def look(
        self, candidates: Sequence[tuple[Forest, str]], episodes: int | None = None
    ) -> list[Judged]:
        """What forests return in the first `episodes` validation episodes, or in all.

        Args:
            candidates: forests and where they came from.
        """
        looked = [self._judged(forest, source) for forest, source in candidates]
        waiting = {id(judged): judged for judged in looked}.values()
        jobs = [
            (
                judged,
                Job(
                    ForestSpec(judged.forest, self._detector),
                    self._protocol,
                    seed,
                    self._settings.validation_steps,
                ),
            )
            for judged in waiting
            for seed in self._seeds[len(judged.returns) : episodes]
        ]
        played: dict[Job, Episode] = {}
        with Bar(len(jobs), "episode", "validate") as progress:
            for one in play([job for _, job in jobs], self._settings.workers):
                played[one.job] = one
                progress.update(1, score=one.score)
        for judged, job in jobs:  # in the order of the seeds
            judged.returns.append(played[job].score)
            judged.steps += played[job].steps
        return looked

    def _judged(self, forest: Forest, source: str) -> Judged:
        found = next((known for known in self.judged if known.forest == forest), None)
        if found is None:
            found = Judged(forest, source)
            self.judged.append(found)
        return found

    def race(self, candidates: Sequence[tuple[Forest, str]], keep: int) -> Judged:
        """A first look at all, a longer one at the better half of them, every episode for the
        `keep` best. Returns the best. A forest that is named twice is in it once."""
        unique: dict[Forest, str] = {}
        for forest, source in candidates:
            unique.setdefault(forest, source)
        candidates = list(unique.items())
        for share in LOOKS:
            looked = self.look(candidates, math.ceil(share * len(self._seeds)))
            looked.sort(key=lambda judged: (-judged.mean, judged.forest.size))
            through = looked[: max(keep, math.ceil(len(looked) / 2))]
            candidates = [(judged.forest, judged.source) for judged in through]
        self.look(candidates[:keep])
        return self.best()

    def best(self) -> Judged:
        """Of those that played every episode the smallest that is as good as the best; of equals
        the highest mean, then the first judged."""
        whole = [judged for judged in self.judged if len(judged.returns) == len(self._seeds)]
        top = max(whole, key=lambda judged: (judged.mean, -judged.forest.size))
        equals = [judged for judged in whole if judged.mean >= top.mean - EQUAL * top.error]
        return min(equals, key=lambda judged: (judged.forest.size, -judged.mean))

    def front(self) -> list[Judged]:
        """Those that no other beats in both return and size, the highest return first. Of any two
        what they returned in the episodes that both played counts: who was given up early may have
        the highest mean, of few and easy ones."""
        best = [one for one in self.judged if not any(_beats(other, one) for other in self.judged)]
        return sorted(best, key=lambda judged: -judged.mean)


def _beats(one: Judged, other: Judged) -> bool:
    common = min(len(one.returns), len(other.returns))
    values = [
        np.array([np.mean(judged.returns[:common]), -judged.forest.size]) for judged in (one, other)
    ]
    return dominates(*values)


def write_validation(path: Path, judge: Judge, champion: Judged) -> None:
    rows = [
        {
            "policy": "finetuned" if judged is champion else judged.source,
            "source": judged.source,
            "episodes": len(judged.returns),
            "mean": judged.mean,
            "standard_error": judged.error,
            "size": judged.forest.size,
            "champion": judged is champion,
        }
        for judged in judge.judged
    ]
    write_rows(path, rows)


def write_front(folder: Path, judge: Judge) -> None:
    """Writes `front.csv` and the forests it names: return against size, by validation."""
    (folder / "front").mkdir()
    rows = []
    for number, judged in enumerate(judge.front()):
        name = f"front/{number:02d}.json"
        judged.forest.save(folder / name)
        rows.append(
            {
                "return": judged.mean,
                "standard_error": judged.error,
                "episodes": len(judged.returns),
                "size": judged.forest.size,
                "file": name,
                "source": judged.source,
            }
        )
    write_rows(folder / "front.csv", rows)

"""Racing: successive halving of candidates on common games, short ones first, then longer ones."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from diffses.finetune.drives import DrivePolicy
from diffses.finetune.games import Games
from diffses.finetune.growth import Change
from diffses.policy.forest import Forest


@dataclass(eq=False)
class Entrant:
    """A policy in a race.

    Args:
        policy, forest: the policy, with and without its structure.
        origin: what proposed it, e.g. "one feature" or "split".
        changes: of the policy that it was made from.
        returns: of the games at the length of the last rung, in the order of their seeds.
        discounted: of the same games.
        cost: environment steps it played, in all.
        first: mean return in the first rung of the race.
    """

    policy: DrivePolicy
    forest: Forest
    origin: str
    changes: tuple[Change, ...] = ()
    returns: list[float] = field(default_factory=list)
    discounted: list[float] = field(default_factory=list)
    cost: float = 0.0
    first: float = 0.0

    @property
    def mean(self) -> float:
        return float(np.mean(self.returns)) if self.returns else -math.inf

    @property
    def standard_error(self) -> float:
        """Of the mean; inf with fewer than two games."""
        n = len(self.returns)
        return float(np.std(self.returns, ddof=1)) / math.sqrt(n) if n > 1 else math.inf


@dataclass(frozen=True)
class Rung:
    """games: new ones that each entrant plays; steps: of each; keep: entrants that go on."""

    games: int
    steps: int
    keep: int


def run_race(
    games: Games, entrants: Sequence[Entrant], rungs: Sequence[Rung], seeds: Iterator[int]
) -> list[Entrant]:
    """Plays the rungs.

    Games of the same length add up from rung to rung; with another length returns start anew.

    Args:
        seeds: of new games.

    Returns:
        Those left, the best first: by mean return, then discounted return, then compact size.
    """
    racing = list(entrants)
    length = 0
    for number, rung in enumerate(rungs):
        if rung.steps != length:
            length = rung.steps
            for one in racing:
                one.returns, one.discounted = [], []
        play_more(games, racing, [next(seeds) for _ in range(rung.games)], rung.steps)
        if number == 0:
            for one in racing:
                one.first = one.mean
        racing = ordered(racing)[: rung.keep]
    return racing


def play_more(games: Games, entrants: Sequence[Entrant], seeds: Sequence[int], steps: int) -> None:
    """Plays common games and appends the returns to the entrants' own; each bears its part of the
    steps."""
    before = games.spent
    returns, discounted = games.play([one.forest for one in entrants], seeds, steps)
    for one, more, other in zip(entrants, returns, discounted, strict=True):
        one.returns += more.tolist()
        one.discounted += other.tolist()
        one.cost += (games.spent - before) / len(entrants)


def ordered(entrants: Sequence[Entrant]) -> list[Entrant]:
    """The best first."""
    return sorted(
        entrants, key=lambda one: (-one.mean, -float(np.mean(one.discounted)), one.policy.size)
    )


def paired(one: Sequence[float], other: Sequence[float]) -> tuple[float, float]:
    """Mean of the differences of two policies' returns on the same games, and its standard error
    (inf for fewer than two games)."""
    differences = np.subtract(one, other)
    n = len(differences)
    error = float(np.std(differences, ddof=1)) / math.sqrt(n) if n > 1 else math.inf
    return float(differences.mean()), error

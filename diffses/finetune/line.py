"""Lines: policies that a search grows side by side, and what their proposers brought."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from diffses.finetune.drives import DrivePolicy
from diffses.finetune.lineage import Lineage
from diffses.finetune.race import Entrant
from diffses.finetune.vocabulary import Vocabulary

CLEAR = 2.0  # standard errors

Row = dict[str, Any]


@dataclass(eq=False)
class Line:
    """A policy that is grown from one start.

    Args:
        present: the policy, with its returns in fresh whole games.
        lineage: of the policy.
        story: how it came about, one entry a step.
        words: the features, with the states that the policy meets.
        spent: environment steps of its rounds.
        rounds: of growth.
        barren: the last rounds that brought no gain.
    """

    name: str
    present: Entrant
    lineage: Lineage
    story: list[Row]
    words: Vocabulary
    spent: int = 0
    cost: int = 0  # of the last round
    rounds: int = 0
    barren: int = 0


@dataclass
class Tally:
    """What a proposer's candidates cost and brought."""

    played: int = 0
    confirmed: int = 0
    accepted: int = 0
    gain: float = 0.0
    steps: float = 0.0


@dataclass
class Finalist:
    """A policy for validation."""

    policy: DrivePolicy
    lineage: Lineage
    story: list[Row] = field(default_factory=list)


def best_lines(lines: Sequence[Line], number: int) -> list[Line]:
    """The best lines, without those that are clearly worse than the best."""
    ranked = sorted(lines, key=lambda line: -line.present.mean)
    spread = pooled_spread([line.present for line in ranked])
    best = ranked[0].present
    return [one for one in ranked[:number] if not clearly_worse(one.present, best, spread)]


def pooled_spread(entrants: Sequence[Entrant]) -> float:
    """Root of the mean variance of the returns; all have played two games or more."""
    return math.sqrt(np.mean([np.var(one.returns, ddof=1) for one in entrants]))


def clearly_worse(one: Entrant, best: Entrant, spread: float) -> bool:
    """Whether a policy is behind another one by more than `CLEAR` standard errors of the
    difference. The variance of few games says little, so the pooled one stands for it."""
    error = spread * math.sqrt(1 / len(one.returns) + 1 / len(best.returns))
    return one.mean + CLEAR * error < best.mean


def schedule(lines: int) -> list[tuple[int, float]]:
    """How many lines grow until which share of the steps for growth: all for a half, the best two
    up to three quarters, then the best alone."""
    return [(lines, 0.5), (min(2, lines), 0.75), (1, 1.0)]

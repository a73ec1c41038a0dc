"""CMA-ES on the constants of a policy of drives."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from diffses.finetune.action_head import ActionHead
from diffses.finetune.cmaes import CMAES
from diffses.finetune.drives import LEAST, DrivePolicy, Sum, constants, with_constants
from diffses.finetune.evaluator import ranks
from diffses.finetune.games import Games
from diffses.finetune.growth import Distinct
from diffses.finetune.vocabulary import Vocabulary

CHANGED = 0.05  # share of the states in which one unit of a search axis changes the action
STEPS = tuple(2.0**k for k in range(-10, 4))  # of a constant, tried for that
SIGMA = 1.0  # first step size, in these units
LEAST_POPULATION = 6


def constant_scales(head: ActionHead, policy: DrivePolicy, words: Vocabulary) -> np.ndarray:
    """For each constant the least step of `STEPS` that changes the action in a share `CHANGED` of
    the states, so that all constants matter alike; 0 where none changes any action."""
    distinct = Distinct(words.rows)
    values = constants(policy)
    base = head.forest(policy)
    scales = np.zeros(len(values))
    for number, value in enumerate(values):
        most = 0.0
        for step in STEPS:
            moved = [
                head.forest(with_constants(policy, _moved(values, number, value + sign * step)))
                for sign in (1.0, -1.0)
            ]
            changed = float(np.mean([distinct.difference(one, base) for one in moved]))
            if changed > most:
                most, scales[number] = changed, step
            if changed >= CHANGED:
                break
    return scales


def _moved(values: list[float], number: int, value: float) -> list[float]:
    return [*values[:number], value, *values[number + 1 :]]


def with_all_constants(policy: DrivePolicy, head: ActionHead) -> DrivePolicy:
    """The policy with an offset and, along an axis, a dead zone in every sum of features, as good
    as 0 where there was none, for the search to move."""
    for path, drive in list(policy.places()):
        if isinstance(drive, Sum) and drive.terms:
            along = head.axis(int(path[0])) is not None
            dead_zone = drive.dead_zone or (LEAST if along else 0.0)
            policy = policy.put(
                path, replace(drive, offset=drive.offset or LEAST, dead_zone=dead_zone)
            )
    return policy


class DriveConstants:
    """One CMA-ES run: a point z stands for the constants c + scales * z.

    All points of a generation play the same games, new ones each generation; equal returns are
    ranked by discounted return.

    Args:
        policy: the start.
        words: the features, with the states that it meets.
        seed: of the draws.
    """

    def __init__(self, head: ActionHead, policy: DrivePolicy, words: Vocabulary, seed: int) -> None:
        self._head, self._policy = head, policy
        scales = constant_scales(head, policy, words)
        self._places = np.flatnonzero(scales)
        self._scales = scales[self._places]
        n = max(1, len(self._places))
        population = max(LEAST_POPULATION, 4 + int(3 * math.log(n)))
        self.strategy = CMAES(n, population, SIGMA, seed)

    @property
    def possible(self) -> bool:
        """Whether a constant decides anything."""
        return len(self._places) > 0

    def policy(self, point: np.ndarray) -> DrivePolicy:
        """The start with its constants moved by `point`, (n,)."""
        values = np.array(constants(self._policy))
        values[self._places] += self._scales * point
        return with_constants(self._policy, values.tolist())

    @property
    def mean(self) -> DrivePolicy:
        """The mean of the distribution."""
        return self.policy(self.strategy.mean)

    def generation(
        self, games: Games, seeds: Iterator[int], episodes: int, steps: int
    ) -> tuple[DrivePolicy, float, float]:
        """Plays one generation, and updates the distribution.

        Returns:
            The generation's best policy, its mean return, and the mean return of all.
        """
        points = self.strategy.ask()
        policies = [self.policy(point) for point in points]
        forests = [self._head.forest(one) for one in policies]
        returns, discounted = games.play(forests, [next(seeds) for _ in range(episodes)], steps)
        order = ranks(returns.mean(axis=1), discounted.mean(axis=1))
        self.strategy.tell(points, order)
        best = int(order.argmax())
        return policies[best], float(returns[best].mean()), float(returns.mean())

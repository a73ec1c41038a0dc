"""Races, on made-up games whose results are known."""

import math
from itertools import count

import numpy as np
import pytest

from diffses.finetune.drives import DrivePolicy, Sum
from diffses.finetune.race import Entrant, Rung, paired, run_race
from diffses.policy.forest import Forest


class MadeUpGames:
    """A game of n steps returns n times the forest's constant, plus its seed; discounted, less the
    number of nodes."""

    def __init__(self):
        self.spent, self.asked = 0, []

    def play(self, forests, seeds, steps):
        self.asked.append((len(forests), list(seeds), steps))
        self.spent += len(forests) * len(seeds) * steps
        values = np.array([forest.trees[0][-1] for forest in forests])
        returns = steps * values[:, None] + np.array(seeds)[None, :]
        sizes = np.array([forest.size for forest in forests])
        return returns, -np.repeat(sizes[:, None], len(seeds), 1)


def entrant(value, *more):
    forest = Forest(("x",), ("A",), (0,), ((*more, value),))
    return Entrant(DrivePolicy((Sum((), value),)), forest, "made")


def test_the_better_ones_go_on_to_more_and_longer_games():
    games = MadeUpGames()
    entrants = [entrant(value) for value in (3.0, 1.0, 4.0, 2.0)]
    left = run_race(games, entrants, [Rung(1, 10, 3), Rung(2, 10, 2), Rung(1, 50, 1)], count())
    assert [one.forest.trees[0][-1] for one in left] == [4.0]
    assert games.asked == [(4, [0], 10), (3, [1, 2], 10), (2, [3], 50)]
    assert left[0].returns == [203.0]  # of the last length alone
    assert [one.first for one in entrants] == [30.0, 10.0, 40.0, 20.0]
    assert entrants[0].returns == [153.0]
    assert entrants[3].returns == [20.0, 21.0, 22.0]  # games of one length add up
    assert [one.cost for one in entrants] == [80.0, 10.0, 80.0, 30.0]
    assert games.spent == sum(one.cost for one in entrants)


def test_ties_go_to_the_higher_discounted_return():
    longer, shorter = entrant(1.0, "abs", "abs"), entrant(1.0)
    left = run_race(MadeUpGames(), [longer, shorter], [Rung(1, 10, 1)], count())
    assert left == [shorter]


def test_paired_differences():
    mean, error = paired([3.0, 5.0, 10.0], [1.0, 4.0, 7.0])
    assert mean == 2.0
    assert error == pytest.approx(1 / math.sqrt(3))
    assert paired([3.0], [1.0]) == (2.0, math.inf)

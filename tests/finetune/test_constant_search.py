"""A climb on constants: how it steps."""

import numpy as np
import pytest

from diffses.config import GuidedFinetune
from diffses.finetune.constant_search import Climb

SETTINGS = GuidedFinetune(population=10, sigma0=2.0, episodes=1)


class Told:
    """An arena in which the start returns 10, and what is off it less."""

    spent = 0

    def __init__(self, start, others):
        self.start, self.others = start, others
        self.played = 0

    def play(self, forests, seeds):
        self.played += len(forests)
        returns = [10.0 if forest == self.start else self.others for forest in forests]
        shape = (len(forests), len(seeds))
        return np.broadcast_to(np.array(returns)[:, None], shape), np.zeros(shape)

    def add(self, members, seeds):
        for member in members:
            member.returns += [10.0 if member.forest == self.start else self.others] * len(seeds)
            member.paces += [0.0] * len(seeds)


@pytest.mark.parametrize(("others", "stays"), [(3.0, True), (10.0, False)])
def test_where_no_step_is_as_good_as_none_it_stays_and_steps_shorter(data, cartpole, others, stays):
    start = cartpole("mul", 1.0, "add", 2, "mul", 0.5, 3)
    climb = Climb(start, "start", data, SETTINGS, seed=0)
    before = climb.strategy.ask()
    arena = Told(climb.guide.forest(climb.strategy.mean), others)
    row = climb.generation(arena, guidance=0.0)
    assert arena.played == (3 if stays else SETTINGS.population)  # a quarter of ten tells
    assert (climb.strategy.mean == 0).all() == stays
    assert (row["step_size"] == SETTINGS.sigma0 / 2) == stays
    assert climb.strategy.generation == 1
    assert not np.allclose(climb.strategy.ask() * 2, before)  # other draws, not the same nearer


def test_candidates_that_all_return_less_than_the_middle_do_not_end_a_climb(data, cartpole):
    climb = Climb(cartpole("mul", 1.0, "add", 2, "mul", 0.5, 3), "start", data, SETTINGS, seed=0)
    arena = Told(climb.guide.forest(climb.strategy.mean), 3.0)
    for _ in range(4):
        climb.generation(arena, guidance=0.0)
    assert not climb.stalled

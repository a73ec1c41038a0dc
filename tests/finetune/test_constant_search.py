"""A constant search: when it steps, when it halves its steps, when it stalls."""

import numpy as np
import pytest

from diffses.config import SearchFinetune
from diffses.finetune.constant_search import ConstantSearch
from diffses.finetune.lineage import Lineage

SETTINGS = SearchFinetune(population=10, sigma0=2.0, episodes=1)


class Returns:
    """An evaluator in which the start returns 10, and every other forest `others`."""

    spent = 0

    def __init__(self, start, others):
        self.start, self.others = start, others
        self.played = 0

    def play(self, forests, seeds):
        self.played += len(forests)
        returns = [10.0 if forest == self.start else self.others for forest in forests]
        shape = (len(forests), len(seeds))
        return np.broadcast_to(np.array(returns)[:, None], shape), np.zeros(shape)

    def evaluate(self, members, seeds):
        for member in members:
            member.returns += [10.0 if member.forest == self.start else self.others] * len(seeds)
            member.discounted_returns += [0.0] * len(seeds)


@pytest.mark.parametrize(("others", "stays"), [(3.0, True), (10.0, False)])
def test_without_a_success_the_mean_stays_and_sigma_is_halved(data, cartpole, others, stays):
    start = cartpole("mul", 1.0, "add", 2, "mul", 0.5, 3)
    climb = ConstantSearch(start, Lineage.start("test", 0), data, SETTINGS, seed=0)
    before = climb.strategy.ask()
    evaluator = Returns(climb.forest(climb.strategy.mean), others)
    row = climb.generation(evaluator, guidance=0.0)
    assert evaluator.played == (3 if stays else SETTINGS.population)  # a quarter of ten
    assert (climb.strategy.mean == 0).all() == stays
    assert (row["step_size"] == SETTINGS.sigma0 / 2) == stays
    assert climb.strategy.generation == 1
    assert not np.allclose(climb.strategy.ask() * 2, before)  # other draws, not the same nearer


def test_candidates_that_all_return_less_than_the_mean_do_not_stall_a_search(data, cartpole):
    climb = ConstantSearch(
        cartpole("mul", 1.0, "add", 2, "mul", 0.5, 3),
        Lineage.start("test", 0),
        data,
        SETTINGS,
        seed=0,
    )
    evaluator = Returns(climb.forest(climb.strategy.mean), 3.0)
    for _ in range(4):
        climb.generation(evaluator, guidance=0.0)
    assert not climb.stalled


def test_the_origin_of_the_search_space_is_the_start(data, cartpole):
    start = cartpole("mul", 1.0, "add", 2, "mul", 0.5, 3)
    search = ConstantSearch(start, Lineage.start("test", 0), data, SETTINGS, seed=0)
    assert search.axes.shape[1] == 3  # constants, all of which decide something
    assert (search.forest(np.zeros(3)).constants() == start.constants()).all()

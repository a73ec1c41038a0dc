"""CMA-ES on the constants of drives."""

from itertools import count

import numpy as np
import pytest

from diffses.finetune.drive_constants import DriveConstants, constant_scales, with_all_constants
from diffses.finetune.drives import DrivePolicy, Sum, Term, constants
from diffses.finetune.growth import Distinct
from diffses.finetune.vocabulary import Vocabulary
from tests.finetune.test_growth import HEAD, MEANINGS


@pytest.fixture
def words():
    return Vocabulary(MEANINGS, np.random.default_rng(0).normal(size=(800, 5)))


def test_a_step_of_each_constant_changes_the_action_in_a_few_states(words):
    policy = HEAD.empty.put((0,), Sum((Term(0), Term(2, 3.0)), 0.3, 0.1))
    scales = constant_scales(HEAD, policy, words)
    distinct = Distinct(words.rows)
    values = constants(policy)
    search = DriveConstants(HEAD, policy, words, 0)
    for number, scale in enumerate(scales):
        point = np.zeros(len(values))
        point[number] = 1.0
        changed = distinct.difference(HEAD.forest(search.policy(point)), HEAD.forest(policy))
        assert scale > 0
        assert 0.02 < changed < 0.2


def test_a_constant_that_changes_nothing_does_not_move(words):
    unreached = DrivePolicy((Sum((), 1.0), None, Sum((Term(0),), -50.0)))
    assert constant_scales(HEAD, unreached, words).tolist() == [0.0]
    assert not DriveConstants(HEAD, unreached, words, 0).possible


def test_every_sum_gets_an_offset_and_along_an_axis_a_dead_zone():
    policy = DrivePolicy((Sum((Term(0),)), Sum((), 1.0), Sum((Term(1),), 0.5)))
    widened = with_all_constants(policy, HEAD)
    assert widened.drives == (Sum((Term(0),), 0.001, 0.001), Sum((), 1.0), Sum((Term(1),), 0.5))


def test_it_finds_constants_that_return_more(words):
    class NearTwo:
        """Returns how near the offset is to 2."""

        def play(self, forests, seeds, steps):
            drawn = [-abs(abs(forest.trees[2][-1]) - 2.0) for forest in forests]
            returns = np.repeat(np.array(drawn)[:, None], len(seeds), 1)
            return returns, returns

    policy = HEAD.empty.put((0,), Sum((Term(0),), 0.3))
    search = DriveConstants(HEAD, policy, words, 3)
    for _ in range(30):
        search.generation(NearTwo(), count(), 1, 100)
    assert abs(search.mean.drives[0].offset) == pytest.approx(2.0, abs=0.1)

"""Fitness: common seeds, successive halving, and which individual is better."""

import numpy as np
import pytest

from diffses.envs.rollout import DISCOUNT, Episode
from diffses.finetune.evaluator import (
    FirstToN,
    FitnessEvaluator,
    Individual,
    pooled_std,
    ranked,
    ranks,
)
from diffses.finetune.lineage import Lineage
from diffses.policy.forest import Forest


def member(returns, discounted=None, size=1):
    tree = ("neg",) * (size - 1) + (0.0,)
    forest = Forest(("a",), ("A",), (0,), (tree,))
    return Individual(
        forest, Lineage.start("test", 0), list(returns), list(discounted or [1.0] * len(returns))
    )


def test_all_play_the_same_episodes_and_steps_are_counted(evaluator, cartpole):
    returns, discounted = evaluator.play(
        [cartpole("mul", 1.0, 2), cartpole("mul", 2.0, 2), cartpole("mul", -1.0, 2)], [1, 2]
    )
    assert (returns[0] == returns[1]).all()  # they decide the same
    assert (returns[0] > returns[2]).all()
    assert evaluator.spent == returns.sum()  # CartPole pays 1 a step
    assert discounted == pytest.approx((1 - DISCOUNT**returns) / (1 - DISCOUNT))


def test_a_forest_that_is_there_twice_plays_once(evaluator, cartpole):
    returns, _ = evaluator.play([cartpole("mul", 1.0, 2), cartpole("mul", 1.0, 2)], [1])
    assert returns[0, 0] == returns[1, 0] == evaluator.spent


def test_steps_are_reported_as_they_are_spent(evaluator, cartpole):
    reported = []
    evaluator.on_steps = reported.append
    evaluator.play([cartpole("mul", 1.0, 2), cartpole("mul", -1.0, 2)], [1, 2])
    assert len(reported) == 4
    assert sum(reported) == evaluator.spent


def test_successive_halving_keeps_the_better_half(evaluator, cartpole):
    members = [
        Individual(cartpole("mul", w, 2), Lineage.start("push", w)) for w in (-1.0, 1.0, -2.0, -3.0)
    ]
    best = evaluator.successive_halving(members, [1, 2, 3], keep=1)
    assert [m.lineage.member for m in best] == ["1.0"]
    assert sorted(len(m.returns) for m in members) == [1, 1, 2, 3]


def test_the_best_of_each_group_is_never_eliminated(evaluator, cartpole):
    members = [
        Individual(cartpole("mul", w, 2), Lineage.start("good", w)) for w in (1.0, 2.0, 3.0, 4.0)
    ]
    members += [Individual(cartpole("mul", w, 2), Lineage.start("bad", w)) for w in (-1.0, -2.0)]
    best = evaluator.successive_halving(members, [1, 2, 3], 1, lambda one: one.lineage.family)
    assert [m.lineage.family for m in best] == ["good", "good", "bad"]
    assert sorted(len(m.returns) for m in members if m.lineage.family == "bad") == [1, 3]


def test_a_lower_confidence_bound_by_hand():
    # mean 2, squared deviations 1 + 1; with two episodes of the pooled variance 2^2 these are 10 of
    # 4 episodes, and the standard error sqrt(10 / 4 / 2)
    one = member([1.0, 3.0])
    assert one.standard_error(2.0) == pytest.approx(1.25**0.5)
    assert one.lower_confidence_bound(2.0) == pytest.approx(2 - 1.25**0.5)
    assert member([]).lower_confidence_bound(2.0) == -np.inf


def test_the_pooled_deviation_is_of_the_median_variance():
    # variances 2, 8 and 50; a single episode has none
    assert pooled_std([member([0, 2]), member([0, 4]), member([0, 10]), member([7])]) == 8**0.5


def test_luck_counts_less_than_many_episodes():
    lucky, steady, typical = member([10.0]), member([9.0] * 20), member([0.0, 8.0, 4.0])
    assert ranked([lucky, steady, typical])[0] is steady


def test_discounted_return_breaks_ties_then_size():
    late, soon = member([-21.0, -21.0], [-0.02, -0.02]), member([-21.0, -21.0], [-0.03, -0.03])
    assert ranked([soon, late])[0] is late
    large, small = member([1.0, 1.0], size=3), member([1.0, 1.0], size=2)
    assert ranked([large, small])[0] is small


def test_a_task_that_pays_for_an_early_end_is_not_turned_round():
    # Acrobot: -1 a step until it is solved, so less is lost in 80 steps than in 500
    solved, stuck = member([-80.0, -80.0], [-1.0, -1.0]), member([-500.0, -500.0], [-1.0, -1.0])
    assert ranked([stuck, solved])[0] is solved


def test_ranks_go_by_fitness_and_then_by_discounted_return():
    assert ranks(np.array([1.0, 3.0, 1.0]), np.array([2.0, 0.0, 1.0])).tolist() == [1, 2, 0]


def test_an_episode_is_cut_at_the_limit(protocol, detector, cartpole):
    evaluator = FitnessEvaluator(protocol, detector, 5, workers=1)
    returns, _ = evaluator.play([cartpole("mul", 1.0, 2)], [1])
    assert returns.tolist() == [[5.0]]


def test_what_steps_are_enough_for_goes_by_the_limit_or_by_the_episodes_before(evaluator, cartpole):
    evaluator.max_steps = 50
    assert evaluator.affordable_episodes(120) == 2
    assert evaluator.affordable_episodes(-1) == 0
    evaluator.max_steps = None
    evaluator.play([cartpole(1.0), cartpole(2.0)], [1])
    assert evaluator.affordable_episodes(10 * evaluator.spent) == 10 * evaluator.episodes == 20


def ended(made, lost, steps, cut=False):
    return Episode(None, made - lost, steps, cut, None, lost)


def test_a_cut_first_to_n_episode_is_extrapolated():
    game = FirstToN()
    for number in range(8):
        assert (
            game.extrapolated_return(ended(4, 2, 500, cut=True)) == 2
        )  # not known to be a match yet
        game.observe(ended(number, 21, 900 + number) if number % 2 else ended(21, number, 990))
    assert game.target == 21
    assert game.extrapolated_return(ended(4, 2, 500, cut=True)) == 21 * (4 - 2) / (4 + 2)
    assert game.extrapolated_return(ended(4, 0, 500, cut=True)) > game.extrapolated_return(
        ended(8, 3, 500, cut=True)
    )
    assert game.extrapolated_return(ended(21, 3, 900)) == 18  # it came to its end


@pytest.mark.parametrize(
    "ends",
    [
        [(n, 20 + n % 2, 900 + n) for n in range(8)],
        [(5, 21, 900)] * 8,
        [(1, 0, n) for n in range(8)],
    ],
)
def test_other_games_are_not_first_to_n(ends):
    # the points at the end differ; time ends it; a single point ends it
    game = FirstToN()
    for made, lost, steps in ends:
        game.observe(ended(made, lost, steps))
    assert game.target is None
    assert game.extrapolated_return(ended(4, 2, 500, cut=True)) == 2


def test_probes_find_out_whether_a_game_is_first_to_n(evaluator, cartpole, monkeypatch):
    evaluator.max_steps = 5
    evaluator.play([cartpole("mul", 1.0, 2)], [1, 2])
    assert evaluator.first_to_n.ends == []  # a search's own episodes say nothing of how games end
    before = evaluator.spent
    evaluator.probe([cartpole(float(value)) for value in range(1, 9)], 1)  # always right: it falls
    assert len(evaluator.first_to_n.ends) == 8
    assert evaluator.spent - before == sum(evaluator.first_to_n.steps) > 8 * 5


def test_neither_probes_nor_rungs_begin_without_steps_for_them(evaluator, cartpole):
    evaluator.max_steps = 5
    forests = [cartpole(float(value)) for value in range(1, 11)]
    evaluator.probe(forests, 1, budget=7 * 25)  # 25: a probe is five times as long
    assert evaluator.spent == 0  # seven could not tell
    evaluator.probe(forests, 1, budget=9 * 25)
    assert len(evaluator.first_to_n.ends) == 9
    members = [Individual(forest, Lineage.start("test", 0)) for forest in forests[:4]]
    evaluator.successive_halving(members, [1, 2, 3], 1, budget=evaluator.spent + 1)
    assert [len(member.returns) for member in members] == [1, 1, 1, 1]

"""Episodes of a search: common seeds, racing, and who is better."""

import numpy as np
import pytest

from diffses.envs.rollout import DISCOUNT, Episode
from diffses.finetune.evaluator import Arena, Match, Member, places, ranked
from diffses.policy.forest import Forest


def member(returns, paces=None, size=1):
    tree = ("neg",) * (size - 1) + (0.0,)
    forest = Forest(("a",), ("A",), (0,), (tree,))
    return Member(forest, "test", list(returns), list(paces or [1.0] * len(returns)))


def test_all_play_the_same_episodes_and_steps_are_counted(arena, cartpole):
    returns, paces = arena.play(
        [cartpole("mul", 1.0, 2), cartpole("mul", 2.0, 2), cartpole("mul", -1.0, 2)], [1, 2]
    )
    assert (returns[0] == returns[1]).all()  # they decide the same
    assert (returns[0] > returns[2]).all()
    assert arena.spent == returns.sum()  # CartPole pays 1 a step
    assert paces == pytest.approx((1 - DISCOUNT**returns) / (1 - DISCOUNT))


def test_a_forest_that_is_there_twice_plays_once(arena, cartpole):
    returns, _ = arena.play([cartpole("mul", 1.0, 2), cartpole("mul", 1.0, 2)], [1])
    assert returns[0, 0] == returns[1, 0] == arena.spent


def test_steps_are_told_as_they_are_spent(arena, cartpole):
    told = []
    arena.watch = told.append
    arena.play([cartpole("mul", 1.0, 2), cartpole("mul", -1.0, 2)], [1, 2])
    assert len(told) == 4
    assert sum(told) == arena.spent


def test_the_better_half_of_a_race_goes_on(arena, cartpole):
    members = [Member(cartpole("mul", w, 2), str(w)) for w in (-1.0, 1.0, -2.0, -3.0)]
    best = arena.race(members, [1, 2, 3], keep=1)
    assert [m.source for m in best] == ["1.0"]
    assert sorted(len(m.returns) for m in members) == [1, 1, 2, 3]


def test_the_best_of_each_kind_races_to_the_end(arena, cartpole):
    members = [Member(cartpole("mul", w, 2), f"good/{w}") for w in (1.0, 2.0, 3.0, 4.0)]
    members += [Member(cartpole("mul", w, 2), f"bad/{w}") for w in (-1.0, -2.0)]
    best = arena.race(members, [1, 2, 3], 1, lambda member: member.source.partition("/")[0])
    assert [m.source.partition("/")[0] for m in best] == ["good", "good", "bad"]
    assert sorted(len(m.returns) for m in members if m.source.startswith("bad")) == [1, 3]


def test_luck_counts_less_than_many_episodes():
    lucky, steady, typical = member([10.0]), member([9.0] * 20), member([0.0, 8.0, 4.0])
    assert ranked([lucky, steady, typical])[0] is steady


def test_of_equal_returns_the_better_pace_wins_then_the_smaller():
    late, soon = member([-21.0, -21.0], [-0.02, -0.02]), member([-21.0, -21.0], [-0.03, -0.03])
    assert ranked([soon, late])[0] is late
    large, small = member([1.0, 1.0], size=3), member([1.0, 1.0], size=2)
    assert ranked([large, small])[0] is small


def test_a_task_that_pays_for_an_early_end_is_not_turned_round():
    # Acrobot: -1 a step until it is solved, so less is lost in 80 steps than in 500
    solved, stuck = member([-80.0, -80.0], [-1.0, -1.0]), member([-500.0, -500.0], [-1.0, -1.0])
    assert ranked([stuck, solved])[0] is solved


def test_places_go_by_fitness_and_then_by_pace():
    assert places(np.array([1.0, 3.0, 1.0]), np.array([2.0, 0.0, 1.0])).tolist() == [1, 2, 0]


def test_an_episode_is_cut_at_the_limit(protocol, detector, cartpole):
    arena = Arena(protocol, detector, 5, workers=1)
    returns, _ = arena.play([cartpole("mul", 1.0, 2)], [1])
    assert returns.tolist() == [[5.0]]


def test_what_steps_are_enough_for_goes_by_the_limit_or_by_the_episodes_before(arena, cartpole):
    arena.limit = 50
    assert arena.affordable(120) == 2
    assert arena.affordable(-1) == 0
    arena.limit = None
    arena.play([cartpole(1.0), cartpole(2.0)], [1])
    assert arena.affordable(10 * arena.spent) == 10 * arena.episodes == 20


def ended(made, lost, steps, cut=False):
    return Episode(None, made - lost, steps, cut, None, lost)


def test_a_cut_match_comes_to_what_it_was_on_its_way_to():
    match = Match()
    for number in range(8):
        assert match.whole(ended(4, 2, 500, cut=True)) == 2  # not known to be a match yet
        match.note(ended(number, 21, 900 + number) if number % 2 else ended(21, number, 990))
    assert match.points == 21
    assert match.whole(ended(4, 2, 500, cut=True)) == 21 * (4 - 2) / (4 + 2)
    assert match.whole(ended(4, 0, 500, cut=True)) > match.whole(ended(8, 3, 500, cut=True))
    assert match.whole(ended(21, 3, 900)) == 18  # it came to its end


@pytest.mark.parametrize(
    "ends",
    [
        [(n, 20 + n % 2, 900 + n) for n in range(8)],
        [(5, 21, 900)] * 8,
        [(1, 0, n) for n in range(8)],
    ],
)
def test_other_games_are_no_matches(ends):
    # the points at the end differ; time ends it; a single point ends it
    match = Match()
    for made, lost, steps in ends:
        match.note(ended(made, lost, steps))
    assert match.points is None
    assert match.whole(ended(4, 2, 500, cut=True)) == 2


def test_whole_episodes_tell_whether_a_game_is_a_match(arena, cartpole, monkeypatch):
    arena.limit = 5
    arena.play([cartpole("mul", 1.0, 2)], [1, 2])
    assert arena.match.ends == []  # a search's own episodes say nothing of how games end
    before = arena.spent
    arena.probe([cartpole(float(value)) for value in range(1, 9)], 1)  # always right: it falls
    assert len(arena.match.ends) == 8
    assert arena.spent - before == sum(arena.match.steps) > 8 * 5


def test_neither_probes_nor_heats_begin_that_there_are_no_steps_for(arena, cartpole):
    arena.limit = 5
    forests = [cartpole(float(value)) for value in range(1, 11)]
    arena.probe(forests, 1, budget=7 * 25)  # 25: a probe is five times as long
    assert arena.spent == 0  # seven could not tell
    arena.probe(forests, 1, budget=9 * 25)
    assert len(arena.match.ends) == 9
    members = [Member(forest, "test") for forest in forests[:4]]
    arena.race(members, [1, 2, 3], 1, budget=arena.spent + 1)
    assert [len(member.returns) for member in members] == [1, 1, 1, 1]

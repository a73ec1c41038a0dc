"""Games are played once, counted, and answered by the journal after a crash."""

import numpy as np
import pytest

from diffses.finetune import games as games_
from diffses.finetune.games import Games


@pytest.fixture
def begin(protocol, detector, tmp_path):
    (tmp_path / "scratch").mkdir()
    return lambda: Games(protocol, detector, 1, tmp_path / "scratch", 50)


def test_each_game_is_played_and_counted_once(begin, cartpole):
    games = begin()
    good, bad = cartpole("add", 2, 3), cartpole(1.0)
    with games.activity("first"):
        returns, _ = games.play([good, bad, good], [1, 2], 100)
    assert returns.shape == (3, 2)
    assert (returns[0] == returns[2]).all()
    assert (returns[0] > returns[1]).all()
    spent = games.spent
    assert spent == returns[:2].sum()  # CartPole pays 1 a step
    with games.activity("second"):
        again, _ = games.play([bad], [2, 3], 100)
    assert again[0, 0] == returns[1, 1]
    assert games.spent_on == {"first": spent, "second": again[0, 1]}
    assert games.played == 5


def test_a_cut_game_is_another_one(begin, cartpole):
    games = begin()
    whole, _ = games.play([cartpole("add", 2, 3)], [1], 100)
    short, _ = games.play([cartpole("add", 2, 3)], [1], 20)
    assert (whole[0, 0], short[0, 0]) == (100, 20)


def test_more_whole_games_are_played_where_they_end_sooner(begin, cartpole):
    games = begin()  # a whole game is cut after 50 steps
    assert games.affordable(2) == 2  # nothing is known yet
    games.play([cartpole(1.0)], [1, 2, 3], 50)
    assert games.affordable(2) == 8  # it falls over in about 10 steps: four times as many at most
    games.play([cartpole("add", 2, 3)], list(range(90)), 50)
    assert games.affordable(20) == 20


def test_the_journal_answers_after_a_crash(begin, cartpole, tmp_path, monkeypatch):
    games = begin()
    policy = cartpole("add", 2, 3)
    before, _ = games.play([policy], [1, 2], 100)
    rows = games.states(policy, 5, 30)
    journal = tmp_path / "scratch" / "games.jsonl"
    journal.write_text(journal.read_text() + '{"key": "cut of')

    def refuse(jobs, workers):
        assert not jobs, "a game was played again"
        return iter(())

    monkeypatch.setattr(games_, "play", refuse)
    resumed = begin()
    after, _ = resumed.play([policy], [1, 2], 100)
    assert (after == before).all()
    assert np.array_equal(resumed.states(policy, 5, 30), rows)
    assert rows.shape == (30, 4)
    assert (resumed.spent, resumed.played) == (games.spent, games.played) == (230, 3)
    assert journal.read_text().endswith("}\n")

"""What features mean to the search, and the thresholds it tries."""

from types import SimpleNamespace

import numpy as np
import pytest

from diffses.detector.features import Feature, Slot
from diffses.finetune import vocabulary
from diffses.finetune.drives import Rule, Sum, Term
from diffses.finetune.simple_policies import simple_policies
from diffses.finetune.vocabulary import Meaning, Vocabulary, meanings

PLAYER, BALL = Slot("player", 0, "player"), Slot("ball", 1, "ball")
FEATURES = (
    Feature(BALL, "x", PLAYER),
    Feature(BALL, "y", PLAYER),
    Feature(BALL, "vx"),
    Feature(PLAYER, "x"),
    Feature(PLAYER, "stop_x"),
    Feature(BALL, "stop_dx"),
    Feature(BALL, "abs_stop_dx"),
    Feature(BALL, "dx"),
    Feature(BALL, "miss_x"),
    Feature(BALL, "velocity_y"),
    Feature(BALL, "ttc_y"),
    Feature(BALL, "hit_up"),
    Feature(BALL, "hit_stay"),
)


@pytest.fixture
def found(monkeypatch):
    schema = SimpleNamespace(features=FEATURES, player="player")
    opened = SimpleNamespace(tracker=SimpleNamespace(schema=schema))
    monkeypatch.setattr(vocabulary, "open_detector", lambda folder: opened)
    names = [feature.name for feature in FEATURES]
    return dict(zip(names, meanings(None, names), strict=True))


def test_aims_are_signed_distances_along_an_axis(found):
    aims = {name for name, meaning in found.items() if meaning.aim}
    # the distance along x is none, since there is the distance to where the player stops
    assert aims == {"ball.y-player.y", "ball.stop_dx", "ball.miss_x"}
    assert [found[name].axis for name in ("ball.vx", "ball.velocity_y", "player.stop_x")] == [
        "x", "y", "x",
    ]  # fmt: skip
    assert found["ball.ttc_y"].axis is None
    assert found["ball.abs_stop_dx"].axis is None


def test_what_is_hit_on_a_way(found):
    assert found["ball.hit_up"].way == ("y", -1)
    assert found["ball.hit_stay"].way is None


def test_the_place_where_the_player_stops_is_its_place(found):
    words = Vocabulary(tuple(found.values()), np.random.default_rng(0).normal(size=(50, 13)))
    assert [FEATURES[i].name for i in words.places_of_player("x")] == ["player.stop_x"]
    assert words.places_of_player("y") == []


def test_the_plainest_aims_come_first():
    def aim(thing, quantity, group):
        return Meaning(thing, quantity, "x", aim=True, group=group)

    given = [
        aim("car.nearest", "stop_dx", "car"),
        aim("car.nearest", "miss_x", "car"),
        aim("car.left", "stop_dx", "car"),
        aim("car.left", "miss_x", "car"),
        aim("ball", "stop_dx", "ball"),
    ]
    words = Vocabulary(given, np.random.default_rng(0).normal(size=(50, 5)))
    assert words.aims("x") == [0, 4, 1, 2, 3]


def test_a_value_that_is_often_there_is_set_apart():
    column = np.concatenate([np.full(60, 3.0), np.linspace(0, 1, 41)])
    words = Vocabulary([Meaning("car", "hit_up", way=("y", -1))], column[:, None])
    # median, quantiles of the others; and halfway to the value of what is not there
    assert words.thresholds(Term(0)) == [0.5, 0.2, 0.8, 2.0]
    assert words.share_above(Term(0), 2.0) == 60 / 101
    same = Vocabulary([Meaning("car", "present")], np.ones((5, 1)))
    assert same.thresholds(Term(0)) == []


def test_going_one_way_unless_something_is_hit():
    from tests.finetune.test_growth import HEAD

    rows = np.random.default_rng(0).uniform(0, 1, (101, 5))
    rows[:, 4] = np.concatenate([np.full(60, 3.0), np.linspace(0, 1, 41)])
    words = [Meaning("ball", str(i)) for i in range(4)]
    words.append(Meaning("others", "hit_up", way=("y", -1), concept=True))
    family = dict(simple_policies(HEAD, Vocabulary(words, rows)))["unless it is hit"]
    drives = [one.drives[1] for one in family]
    # nearest to half of the states first: 60 of 101 are above 2
    assert drives[0] == Rule(Term(4), 2.0, Sum((), -1.0), Sum((), 0.0))
    assert drives[1] == Rule(Term(4), 2.0, Sum((), -1.0), Sum((), 1.0))

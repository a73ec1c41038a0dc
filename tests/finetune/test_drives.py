"""Drives as trees, as text, in JSON, and their constants."""

import json

import numpy as np
import pytest

from diffses.finetune.drives import (
    DrivePolicy,
    Rule,
    Sum,
    Term,
    constants,
    expression,
    with_constants,
)
from diffses.policy import printing
from diffses.policy.expression import evaluate

FEATURES = ("ball.y-player.y", "ball.vy", "player.y")
ROWS = np.array([[0.5, -0.2, 1.0], [-0.5, 0.2, 1.0], [0.01, 0.0, 1.0]])
CHASE = Sum((Term(0), Term(1, -2.0)), 0.1, 0.05)
RULE = Rule(Term(1, absolute=True), 0.1, CHASE, Sum((), -1.0))
POLICY = DrivePolicy((RULE, None, Sum((Term(2, -1.0),), 0.9)))


def test_a_sum_less_its_dead_zone_in_either_direction():
    # 0.5 + 0.4 + 0.1 - 0.05; to the other side -(1.0) - 0.05
    assert evaluate(expression(CHASE), ROWS[:1])[0] == pytest.approx(0.95)
    assert evaluate(expression(CHASE, -1.0), ROWS[:1])[0] == pytest.approx(-1.05)


def test_a_rule_takes_the_side_of_its_condition():
    # |vy| is 0.2, 0.2, 0: above 0.1 in the first two rows
    expected = [0.95, -0.5 - 0.4 + 0.1 - 0.05, -1.0]
    assert evaluate(expression(RULE), ROWS) == pytest.approx(expected)


def test_printed_drives_are_short():
    shown = [
        printing.text(expression(one, sign), FEATURES, 3)
        for one in (Sum((Term(0),)), Sum((Term(2, -1.0),), 0.9), CHASE)
        for sign in (1.0, -1.0)
    ]
    assert shown == [
        "ball.y-player.y",
        "-(ball.y-player.y)",
        "0.9 - player.y",
        "player.y - 0.9",
        "ball.y-player.y - 2*ball.vy + 0.05",
        "2*ball.vy - (ball.y-player.y) - 0.15",
    ]


def test_text_of_a_policy():
    assert POLICY.text(("x", "y", "button"), FEATURES) == (
        "x = (|ball.vy| > 0.1 ? (ball.y-player.y) - 2*ball.vy + 0.1, dead zone 0.05 : -1)\n"
        "button = -player.y + 0.9"
    )


def test_compact_size_counts_features_operators_constants_and_dead_zones():
    # d - 2 v + 0.1 with a dead zone: d, -, 2, *, v, +, 0.1, dead zone
    assert DrivePolicy((CHASE,)).size == 8
    # > , 0.1, |.|, v; the sum above; -1
    assert DrivePolicy((RULE,)).size == 4 + 8 + 1
    assert DrivePolicy((Sum((Term(0, -1.0),)),)).size == 2
    assert DrivePolicy((None, Sum((Term(0),)))).size == 1


def test_json_and_back():
    assert DrivePolicy.from_json(json.loads(json.dumps(POLICY.to_json()))) == POLICY


def test_constants_are_those_that_decide_something():
    # threshold, both weights, offset, dead zone; the offset of the last sum, not its only weight
    assert constants(POLICY) == [0.1, 1.0, -2.0, 0.1, 0.05, 0.9]
    moved = with_constants(POLICY, [0.2, 1.0, -3.0, 0.12345, -4.0, 0.8])
    assert constants(moved) == [0.2, 1.0, -3.0, 0.123, 0.001, 0.8]
    with pytest.raises(ValueError, match="want 6 constants, got 1"):
        with_constants(POLICY, [0.1])


def test_places_and_changes_within_rules():
    places = dict(POLICY.places())
    assert set(places) == {(0,), (0, "above"), (0, "below"), (1,), (2,)}
    assert places[0, "below"] == Sum((), -1.0)
    changed = POLICY.put((0, "below"), Sum((), 1.0))
    assert changed.at((0, "below")) == Sum((), 1.0)
    assert changed.at((0, "above")) == CHASE
    with pytest.raises(KeyError):
        POLICY.at((2, "above"))

"""Striking and swaying aside."""

from dataclasses import replace

import pytest

from diffses.finetune.seed_policies.striking import counters
from diffses.finetune.weight_sharing import mirror
from tests.finetune.decisions import PLANE, act, recording, starts, wandering

FEATURES = (
    "me.x", "me.y", "me.vx", "me.vy", "me.pushx", "me.pushy", "me.rest", "it.vx", "it.vy",
    "it.x-me.x", "it.y-me.y",
)  # fmt: skip


def ring(features=FEATURES, steps=600):
    """Nine ways to go, each also with the button."""
    actions, push = wandering(steps)
    data = recording(features, PLANE, actions)
    data.train.features[1:, 4:6] = push[:-1]
    return data


@pytest.fixture
def boxer():
    """Level along y, 10 px off along x."""
    found = starts(counters, ring())
    assert len(found) == 2 * 3  # axes, widths
    return found[4]


def test_it_strikes_what_is_level_and_sways_aside(boxer):
    off = {"it_x_me_x": 0.1, "it_y_me_y": 0.05, "me_rest": 1.0}  # 10 px aside, 5 px below
    assert act(boxer, **off) == "+0-1 FIRE"
    assert act(boxer, **off | {"it_y_me_y": -0.05}) == "+0+1 FIRE"
    assert act(boxer, **off | {"me_rest": 0.2}) == "+0+0"  # it has just struck
    assert act(boxer, **off | {"it_y_me_y": 0.09}, it_vy=0.4) == "+0-1 FIRE"  # passing: late
    assert act(boxer, **off | {"it_y_me_y": 0.06}, it_vy=-0.4) == "+0+0"  # coming
    assert act(boxer, **off | {"it_y_me_y": 0.12}) == "+0+1"


def test_what_comes_is_met_level_and_at_a_distance(boxer):
    assert act(boxer, it_x_me_x=0.5, it_y_me_y=0.5, it_vy=-0.4, me_rest=1.0) == "+1+1"
    assert act(boxer, it_x_me_x=-0.02, it_y_me_y=-0.5, it_vy=0.4, me_rest=1.0) == "+1-1"


def test_a_distance_may_be_told_the_other_way_round(boxer):
    flipped = tuple(f.replace("it.y-me.y", "me.y-it.y") for f in FEATURES)
    other = starts(counters, ring(flipped))[4]
    off = {"it_x_me_x": 0.1, "me_y_it_y": -0.06, "me_rest": 1.0}
    assert act(other, **off, it_vy=0.4) == "+0-1 FIRE"
    assert act(other, **off, it_vy=-0.4) == "+0+0"


def test_trees_are_small_and_share_their_constants(boxer):
    assert max(boxer.sizes) <= 41
    ties = mirror(boxer)
    assert ties.shape[1] < 20 < len(boxer.constants())


def test_it_takes_two_axes_a_button_and_velocities():
    for name in ("me.rest", "it.vy", "me.pushx"):
        kept = [f if f != name else f"no.{i}" for i, f in enumerate(FEATURES)]
        assert len(starts(counters, ring(tuple(kept)))) == (3 if name == "it.vy" else 0)
    assert starts(counters, replace(ring(), bounds=((-1.0, 1.0),))) == []

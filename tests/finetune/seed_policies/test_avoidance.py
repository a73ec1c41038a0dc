"""Going after one thing and out of the way of others."""

import numpy as np

from diffses.finetune.seed_policies.avoidance import dodges, edges, shots
from tests.finetune.decisions import act, recording, starts

FEATURES = (
    "me.x", "me.vx", "me.pushx", "me.button", "bomb_1.x-me.x", "bomb_1.vy", "bomb_2.x-me.x",
    "bomb_2.vy", "prey.nearest.x-me.x",
)  # fmt: skip
ACTIONS = ("NOOP", "FIRE", "RIGHT", "LEFT", "RIGHTFIRE", "LEFTFIRE")
PUSH = np.array([0.0, 0.0, 1.0, -1.0, 1.0, -1.0])


def range_(features=FEATURES, steps=600):
    random = np.random.default_rng(0)
    actions = random.integers(6, size=steps)
    push = np.append(0.0, PUSH[actions[:-1]])
    me = {"me.x": 1 + np.cumsum(push) / 100, "me.vx": push, "me.pushx": push}
    return recording(features, ACTIONS, actions, **me)


SHOT_AT = (
    "bomb.coming.x-me.x", "bomb.coming.vy", "bomb.coming.present", "bomb.coming.y",
    "prey.nearest.y", "prey.nearest.driftx", "prey.count",
)  # fmt: skip


def shooting_range(*more):
    """Bombs that fall to where the player is, and prey 100 px away: a shot takes ten steps."""
    data = range_((*FEATURES, *SHOT_AT, *more))
    rows, place = data.train.features, data.features.index
    rows[:, place("bomb.coming.vy")] = 0.4
    rows[:, place("bomb.coming.y")] = np.linspace(0.5, 1.9, len(rows))
    rows[:, place("prey.nearest.y")] = 0.9
    return data


def test_it_steps_aside_from_what_comes_and_else_goes_after_the_other():
    found = starts(dodges, range_())
    assert len(found) == 2 * 2 * 2 * 2 * 3  # widths, ways, sides, with and without prey, buttons
    first = found[3]  # 10 px, what comes falls; after prey
    assert act(first, prey_nearest_x_me_x=0.2) == "RIGHT"
    assert act(first, prey_nearest_x_me_x=-0.2) == "LEFT"
    over = {"bomb_2_x_me_x": 0.05, "bomb_2_vy": 0.5}
    assert act(first, prey_nearest_x_me_x=0.2, **over) == "LEFT"
    assert act(first, prey_nearest_x_me_x=0.2, **over | {"bomb_2_vy": -0.5}) == "RIGHT"
    assert act(first, prey_nearest_x_me_x=0.2, **over | {"bomb_2_x_me_x": 0.15}) == "RIGHT"
    assert act(found[0], **over) == "LEFT"
    turns = found[5]
    assert act(turns, prey_nearest_x_me_x=0.2) == "RIGHTFIRE"
    assert act(turns, prey_nearest_x_me_x=0.2, me_button=1.0) == "RIGHT"
    assert max(max(one.sizes) for one in found[:6]) <= 41


def test_the_one_that_comes_stands_for_its_type():
    names = ("bomb.coming.x-me.x", "bomb.coming.vy")
    found = starts(dodges, range_((*FEATURES, *names)))
    assert len(found) == 2 * 2 * 2 * 2 * 3  # the same, once
    comes = {"bomb_coming_x_me_x": 0.05, "bomb_coming_vy": 0.5}
    assert act(found[3], **comes) == "LEFT"
    other = {"bomb_1_x_me_x": -0.05, "bomb_1_vy": 0.5}
    assert act(found[3], **comes, **other) == "LEFT"  # does not matter


def test_at_the_end_of_its_way_it_steps_aside_towards_the_middle():
    data = range_()
    places = data.train.features[:, 0]
    straight, inwards = starts(dodges, data)[3], starts(dodges, data)[9]
    under = {"bomb_2_x_me_x": -0.03, "bomb_2_vy": 0.5}
    for place, way in ((places.max(), "LEFT"), ((places.max() + places.min()) / 2, "RIGHT")):
        assert act(straight, me_x=place, **under) == "RIGHT"
        assert act(inwards, me_x=place, **under) == way


def test_what_moves_in_jumps_is_aimed_at_where_it_will_be():
    lead = starts(dodges, range_((*FEATURES, "prey.nearest.driftx")))[3]
    assert act(lead, prey_nearest_x_me_x=0.1) == "RIGHT"
    assert act(lead, prey_nearest_x_me_x=0.1, prey_nearest_driftx=-0.4) == "LEFT"


def test_it_takes_velocities_across_and_one_axis():
    assert starts(dodges, range_(FEATURES[:5])) == []


def test_the_button_is_for_what_is_chased_when_it_will_be_there():
    first = starts(shots, shooting_range())[0]
    assert max(first.sizes) <= 41

    def action(**values):
        return act(first, prey_nearest_y=0.9, **values)

    assert action() == "FIRE"  # it stands still, straight ahead
    assert action(prey_nearest_x_me_x=-0.4, prey_nearest_driftx=0.4) == "FIRE"
    assert action(prey_nearest_x_me_x=0.05) == "RIGHTFIRE"
    assert action(prey_nearest_x_me_x=0.2) == "RIGHT"
    assert action(prey_nearest_x_me_x=0.2, prey_count=4.0) == "RIGHTFIRE"  # of forty one is hit
    assert action(prey_nearest_driftx=-0.3) == "LEFT"
    over = {"bomb_coming_x_me_x": 0.05, "bomb_coming_present": 1.0}
    assert action(prey_nearest_x_me_x=0.2, **over) == "LEFT"


def test_the_nearer_edge_of_a_crowd_is_chased_and_shot_at():
    found = starts(edges, shooting_range("prey.leftmost.x", "prey.rightmost.x"))
    assert len(found) == 2 * 2  # widths, sides
    assert starts(edges, shooting_range("prey.leftmost.x")) == []  # one edge alone is told

    def action(**values):
        edges_at = {"prey_leftmost_x": 0.5, "prey_rightmost_x": 1.2, "prey_nearest_y": 0.9}
        return act(found[0], **edges_at | values)

    assert max(found[0].sizes) <= 41
    assert action(me_x=0.7) == "LEFT"
    assert action(me_x=1.0) == "RIGHT"
    assert action(me_x=0.5) == action(me_x=1.2) == "FIRE"
    assert action(me_x=1.17) == "RIGHTFIRE"
    assert action(me_x=0.53) == "LEFTFIRE"
    assert action(me_x=1.0, prey_count=4.0) == "RIGHTFIRE"  # of forty one is hit
    assert action(me_x=1.2, prey_nearest_driftx=0.2) == "RIGHT"  # a shot takes ten steps
    over = {"bomb_coming_x_me_x": 0.05, "bomb_coming_present": 1.0}
    assert action(me_x=1.0, **over) == "LEFT"

"""Going on, but for what would be run into."""

from dataclasses import replace

import numpy as np

from diffses.finetune.initialization import constant_policies
from diffses.finetune.seed_policies.crossing import WIDTHS, advances
from tests.finetune.decisions import act, recording, starts

FEATURES = (
    "me.y", "me.vy", "me.pushy", "others.above.x-me.x", "others.above.y-me.y", "others.above.vx",
    "others.above.present",
)  # fmt: skip
ACTIONS = ("NOOP", "UP", "DOWN")


def road(features=FEATURES, steps=600):
    """One that goes 4 px up or down at once, below something 16 px above it."""
    random = np.random.default_rng(0)
    actions = random.integers(3, size=steps)
    push = np.append(0.0, np.array([0.0, -1.0, 1.0])[actions[:-1]])
    place = 1 + 0.04 * np.cumsum(push)
    constant = np.ones(steps)
    rows = [place, 0.4 * push, push, 0 * place, -0.16 * constant, constant, constant]
    columns = {n: row for n, row in zip(FEATURES, rows, strict=True) if n in features}
    return recording(features, ACTIONS, actions, **columns)


def above(side, v=0.0, ahead=-0.16):
    """What lies 16 px above, `side` to the right (100 px), and moves by v (10 px a step)."""
    return dict(zip(FEATURES[3:], (side, ahead, v, 1.0), strict=True))


def test_it_waits_or_backs_off_for_what_will_be_in_its_way_and_else_goes_on():
    found = starts(advances, road())
    assert len(found) == 2 * len(WIDTHS)  # nothing is told of what is below
    waits, backs = found[1], found[1 + len(WIDTHS)]  # 10 px wide
    for forest, rest in ((waits, "NOOP"), (backs, "DOWN")):
        assert act(forest, **above(0.0)) == rest
        assert act(forest, **above(0.3)) == "UP"
        # four steps away at 4 px a step: at 10 px a step it will have come 40 px by then
        assert act(forest, **above(0.4, v=-1.0)) == rest
        assert act(forest, **above(0.0, v=-1.0)) == "UP"
        assert act(forest) == "UP"  # nothing is there


def test_without_what_is_next_or_without_motion_there_is_nothing_to_wait_for():
    assert starts(advances, road(FEATURES[:3])) == []
    assert starts(advances, road(FEATURES[3:])) == []
    assert len(constant_policies(road(FEATURES[:3]))) == 3


def test_it_may_wait_for_what_comes_after_the_next_too():
    second = ("others.above2.x-me.x", "others.above2.y-me.y", "others.above2.vx")
    data = road()
    rows = np.column_stack([data.train.features, np.zeros((len(data.train), len(second)))])
    part = replace(data.train, features=rows)
    found = starts(advances, replace(data, train=part, features=(*FEATURES, *second)))
    assert len(found) == 4 * len(WIDTHS)
    near, far = found[1], found[1 + 2 * len(WIDTHS)]  # both wait, 10 px wide
    after = dict(zip(second, (0.0, -0.32, 0.0), strict=True))
    for forest, wanted in ((near, "UP"), (far, "NOOP")):
        assert act(forest, **above(0.3) | after) == wanted
    assert max(max(forest.sizes) for forest in found) <= 41

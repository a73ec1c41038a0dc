"""Starts that need no teacher: policies that strike what moves off, as a boxer counters."""

from __future__ import annotations

from itertools import permutations, product

from diffses.dataset.data import Dataset, template
from diffses.finetune.control import controlled
from diffses.finetune.pursuit import GAIN, RANGES, STILL, kept_off, scenes, steered
from diffses.policy.expression import Expression
from diffses.policy.forest import Forest

LEAD = 0.07  # of a thing's velocity: it is met where it will be in 0.7 steps
SWAY = 12.5  # score of moving away for each 100 px that it is off, while the button is pressed
DECIDES = 60.0  # score of pressing the button, by far more than moves score
REST = 0.2  # tens of steps after which it may be pressed again
PARTING = 25.0  # of distance times speed, in 100 px and 10 px a step
ENOUGH = 0.15  # from here on a thing parts: 3 px off at 2 px a step


def counters(data: Dataset) -> list[Forest]:
    """Forests that stay level with a thing along one axis, keep off it along the other, and strike
    when it moves off, while they sway the other way: who strikes what stands still is struck back.

    With d, v and u for the distance and the velocities of the thing and of the player along the
    first axis, e for the distance along the other, and r for how long ago the button was pressed,
    an action scores along the first axis w1 (d + w2 v), or -w3 d if it presses the button, along
    the other w4 (e - [e > 0 ? w5 : -w5]), and for pressing the button
    w6 min(r - w7, w8 d (v - w9 u) - w10).

    Returns:
        For each thing one for each first axis and width w5; none where actions do not act along two
        axes, where there is no button, or where what it takes is not told.
    """
    control = controlled(data)
    if control is None or len(control.effects) != 2:
        return []
    empty = template(data.features, data.actions, data.groups, data.train)
    column = {name: index for index, name in enumerate(data.features)}
    rest = column.get(f"{control.player}.rest")
    forests = []
    for level, off in permutations(control.effects):
        found, aside = (scenes(data.features, control.player, axis) for axis in (level, off))
        for thing, width in product(found, RANGES):
            scene = found[thing]
            if thing not in aside or rest is None or scene.v is None:
                continue
            d: Expression = (scene.distance,)
            if scene.sign < 0:
                d = ("neg", *d)
            speed: Expression = (scene.v,)
            if scene.u is not None:
                speed = ("sub", *speed, "mul", 1.0, scene.u)
            parts: Expression = ("sub", "mul", PARTING, "mul", *d, *speed, ENOUGH)
            strike: Expression = ("mul", DECIDES, "min", "sub", rest, REST, *parts)
            keep = kept_off(aside[thing], width)
            stay: Expression = ("mul", GAIN / 2, "add", *d, "mul", LEAD, scene.v)
            forests += steered(
                empty,
                control,
                {level: stay, off: keep},
                (STILL,),
                strike,
                {level: ("mul", -SWAY, *d), off: keep},
            )
    return forests

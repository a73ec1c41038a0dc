"""Starts that need no teacher: policies that strike and sway aside at once, as a boxer does."""

from __future__ import annotations

from itertools import permutations, product

from diffses.dataset.data import Dataset
from diffses.finetune.action_effects import Control
from diffses.finetune.seed_policies.interception import (
    GAIN,
    RANGES,
    STILL,
    kept_off,
    scenes,
    steered,
)
from diffses.policy.expression import Expression
from diffses.policy.forest import Forest

LEAD = 0.07  # of a thing's velocity: the player is level with where it will be in 0.7 steps
SWAY = 12.5  # score of moving aside for each 100 px that it is off, while the button is pressed
DECIDES = 60.0  # score of pressing the button, by far more than moves score
REST = 0.27  # tens of steps after which it is pressed again: every third
LEVEL = 0.07  # 100 px: as far off as a thing may be to be struck
PASSED = -0.04  # of its velocity: one that is passing is struck late


def counters(data: Dataset, control: Control | None) -> list[Forest]:
    """Forests that stay level with a thing along one axis, keep off it along the other, and strike
    again and again while they are level, swaying aside as they do: who strikes and stays is struck.

    With d and v for the distance and the velocity of the thing along the first axis, e for the
    distance along the other, and r for how long ago the button was pressed, an action scores along
    the first axis w1 (d + w2 v), or -w3 (d + w2 v) if it presses the button, along the other
    w4 (e - [e > 0 ? w5 : -w5]), and for pressing the button w6 min(r - w7, w8 - |d + w9 v|).

    Returns:
        For each thing one for each first axis and width w5; none where actions do not act along two
        axes, where there is no button, or where what it takes is not told.
    """
    if control is None or len(control.effects) != 2:
        return []
    empty = data.layout.template(data.train)
    column = {name: index for index, name in enumerate(data.features)}
    rest = column.get(f"{control.player}.rest")
    forests = []
    for level, off in permutations(control.effects):
        found, aside = (scenes(data.features, control.player, axis) for axis in (level, off))
        for thing, width in product(found, RANGES):
            scene = found[thing]
            if thing not in aside or rest is None or scene.v is None:
                continue
            d: Expression = (scene.distance,) if scene.sign > 0 else ("neg", scene.distance)
            met: Expression = ("add", *d, "mul", LEAD, scene.v)
            near: Expression = ("sub", LEVEL, "abs", "add", *d, "mul", PASSED, scene.v)
            strike: Expression = ("mul", DECIDES, "min", "sub", rest, REST, *near)
            keep = kept_off(aside[thing], width)
            forests += steered(
                empty,
                control,
                {level: ("mul", GAIN / 2, *met), off: keep},
                (STILL,),
                strike,
                {level: ("mul", -SWAY, *met), off: keep},
            )
    return forests

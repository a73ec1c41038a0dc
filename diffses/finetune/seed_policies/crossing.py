"""Starts that need no teacher: policies that go one way, and wait or back off while what is next on
that way, or what comes after it, would run into the player.

Always going on crosses the road in Freeway; this crosses it between the cars.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from diffses.config import OTHERS
from diffses.dataset.data import Dataset
from diffses.detector.features import SIDES
from diffses.finetune.action_effects import Control, motion_of
from diffses.finetune.seed_policies.interception import GAIN, UNUSED
from diffses.policy.expression import Expression
from diffses.policy.forest import Forest

WIDTHS = (0.05, 0.1, 0.2)  # how near it may pass by, in 100 px
ONWARD = 0.1  # score of going on: more than that of waiting for nothing


@dataclass(frozen=True)
class Obstacle:
    """The features of what is on a way, by their index; None for what is not offered.

    off: how far it is to the side; ahead: how far along the way, a signed distance; v: its velocity
    to the side, over several steps where that is told; there: whether there is one.
    """

    off: int
    ahead: int
    v: int | None
    there: int | None


def advances(data: Dataset, control: Control | None) -> list[Forest]:
    """Forests that go on along an axis on which the actions act, but for what is next on that way.

    Going on scores a constant, waiting (or backing off, in other forests)

        w1 there + w2 |v| - w3 |off + w4 v ahead|,

    in `Obstacle`'s letters: w4 makes of `ahead` the time until the player is there (found from the
    recorded play: `Motion`), so that the last bracket is how far to the side the obstacle will be.
    In further forests it scores the most of this for what is next and for what comes after it: who
    goes where the way on is barred has to stop there.

    Returns:
        For each way two (waiting, backing off) for each of WIDTHS, and as many that look farther
        ahead; none where the actions move nothing, or where the detector does not tell what is
        next.
    """
    if control is None:
        return []
    empty = data.layout.template(data.train)
    found = []
    for axis, effect in control.effects.items():
        motion = motion_of(data, control, axis)
        if motion is None:
            continue
        across = "y" if axis == "x" else "x"
        for side, (number, sign) in SIDES.items():
            if "xy"[number] != axis:
                continue
            names = (side, f"{side}2")
            told = [_obstacle(data.features, control.player, n, axis, across) for n in names]
            obstacles = [obstacle for obstacle in told if obstacle is not None]
            going = _only(control.effects, axis, sign)
            waiting = [_only(control.effects, axis, other) for other in (0, -sign)]
            for looks, rest, width in product(range(len(obstacles)), waiting, WIDTHS):
                if going is None or rest is None:
                    continue
                time = 0.1 * sign / motion.stride[0]
                barred = _blocked(obstacles[0], width, time)
                for obstacle in obstacles[1 : looks + 1]:
                    barred = ("max", *barred, *_blocked(obstacle, width, time))
                trees: list[Expression] = [UNUSED] * len(effect)
                trees[going], trees[rest] = (ONWARD,), barred
                found.append(replace(empty, trees=tuple(trees)))
    return found


def _obstacle(
    features: tuple[str, ...], player: str, side: str, axis: str, across: str
) -> Obstacle | None:
    place = {name: index for index, name in enumerate(features)}
    name = f"{OTHERS}.{side}"
    off = place.get(f"{name}.{across}-{player}.{across}")
    ahead = place.get(f"{name}.{axis}-{player}.{axis}")
    if off is None or ahead is None:
        return None
    speed = place.get(f"{name}.drift{across}", place.get(f"{name}.v{across}"))
    return Obstacle(off, ahead, speed, place.get(f"{name}.present"))


def _only(effects: dict[str, np.ndarray], axis: str, sign: float) -> int | None:
    """The first group of actions that pushes this way along the axis, and no way along others."""
    fits = np.logical_and.reduce(
        [effect == (sign if name == axis else 0) for name, effect in effects.items()]
    )
    return int(np.flatnonzero(fits)[0]) if fits.any() else None


def _blocked(obstacle: Obstacle, width: float, time: float) -> Expression:
    """time: tens of steps until the player is there, for each 100 px that the obstacle is ahead."""
    if obstacle.there is None:
        room: Expression = (GAIN * width,)
    else:
        room = ("mul", GAIN * width, obstacle.there)
    met: Expression = (obstacle.off,)
    if obstacle.v is not None:
        room = ("add", *room, "mul", 0.0, "abs", obstacle.v)
        met = ("add", *met, "mul", time, "mul", obstacle.v, obstacle.ahead)
    return ("sub", *room, "mul", GAIN, "abs", *met)

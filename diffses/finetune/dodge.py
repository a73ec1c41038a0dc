"""Starts that need no teacher: policies that go after one thing and keep out of the way of others,
as one aims at invaders and steps aside from what they drop."""

from __future__ import annotations

import re
from itertools import product

from diffses.dataset.data import Dataset, template
from diffses.finetune.control import controlled
from diffses.finetune.pursuit import GAIN, STILL, Scene, scenes, steered, summed
from diffses.policy.expression import Expression
from diffses.policy.forest import Forest

WIDTHS = (0.1, 0.2)  # how near a thing may come before the player steps aside, in 100 px
ASIDE = 3.0  # score of stepping aside: as much as a chase over 30 px
AHEAD = 0.5  # of what drifts: the place it is expected at, in 10 steps
INWARDS = (0.0, 0.25)  # px that one counts as farther out, for each px off the middle of the way
MOST = 2  # things of one type to keep clear of; and how many types
COMING = ".coming"  # ends the name of the one of a type that comes next
WAYS = (True, False)  # it comes where its place across grows, or falls


def dodges(data: Dataset) -> list[Forest]:
    """Forests that chase one thing, or none, along the one axis on which the actions act, and step
    aside from all of another type while these come nearer than a width.

    In the letters of `pursuit.Scene`, an action that pushes the player up the axis scores

        w1 d + sum over the others of [[q > 0 ? w2 : 0] > |d| ? [e > 0 ? -w3 : w3] : 0]

    where d is the distance and q the velocity across; in other forests what comes has q < 0. e is
    the distance, or, so that the player is not cornered at an end of its way, d + w4 (m - w5) with
    m for the player's place: it steps aside towards the middle. What is chased and moves in jumps
    is aimed at where it will be: d + w6 * drift. Where the detector tells which of a type comes
    next, that stands for the type. As in pursuits, each is tried with different actions of the same
    effect.

    Returns:
        For each type to avoid, width, way of coming and of stepping aside, one with each thing to
        chase and one without, for each choice of actions; none where the actions move nothing or
        act along two axes, or where no velocity across is told.
    """
    control = controlled(data)
    if control is None or len(control.effects) != 1:
        return []
    axis = next(iter(control.effects))
    found = scenes(data.features, control.player, axis)
    kinds: dict[str, list[Scene]] = {}
    for thing, scene in found.items():
        if scene.q is not None:
            kinds.setdefault(_kind(thing), []).append(scene)
    empty = template(data.features, data.actions, data.groups, data.train)
    forests = []
    few = [
        kind for kind, those in kinds.items() if len(those) <= MOST and kind + COMING not in kinds
    ]
    few.sort(key=lambda kind: not kind.endswith(COMING))  # stable: the others keep their order
    middle = _middle(data, control.player, axis)
    inwards = INWARDS if middle is not None else INWARDS[:1]
    for kind, width, grows, inward in product(few[:MOST], WIDTHS, WAYS, inwards):
        aside = [_aside(scene, width, inward, middle, grows=grows) for scene in kinds[kind]]
        own = (kind, kind.removesuffix(COMING))
        chased = [scene for thing, scene in found.items() if _kind(thing) not in own]
        for chase in ([], *([_towards(scene)] for scene in chased)):
            core = summed([*chase, *aside])
            forests += steered(empty, control, {axis: core}, (STILL,))
    return forests


def _kind(thing: str) -> str:
    """The type of a thing: bullet_2 is a bullet."""
    return re.sub(r"_\d+$", "", thing)


def _middle(data: Dataset, player: str, axis: str) -> float | None:
    """The middle of the player's way, 100 px; None where its place is not told."""
    name = f"{player}.{axis}"
    if name not in data.features:
        return None
    place = data.train.features[:, data.features.index(name)]
    there = place[place != 0]
    return float(there.min() + there.max()) / 2 if len(there) else None


def _towards(scene: Scene) -> Expression:
    if scene.drift is None:
        return ("mul", GAIN * scene.sign, scene.distance)
    lead: Expression = ("mul", scene.sign * AHEAD, scene.drift)
    return ("mul", GAIN * scene.sign, "add", scene.distance, *lead)


def _aside(
    scene: Scene, width: float, inward: float, middle: float | None, *, grows: bool
) -> Expression:
    assert scene.q is not None
    d = scene.distance
    comes: Expression = (scene.q, 0.0) if grows else (0.0, scene.q)
    side: Expression = (d,)
    if inward and middle is not None and scene.m is not None:
        side = ("add", d, "mul", scene.sign * inward, "sub", scene.m, middle)
    away: Expression = ("logical", *side, 0.0, -scene.sign * ASIDE, scene.sign * ASIDE)
    return ("logical", "logical", *comes, width, 0.0, "abs", d, *away, 0.0)

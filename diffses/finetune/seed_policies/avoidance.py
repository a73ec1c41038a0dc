"""Starts that need no teacher: policies that go after one thing and keep out of the way of others,
as one aims at invaders and steps aside from what they drop."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from diffses.dataset.data import Dataset
from diffses.finetune.action_effects import Control, motion_of
from diffses.finetune.seed_policies.interception import (
    GAIN,
    STILL,
    UNUSED,
    Scene,
    scenes,
    steered,
    summed,
)
from diffses.policy.expression import Expression
from diffses.policy.forest import Forest

WIDTHS = (0.1, 0.2)  # how near a thing may come before the player steps aside, in 100 px
ASIDE = 3.0  # score of stepping aside: as much as a chase over 30 px
AHEAD = 0.5  # of what drifts: the place it is expected at, in 10 steps
INWARDS = (0.0, 0.25)  # px that one counts as farther out, for each px off the middle of the way
MOST = 2  # things of one type to keep clear of; and how many types
COMING = ".coming"  # ends the name of the one of a type that comes next
SHOOTS = 1.0  # score of pressing the button on target: 10 px off it is not pressed
CROWDED = 0.5  # what it scores more for each 10 of them: of many one is hit by chance
WAYS = (True, False)  # it comes where its place across grows, or falls
ENDMOST = {"x": ("leftmost", "rightmost"), "y": ("highest", "lowest")}  # of a crowd, by axis


def dodges(data: Dataset, control: Control | None) -> list[Forest]:
    """Forests that chase one thing, or none, along the one axis on which the actions act, and step
    aside from all of another type while these come nearer than a width.

    In the letters of `pursuit.Scene`, an action that pushes the player up the axis scores

        w1 d + sum over the others of [[q > 0 ? w2 : 0] > |d| ? [e > 0 ? -w3 : w3] : 0]

    where d is the distance and q the velocity across; in other forests what comes has q < 0. e is
    the distance, or, so that the player is not cornered at an end of its way, d + w4 (m - w5) with
    m for the player's place: it steps aside towards the middle. What is chased and moves in jumps
    is aimed at where it will be: d + w6 * drift. Where the detector tells which of a type comes
    next, that stands for the type; if it also tells whether there is one, [...] above is w2 times
    that. As in pursuits, each is tried with different actions of the same effect.

    Returns:
        For each type to avoid, width, way of coming and of stepping aside, one with each thing to
        chase and one without, for each choice of actions; none where the actions move nothing or
        act along two axes, or where no velocity across is told.
    """
    empty = data.layout.template(data.train)
    forests = []
    for threat in _threats(data, control):
        for chase in ([], *([_towards(scene)] for scene in threat.chased.values())):
            core = summed([*chase, *threat.aside])
            forests += steered(empty, threat.control, {threat.axis: core}, (STILL,))
    return forests


def shots(data: Dataset, control: Control | None) -> list[Forest]:
    """Forests that chase and step aside likewise, and press the button for what they chase: the
    actions that press it score more than those that do not by

        w7 + w8 n - w1 |d + w9 drift (w10 - p)|

    with n for how many there are of its type and p for its place across: what is shot takes as long
    as it is far, and as a rule there is no second shot while the first is under way. The chase goes
    there, too.

    Returns:
        One for each type to avoid, width, way of coming and of stepping aside, and thing to chase;
        none where its drift, its place across or how many there are is not told.
    """
    empty = data.layout.template(data.train)
    forests = []
    for threat in _threats(data, control):
        motion = motion_of(data, threat.control, threat.axis)
        for thing, scene in threat.chased.items():
            count = f"{thing.partition('.')[0]}.count"
            aim = _aim(data, scene, threat.avoided)
            if motion is None or aim is None or count not in data.features:
                continue
            many = ("add", SHOOTS, "mul", CROWDED, data.features.index(count))
            trigger: Expression = ("sub", *many, "mul", GAIN, "abs", *aim)
            core = summed([("mul", GAIN * scene.sign, *aim), *threat.aside])
            still: Expression = (GAIN * motion.stride[0] / 2,)
            forests += steered(empty, threat.control, {threat.axis: core}, still, trigger)
    return forests


def edges(data: Dataset, control: Control | None) -> list[Forest]:
    """Forests that step aside and shoot like those of `shots`, but aim at the edge of a crowd, the
    nearer one: a crowd that turns back at a wall, and comes down by that, takes the longer to get
    there the narrower it is.

    With A for how far ahead that edge is, g for w7 + w8 n and s for stepping aside, both in units
    of 2 w1, the way up the axis scores A / 2 + s, with the button g + s + min(0, A); the way down
    -(A / 2 + s) and g - s - max(0, A), standing still g - |A| / 2 with the button. That is a chase
    and shots of g - |A| / 2 in smaller trees.

    Returns:
        One for each type to avoid, width, way of coming and of stepping aside, and crowd; none
        where a crowd's edges, how many are in it or how it drifts are not told.
    """
    empty = data.layout.template(data.train)
    column = {name: index for index, name in enumerate(data.features)}
    forests = []
    for threat in _threats(data, control, ASIDE / (2 * GAIN)):
        motion = motion_of(data, threat.control, threat.axis)
        for thing, scene in threat.chased.items():
            kind = thing.partition(".")[0]
            names = [f"{kind}.{end}.{threat.axis}" for end in ENDMOST[threat.axis]]
            names.append(f"{kind}.count")
            lead = _lead(data, scene, threat.avoided)
            if motion is None or lead is None or scene.m is None or not column.keys() >= set(names):
                continue
            low, high, count = (column[name] for name in names)
            edge = ("logical", "add", scene.m, scene.m, "add", low, high, high, low)
            ahead: Expression = ("add", "sub", *edge, scene.m, *lead)
            many: Expression = ("mul", CROWDED / (2 * GAIN), count)
            trees = _shooting(ahead, summed(threat.aside), many, motion.stride[0] / 4)
            effect = threat.control.effects[threat.axis].tolist()
            groups = [[g for g, push in enumerate(effect) if push == way] for way in (0, 1, -1)]
            if any(len(group) < 2 for group in groups):
                continue  # there is no button, or none on some way
            found = [UNUSED] * len(effect)
            for group, (plain, pressed) in zip(groups, trees, strict=True):
                found[group[0]], found[group[-1]] = plain, pressed
            forests.append(replace(empty, trees=tuple(found)))
    return forests


def _shooting(
    ahead: Expression, aside: Expression, many: Expression, still: float
) -> list[tuple[Expression, Expression]]:
    """What to stand, to go up and to go down the axis score, without and with the button."""
    gain: Expression = ("add", SHOOTS / (2 * GAIN), *many)
    up: Expression = ("add", "mul", 0.5, *ahead, *aside)
    return [
        ((still,), ("sub", *gain, "mul", 0.5, "abs", *ahead)),
        (up, ("add", "add", *gain, *aside, "min", 0.0, *ahead)),
        (("neg", *up), ("sub", "sub", *gain, *aside, "max", 0.0, *ahead)),
    ]


@dataclass(frozen=True)
class Threat:
    """What to step aside from, one way to do so, and what may be chased meanwhile."""

    control: Control
    axis: str  # the only one on which the actions act
    avoided: list[Scene]
    aside: list[Expression]  # what the way up the axis scores
    chased: dict[str, Scene]


def _threats(data: Dataset, control: Control | None, score: float = ASIDE) -> Iterator[Threat]:
    """Each type to avoid with each width, way of coming and of stepping aside, which scores so
    much."""
    if control is None or len(control.effects) != 1:
        return
    axis = next(iter(control.effects))
    found = scenes(data.features, control.player, axis)
    kinds: dict[str, list[Scene]] = {}
    for thing, scene in found.items():
        if scene.q is not None:
            kinds.setdefault(_kind(thing), []).append(scene)
    few = [
        kind for kind, those in kinds.items() if len(those) <= MOST and kind + COMING not in kinds
    ]
    few.sort(key=lambda kind: not kind.endswith(COMING))  # stable: the others keep their order
    middle = _middle(data, control.player, axis)
    inwards = INWARDS if middle is not None else INWARDS[:1]
    for kind, width, grows, inward in product(few[:MOST], WIDTHS, WAYS, inwards):
        if grows != WAYS[0] and all(_comes_anyway(kind, scene) for scene in kinds[kind]):
            continue
        aside = [
            _aside(scene, inward, middle, _coming(kind, scene, width, grows=grows), score)
            for scene in kinds[kind]
        ]
        own = (kind, kind.removesuffix(COMING))
        chased = {thing: scene for thing, scene in found.items() if _kind(thing) not in own}
        yield Threat(control, axis, kinds[kind], aside, chased)


def _aim(data: Dataset, scene: Scene, avoided: list[Scene]) -> Expression | None:
    """How far the thing will be from the player when a shot gets there, along the axis; None where
    that cannot be told."""
    lead = _lead(data, scene, avoided)
    if lead is None:
        return None
    return ("add" if scene.sign > 0 else "sub", scene.distance, *lead)


def _lead(data: Dataset, scene: Scene, avoided: list[Scene]) -> Expression | None:
    """How far the thing drifts until a shot gets there; None where that cannot be told.

    What comes gets to where the player is, which is an end of its way across; a shot is taken to
    make 10 px a step.
    """
    rows = data.train.features
    speeds = rows[:, [one.q for one in avoided if one.q is not None]]
    far = [one.p for one in avoided if one.p is not None]
    if scene.drift is None or scene.p is None or not far or not speeds.any():
        return None
    places = rows[:, [*far, scene.p]]
    low, high = float(places[places != 0].min()), float(places[places != 0].max())
    falls = float(np.median(speeds[speeds != 0])) > 0
    time: Expression = ("sub", high, scene.p) if falls else ("sub", scene.p, low)
    return ("mul", scene.drift, *time)


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


def _comes_anyway(kind: str, scene: Scene) -> bool:
    """Whether it is there only if it comes."""
    return kind.endswith(COMING) and scene.there is not None


def _coming(kind: str, scene: Scene, width: float, *, grows: bool) -> Expression:
    """The width where it comes, else 0."""
    assert scene.q is not None
    if _comes_anyway(kind, scene):
        assert scene.there is not None
        return ("mul", width, scene.there)
    comes: Expression = (scene.q, 0.0) if grows else (0.0, scene.q)
    return ("logical", *comes, width, 0.0)


def _aside(
    scene: Scene, inward: float, middle: float | None, near: Expression, score: float
) -> Expression:
    d = scene.distance
    side: Expression = (d,)
    if inward and middle is not None and scene.m is not None:
        side = ("add", d, "mul", scene.sign * inward, "sub", scene.m, middle)
    away: Expression = ("logical", *side, 0.0, -scene.sign * score, scene.sign * score)
    return ("logical", *near, "abs", d, *away, 0.0)

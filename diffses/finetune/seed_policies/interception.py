"""Starts that need no teacher: policies that steer what the actions move towards an object, or
away from it.

They are what a person would try first, they are found from the recorded play alone, and they give
the search a slope to climb where a copy of the teacher loses every game.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from diffses.dataset.data import Dataset, Part
from diffses.finetune.action_effects import ENDS, Control, Motion, motion_of
from diffses.policy.expression import Expression
from diffses.policy.forest import Forest

DIRECTIONS = (1.0, -1.0)  # towards, away
GAIN = 10.0  # score for each 100 px of distance: a few px decide
TURNS = 8  # times that an object has to turn back before where it does so is taken for an end
WALLS = (0.001, 0.999)  # quantiles of a place along that count as where an object turns back
STILL = 0.5  # score of the actions that do not move the player, in a chase: a tolerance, 5 px off
UNUSED: Expression = (-100.0,)  # score of an action that another of the same effect stands for
RANGES = (0.05, 0.1, 0.2)  # distances that are kept from an object along an axis, 100 px
PRESSED = 0.5  # score of pressing the button, and of letting it go after
RESTS = (2.5, 3.5, 5.5)  # steps after which it is pressed again, in other forests
OFF = 0.25  # how far off the player's middle an object is met, in strides: it leaves more steeply
CORNER = 0.75  # of the way between the walls: from there on what is met at its middle is safer


@dataclass(frozen=True)
class Scene:
    """The features of one chase, by their index; None for what the detector does not offer.

    distance: the object's from the player, along the axis on which the actions act; o, v: its
    place and velocity along it; p, q: its place and velocity across it; m, u: the player's place
    and velocity; a: where the last action pushes the player; drift: the object's velocity along it
    over the last steps; there: whether it is there. sign: 1 where `distance` is object - player,
    else -1.
    """

    distance: int
    sign: float
    o: int | None
    v: int | None
    p: int | None
    q: int | None
    m: int | None
    u: int | None
    a: int | None
    drift: int | None
    there: int | None


def pursuits(data: Dataset, control: Control | None) -> list[Forest]:
    """Forests that chase, that flee, and that intercept each object, along the axes on which the
    actions act.

    The actions that move the player one way share an expression, its negative serves those that
    move it the other way, and a constant those that do not move it. In `Scene`'s letters, with d
    for `sign` * distance, a chase along one axis is

        (w1 + w2 q) d + (w3 + w4 q + w5 p) v + w6 u + w7 p + w8 + w9 a

    with all weights but w1 0 at first. Where the actions act along two axes, an action scores the
    sum of what its ways along each score, which then are w1 d + w3 v + w6 u + w8 + w9 a. An
    interception, of an object that comes (q > 0, or q < 0), is

        w1 ([q > 0 ? w2 - |w3 - |o + v (w4 - p) / q - w5|| + [m > w6 ? w7 : w8] : w9]
            - (m + w10 u + w11 a))

    where (w4 - p) / q is the time until it arrives at a place across, and the two absolute values
    turn it back at walls at w5 and w2. It is met off the player's middle (`_aims`), and when it
    goes the player returns to w9. The last bracket is where the player comes to rest: it has
    momentum, and its last action may not have told yet. How much is found from the recorded play
    (`Motion`), as is how near it can get, which is what the actions that do not move it score:
    less, the sooner the object arrives, or always as much.

    Where several actions move the player alike, one of them stands for all: the first in one
    forest, the last in another (with the button pressed, as a rule); in a third these two take
    turns, where the detector tells whether the button was pressed, and in others it is pressed
    again after a few steps, where it tells how long ago that was: a blow takes its time.

    Returns:
        For each object two chases (towards, away) an axis, along two axes four and those that keep
        a distance, |d| = w, and, where the detector offers what it takes, up to twelve
        interceptions; none where the actions move nothing.
    """
    if control is None:
        return []
    empty = data.layout.template(data.train)
    along = {axis: scenes(data.features, control.player, axis) for axis in control.effects}
    forests = []
    for axis, chased in along.items():
        motion = motion_of(data, control, axis)
        for scene in chased.values():
            for direction in DIRECTIONS:
                core = _chase(scene, direction * GAIN)
                forests += steered(empty, control, {axis: core}, (STILL,))
            if motion is not None:
                forests += _interceptions(data, empty, control, axis, scene, motion)
    if len(along) > 1:
        for thing in scenes(data.features, control.player, next(iter(along))):
            if not all(thing in chased for chased in along.values()):
                continue
            found = [chased[thing] for chased in along.values()]
            turns = [[_short_chase(scene, way * GAIN) for way in DIRECTIONS] for scene in found]
            kept = [[_moved_off(scene, width) for width in RANGES] for scene in found]
            for cores in (*product(*turns), *product(*kept)):
                forests += steered(empty, control, dict(zip(along, cores, strict=True)), (STILL,))
    return forests


def _interceptions(
    data: Dataset, empty: Forest, control: Control, axis: str, scene: Scene, motion: Motion
) -> list[Forest]:
    """Of an object at either end of its way across; none without what it takes."""
    if None in (scene.o, scene.v, scene.p, scene.q):
        return []
    assert scene.o is not None
    assert scene.p is not None
    assert scene.q is not None
    walls = _quantiles(data.train.features[:, scene.o], WALLS)
    ends = _ends(data.train, scene.p, scene.q)
    speed = np.abs(data.train.features[:, scene.q])
    step = float(np.median(speed[speed > 0])) / 10 if speed.any() else 0.0
    forests = []
    for end, growing in zip(ends, (False, True), strict=True):
        near = _near(scene.p, end, growing, motion, step)
        stills = dict.fromkeys((near, (GAIN * motion.stride[0] / 2,)))
        for (aim, momentum), still in product(_aims(scene, walls, motion), stills):
            meet = _interception(scene, end, walls, growing, motion, aim, momentum=momentum)
            forests += steered(empty, control, {axis: meet}, still)
    return forests


def _aims(
    scene: Scene, walls: tuple[float, float], motion: Motion
) -> list[tuple[Expression, bool]]:
    """How far from the player's middle an object is met, and whether there is room for momentum.

    What is met off the middle leaves more steeply, and a steep way is hard to guard where it is
    long: towards the wider half of the field, or the other one. It goes by where the player is,
    since that is near where they meet, and does not change as the object is turned back. In the
    last quarter of the field it is met at the middle in another variant.
    """
    assert scene.m is not None
    (low, high), off, m = walls, OFF * motion.stride[0], scene.m
    middle, corner = (low + high) / 2, low + CORNER * (high - low)
    return [
        (("logical", m, middle, off, -off), True),
        (("logical", m, middle, -off, off), True),
        (("logical", m, middle, "logical", m, corner, 0.0, off, -off), False),
    ]


def scenes(features: tuple[str, ...], player: str, axis: str) -> dict[str, Scene]:
    """One for each object whose distance from the player along the axis is a feature, by name."""
    across = "y" if axis == "x" else "x"
    place = {name: index for index, name in enumerate(features)}
    distances: dict[str, tuple[int, float]] = {}
    for name, index in place.items():
        thing, sign = _distance(name, player, axis)
        if thing is not None:
            distances[thing] = (index, sign)
    return {
        thing: Scene(
            distance,
            sign,
            place.get(f"{thing}.{axis}"),
            place.get(f"{thing}.v{axis}"),
            place.get(f"{thing}.{across}"),
            place.get(f"{thing}.v{across}"),
            place.get(f"{player}.{axis}"),
            place.get(f"{player}.v{axis}"),
            place.get(f"{player}.push{axis}"),
            place.get(f"{thing}.drift{axis}"),
            place.get(f"{thing}.present"),
        )
        for thing, (distance, sign) in distances.items()
    }


def _near(p: int, end: float, growing: bool, motion: Motion, step: float) -> Expression:
    """What not to move scores: half a stride, or what is left of one that is begun so late.

    step: how far the object gets across in a step, 100 px.
    """
    whole, first, second = (GAIN * stride / 2 for stride in motion.stride)
    slope = (second - first) / step if step > 0 else 0.0
    if slope == 0:
        return (whole,)
    left: Expression = ("sub", end - step, p) if growing else ("sub", p, end + step)
    return ("min", whole, "add", first, "mul", slope, *left)


def steered(
    empty: Forest,
    control: Control,
    cores: Mapping[str, Expression],
    still: Expression,
    trigger: Expression | None = None,
    pressed: Mapping[str, Expression] | None = None,
) -> list[Forest]:
    """Forests in which an action scores the cores along the axes on which it pushes the player, or
    their negatives, and `still` where it does not: one with the first of the actions of each
    effect, one with the last, one in which these take turns, and one for each of RESTS.

    Args:
        cores: by axis, what there is to gain along it; actions that push the player along another
            one are not used.
        trigger: what there is to gain by pressing the button: where it is given there is one forest
            alone, in which the last of the actions of each effect score that more than the first.
        pressed: with a trigger: what there is to gain along the axes while the button is pressed,
            where that is something else.
    """
    axes = list(control.effects)
    ways = list(zip(*control.effects.values(), strict=True))  # of each tree
    scored, held = (
        [_scored(dict(zip(axes, way, strict=True)), gains, still) for way in ways]
        for gains in (cores, cores if pressed is None else pressed)
    )
    firsts = {ways.index(way) for way in ways}
    lasts = set({way: i for i, way in enumerate(ways)}.values())
    made = [
        tuple(tree if i in stand else UNUSED for i, tree in enumerate(scored))
        for stand in (firsts, lasts)
    ]
    others = [i for i in lasts - firsts if scored[i] != UNUSED]

    def pressing(gain: Expression) -> tuple[Expression, ...]:
        """The first of the actions, and the last for so much more."""
        taken = {i: ("add", *held[i], *gain) for i in others}
        return tuple(taken.get(i, tree) for i, tree in enumerate(made[0]))

    if trigger is not None:
        return [replace(empty, trees=pressing(trigger))] if others else []
    button, rest = (f"{control.player}.{name}" for name in ("button", "rest"))
    if button in empty.features and firsts != lasts:
        made.append(pressing(("sub", PRESSED, empty.features.index(button))))
        if rest in empty.features:
            place = empty.features.index(rest)
            made += [pressing(("sub", place, steps / 10)) for steps in RESTS]
    return [replace(empty, trees=trees) for trees in dict.fromkeys(made)]


def _scored(
    way: Mapping[str, float], cores: Mapping[str, Expression], still: Expression
) -> Expression:
    """What an action scores that pushes the player this way."""
    terms: list[Expression] = []
    for axis, sign in way.items():
        if sign and axis not in cores:
            return UNUSED
        if sign:
            terms.append(cores[axis] if sign > 0 else ("neg", *cores[axis]))
    return summed(terms) if terms else still


def _short_chase(scene: Scene, gain: float) -> Expression:
    others = (scene.v, scene.u, scene.a)
    terms: list[Expression] = [("mul", gain * scene.sign, scene.distance)]
    terms += [("mul", 0.0, feature) for feature in others if feature is not None]
    return summed([*terms, (0.0,)])


def _chase(scene: Scene, gain: float) -> Expression:
    terms = [_product(_line(gain * scene.sign, scene.q), scene.distance)]
    if scene.v is not None:
        terms.append(_product(_line(0.0, scene.q, scene.p), scene.v))
    terms += [("mul", 0.0, feature) for feature in (scene.u, scene.p) if feature is not None]
    terms.append((0.0,))
    if scene.a is not None:
        terms.append(("mul", 0.0, scene.a))
    return summed(terms)


def kept_off(scene: Scene, width: float) -> Expression:
    """Towards a place `width` off the object, on the side where the player is."""
    d = scene.distance
    return ("mul", GAIN * scene.sign, "sub", d, "logical", d, 0.0, width, -width)


def _moved_off(scene: Scene, width: float) -> Expression:
    """`kept_off`, where the player's own motion may tell."""
    others = [other for other in (scene.u, scene.a) if other is not None]
    return summed([kept_off(scene, width), *(("mul", 0.0, other) for other in others)])


def _interception(
    scene: Scene,
    end: float,
    walls: tuple[float, float],
    growing: bool,
    motion: Motion,
    aim: Expression,
    *,
    momentum: bool,
) -> Expression:
    """Of an object that comes towards the place `end` across, where p grows or falls."""
    assert scene.o is not None
    assert scene.v is not None
    assert scene.p is not None
    assert scene.q is not None
    assert scene.m is not None
    low, high = walls
    lead: Expression = ("mul", "div", scene.v, scene.q, "sub", end, scene.p)
    bounced: Expression = ("abs", "sub", "add", scene.o, *lead, low)
    met: Expression = ("sub", high, "abs", "sub", high - low, *bounced)
    when: Expression = (scene.q, 0.0) if growing else (0.0, scene.q)
    wanted: Expression = ("logical", *when, "add", *met, *aim, (low + high) / 2)
    rest: Expression = (scene.m,)
    if momentum and scene.u is not None:
        rest = ("add", *rest, "mul", motion.coasts, scene.u)
    if scene.a is not None:
        rest = ("add", *rest, "mul", motion.lags, scene.a)
    return ("mul", GAIN, "sub", *wanted, *rest)


def _ends(part: Part, p: int, q: int) -> tuple[float, float]:
    """The places across at which an object turns back, the lower and the upper: the median ones."""
    place, speed = part.features[:, p], part.features[:, q]
    same = part.episode[1:] == part.episode[:-1]
    found = list(_quantiles(place, ENDS))
    for number, sign in enumerate((-1.0, 1.0)):
        turned = same & (sign * speed[:-1] > 0) & (sign * speed[1:] < 0)
        if turned.sum() >= TURNS:  # half a step beyond the middle of the places before and after
            middle = (place[:-1] + place[1:])[turned] / 2
            found[number] = float(np.median(middle + speed[:-1][turned] / 20))
    return found[0], found[1]


def _quantiles(values: np.ndarray, which: tuple[float, float]) -> tuple[float, float]:
    """Of a feature, where its object is there."""
    there = values[values != 0]
    low, high = np.quantile(there, which) if len(there) else (0.0, 0.0)
    return float(low), float(high)


def summed(terms: list[Expression]) -> Expression:
    tree = terms[0]
    for term in terms[1:]:
        tree = ("add", *tree, *term)
    return tree


def _line(constant: float, *features: int | None) -> Expression:
    """constant + 0 * feature + ..."""
    line: Expression = (constant,)
    for feature in features:
        if feature is not None:
            line = ("add", *line, "mul", 0.0, feature)
    return line


def _product(factor: Expression, feature: int) -> Expression:
    return ("mul", *factor, feature)


def _distance(feature: str, player: str, axis: str) -> tuple[str | None, float]:
    """The object whose distance from the player a feature is, and the sign that makes it
    object - player."""
    first, _, second = feature.partition("-")
    if second == f"{player}.{axis}" and first.endswith(f".{axis}"):
        return first.rsplit(".", 1)[0], 1.0
    if first == f"{player}.{axis}" and second.endswith(f".{axis}"):
        return second.rsplit(".", 1)[0], -1.0
    return None, 0.0

"""Starts that need no teacher: policies that steer what the actions move towards an object, or
away from it.

They are what a person would try first, they are found from the recorded play alone, and they give
the search a slope to climb where a copy of the teacher loses every game.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from diffses.dataset.data import Dataset, Part, template
from diffses.policy.expression import Expression
from diffses.policy.forest import Forest

GAIN = 10.0  # score for each 100 px of distance: a few px decide
SLIGHT = 0.15  # of the greatest mean velocity: an action with less than this does nothing
LAGS = (0, 1, 2)  # steps between an action and the motion it shows in
TURNS = 8  # times that an object has to turn back before where it does so is taken for an end
ENDS = (0.02, 0.98)  # quantiles of a place across that count as the ends of the way, else
WALLS = (0.001, 0.999)  # quantiles of a place along that count as where an object turns back
STILL = 0.5  # score of the actions that do not move the player, in a chase: a tolerance, 5 px off
HORIZON = 3  # steps after which an action has done what it does, as a rule
OFF = 0.25  # how far off the player's middle an object is met, in strides: it leaves more steeply


@dataclass(frozen=True)
class Scene:
    """The features of one chase, by their index; None for what the detector does not offer.

    distance: the object's from the player, along the axis on which the actions act; o, v: its
    place and velocity along it; p, q: its place and velocity across it; m, u: the player's place
    and velocity; a: where the last action pushes the player. sign: 1 where `distance` is
    object - player, else -1.
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


def pursuits(data: Dataset) -> list[Forest]:
    """Forests that chase, that flee, and that intercept each object, along the axis on which the
    actions act.

    The actions that move the player one way share an expression, its negative serves those that
    move it the other way, and a constant those that do not move it. In `Scene`'s letters, with d
    for `sign` * distance, a chase is

        (w1 + w2 q) d + (w3 + w4 q + w5 p) v + w6 u + w7 p + w8 + w9 a

    with all weights but w1 0 at first, and an interception, of an object that comes (q > 0, or
    q < 0),

        w1 ([q > 0 ? w2 - |w3 - |o + v (w4 - p) / q - w5|| + [o > w6 ? w7 : w8] : w9]
            - (m + w10 u + w11 a))

    where (w4 - p) / q is the time until it arrives at a place across, and the two absolute values
    turn it back at walls at w5 and w2. It is met off the player's middle, the other way in each
    half of the field, and when it goes the player returns to w9. The last bracket is where the
    player comes to rest: it has momentum, and its last action may not have told yet. How much is
    found from the recorded play (`Motion`), as is how near it can get, which is what the actions
    that do not move it score: less, the sooner the object arrives.

    Returns:
        Two chases (towards, away) and, where the detector offers what it takes, two interceptions
        an object; none where the actions move nothing.
    """
    found = controlled(data)
    if found is None:
        return []
    player, axis, effect = found
    empty = template(data.features, data.actions, data.groups, data.train)
    column = {name: index for index, name in enumerate(data.features)}
    place = column.get(f"{player}.{axis}")
    motion = None if place is None else moved(data, place, column.get(f"{player}.v{axis}"), effect)
    forests = []
    for scene in scenes(data.features, player, axis):
        for direction in (1.0, -1.0):
            forests.append(_opposed(empty, _chase(scene, direction * GAIN), effect, (STILL,)))
        if scene.v is None or scene.p is None or scene.q is None:
            continue
        if scene.o is None or motion is None:
            continue
        walls = _quantiles(data.train.features[:, scene.o], WALLS)
        ends = _ends(data.train, scene.p, scene.q)
        speed = np.abs(data.train.features[:, scene.q])
        step = float(np.median(speed[speed > 0])) / 10 if speed.any() else 0.0
        for end, growing in zip(ends, (False, True), strict=True):
            core = _interception(scene, end, walls, growing, motion)
            still = _near(scene.p, end, growing, motion, step)
            forests.append(_opposed(empty, core, effect, still))
    return forests


def scenes(features: tuple[str, ...], player: str, axis: str) -> list[Scene]:
    """One for each object whose distance from the player is a feature."""
    across = "y" if axis == "x" else "x"
    place = {name: index for index, name in enumerate(features)}
    distances: dict[str, tuple[int, float]] = {}
    for name, index in place.items():
        thing, sign = _distance(name, player, axis)
        if thing is not None:
            distances[thing] = (index, sign)
    return [
        Scene(
            distance,
            sign,
            place.get(f"{thing}.{axis}"),
            place.get(f"{thing}.v{axis}"),
            place.get(f"{thing}.{across}"),
            place.get(f"{thing}.v{across}"),
            place.get(f"{player}.{axis}"),
            place.get(f"{player}.v{axis}"),
            place.get(f"{player}.push{axis}"),
        )
        for thing, (distance, sign) in distances.items()
    ]


@dataclass(frozen=True)
class Motion:
    """How the player answers to actions, in 100 px.

    stride: how far one action moves it in the end, and after one and two steps; coasts: how far it
    still goes for each unit of its velocity; lags: how far the action before the last look still
    moves it.
    """

    stride: tuple[float, float, float]
    coasts: float
    lags: float


def moved(data: Dataset, m: int, u: int | None, effect: np.ndarray) -> Motion | None:
    """Least squares of how far the player gets in `HORIZON` steps on its velocity and the actions.

    Args:
        m, u: the columns of the player's place and velocity.
        effect: where each group of actions moves it: -1, 0 or 1.

    Returns:
        None where the actions do not move it the way they are said to.
    """
    part, count = data.train, len(data.train) - HORIZON
    home = {action: effect[g] for g, group in enumerate(data.groups) for action in group}
    push = np.array([home[int(action)] for action in part.actions])
    place = part.features[:, m]
    low, high = np.quantile(place, ENDS)
    at = np.arange(1, max(1, count))
    there = part.episode[at - 1] == part.episode[at + HORIZON]
    for step in (at, at + HORIZON):  # away from the ends of its way
        there &= (place[step] > low) & (place[step] < high)
    at = at[there]
    if len(at) < 10 * HORIZON:
        return None
    speed = np.zeros(len(at)) if u is None else part.features[at, u]
    causes = np.column_stack([speed, *(push[at + step] for step in range(-1, HORIZON))])
    weights = np.linalg.lstsq(causes, place[at + HORIZON] - place[at], rcond=None)[0].tolist()
    coasts, lags, *late = (max(0.0, weight) for weight in weights)
    strides = np.maximum.accumulate(late[::-1]).tolist()  # the last of them had one step to tell
    if strides[-1] <= 0:
        return None
    return Motion((strides[-1], strides[0], strides[1]), coasts, lags)


def _near(p: int, end: float, growing: bool, motion: Motion, step: float) -> Expression:
    """What not to move scores: half a stride, or what is left of one that is begun so late.

    step: how far the object gets across in a step, 100 px.
    """
    whole, first, second = (GAIN * stride / 2 for stride in motion.stride)
    slope = (second - first) / step if step > 0 else 0.0
    left: Expression = ("sub", end - step, p) if growing else ("sub", p, end + step)
    return ("min", whole, "add", first, "mul", slope, *left)


def _opposed(empty: Forest, core: Expression, effect: np.ndarray, still: Expression) -> Forest:
    """The core for the actions that move the player on, its negative for those that move it back,
    another for those that do not move it."""
    trees = {1.0: core, -1.0: ("neg", *core), 0.0: still}
    return replace(empty, trees=tuple(trees[float(sign)] for sign in effect))


def _chase(scene: Scene, gain: float) -> Expression:
    terms = [_product(_line(gain * scene.sign, scene.q), scene.distance)]
    if scene.v is not None:
        terms.append(_product(_line(0.0, scene.q, scene.p), scene.v))
    terms += [("mul", 0.0, feature) for feature in (scene.u, scene.p) if feature is not None]
    terms.append((0.0,))
    if scene.a is not None:
        terms.append(("mul", 0.0, scene.a))
    return _sum(terms)


def _interception(
    scene: Scene, end: float, walls: tuple[float, float], growing: bool, motion: Motion
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
    middle, off = (low + high) / 2, OFF * motion.stride[0]
    aimed: Expression = ("add", *met, "logical", scene.o, middle, off, -off)
    when: Expression = (scene.q, 0.0) if growing else (0.0, scene.q)
    wanted: Expression = ("logical", *when, *aimed, middle)
    rest: Expression = (scene.m,)
    if scene.u is not None:
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


def _sum(terms: list[Expression]) -> Expression:
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


def core(tree: Expression) -> tuple[Expression, int]:
    """A tree without a negation at its root, and -1 if there was one, else 1."""
    return (tree[1:], -1) if tree[0] == "neg" else (tree, 1)


def mirror(forest: Forest) -> np.ndarray | None:
    """How the constants of opposed trees move together: what pulls one way pushes the other.

    Trees that are equal but for a negation at the root share their constants, which halves what a
    search has to find.

    Returns:
        float64 (constants, free ones); None where no two trees are like that.
    """
    firsts: dict[str, int] = {}
    columns: list[int] = []
    free = 0
    for tree in forest.trees:
        own, _ = core(tree)
        width = sum(isinstance(token, float) for token in own)
        text = repr(own) if len(own) > 1 else f"{len(columns)}"
        if text not in firsts:
            firsts[text], free = free, free + width
        columns += range(firsts[text], firsts[text] + width)
    if free == len(columns):
        return None
    ties = np.zeros((len(columns), free))
    ties[np.arange(len(columns)), columns] = 1.0
    return ties


def _distance(feature: str, player: str, axis: str) -> tuple[str | None, float]:
    """The object whose distance from the player a feature is, and the sign that makes it
    object - player."""
    first, _, second = feature.partition("-")
    if second == f"{player}.{axis}" and first.endswith(f".{axis}"):
        return first.rsplit(".", 1)[0], 1.0
    if first == f"{player}.{axis}" and second.endswith(f".{axis}"):
        return second.rsplit(".", 1)[0], -1.0
    return None, 0.0


def controlled(data: Dataset) -> tuple[str, str, np.ndarray] | None:
    """The object and axis whose velocity the actions explain best, and what each group of actions
    does to it: -1, 0 or 1, the sign of its mean velocity where that is not small. None where the
    actions explain no velocity, or are not discrete."""
    if data.bounds is not None:
        return None
    home = {action: g for g, group in enumerate(data.groups) for action in group}
    groups = np.array([home[int(action)] for action in data.train.actions])
    best: tuple[float, str, str, np.ndarray] | None = None
    for number, name in enumerate(data.features):
        thing, _, quantity = name.rpartition(".")
        if quantity not in ("vx", "vy") or "-" in name:
            continue
        for lag in LAGS:
            share, means = _explained(data.train, number, groups, lag, len(data.groups))
            if best is None or share > best[0]:
                best = (share, thing, quantity[1], means)
    if best is None or best[0] < 0.05:
        return None
    effect = best[3] / max(1e-12, float(np.abs(best[3]).max()))
    return best[1], best[2], np.where(np.abs(effect) < SLIGHT, 0.0, np.sign(effect))


def _explained(
    part: Part, feature: int, groups: np.ndarray, lag: int, count: int
) -> tuple[float, np.ndarray]:
    """Share of a velocity's variance that the action taken `lag` + 1 screens before explains, and
    its mean under each group of actions."""
    now, before = part.features[lag + 1 :, feature], groups[: len(groups) - lag - 1]
    same = part.episode[lag + 1 :] == part.episode[: len(groups) - lag - 1]
    now, before = now[same], before[same]
    means = np.array(
        [now[before == g].mean() if (before == g).any() else 0.0 for g in range(count)]
    )
    total = float(now.var())
    return (float(means[before].var() / total) if total > 0 else 0.0), means

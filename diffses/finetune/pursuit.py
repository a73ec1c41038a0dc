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
ENDS = (0.02, 0.98)  # quantiles of a place across that count as the ends of the way
STILL = 0.5  # score of the actions that do not move the player, in a chase: a tolerance, 5 px off
# of an interception:
ALWAYS = 0.4  # gain on the distance of an object that goes, as a share of one that comes
SOFT = 2.0  # added to the speed across, in 10 px per step: of slow ones less is foreseen
LAG = 0.6  # steps that player and object go on as they did before an action tells
AWAY = -0.15  # gain on the distance of another object: it is met off the middle, away from that
NEAR = 1.4  # score of the actions that do not move the player: 10 px off


@dataclass(frozen=True)
class Scene:
    """The features of one chase, by their index; None for what the detector does not offer.

    distance: the object's from the player, along the axis on which the actions act; v: its
    velocity along it; p, q: its place and velocity across it; u: the player's velocity;
    other: another object's distance. sign: 1 where `distance` is object - player, else -1.
    """

    distance: int
    sign: float
    v: int | None
    p: int | None
    q: int | None
    u: int | None
    other: tuple[int, float] | None


def pursuits(data: Dataset) -> list[Forest]:
    """Forests that chase, that flee, and that intercept each object, along the axis on which the
    actions act.

    The actions that move the player one way share an expression, its negative serves those that
    move it the other way, and a constant those that do not move it. In `Scene`'s letters, with d
    for `sign` * distance and e for the other object's, a chase is

        (w1 + w2 q) d + (w3 + w4 q + w5 p) v + w6 u + w7 p + w8

    with all weights but w1 0 at first, and an interception, of an object that comes (q > 0, or
    q < 0),

        w1 d + w2 v + w3 u + w4 e + w5 + [q > 0] (w6 d + (w7 - w8 p) v / (|q| + w9))

    where (w7 / w8 - p) / q is the time until it arrives at a place across; it begins with what a
    steady flight and a short delay ask for.

    Returns:
        Two chases (towards, away) and, where the detector offers what it takes, two interceptions
        an object; none where the actions move nothing.
    """
    found = controlled(data)
    if found is None:
        return []
    player, axis, effect = found
    empty = template(data.features, data.actions, data.groups, data.train)
    forests = []
    for scene in scenes(data.features, player, axis):
        for direction in (1.0, -1.0):
            forests.append(_opposed(empty, _chase(scene, direction * GAIN), effect, STILL))
        if scene.v is not None and scene.p is not None and scene.q is not None:
            across = data.train.features[:, scene.p]
            ends = np.quantile(across[across != 0], ENDS) if across.any() else (0.0, 0.0)
            for end, growing in zip(ends, (False, True), strict=True):
                core = _interception(scene, float(end), growing)
                forests.append(_opposed(empty, core, effect, NEAR))
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
            place.get(f"{thing}.v{axis}"),
            place.get(f"{thing}.{across}"),
            place.get(f"{thing}.v{across}"),
            place.get(f"{player}.v{axis}"),
            next((distances[other] for other in distances if other != thing), None),
        )
        for thing, (distance, sign) in distances.items()
    ]


def _opposed(empty: Forest, core: Expression, effect: np.ndarray, still: float) -> Forest:
    """The core for the actions that move the player on, its negative for those that move it back,
    a constant for the others."""
    trees = {1.0: core, -1.0: ("neg", *core), 0.0: (still,)}
    return replace(empty, trees=tuple(trees[float(sign)] for sign in effect))


def _chase(scene: Scene, gain: float) -> Expression:
    terms = [_product(_line(gain * scene.sign, scene.q), scene.distance)]
    if scene.v is not None:
        terms.append(_product(_line(0.0, scene.q, scene.p), scene.v))
    terms += [("mul", 0.0, feature) for feature in (scene.u, scene.p) if feature is not None]
    return _sum([*terms, (0.0,)])


def _interception(scene: Scene, end: float, growing: bool) -> Expression:
    """Of an object that comes towards the place `end` across, where p grows or falls."""
    assert scene.v is not None
    assert scene.p is not None
    assert scene.q is not None
    lead = GAIN * (1 + SOFT)  # all the way, at a speed across of one unit
    drift = (1 + ALWAYS) * GAIN * LAG / 10  # a velocity's unit is a tenth of a distance's
    towards = 1.0 if growing else -1.0
    ahead: Expression = ("sub", towards * lead * end, "mul", towards * lead, scene.p)
    rate: Expression = ("div", scene.v, "add", "abs", scene.q, SOFT)
    coming = _sum([("mul", GAIN * scene.sign, scene.distance), ("mul", *ahead, *rate)])
    when: Expression = (scene.q, 0.0) if growing else (0.0, scene.q)
    terms: list[Expression] = [("mul", ALWAYS * GAIN * scene.sign, scene.distance)]
    terms.append(("mul", drift, scene.v))
    if scene.u is not None:
        terms.append(("mul", -drift, scene.u))
    if scene.other is not None:
        other, sign = scene.other
        terms.append(("mul", AWAY * GAIN * sign, other))
    return _sum([*terms, (0.0,), ("logical", *when, *coming, 0.0)])


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

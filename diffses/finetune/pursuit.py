"""Starts that need no teacher: policies that steer what the actions move towards an object, or
away from it.

They are what a person would try first, they are found from the recorded play alone, and they give
the search a slope to climb where a copy of the teacher loses every game.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from diffses.dataset.data import Dataset, Part, template
from diffses.policy.expression import Expression
from diffses.policy.forest import Forest

GAIN = 10.0  # score for each 100 px of distance: a few px decide
SLIGHT = 0.15  # of the greatest mean velocity: an action with less than this does nothing
LAGS = (0, 1, 2)  # steps between an action and the motion it shows in


def pursuits(data: Dataset) -> list[Forest]:
    """Forests that chase, and that flee, each object along the axis on which the actions act.

    With d the object's distance from the player along that axis, v its velocity along it, p and q
    its place and velocity across it, and u the player's velocity, each tree is

        (w1 + w2 q) d + (w3 + w4 q + w5 p) v + w6 u + w7 p + w8

    so that a search can tell what comes from what goes (q) and aim where the object will be (p v).
    All weights but w1 are 0 at first.

    Returns:
        Two forests an object (towards, away); none where the actions move nothing.
    """
    found = controlled(data)
    if found is None:
        return []
    player, axis, effect = found
    across = "y" if axis == "x" else "x"
    empty = template(data.features, data.actions, data.groups, data.train)
    place = {name: index for index, name in enumerate(data.features)}
    forests = []
    for name, distance in place.items():
        other, sign = _distance(name, player, axis)
        if other is None:
            continue
        v, u = place.get(f"{other}.v{axis}"), place.get(f"{player}.v{axis}")
        p, q = place.get(f"{other}.{across}"), place.get(f"{other}.v{across}")
        for direction in (1.0, -1.0):
            weights = (direction * sign * GAIN * effect).tolist()
            trees = tuple(
                _tree(weight, distance, v, u, p, q) if weight != 0 else (0.0,) for weight in weights
            )
            forests.append(replace(empty, trees=trees))
    return forests


def _tree(
    weight: float, distance: int, v: int | None, u: int | None, p: int | None, q: int | None
) -> Expression:
    """The tree of `pursuits`; what the detector does not offer (None) is left out."""
    terms: list[Expression] = [_product(_line(weight, q), distance)]
    if v is not None:
        terms.append(_product(_line(0.0, q, p), v))
    terms += [("mul", 0.0, feature) for feature in (u, p) if feature is not None]
    tree = terms[0]
    for term in [*terms[1:], (0.0,)]:
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


def mirror(forest: Forest, data: Dataset) -> np.ndarray | None:
    """How the constants of a pursuit move together: what pulls one way pushes the other.

    In the trees of two opposed actions the same constant has opposite signs, and the threshold
    between moving and staying is the constant of the tree that does nothing. That halves what a
    search has to find.

    Returns:
        float64 (constants, free ones); None where the forest's trees are not of equal shape.
    """
    found = controlled(data)
    moving = [tree for tree in forest.trees if len(tree) > 1]
    if found is None or len(moving) < 2 or len({_shape(tree) for tree in moving}) > 1:
        return None
    effect = found[2]
    width = sum(isinstance(token, float) for token in moving[0])
    still = len(forest.trees) - len(moving)
    ties = np.zeros((len(forest.constants()), width + still))
    row, threshold = 0, width
    for tree, sign in zip(forest.trees, effect, strict=True):
        if len(tree) == 1:
            ties[row, threshold] = 1.0
            row, threshold = row + 1, threshold + 1
        elif sign == 0:
            return None
        else:
            ties[row : row + width, :width] = sign * np.eye(width)
            row += width
    return ties


def _shape(tree: Expression) -> Expression:
    """A tree with all its constants 0."""
    return tuple(0.0 if isinstance(token, float) else token for token in tree)


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
    does to it: -1, 0 or 1, the sign of its mean velocity where that is not small."""
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

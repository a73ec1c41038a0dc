"""What all trees of a forest have in common decides nothing: it is subtracted from all of them.

Unlike `simplify`, this moves the last bits of the scores, and the scores themselves; it is done
only where the actions stay the same in every recorded state.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from diffses.policy.compiled import Compiled
from diffses.policy.expression import Expression, Floats, arguments
from diffses.policy.forest import Forest
from diffses.policy.simplify import simplify_forest

# a summand by its text, since tuples would take feature 1 for the constant 1.0 -> (the summand,
# its coefficient); "" is the constant
Terms = dict[str, tuple[Expression, float]]
ONE = ""


def without_common(forest: Forest, rows: Floats) -> Forest:
    """The forest less one expression that is subtracted from all trees, if that makes it smaller
    and it still chooses the same action in every row; else the forest as it is.

    Each tree is taken as a weighted sum, and of every summand the coefficient is subtracted that
    leaves fewest nodes. Where a forest is the linear fit of three actions, one tree becomes 0.

    Args:
        forest: of discrete actions; one of Box actions is left as it is.
        rows: float64 (n, features).
    """
    if forest.bounds is not None or len(forest.trees) < 2:
        return forest
    sums = [_terms(tree) for tree in forest.trees]
    units = {text: unit for terms in sums for text, (unit, _) in terms.items()}
    trees: list[Expression] = [()] * len(sums)
    for text, unit in units.items():
        weights = [terms.get(text, (unit, 0.0))[1] for terms in sums]
        shared = _shared(text, unit, weights)
        trees = [
            _plus(tree, text, unit, weight - shared)
            for tree, weight in zip(trees, weights, strict=True)
        ]
    smaller = simplify_forest(replace(forest, trees=tuple(tree or (0.0,) for tree in trees)))
    if smaller.size >= forest.size:
        return forest
    same = np.array_equal(Compiled(smaller).choose(rows), Compiled(forest).choose(rows))
    return smaller if same else forest


def _terms(tree: Expression, factor: float = 1.0) -> Terms:
    """A tree as a weighted sum: `0.5*x - (y - 1)` is 0.5 of x, -1 of y, and 1."""
    name, below = tree[0], arguments(tree)
    if name in ("add", "sub"):
        found = _terms(below[0], factor)
        for text, (unit, weight) in _terms(below[1], factor if name == "add" else -factor).items():
            found[text] = (unit, found.get(text, (unit, 0.0))[1] + weight)
        return found
    if name == "neg":
        return _terms(below[0], -factor)
    if name == "mul":
        for one, other in (below, below[::-1]):
            if len(one) == 1 and isinstance(one[0], float):
                return _terms(other, factor * one[0])
    if isinstance(name, float):
        return {ONE: ((), factor * name)}
    return {repr(tree): (tree, factor)}


def _shared(text: str, unit: Expression, weights: list[float]) -> float:
    """The coefficient to subtract: of the trees' own and 0 the one that leaves fewest nodes."""

    def left(less: float) -> int:
        return sum(len(_plus((0.0,), text, unit, weight - less)) for weight in weights)

    return min(dict.fromkeys([0.0, *weights]), key=left)


def _plus(tree: Expression, text: str, unit: Expression, weight: float) -> Expression:
    """The tree with one more summand; () is the empty sum."""
    if weight == 0:
        return tree
    if text == ONE:
        term: Expression = (weight,)
    else:
        term = unit if abs(weight) == 1 else ("mul", weight, *unit)
    negative = weight == -1 and text != ONE
    if not tree:
        return ("neg", *term) if negative else term
    return ("sub" if negative else "add", *tree, *term)

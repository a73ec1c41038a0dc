"""Subtraction of terms that all trees of a forest share, to make it smaller.

Argmax and softmax are invariant under subtracting one function of the state from all scores.
Unlike `simplify`, this changes the scores, and rounding may change a choice; so it is done only
if the actions stay the same in every recorded state.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from diffses.policy.compiled import Compiled
from diffses.policy.expression import Expression, Floats, arguments
from diffses.policy.forest import Forest
from diffses.policy.simplify import simplify_forest

# repr of a term -> (the term, its coefficient). Not keyed by the term itself: tuples compare
# feature 1 and the constant 1.0 as equal. ONE stands for the constant term.
Terms = dict[str, tuple[Expression, float]]
ONE = ""


def subtract_shared_terms(forest: Forest, rows: Floats) -> Forest:
    """Subtracts one weighted sum from all trees, chosen so that the forest gets smaller.

    Each tree is written as a weighted sum of terms; for each term the coefficient is subtracted
    that leaves the fewest nodes. Of a linear fit of three actions, one tree becomes 0.

    Args:
        forest: of discrete actions; one of Box actions is returned as it is.
        rows: the recorded states, float64 (n, features).

    Returns:
        The smaller forest if it chooses the same action in every row; else `forest`.
    """
    if forest.bounds is not None or len(forest.trees) < 2:
        return forest
    sums = [_linear_terms(tree) for tree in forest.trees]
    units = {text: unit for terms in sums for text, (unit, _) in terms.items()}
    trees: list[Expression] = [()] * len(sums)
    for text, unit in units.items():
        weights = [terms.get(text, (unit, 0.0))[1] for terms in sums]
        shared = _shared_coefficient(text, unit, weights)
        trees = [
            _add_term(tree, text, unit, weight - shared)
            for tree, weight in zip(trees, weights, strict=True)
        ]
    smaller = simplify_forest(replace(forest, trees=tuple(tree or (0.0,) for tree in trees)))
    if smaller.size >= forest.size:
        return forest
    same = np.array_equal(Compiled(smaller).choose(rows), Compiled(forest).choose(rows))
    return smaller if same else forest


def _linear_terms(tree: Expression, factor: float = 1.0) -> Terms:
    """A tree as a weighted sum: `0.5*x - (y - 1)` is x times 0.5, y times -1, and 1."""
    name, below = tree[0], arguments(tree)
    if name in ("add", "sub"):
        found = _linear_terms(below[0], factor)
        for text, (unit, weight) in _linear_terms(
            below[1], factor if name == "add" else -factor
        ).items():
            found[text] = (unit, found.get(text, (unit, 0.0))[1] + weight)
        return found
    if name == "neg":
        return _linear_terms(below[0], -factor)
    if name == "mul":
        for one, other in (below, below[::-1]):
            if len(one) == 1 and isinstance(one[0], float):
                return _linear_terms(other, factor * one[0])
    if isinstance(name, float):
        return {ONE: ((), factor * name)}
    return {repr(tree): (tree, factor)}


def _shared_coefficient(text: str, unit: Expression, weights: list[float]) -> float:
    """The coefficient to subtract: 0 or one of the trees', whichever leaves the fewest nodes."""

    def nodes_left(shared: float) -> int:
        return sum(len(_add_term((0.0,), text, unit, weight - shared)) for weight in weights)

    return min(dict.fromkeys([0.0, *weights]), key=nodes_left)


def _add_term(tree: Expression, text: str, unit: Expression, weight: float) -> Expression:
    """The sum of the tree and weight * unit; () is the empty sum."""
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

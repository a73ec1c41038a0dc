"""Constants that move together: what pulls one way pushes the other."""

from __future__ import annotations

import numpy as np

from diffses.policy.expression import Expression, arguments
from diffses.policy.forest import Forest

SUMS = ("add", "sub", "neg")  # what a tree is taken apart at


def core(tree: Expression) -> tuple[Expression, int]:
    """A tree without a negation at its root, and -1 if there was one, else 1."""
    return (tree[1:], -1) if tree[0] == "neg" else (tree, 1)


def mirror(forest: Forest) -> np.ndarray | None:
    """How the constants of trees that share a part move together.

    A part is a whole tree, what a negation at its root negates, or a term of the sum at its root:
    up and up-right share what says to go up. Fewer free constants are fewer for a search to find.

    Returns:
        float64 (constants, free ones); None where no two trees share a part with a constant.
    """
    known: dict[str, list[int]] = {}  # parts of earlier trees, with their free constants
    columns: list[int] = []
    free = 0

    def visit(part: Expression, met: dict[str, list[int]]) -> None:
        nonlocal free
        first, text = len(columns), repr(part)
        if len(part) > 1 and text in known:
            columns.extend(known[text])
            return
        if part[0] in SUMS:
            for operand in arguments(part):
                visit(operand, met)
        else:
            width = sum(isinstance(token, float) for token in part)
            columns.extend(range(free, free + width))
            free += width
        met[text] = columns[first:]

    for tree in forest.trees:
        met: dict[str, list[int]] = {}
        visit(tree, met)
        known |= met
    if free == len(columns):
        return None
    ties = np.zeros((len(columns), free))
    ties[np.arange(len(columns)), columns] = 1.0
    return ties


def exchanged(tree: Expression, old: Expression, new: Expression) -> Expression:
    """The tree with a part (as in `mirror`) put in the place of another."""
    if tree == old:
        return new
    if tree[0] not in SUMS:
        return tree
    parts = [exchanged(part, old, new) for part in arguments(tree)]
    return (tree[0], *(token for part in parts for token in part))

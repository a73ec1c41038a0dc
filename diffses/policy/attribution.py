"""Why a forest chose as it did: what each term of its formulas added to the decision."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diffses.policy import printing
from diffses.policy.expression import Expression, Floats, arguments, evaluate, scaled
from diffses.policy.forest import Forest, highest

CONSTANT = "constant"
SPLIT = ("add", "sub", "neg", "max", "min", "logical")  # what is taken apart
DIGITS = 3  # significant digits of the constants in a term's text


@dataclass(frozen=True)
class Reasons:
    """Decisions on n rows, in terms.

    Args:
        terms: their texts, without sign.
        values: (n, trees), what each tree says.
        chosen: (n,), the tree that won, and `second` the one it beat; -1 where there is none: a
            single tree, or Box actions, in which every tree has its own say.
        shares: (n, terms), what each term added to the winner's lead over the second; its rows sum
            to that lead. Without a second, what it added to the values of the trees.
    """

    terms: tuple[str, ...]
    values: Floats
    chosen: NDArray[np.int64]
    second: NDArray[np.int64]
    shares: Floats


def reasons(forest: Forest, rows: Floats) -> Reasons:
    """Takes the decisions on rows, float64 (n, features), apart.

    A formula is split at its outermost sums, also where a constant multiplies one; of a `max`,
    `min` or `logical` the part that is in force counts.
    """
    with np.errstate(all="ignore"):
        return _reasons(forest, rows)


def _reasons(forest: Forest, rows: Floats) -> Reasons:
    values = forest.scores(rows)
    several = forest.bounds is None and len(forest.trees) > 1
    found: list[dict[str, Floats]] = []
    for action, tree in zip(forest.actions, forest.trees, strict=True):
        parts: dict[str, Floats] = {}
        _collect(tree, forest, rows, np.ones(len(rows)), parts)
        named = several or len(forest.trees) == 1
        found.append(parts if named else {f"{action}: {k}": v for k, v in parts.items()})
    terms = tuple(dict.fromkeys(text for parts in found for text in parts))
    nothing = np.zeros(len(rows))
    table = np.array([[parts.get(text, nothing) for text in terms] for parts in found])
    chosen = highest(values)
    second = np.full(len(rows), -1, np.int64)
    if not several:
        return Reasons(terms, values, chosen, second, table.sum(axis=0).T)
    each = np.arange(len(rows))
    others = values.copy()
    others[each, chosen] = np.nan
    second = highest(others)
    second = np.where(second == chosen, (chosen + 1) % len(forest.trees), second)
    shares = table[chosen, :, each] - table[second, :, each]
    return Reasons(terms, values, chosen, second, shares)


def _collect(
    tree: Expression, forest: Forest, rows: Floats, weight: Floats, parts: dict[str, Floats]
) -> None:
    """Adds `weight` times the terms of a tree to `parts`; weight: (n,), 0 where not in force."""
    name, below = tree[0], arguments(tree)
    if name == "add":
        _collect(below[0], forest, rows, weight, parts)
        _collect(below[1], forest, rows, weight, parts)
    elif name == "sub":
        _collect(below[0], forest, rows, weight, parts)
        _collect(below[1], forest, rows, -weight, parts)
    elif name == "neg":
        _collect(below[0], forest, rows, -weight, parts)
    elif name in ("max", "min", "logical"):
        one, other = below[-2:]
        first = _in_force(str(name), below, rows)
        _collect(one, forest, rows, np.where(first, weight, 0.0), parts)
        _collect(other, forest, rows, np.where(first, 0.0, weight), parts)
    elif (factor := scaled(tree)[0]) is not None and below[1][0] in SPLIT:
        _collect(below[1], forest, rows, factor * weight, parts)
    else:
        text = printing.text(tree, forest.features, DIGITS)
        text = CONSTANT if isinstance(name, float) else text.removeprefix("-")
        added = np.where(weight == 0, 0.0, weight * evaluate(tree, rows))
        parts[text] = parts.get(text, 0.0) + added


def _in_force(name: str, below: list[Expression], rows: Floats) -> NDArray[np.bool_]:
    """Whether the first of an operator's last two arguments is its value."""
    a, b = evaluate(below[0], rows), evaluate(below[1], rows)
    if name == "logical":
        return np.asarray(a > b)
    return np.asarray((a > b if name == "max" else a < b) | (a != a))

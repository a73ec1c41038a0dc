"""Attribution of a forest's decisions to the terms of its formulas.

The lead of the chosen action over the runner-up is split into contributions of terms, which sum
to it exactly, up to the rounding of the sum.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diffses.policy import printing
from diffses.policy.expression import Expression, Floats, arguments, evaluate, split_factor
from diffses.policy.forest import Forest, highest

CONSTANT_TERM = "constant"
SPLIT_OPERATORS = ("add", "sub", "neg", "max", "min", "logical")  # their arguments are terms
DIGITS = 3  # significant digits of the constants in a term's text


@dataclass(frozen=True)
class Attribution:
    """Decisions on n rows, attributed to terms.

    Args:
        terms: their texts, without sign.
        values: (n, trees), the value of each tree.
        chosen: (n,), the tree of the highest value.
        runner_up: (n,), the tree of the second-highest value; -1 for a single tree and for Box
            actions, whose trees do not compete.
        contributions: (n, terms), the contribution of each term to the chosen tree's lead over the
            runner-up; a row sums to that lead. Without a runner-up, to the values of the trees.
    """

    terms: tuple[str, ...]
    values: Floats
    chosen: NDArray[np.int64]
    runner_up: NDArray[np.int64]
    contributions: Floats


def attribute_terms(forest: Forest, rows: Floats) -> Attribution:
    """Attributes the decisions on rows, float64 (n, features), to terms.

    A formula is split at its outermost sums, also below a constant factor; of `max`, `min` and
    `logical` the active branch counts.
    """
    with np.errstate(all="ignore"):
        return _attribute_terms(forest, rows)


def _attribute_terms(forest: Forest, rows: Floats) -> Attribution:
    values = forest.scores(rows)
    compete = forest.bounds is None and len(forest.trees) > 1
    by_tree: list[dict[str, Floats]] = []
    for action, tree in zip(forest.actions, forest.trees, strict=True):
        parts: dict[str, Floats] = {}
        _collect(tree, forest, rows, np.ones(len(rows)), parts)
        shared_names = compete or len(forest.trees) == 1
        by_tree.append(parts if shared_names else {f"{action}: {k}": v for k, v in parts.items()})
    terms = tuple(dict.fromkeys(text for parts in by_tree for text in parts))
    zero = np.zeros(len(rows))
    table = np.array([[parts.get(text, zero) for text in terms] for parts in by_tree])
    chosen = highest(values)
    if not compete:
        no_tree = np.full(len(rows), -1, np.int64)
        return Attribution(terms, values, chosen, no_tree, table.sum(axis=0).T)
    each = np.arange(len(rows))
    others = values.copy()
    others[each, chosen] = np.nan
    runner_up = highest(others)
    # a row of NaN has no second-highest value: take the next tree
    runner_up = np.where(runner_up == chosen, (chosen + 1) % len(forest.trees), runner_up)
    contributions = table[chosen, :, each] - table[runner_up, :, each]
    return Attribution(terms, values, chosen, runner_up, contributions)


def _collect(
    tree: Expression, forest: Forest, rows: Floats, weight: Floats, parts: dict[str, Floats]
) -> None:
    """Adds `weight` times the terms of a tree to `parts`; weight: (n,), 0 where not active."""
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
        first = _active_branch(str(name), below, rows) == 0
        _collect(one, forest, rows, np.where(first, weight, 0.0), parts)
        _collect(other, forest, rows, np.where(first, 0.0, weight), parts)
    elif (factor := split_factor(tree)[0]) is not None and below[1][0] in SPLIT_OPERATORS:
        _collect(below[1], forest, rows, factor * weight, parts)
    else:
        text = printing.text(tree, forest.features, DIGITS)
        text = CONSTANT_TERM if isinstance(name, float) else text.removeprefix("-")
        added = np.where(weight == 0, 0.0, weight * evaluate(tree, rows))
        parts[text] = parts.get(text, 0.0) + added


def _active_branch(name: str, below: list[Expression], rows: Floats) -> NDArray[np.int64]:
    """Which of an operator's last two arguments is its value: 0 or 1, (n,)."""
    a, b = evaluate(below[0], rows), evaluate(below[1], rows)
    if name == "logical":
        return np.where(a > b, 0, 1)
    return np.where((a > b if name == "max" else a < b) | (a != a), 0, 1)

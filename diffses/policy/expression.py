"""An expression: one tree as a flat tuple of tokens in prefix order, root first.

A token is a `str` (an operator's name), an `int` (the index of a feature) or a `float` (a
constant): 0.5*x3 + x0 is `("add", "mul", 0.5, 3, 0)`. The tuple is what is stored and hashed;
its printed form is a view (`printing.py`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffses.policy.operators import OPERATORS

Token = str | int | float
Expression = tuple[Token, ...]
Floats = NDArray[np.float64]


def arity(token: Token) -> int:
    """The number of arguments of a token; 0 for a feature or a constant."""
    return OPERATORS[token].arity if isinstance(token, str) else 0


def check_tree(expression: Sequence[Token], width: int) -> None:
    """Checks that this is one complete tree over `width` features.

    Raises:
        ValueError: if it is not.
    """
    missing = 1  # subtrees still to come
    for position, token in enumerate(expression):
        if missing == 0:
            raise ValueError(f"the tree is complete before token {position} of {len(expression)}")
        _check_token(token, width)
        missing += arity(token) - 1
    if missing:
        raise ValueError(f"the tree of {len(expression)} tokens lacks {missing} argument(s)")


def _check_token(token: Token, width: int) -> None:
    if isinstance(token, str):
        if token not in OPERATORS:
            raise ValueError(f"there is no operator {token!r}; known: {', '.join(OPERATORS)}")
    elif type(token) is int:
        if not 0 <= token < width:
            raise ValueError(f"there is no feature {token}; there are {width}")
    elif type(token) is not float or not math.isfinite(token):
        raise ValueError(f"{token!r} is neither an operator, a feature nor a finite constant")


def end_of(expression: Sequence[Token], start: int) -> int:
    """One past the last token of the subtree that starts at `start`."""
    missing = 1
    while missing:
        missing += arity(expression[start]) - 1
        start += 1
    return start


def split_factor(expression: Expression) -> tuple[float | None, Expression]:
    """The constant factor of a product and the other factor; (None, expression) without one."""
    if expression[0] == "mul":
        factor, inner = arguments(expression)
        if isinstance(factor[0], float):
            return factor[0], inner
    return None, expression


def arguments(expression: Expression, start: int = 0) -> list[Expression]:
    """The subtrees directly below the token at `start`."""
    found = []
    position = start + 1
    for _ in range(arity(expression[start])):
        stop = end_of(expression, position)
        found.append(expression[position:stop])
        position = stop
    return found


def depth(expression: Expression) -> int:
    """The number of operators on the longest path from the root to a leaf."""
    levels: int = fold(expression, lambda token: 0, lambda name, below: 1 + max(below))
    return levels


def fold(
    expression: Sequence[Token],
    leaf: Callable[[int | float], Any],
    join: Callable[[str, list[Any]], Any],
) -> Any:
    """Folds a tree from its leaves to the root.

    Args:
        expression: a complete tree.
        leaf: the value of a feature or constant; called from the last leaf to the first.
        join: the value of an operator, from its name and its arguments' values.
    """
    stack: list[Any] = []
    for token in reversed(expression):
        if isinstance(token, str):
            below = [stack.pop() for _ in range(OPERATORS[token].arity)]
            stack.append(join(token, below))
        else:
            stack.append(leaf(token))
    (value,) = stack
    return value


def constants(expression: Sequence[Token]) -> list[float]:
    """The constants from left to right."""
    return [token for token in expression if isinstance(token, float)]


def with_constants(expression: Expression, values: Iterator[float]) -> Expression:
    """The same tree, its constants taken from `values` from left to right."""
    return tuple(float(next(values)) if isinstance(token, float) else token for token in expression)


def evaluate(expression: Expression, rows: Floats) -> Floats:
    """Evaluates one tree in numpy: the reference for the other evaluators.

    Args:
        expression: a tree over the columns of `rows`.
        rows: float64 (n, features).

    Returns:
        float64 (n,). Overflow gives inf or NaN as in IEEE 754, without a warning.
    """

    def leaf(token: int | float) -> Floats:
        return rows[:, token] if isinstance(token, int) else np.full(len(rows), token)

    with np.errstate(all="ignore"):
        value = fold(expression, leaf, lambda name, args: OPERATORS[name].on(np)(*args))
    return np.array(value, dtype=np.float64)

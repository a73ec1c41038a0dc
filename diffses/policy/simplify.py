"""Simplification of trees by rewrites that leave every value bit-equal.

The rewrites hold for finite features and every value that can arise from them, infinities, NaN
and -0 included. Left out, because they do not hold:

- x + 0 = x and x * 0 = 0, because of -0 (but x - 0, and x + -0, are x);
- -(x - y) = y - x, because of -0 again;
- x - x = 0 and x / x = 1 for anything but a feature: inf - inf is NaN;
- reordering of sums and products, which changes the last bit.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from diffses.policy.expression import Expression, arguments, evaluate
from diffses.policy.forest import Forest
from diffses.policy.operators import EPS


def simplify(expression: Expression) -> Expression:
    """A tree of at most as many nodes, bit-equal to this one on all finite features.

    Constants are folded by the numpy reference.
    """
    below = [simplify(argument) for argument in arguments(expression)]
    if not below:
        return expression
    name = expression[0]
    assert isinstance(name, str)
    rebuilt: Expression = (name, *(token for argument in below for token in argument))
    rewritten = _fold(rebuilt, below) or _rewrite(name, below)
    # every rewrite removes a node or a negation, so this ends
    return simplify(rewritten) if rewritten else rebuilt


def simplify_forest(forest: Forest) -> Forest:
    """The forest with each tree simplified."""
    return replace(forest, trees=tuple(simplify(tree) for tree in forest.trees))


def _fold(expression: Expression, below: list[Expression]) -> Expression | None:
    """Folds an operator on constants; None if it has other arguments or overflows."""
    if not all(len(argument) == 1 and isinstance(argument[0], float) for argument in below):
        return None
    value = float(evaluate(expression, np.zeros((1, 0)))[0])
    return (value,) if math.isfinite(value) else None


def _rewrite(name: str, below: list[Expression]) -> Expression | None:
    """The result of the first rewrite that applies, else None."""
    if len(below) == 1:
        return _unary(name, below[0])
    if name == "logical":
        return _logical(*below)
    if len(below) == 2:
        return _same(name, *below) or _neutral(name, *below) or _signs(name, *below)
    return None


def _unary(name: str, a: Expression) -> Expression | None:
    if name == "neg" and a[0] == "neg":
        return a[1:]
    if name == "abs" and a[0] == "abs":
        return a
    if name == "abs" and a[0] == "neg":
        return ("abs", *a[1:])
    return None


def _logical(a: Expression, b: Expression, c: Expression, d: Expression) -> Expression | None:
    if _alike(c, d):
        return c
    if _alike(a, b):  # a > a never holds, not for NaN either
        return d
    if _is_constant(a) and _is_constant(b):
        return c if a[0] > b[0] else d  # type: ignore[operator]
    return None


def _same(name: str, a: Expression, b: Expression) -> Expression | None:
    """Rewrites for two equal arguments."""
    if not _alike(a, b):
        return None
    if name in ("max", "min"):
        return a
    if name in ("is_right_of", "is_left_of", "is_above", "is_below"):
        return (0.0,)
    if len(a) == 1 and name in ("sub", "div"):  # a feature: finite
        return (0.0,) if name == "sub" else (1.0,)
    return None


def _neutral(name: str, a: Expression, b: Expression) -> Expression | None:
    """Rewrites for a neutral constant, or one that only changes the sign."""
    if name == "mul":
        return _by_one(a, b) or _by_one(b, a)
    if name == "div" and _is_constant(b):
        return (1.0,) if abs(b[0]) <= EPS else _by_one(a, b)  # type: ignore[arg-type]
    if name == "sub" and _is(b, 0.0):
        return a
    if name == "add":
        return a if _is(b, -0.0) else b if _is(a, -0.0) else None
    return None


def _by_one(a: Expression, constant: Expression) -> Expression | None:
    """a times or over 1 or -1."""
    if _is(constant, 1.0):
        return a
    return ("neg", *a) if _is(constant, -1.0) else None


def _signs(name: str, a: Expression, b: Expression) -> Expression | None:
    """Rewrites that merge negations into an addition, subtraction or product."""
    if name in ("add", "sub") and b[0] == "neg":
        return ("sub" if name == "add" else "add", *a, *b[1:])
    if name == "add" and a[0] == "neg":
        return ("sub", *b, *a[1:])
    if name in ("mul", "div"):
        if a[0] == "neg" and b[0] == "neg":
            return (name, *a[1:], *b[1:])
        if a[0] == "neg" and _is_constant(b):
            return (name, *a[1:], -b[0])  # type: ignore[operator]
        if b[0] == "neg" and _is_constant(a):
            return (name, -a[0], *b[1:])  # type: ignore[operator]
    return None


def _alike(a: Expression, b: Expression) -> bool:
    """Whether two trees are the same; `==` equates feature 1 and constant 1.0, 0.0 and -0.0."""
    return repr(a) == repr(b)


def _is_constant(expression: Expression) -> bool:
    return len(expression) == 1 and isinstance(expression[0], float)


def _is(expression: Expression, value: float) -> bool:
    """Exactly this constant, its sign included."""
    return repr(expression) == repr((value,))

"""Export of a forest as SymPy expressions."""

from __future__ import annotations

from types import ModuleType
from typing import Any, cast

import sympy
from sympy.printing.str import StrPrinter

from diffses.export.codegen import PYTHON_WORDS, assign_names
from diffses.policy.expression import Expression, fold
from diffses.policy.forest import Forest
from diffses.policy.operators import OPERATORS


def _where(condition: Any, a: Any, b: Any) -> Any:
    def is_same(inner: Any) -> bool:
        return isinstance(inner, sympy.Piecewise) and inner.args[0].cond == condition

    # a body guards its unused branch by a second `where` on the same condition: drop that
    plain = sympy.sympify(a).replace(is_same, lambda inner: inner.args[0].expr)
    return sympy.Piecewise((plain, condition), (b, True))


class Symbolic(ModuleType):
    """The array module `xp` with which an operator's body returns a SymPy expression."""

    where = staticmethod(_where)
    abs = sympy.Abs
    sqrt = staticmethod(sympy.sqrt)
    log, tanh = sympy.log, sympy.tanh

    @staticmethod
    def ones_like(a: Any) -> Any:
        return sympy.Integer(1)

    @staticmethod
    def zeros_like(a: Any) -> Any:
        return sympy.Integer(0)


SYMBOLIC = Symbolic("symbolic")


def to_sympy_expression(tree: Expression, symbols: list[sympy.Symbol]) -> sympy.Expr:
    """A tree as a SymPy expression of `symbols`; constants become 53-bit floats."""

    def leaf(token: int | float) -> Any:
        return symbols[token] if isinstance(token, int) else sympy.Float(token, precision=53)

    made = fold(tree, leaf, lambda name, below: OPERATORS[name].on(SYMBOLIC)(*below))
    return cast(sympy.Expr, sympy.sympify(made))


class _Printer(StrPrinter):  # type: ignore[misc]
    def _print_Float(self, number: Any) -> str:
        return repr(float(number))


def to_sympy(forest: Forest, title: str) -> str:
    """Python source with `FEATURES`, one symbol each, and `TREES`, action -> expression.

    SymPy reorders sums, so values equal the forest's up to rounding.

    Args:
        forest: the policy.
        title: first line of the file's docstring.
    """
    reserved = {name for name in dir(sympy) if not name.startswith("_")}
    named = assign_names(forest.features, [*PYTHON_WORDS, *reserved, "FEATURES", "TREES", "BOUNDS"])
    symbols = [sympy.Symbol(name, real=True) for name in named.features]
    lines = [
        f'"""{title}\n\nTREES[action] is the value of an action; the highest is played."""\n',
        "from sympy import *\n",
        "FEATURES = (",
        *(
            f"    {spelled} := Symbol({name!r}, real=True),"
            for spelled, name in zip(named.features, forest.features, strict=True)
        ),
        ")",
    ]
    if forest.bounds is not None:
        lines.append(f"BOUNDS = {forest.bounds!r}  # low + (high - low)*(1 + tanh(value))/2")
    lines.append("TREES = {")
    for action, tree in zip(forest.actions, forest.trees, strict=True):
        written = _Printer({"abbrev": False}).doprint(to_sympy_expression(tree, symbols))
        lines.append(f"    {action!r}: sympify({written}),")
    return "\n".join([*lines, "}", ""])

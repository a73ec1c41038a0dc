"""The operators of expressions. Each is written once, for numpy, torch and the compiled evaluator.

A body is a function of an array module `xp` that returns the operator: `xp` is `numpy` in the
reference evaluator, `torch` for gradients, and `diffses.policy.scalar_ops` under numba. A body may
use arithmetic, comparisons and the functions these three share. To add an operator, add one entry
to `OPERATORS`: gplearn, the evaluators, the parser and everything that displays a formula (text,
LaTeX, MathML, tree pictures) read this entry.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

Array = Any  # np.ndarray or torch.Tensor of floats, or one float where compiled
Body = Callable[[ModuleType], Callable[..., Array]]

EPS = 1e-3  # divisors and logarithms' arguments up to this count as zero; as in gplearn

PRECEDENCE = {"+": 1, "-": 1, "*": 2, "/": 2}  # of infix operators
TYPOGRAPHIC = str.maketrans(
    {"-": "\N{MINUS SIGN}", "*": "\N{MULTIPLICATION SIGN}", "/": "\N{DIVISION SIGN}"}
)
ARGUMENT = re.compile(r"%(?:(\d+)\$)?s")  # of a template: "%s", or "%2$s" for the second
UNARY_PRECEDENCE = 3
ATOMIC = 4  # of a leaf or a call, which never needs brackets


@dataclass(frozen=True)
class Operator:
    """One operator.

    Args:
        name: an identifier, as in the stored trees.
        arity: number of arguments, at least 1.
        body: `xp -> f`; f takes `arity` arguments of one shape and returns that shape. Value and
            gradient are finite for finite arguments, overflow excepted.
        text: the printed form, one `%s` per argument: "%s + %s" and its like with - * /, "-%s",
            or by default the call `name(%s, ...)`. The printed form can be parsed back.
        latex: the displayed form, in LaTeX's math mode; by default a call. Where the arguments
            are displayed in another order, `%3$s` is the third. Pages convert it to MathML.

    Raises:
        ValueError: if these do not fit each other.
    """

    name: str
    arity: int
    body: Body
    text: str = ""
    latex: str = ""

    def __post_init__(self) -> None:
        commas = ", ".join(["%s"] * self.arity)
        call = f"{self.name}({commas})"
        spelled = self.name.replace("_", r"\_")
        object.__setattr__(self, "text", self.text or call)
        object.__setattr__(
            self, "latex", self.latex or rf"\mathrm{{{spelled}}}\left({commas}\right)"
        )
        if self.arity < 1 or not self.name.isidentifier() or re.fullmatch(r"x\d+", self.name):
            raise ValueError(f"{self.name!r} with {self.arity} argument(s) is no operator")
        for template in (self.text, self.latex):
            if sorted(split_template(template)[1]) != list(range(self.arity)):
                raise ValueError(
                    f"{self.name}: {template!r} does not show {self.arity} argument(s)"
                )
        if self.text != call and self.symbol not in PRECEDENCE:
            raise ValueError(f"{self.name}: {self.text!r} cannot be parsed back")
        self._check_body()

    @property
    def symbol(self) -> str:
        """The sign between or before the arguments; "" for a call."""
        return "" if self.text.endswith(")") else self.text.replace("%s", "").strip()

    @property
    def precedence(self) -> int:
        """Precedence of the printed form."""
        if not self.symbol:
            return ATOMIC
        return UNARY_PRECEDENCE if self.arity == 1 else PRECEDENCE[self.symbol]

    @property
    def label(self) -> str:
        """The sign as typographers set it, or the name: the label of a node in a drawn tree."""
        return self.symbol.translate(TYPOGRAPHIC) or self.name

    def on(self, xp: ModuleType) -> Callable[..., Array]:
        """The operator for one array module, with positional arguments, which gplearn counts."""
        return _on(self, xp)

    def _check_body(self) -> None:
        function = self.body(np)
        if function.__code__.co_argcount != self.arity:
            raise ValueError(f"{self.name}: the body does not take {self.arity} argument(s)")
        for probe in (np.zeros(3), -np.ones(3)):
            with np.errstate(all="ignore"):
                value = function(*[probe] * self.arity)
            if np.shape(value) != probe.shape or not np.isfinite(value).all():
                raise ValueError(f"{self.name}: the value at {probe[0]:g} is {value}")


def split_template(template: str) -> tuple[list[str], list[int]]:
    """The literal parts of an operator's template and, for each gap, the argument's index.

    `%s > %s` has the parts "", " > ", "" and the indices 0, 1.
    """
    parts = ARGUMENT.split(template)
    numbers = parts[1::2]  # None for a plain %s
    return parts[::2], [at if n is None else int(n) - 1 for at, n in enumerate(numbers)]


@cache
def _on(operator: Operator, xp: ModuleType) -> Callable[..., Array]:
    return operator.body(xp)


def _add(xp: ModuleType) -> Callable[..., Array]:
    def add(a: Array, b: Array) -> Array:
        return a + b

    return add


def _sub(xp: ModuleType) -> Callable[..., Array]:
    def sub(a: Array, b: Array) -> Array:
        return a - b

    return sub


def _mul(xp: ModuleType) -> Callable[..., Array]:
    def mul(a: Array, b: Array) -> Array:
        return a * b

    return mul


def _div(xp: ModuleType) -> Callable[..., Array]:
    def div(a: Array, b: Array) -> Array:
        # protected division (Koza 1992): a / b, or 1 where |b| <= EPS. `where` takes the value of
        # one branch but the gradient of both, so the unused branch must not divide by zero: that
        # would make every gradient NaN.
        one = xp.ones_like(b)
        usable = xp.abs(b) > EPS
        return xp.where(usable, a / xp.where(usable, b, one), one)

    return div


def _max(xp: ModuleType) -> Callable[..., Array]:
    def max(a: Array, b: Array) -> Array:
        # not xp.maximum, which returns 0 or -0 of the two depending on the CPU
        return xp.where((a > b) | (a != a), a, b)

    return max


def _min(xp: ModuleType) -> Callable[..., Array]:
    def min(a: Array, b: Array) -> Array:
        return xp.where((a < b) | (a != a), a, b)

    return min


def _neg(xp: ModuleType) -> Callable[..., Array]:
    def neg(a: Array) -> Array:
        return -a

    return neg


def _abs(xp: ModuleType) -> Callable[..., Array]:
    def abs(a: Array) -> Array:
        return xp.abs(a)

    return abs


def _sqrt(xp: ModuleType) -> Callable[..., Array]:
    def sqrt(a: Array) -> Array:
        # protected square root: of |a|, or 0 where it is EPS or less, since its slope is unbounded
        usable = xp.abs(a) > EPS * EPS
        return xp.where(
            usable, xp.sqrt(xp.abs(xp.where(usable, a, xp.ones_like(a)))), xp.zeros_like(a)
        )

    return sqrt


def _log(xp: ModuleType) -> Callable[..., Array]:
    def log(a: Array) -> Array:
        # protected logarithm: ln |a|, or 0 where |a| <= EPS
        usable = xp.abs(a) > EPS
        return xp.where(
            usable, xp.log(xp.abs(xp.where(usable, a, xp.ones_like(a)))), xp.zeros_like(a)
        )

    return log


def _tanh(xp: ModuleType) -> Callable[..., Array]:
    def tanh(a: Array) -> Array:
        return xp.tanh(a)

    return tanh


def _more(xp: ModuleType) -> Callable[..., Array]:
    def more(a: Array, b: Array) -> Array:
        return xp.where(a > b, xp.ones_like(a), xp.zeros_like(a))

    return more


def _less(xp: ModuleType) -> Callable[..., Array]:
    def less(a: Array, b: Array) -> Array:
        return xp.where(a < b, xp.ones_like(a), xp.zeros_like(a))

    return less


def _logical(xp: ModuleType) -> Callable[..., Array]:
    def logical(a: Array, b: Array, c: Array, d: Array) -> Array:
        return xp.where(a > b, c, d)

    return logical


MORE, LESS = r"\left[%s > %s\right]", r"\left[%s < %s\right]"  # Iverson brackets
WHERE = r"\begin{cases} %3$s & \text{where }%1$s > %2$s \\ %4$s & \text{else} \end{cases}"

OPERATORS: dict[str, Operator] = {
    operator.name: operator
    for operator in (
        Operator("add", 2, _add, "%s + %s", "%s + %s"),
        Operator("sub", 2, _sub, "%s - %s", "%s - %s"),
        Operator("mul", 2, _mul, "%s*%s", r"%s \cdot %s"),
        Operator("div", 2, _div, "%s/%s", r"\frac{%s}{%s}"),
        Operator("max", 2, _max, latex=r"\max\left(%s, %s\right)"),
        Operator("min", 2, _min, latex=r"\min\left(%s, %s\right)"),
        Operator("neg", 1, _neg, "-%s", "-%s"),
        Operator("abs", 1, _abs, latex=r"\left|%s\right|"),
        Operator("sqrt", 1, _sqrt, latex=r"\sqrt{\left|%s\right|}"),
        Operator("log", 1, _log, latex=r"\ln\left|%s\right|"),
        Operator("tanh", 1, _tanh, latex=r"\tanh\left(%s\right)"),
        # spatial relations of coordinates; y grows downwards
        Operator("is_right_of", 2, _more, latex=MORE),
        Operator("is_left_of", 2, _less, latex=LESS),
        Operator("is_above", 2, _less, latex=LESS),
        Operator("is_below", 2, _more, latex=MORE),
        Operator("logical", 4, _logical, latex=WHERE),
    )
}

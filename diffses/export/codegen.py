"""Operators as source code: their bodies, given something that writes down what is done to it."""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from diffses.policy import printing
from diffses.policy.expression import Expression
from diffses.policy.operators import CLOSED, OPERATORS, Operator

ARGUMENTS = "abcdefgh"
PYTHON_WORDS = (*dir(builtins), *keyword.kwlist, "np", "row", "trees")
C_WORDS = re.findall(
    r"\w+",
    """
    auto break case char const continue default do double else enum extern float for goto if
    inline int long register restrict return short signed sizeof static struct switch typedef
    union unsigned void volatile while abs div fabs sqrt log exp tanh sin cos y0 y1 yn j0 j1
    jn gamma best row out scores act choose
    """,
)


@dataclass(frozen=True)
class Dialect:
    """How a language writes what an operator's body may do."""

    where: str  # one `%s` for the condition and each of the two values
    call: Callable[[str], str]  # the language's name of a function of `xp`
    signs: dict[str, str]  # Python's signs that are written otherwise
    ones: str  # `ones_like`, one `%s`
    zeros: str


NUMPY = Dialect(
    "np.where(%s, %s, %s)", lambda name: f"np.{name}", {}, "np.ones_like(%s)", "np.zeros_like(%s)"
)
C = Dialect(
    "((%s) ? (%s) : (%s))",
    lambda name: {"abs": "fabs"}.get(name, name),
    {"|": "||", "&": "&&"},
    "1.0",
    "0.0",
)


class Code:
    """A piece of source code that stands for a value."""

    def __init__(self, text: str, dialect: Dialect, closed: bool = True) -> None:
        self.text, self.dialect, self.closed = text, dialect, closed

    def inner(self) -> str:
        return self.text if self.closed else f"({self.text})"

    def _joined(self, sign: str, other: Any, turned: bool = False) -> Code:
        mine, its = self.inner(), as_code(other, self.dialect).inner()
        left, right = (its, mine) if turned else (mine, its)
        written = self.dialect.signs.get(sign, sign)
        return Code(f"{left} {written} {right}", self.dialect, closed=False)

    def __neg__(self) -> Code:
        return Code(f"-{self.inner()}", self.dialect, closed=False)

    def __eq__(self, other: object) -> Code:  # type: ignore[override]
        return self._joined("==", other)

    def __ne__(self, other: object) -> Code:  # type: ignore[override]
        return self._joined("!=", other)

    __hash__ = None  # type: ignore[assignment]


def _binary(sign: str, turned: bool = False) -> Callable[[Code, Any], Code]:
    return lambda self, other: self._joined(sign, other, turned)


for _name, _sign in (("add", "+"), ("sub", "-"), ("mul", "*"), ("truediv", "/"), ("or", "|")):
    setattr(Code, f"__{_name}__", _binary(_sign))
    setattr(Code, f"__r{_name}__", _binary(_sign, turned=True))
for _name, _sign in (("and", "&"), ("lt", "<"), ("gt", ">"), ("le", "<="), ("ge", ">=")):
    setattr(Code, f"__{_name}__", _binary(_sign))


def as_code(value: Any, dialect: Dialect) -> Code:
    if isinstance(value, Code):
        return value
    return Code(repr(float(value)), dialect, closed=value >= 0)


class Writer:
    """Stands for the `xp` of an operator's body."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    def where(self, condition: Any, a: Any, b: Any) -> Code:
        parts = tuple(as_code(part, self._dialect).text for part in (condition, a, b))
        return Code(self._dialect.where % parts, self._dialect)

    def ones_like(self, a: Code) -> Code:
        return self._like(self._dialect.ones, a)

    def zeros_like(self, a: Code) -> Code:
        return self._like(self._dialect.zeros, a)

    def _like(self, template: str, a: Code) -> Code:
        return Code(template.replace("%s", a.text), self._dialect)

    def __getattr__(self, name: str) -> Callable[..., Code]:
        def call(*arguments: Any) -> Code:
            inside = ", ".join(as_code(part, self._dialect).text for part in arguments)
            return Code(f"{self._dialect.call(name)}({inside})", self._dialect)

        return call


def body(operator: Operator, dialect: Dialect) -> str:
    """The operator's body as one expression of `a`, `b`, ..."""
    arguments = [Code(letter, dialect) for letter in ARGUMENTS[: operator.arity]]
    written: Code = operator.body(cast(Any, Writer(dialect)))(*arguments)
    return written.text


def is_native(operator: Operator, dialect: Dialect) -> bool:
    """Whether the language's own sign means the same: `+` does, the protected `/` does not."""
    written = operator.text % tuple(ARGUMENTS[: operator.arity])
    return bool(operator.symbol) and body(operator, dialect).replace(" ", "") == written.replace(
        " ", ""
    )


@dataclass(frozen=True)
class Names:
    """What features and operators are called in the source."""

    features: tuple[str, ...]
    operators: dict[str, str]

    def formula(self, expression: Expression, dialect: Dialect) -> str:
        """A tree as source, constants in full; `a + -2*b` is written `a - 2*b`, bit for bit."""

        def template(name: str) -> str:
            operator = OPERATORS[name]
            if is_native(operator, dialect):
                return operator.text
            return f"{self.operators[name]}({', '.join(['%s'] * operator.arity)})"

        written = printing.render(
            expression,
            lambda index: (self.features[index], CLOSED),
            lambda value: (repr(value), CLOSED),
            template,
        )
        return printing.without_double_signs(written)


def names(features: Sequence[str], reserved: Iterable[str]) -> Names:
    """An identifier for each feature and operator: "ball.y-player.y" is `ball_y_minus_player_y`."""
    taken = set(reserved)
    operators = {name: _free(name, taken) for name in OPERATORS}
    spelled = (re.sub(r"\W", "_", feature.replace("-", "_minus_")) for feature in features)
    return Names(tuple(_free(name, taken) for name in spelled), operators)


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    taken.add(name)
    return name


def used(trees: Iterable[Expression]) -> tuple[list[str], list[int]]:
    """Operators (in the table's order) and features (by index) that occur."""
    tokens = {repr(token): token for tree in trees for token in tree}.values()
    operators = [name for name in OPERATORS if name in {t for t in tokens if isinstance(t, str)}]
    return operators, sorted(token for token in tokens if isinstance(token, int))

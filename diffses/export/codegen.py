"""Source code of operators by symbolic tracing, and of formulas that call them.

An operator's body is a Python function of an array module `xp`. Called with a `TracingNamespace`
as `xp` and with `Traced` arguments, it computes source code instead of numbers: every overloaded
operator (`+`, `>`, `==`, ...) and every `xp` function returns a `Traced` with a longer text.

    OPERATORS["max"].body(xp)(a, b)     text of the Traced value
      a > b                             a > b
      (a > b) | (a != a)                (a > b) | (a != a)
      xp.where(..., a, b)               np.where((a > b) | (a != a), a, b)     NUMPY
                                        (((a > b) || (a != a)) ? (a) : (b))    C

`operator_source` returns the last text, the body of an exported function `max(a, b)`.

A formula (`Names.formula`) then calls these functions, or uses the language's own operator where
it means the same (`is_native`): `+` does, the protected `/` does not.
"""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from diffses.policy import printing
from diffses.policy.expression import Expression
from diffses.policy.operators import ATOMIC, OPERATORS, Operator

ARGUMENTS = "abcdefgh"
PYTHON_WORDS = (*dir(builtins), *keyword.kwlist, "np", "row", "trees")
C_WORDS = re.findall(
    r"\w+",
    """
    auto break case char const continue default do double else enum extern float for goto if
    inline int long register restrict return short signed sizeof static struct switch typedef
    union unsigned void volatile while abs div fabs sqrt log exp tanh sin cos y0 y1 yn j0 j1
    jn gamma best row out scores act choose

    alignas alignof asm bool constexpr false nullptr static_assert thread_local true typeof
    typeof_unqual
    errno i386 linux math_errhandling unix

    and and_eq bitand bitor catch char8_t char16_t char32_t class co_await co_return co_yield
    compl concept const_cast consteval constinit decltype delete dynamic_cast explicit export
    friend mutable namespace new noexcept not not_eq operator or or_eq private protected public
    reinterpret_cast requires static_cast template this throw try typeid typename using virtual
    wchar_t xor xor_eq
    """,
)  # of C, its macros in lower case, and of C++


@dataclass(frozen=True)
class Dialect:
    """The syntax of a target language for what an operator's body may do.

    Args:
        where: a template with `%s` for the condition and each of the two values.
        call: the language's name of a function of `xp`.
        infix: Python's infix operators -> the language's, where they differ.
        ones, zeros: templates of `ones_like` and `zeros_like`, with one `%s`.
    """

    where: str
    call: Callable[[str], str]
    infix: dict[str, str]
    ones: str
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


class Traced:
    """A traced value: the source code that computes it.

    Args:
        text: the source code.
        dialect: of the text.
        closed: whether the text needs no parentheses as an operand.
    """

    def __init__(self, text: str, dialect: Dialect, closed: bool = True) -> None:
        self.text, self.dialect, self.closed = text, dialect, closed

    def parenthesized(self) -> str:
        return self.text if self.closed else f"({self.text})"

    def _infix(self, sign: str, other: Any, reflected: bool = False) -> Traced:
        mine, its = self.parenthesized(), as_traced(other, self.dialect).parenthesized()
        left, right = (its, mine) if reflected else (mine, its)
        written = self.dialect.infix.get(sign, sign)
        return Traced(f"{left} {written} {right}", self.dialect, closed=False)

    def __neg__(self) -> Traced:
        return Traced(f"-{self.parenthesized()}", self.dialect, closed=False)

    def __eq__(self, other: object) -> Traced:  # type: ignore[override]
        return self._infix("==", other)

    def __ne__(self, other: object) -> Traced:  # type: ignore[override]
        return self._infix("!=", other)

    __hash__ = None  # type: ignore[assignment]


def _binary(sign: str, reflected: bool = False) -> Callable[[Traced, Any], Traced]:
    return lambda self, other: self._infix(sign, other, reflected)


for _name, _sign in (("add", "+"), ("sub", "-"), ("mul", "*"), ("truediv", "/"), ("or", "|")):
    setattr(Traced, f"__{_name}__", _binary(_sign))
    setattr(Traced, f"__r{_name}__", _binary(_sign, reflected=True))
for _name, _sign in (("and", "&"), ("lt", "<"), ("gt", ">"), ("le", "<="), ("ge", ">=")):
    setattr(Traced, f"__{_name}__", _binary(_sign))


def as_traced(value: Any, dialect: Dialect) -> Traced:
    """A traced value as it is, and a number as a literal."""
    if isinstance(value, Traced):
        return value
    return Traced(repr(float(value)), dialect, closed=value >= 0)


class TracingNamespace:
    """The array module `xp` under tracing: its functions return `Traced` values."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    def where(self, condition: Any, a: Any, b: Any) -> Traced:
        parts = tuple(as_traced(part, self._dialect).text for part in (condition, a, b))
        return Traced(self._dialect.where % parts, self._dialect)

    def ones_like(self, a: Traced) -> Traced:
        return self._like(self._dialect.ones, a)

    def zeros_like(self, a: Traced) -> Traced:
        return self._like(self._dialect.zeros, a)

    def _like(self, template: str, a: Traced) -> Traced:
        return Traced(template.replace("%s", a.text), self._dialect)

    def __getattr__(self, name: str) -> Callable[..., Traced]:
        def call(*arguments: Any) -> Traced:
            inside = ", ".join(as_traced(part, self._dialect).text for part in arguments)
            return Traced(f"{self._dialect.call(name)}({inside})", self._dialect)

        return call


def operator_source(operator: Operator, dialect: Dialect) -> str:
    """The source of an operator's body, as one expression of `a`, `b`, ..."""
    arguments = [Traced(letter, dialect) for letter in ARGUMENTS[: operator.arity]]
    written: Traced = operator.body(cast(Any, TracingNamespace(dialect)))(*arguments)
    return written.text


def is_native(operator: Operator, dialect: Dialect) -> bool:
    """Whether the language's own infix operator computes the same: `+` does, `/` does not."""
    if not operator.symbol:
        return False
    native = operator.text % tuple(ARGUMENTS[: operator.arity])
    return operator_source(operator, dialect).replace(" ", "") == native.replace(" ", "")


@dataclass(frozen=True)
class Names:
    """The identifiers of features (by index) and operators (by name) in the source."""

    features: tuple[str, ...]
    operators: dict[str, str]

    def formula(self, expression: Expression, dialect: Dialect) -> str:
        """A tree as source, constants in full; `a + -2*b` becomes `a - 2*b`, which is bit-equal."""

        def template(name: str) -> str:
            operator = OPERATORS[name]
            if is_native(operator, dialect):
                return operator.text
            return f"{self.operators[name]}({', '.join(['%s'] * operator.arity)})"

        written = printing.render(
            expression,
            lambda index: (self.features[index], ATOMIC),
            lambda value: (repr(value), ATOMIC),
            template,
        )
        return printing.without_double_signs(written)


def assign_names(features: Sequence[str], reserved: Iterable[str]) -> Names:
    """Assigns identifiers: "ball.y-player.y" becomes `ball_y_minus_player_y`, "v²" `v_`.

    An identifier that is taken gets a `_` at its end.

    Args:
        features: their names.
        reserved: words that must not be used.
    """
    taken = set(reserved)
    operators = {name: _free(name, taken) for name in OPERATORS}
    return Names(tuple(_free(identifier(name), taken) for name in features), operators)


def identifier(name: str) -> str:
    """A feature's name in ASCII letters, digits and `_`; it may be a word of the language.

    It does not begin with `_`: C reserves such names, and Python some.
    """
    spelled = re.sub(r"[^A-Za-z0-9_]", "_", name.replace("-", "_minus_"))
    return f"f{spelled}" if spelled.startswith("_") else spelled


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    taken.add(name)
    return name


def used_symbols(trees: Iterable[Expression]) -> tuple[list[str], list[int]]:
    """The operators (in the order of `OPERATORS`) and the feature indices that trees use."""
    tokens = {repr(token): token for tree in trees for token in tree}.values()
    operators = [name for name in OPERATORS if name in {t for t in tokens if isinstance(t, str)}]
    return operators, sorted(token for token in tokens if isinstance(token, int))

"""Expressions typeset: MathML, which browsers show without anything loaded."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping, Sequence

from diffses.policy.expression import Expression, arguments, fold
from diffses.policy.operators import CLOSED, LEVELS, OPERATORS, UNARY_LEVEL

Typeset = tuple[str, int]  # MathML, and how tightly it binds
MINUS, DOT = "\N{MINUS SIGN}", "\N{DOT OPERATOR}"
SIGNS = {"-": MINUS, "*": DOT}
TURNED = {"add": MINUS, "sub": "+"}  # the sign of a sum before a constant whose own it takes over
NEGATIVE = re.compile(rf"((?:<mrow>)*)<mo>{MINUS}</mo>(?=<mn>)")
RELATIONS = {"is_right_of": ">", "is_left_of": "<", "is_above": "<", "is_below": ">"}


def mathml(
    expression: Expression,
    features: Sequence[str],
    digits: int = 3,
    colours: Mapping[str, str] | None = None,
) -> str:
    """One tree as the content of a `<math>` element; constants rounded to `digits`.

    Operators without a form of their own here are written as calls. As in the printed text, a
    fraction is the protected division.

    Args:
        colours: of the features, by name.
    """
    shades = colours or {}

    def leaf(token: int | float) -> Typeset:
        if isinstance(token, int):
            return _feature(features[token], shades.get(features[token]))
        return _constant(token, digits)

    def join(name: str, below: list[Typeset]) -> Typeset:
        return FORMS[name](below) if name in FORMS else _general(name, below)

    made: str = fold(expression, leaf, join)[0]
    return made


def summands(expression: Expression) -> list[tuple[str, Expression]]:
    """The terms of the outermost sum, each with its sign, "+" or "-".

    A negative constant in front of a term gives its sign away: `a + -2*b` is a - 2b.
    """
    name = expression[0]
    if name in ("add", "sub"):
        left, right = arguments(expression)
        return [*summands(left), *(summands(right) if name == "add" else [_turned(right)])]
    if name == "neg" and expression[1] != "neg":
        return [_turned(expression[1:])]
    value = expression[1] if name == "mul" else name
    if isinstance(value, float) and value < 0:
        place = 1 if name == "mul" else 0
        return [("-", (*expression[:place], -value, *expression[place + 1 :]))]
    return [("+", expression)]


def _turned(expression: Expression) -> tuple[str, Expression]:
    """A term that is subtracted."""
    terms = summands(expression)
    return ("+-"[terms[0][0] == "+"], terms[0][1]) if len(terms) == 1 else ("-", expression)


def _feature(name: str, colour: str | None) -> Typeset:
    """`ball.vx` as vx with its object below it; a difference in its two parts."""
    parts = [_part(part) for part in name.split("-")]
    made = _row(parts[0], *(x for p in parts[1:] for x in (_sign(MINUS), p)))
    if colour is not None:
        made = f'<mrow style="color:{colour}">{made}</mrow>'
    return made, LEVELS["-"] if len(parts) > 1 else CLOSED


def _part(name: str) -> str:
    thing, _, quantity = name.rpartition(".")
    if not thing:
        return f"<mi>{html.escape(name)}</mi>"
    return f"<msub><mi>{html.escape(quantity)}</mi><mtext>{html.escape(thing)}</mtext></msub>"


def _constant(value: float, digits: int) -> Typeset:
    mantissa, _, exponent = f"{abs(value):.{digits}g}".partition("e")
    text = f"<mn>{mantissa}</mn>"
    if exponent:
        power = f"<mn>{int(exponent)}</mn>".replace("-", MINUS)
        text = _row(text, _sign(DOT), f"<msup><mn>10</mn>{power}</msup>")
    if value < 0:
        return _row(_sign(MINUS), text), LEVELS["*"]
    return text, LEVELS["*"] if exponent else CLOSED


def _general(name: str, below: list[Typeset]) -> Typeset:
    operator = OPERATORS[name]
    if not operator.symbol:
        inside = [piece for text, _ in below for piece in ("<mo>,</mo>", text)][1:]
        call = f"<mi>{html.escape(name)}</mi>"
        return _row(call, "<mo>(</mo>", *inside, "<mo>)</mo>"), CLOSED
    sign = _sign(SIGNS.get(operator.symbol, operator.symbol))
    if operator.arity == 1:
        return _row(sign, _bracket(below[0], below[0][1] <= UNARY_LEVEL - 1)), operator.level
    left, right = below
    own = operator.level
    shown = _bracket(right, right[1] <= own)
    if name in TURNED and (negative := NEGATIVE.match(shown)):  # a + -2 is a - 2
        sign, shown = _sign(TURNED[name]), negative.group(1) + shown[negative.end() :]
    return _row(_bracket(left, left[1] < own), sign, shown), own


def _bracket(argument: Typeset, wanted: bool) -> str:
    return _row("<mo>(</mo>", argument[0], "<mo>)</mo>") if wanted else argument[0]


def _sign(sign: str) -> str:
    return f"<mo>{html.escape(sign)}</mo>"


def _row(*parts: str) -> str:
    return parts[0] if len(parts) == 1 else f"<mrow>{''.join(parts)}</mrow>"


def _around(before: str, after: str) -> Callable[[list[Typeset]], Typeset]:
    def form(below: list[Typeset]) -> Typeset:
        return _row(_sign(before), below[0][0], _sign(after)), CLOSED

    return form


def _relation(sign: str) -> Callable[[list[Typeset]], Typeset]:
    """An Iverson bracket: 1 where it holds, else 0."""

    def form(below: list[Typeset]) -> Typeset:
        return _row(_sign("["), below[0][0], _sign(sign), below[1][0], _sign("]")), CLOSED

    return form


def _logical(below: list[Typeset]) -> Typeset:
    a, b, c, d = (text for text, _ in below)
    condition = _row(a, _sign(">"), b)
    lines = (
        f"<mtr><mtd>{c}</mtd>"
        f"<mtd><mtext>where</mtext><mspace width='0.4em'/>{condition}</mtd></mtr>"
        f"<mtr><mtd>{d}</mtd><mtd><mtext>else</mtext></mtd></mtr>"
    )
    return _row(_sign("{"), f"<mtable>{lines}</mtable>"), LEVELS["+"]


FORMS: dict[str, Callable[[list[Typeset]], Typeset]] = {
    "div": lambda below: (f"<mfrac>{below[0][0]}{below[1][0]}</mfrac>", CLOSED),
    "abs": _around("|", "|"),
    "sqrt": lambda below: (f"<msqrt>{_around('|', '|')(below)[0]}</msqrt>", CLOSED),
    "log": lambda below: (_row("<mi>ln</mi>", _around("|", "|")(below)[0]), CLOSED),
    "logical": _logical,
    **{name: _relation(sign) for name, sign in RELATIONS.items()},
}

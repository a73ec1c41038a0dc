"""Printing of expressions as text, which can be parsed back, and as LaTeX for display."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import cache

from diffses.policy.expression import Expression, Token, arity, fold
from diffses.policy.operators import ATOMIC, OPERATORS, PRECEDENCE, UNARY_PRECEDENCE, split_template

FEATURE_NAME = re.compile(r"[^\W\d][\w.\[\]#]*(-[^\W\d][\w.\[\]#]*)*")
NUMBER = re.compile(r"\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?")

LATEX_SPECIAL = {
    **{sign: rf"\{sign}" for sign in "_#%&$ {}"},
    "\\": r"\backslash{}",
    "^": r"\text{\textasciicircum}",
    "~": r"\text{\textasciitilde}",
}
# Unicode's names of the letters that LaTeX has a command for
CAPITALS = re.findall(r"\w+", "GAMMA DELTA THETA LAMDA XI PI SIGMA UPSILON PHI PSI OMEGA")
GREEK = CAPITALS + re.findall(r"\w+", "ALPHA BETA EPSILON ZETA ETA IOTA KAPPA MU NU RHO TAU CHI")

Printed = tuple[str, int]  # text and its precedence


@cache  # a search makes many forests of the same features
def check_feature(name: str) -> None:
    """Checks that a feature's name can stand in a printed formula.

    Raises:
        ValueError: if it cannot.
    """
    if not FEATURE_NAME.fullmatch(name) or any(part[0].isnumeric() for part in name.split("-")):
        raise ValueError(
            f"{name!r} cannot name a feature: use letters, digits, _ . # [ ], and one - between "
            "two names for their difference"
        )


def check_action(name: str) -> None:
    """Checks that an action's name can begin a printed line, `name = formula`.

    Raises:
        ValueError: if it cannot.
    """
    if not name or name != name.strip() or "=" in name or not name.isprintable():
        raise ValueError(
            f"{name!r} cannot name an action: use printable characters without =, and no blanks "
            "at its ends"
        )


def text(expression: Expression, features: Sequence[str], digits: int | None = None) -> str:
    """A tree as text, e.g. `0.5*(ball.y - player.y) + max(ball.vx, 0.2)`.

    `-` with spaces is the subtraction, `ball.y-player.y` without them the feature of that name.
    `/` is the protected division of `operators.py`.

    Args:
        expression: a tree over `features`.
        features: their names.
        digits: significant digits of the constants, for display. By default all of them, so that
            `parse` returns the same tree.
    """
    printed = render(
        expression,
        lambda index: (features[index], PRECEDENCE["-"] if "-" in features[index] else ATOMIC),
        lambda value: (repr(value) if digits is None else f"{value:.{digits}g}", ATOMIC),
        lambda name: OPERATORS[name].text,
    )
    return printed if digits is None else without_double_signs(printed)


def roman(name: str) -> str:
    """A name in LaTeX's math mode, upright: `ball.y` is `\\mathrm{ball.y}`.

    Greek letters are commands, raised and lowered digits are set so; other letters beyond ASCII
    are in `\\text`, for which amsmath and a font that has them are needed.
    """
    return rf"\mathrm{{{''.join(map(_latex_letter, name))}}}"


def _latex_letter(letter: str) -> str:
    if letter in LATEX_SPECIAL:
        return LATEX_SPECIAL[letter]
    if letter.isascii():
        return letter
    shift, _, code = unicodedata.decomposition(letter).partition(" ")
    if shift in ("<super>", "<sub>"):
        return f"{'^' if shift == '<super>' else '_'}{{{chr(int(code, 16))}}}"
    greek = re.fullmatch(r"GREEK (SMALL|CAPITAL) LETTER (\w+)", unicodedata.name(letter, ""))
    if greek and greek[2] in (GREEK if greek[1] == "SMALL" else CAPITALS):
        word = greek[2].lower().replace("lamda", "lambda")
        return rf"\{word if greek[1] == 'SMALL' else word.capitalize()}{{}}"
    return rf"\text{{{letter}}}"


def latex(
    expression: Expression,
    features: Sequence[str],
    digits: int = 3,
    spell: Callable[[str], str] | None = None,
    brackets: str = "(%s)",
) -> str:
    """The formula in LaTeX's math mode, for display.

    Args:
        expression: a tree over `features`.
        features: their names.
        digits: significant digits of the constants.
        spell: how a feature is written; by default its name upright, of a difference both.
        brackets: put around an argument that needs them.
    """

    def feature(index: int) -> Printed:
        parts = features[index].split("-")
        spelled = " - ".join(map(roman, parts)) if spell is None else spell(features[index])
        return spelled, PRECEDENCE["-"] if len(parts) > 1 else ATOMIC

    def constant(value: float) -> Printed:
        mantissa, _, exponent = f"{value:.{digits}g}".partition("e")
        power = rf" \cdot 10^{{{int(exponent)}}}" if exponent else ""
        return mantissa + power, PRECEDENCE["*"] if power or value < 0 else ATOMIC

    return without_double_signs(
        render(expression, feature, constant, lambda name: OPERATORS[name].latex, brackets)
    )


def split_terms(text: str) -> list[str]:
    """The summands of the outermost sum, each with its sign: lines may break between them."""
    terms, depth, start = [], 0, 0
    for at, sign in enumerate(text):
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if depth == 0 and at > start and text[at : at + 3] in (" + ", " - "):
            terms.append(text[start:at].strip())
            start = at
    return [*terms, text[start:].strip()]


def without_double_signs(printed: str) -> str:
    """Replaces `a + -2` by `a - 2` and `a - -2` by `a + 2`, another tree of the same value."""
    return re.sub(r" - -(?=[\d.])", " + ", re.sub(r" \+ -(?=[\d.])", " - ", printed))


def render(
    expression: Expression,
    feature: Callable[[int], Printed],
    constant: Callable[[float], Printed],
    template: Callable[[str], str],
    brackets: str = "(%s)",
) -> str:
    """A tree as text, brackets only where they are needed.

    Args:
        feature, constant: text and precedence of a leaf.
        template: of each operator, one `%s` per argument; open at an end as `Operator.text` is,
            or a call.
        brackets: the brackets, with one `%s`.
    """

    def leaf(token: int | float) -> Printed:
        return feature(token) if isinstance(token, int) else constant(token)

    def join(name: str, below: list[Printed]) -> Printed:
        parts, order = split_template(template(name))
        own = OPERATORS[name].precedence
        spelled = parts[0]
        for place, (argument, precedence) in enumerate(below[index] for index in order):
            # brackets matter only for an argument at an open end of the template
            left_open = place == 0 and not parts[0]
            right_open = place == len(below) - 1 and not parts[-1]
            loose = (left_open and precedence < own) or (right_open and precedence <= own)
            # `- 0.5` would be read as the constant -0.5
            negates = name == "neg" and argument[0] in "-.0123456789"
            spelled += brackets % argument if loose or negates else argument
            spelled += parts[place + 1]
        if parts[-1].endswith(r"\end{cases}"):  # no brace closes it, so it binds as a sum does
            return spelled, PRECEDENCE["+"]
        return spelled, own if not parts[0] or not parts[-1] else ATOMIC

    printed: str = fold(expression, leaf, join)[0]
    return printed


def parse(formula: str, features: Sequence[str]) -> Expression:
    """Parses a formula; the inverse of `text`, token for token.

    Raises:
        ValueError: if this is not a formula over `features`; names the place of the error.
    """
    parser = _Parser(formula, features)
    expression = parser.infix(0)
    if parser.rest():
        raise parser.error("expected an operator")
    return expression


class _Parser:
    """A precedence-climbing parser with one token of look-ahead."""

    def __init__(self, formula: str, features: Sequence[str]) -> None:
        self._text = formula
        self._at = 0
        self._indices = {name: index for index, name in enumerate(features)}
        self._longest_first = sorted(features, key=len, reverse=True)
        self._infix = {op.symbol: op for op in OPERATORS.values() if op.symbol and op.arity == 2}
        self._prefix = {op.symbol: op for op in OPERATORS.values() if op.symbol and op.arity == 1}

    def infix(self, precedence: int) -> Expression:
        """Terms joined by infix operators of a higher precedence, left-associative."""
        left = self._term()
        while (found := self._infix.get(self.rest()[:1])) and found.precedence > precedence:
            self._at += 1
            left = (found.name, *left, *self.infix(found.precedence))
        return left

    def rest(self) -> str:
        """The unread text, after blanks."""
        while self._text[self._at : self._at + 1].isspace():
            self._at += 1
        return self._text[self._at :]

    def error(self, problem: str) -> ValueError:
        shown = self._text[self._at : self._at + 20] or "the end"
        return ValueError(f"{problem} at {shown!r}, character {self._at} of {self._text!r}")

    def _term(self) -> Expression:
        rest = self.rest()
        sign = "-" if rest.startswith("-") else ""
        if number := NUMBER.match(rest[len(sign) :]):
            self._at += len(sign) + number.end()
            return (self._finite(sign + number.group()),)
        if prefix := self._prefix.get(rest[:1]):
            self._at += 1
            return (prefix.name, *self.infix(UNARY_PRECEDENCE - 1))
        if rest.startswith("("):
            self._at += 1
            inner = self.infix(0)
            self._expect(")")
            return inner
        return self._named(rest)

    def _named(self, rest: str) -> Expression:
        for name in self._longest_first:
            if rest.startswith(name) and not re.match(r"[\w.(]", rest[len(name) :]):
                self._at += len(name)
                return (self._indices[name],)
        word = re.match(r"\w+(?=\s*\()", rest)
        if not word or word.group() not in OPERATORS or OPERATORS[word.group()].symbol:
            raise self.error("expected a number, a feature, a function or a bracket")
        self._at += word.end()
        return self._call(word.group())

    def _call(self, name: str) -> Expression:
        tokens: list[Token] = [name]
        for index in range(arity(name)):
            self._expect("," if index else "(")
            tokens += self.infix(0)
        self._expect(")")
        return tuple(tokens)

    def _expect(self, character: str) -> None:
        if not self.rest().startswith(character):
            raise self.error(f"expected {character!r}")
        self._at += 1

    def _finite(self, spelled: str) -> float:
        value = float(spelled)
        if not math.isfinite(value):
            raise self.error(f"{spelled} is too large")
        return value

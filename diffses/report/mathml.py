"""Expressions as MathML, which browsers display without loading anything.

The LaTeX of `printing.latex`, converted: an operator's look is defined by `Operator.latex` alone.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import pairwise
from xml.etree import ElementTree

from latex2mathml.converter import convert_to_element

from diffses.policy.expression import Expression, arguments
from diffses.policy.operators import OPERATORS
from diffses.policy.printing import latex

BRACKETS = r"\left(%s\right)"  # as high as what they hold
SIGNS = ("+", "\N{MINUS SIGN}")
OPENING = (",", "<", ">")


def mathml(
    expression: Expression,
    features: Sequence[str],
    digits: int = 3,
    colours: Mapping[str, str] | None = None,
) -> str:
    """One tree as the content of a `<math>` element.

    As in the printed text, a fraction is the protected division.

    Args:
        expression: a tree over `features`.
        features: their names, as `check_feature` allows them.
        digits: significant digits of the constants.
        colours: of the features, by name, as "#rrggbb".
    """
    shades = colours or {}

    def spell(name: str) -> str:
        spelled = " - ".join(_part(part) for part in name.split("-"))
        return rf"\textcolor{{{shades[name]}}}{{{spelled}}}" if name in shades else spelled

    return from_latex(latex(expression, features, digits, spell, BRACKETS))


@cache
def sign(name: str) -> str:
    """The sign of an infix operator as MathML, taken from its LaTeX."""
    return from_latex(OPERATORS[name].latex.replace("%s", "").strip())


def from_latex(formula: str) -> str:
    """LaTeX's math mode as the content of a `<math>` element, every text in it escaped."""
    root = convert_to_element(formula)
    for node in root.iter():
        # the library leaves characters as references, "&#x02212;", for its own serialiser, which
        # does not escape; ElementTree's does
        node.text = None if node.text is None else html.unescape(node.text)
    for node in root.iter():
        for child in node:
            if child.tag == "mo" and (child.text or "").isalpha():
                child.tag = "mi"  # `max` is a name: no space around it
        for before, after in pairwise(node):
            if after.tag == "mo" and after.text in SIGNS and _begins_operand(before):
                after.set("form", "prefix")  # the sign of a number, set close to it
    return "".join(ElementTree.tostring(node, encoding="unicode") for node in root)


def _begins_operand(node: ElementTree.Element) -> bool:
    """Whether an operand follows: after an opening bracket, a comma or a relation."""
    return node.tag == "mo" and (node.get("form") == "prefix" or node.text in OPENING)


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


def _part(name: str) -> str:
    """`ball.vx` in LaTeX: vx with its object as a subscript."""
    owner, _, quantity = name.rpartition(".")
    return rf"{_word(quantity)}_{{\text{{{owner}}}}}" if owner else _word(name)


def _word(name: str) -> str:
    """A single letter is set as a variable, in italics; a longer name upright."""
    return name if len(name) == 1 and name.isalpha() else rf"\text{{{name}}}"

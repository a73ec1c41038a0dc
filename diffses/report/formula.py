"""A forest on a page: typeset, as printed text, and as a table of weights where it is linear.

The printed text is `Forest.text`, which the policy's own tests hold equal to the stored trees.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from diffses.policy import printing
from diffses.policy.expression import Expression, split_factor
from diffses.policy.forest import Forest
from diffses.report.html import Cell, Table, data_uri, render
from diffses.report.mathml import mathml, sign, summands
from diffses.report.style import OBJECTS
from diffses.report.wording import MINUS, number

DIGITS = 3  # significant digits of the constants shown
LONG_TERM = 90  # characters; a longer one may be broken anywhere
LINE = 90  # characters of a typeset term that fit a line
SMALLEST = 0.7  # of the size of others, for one that is longer
AFFINE_ROWS = 64


@dataclass(frozen=True)
class Token:
    """A piece of printed text: a feature in its object's colour, a constant, or what joins them."""

    text: str
    colour: str = ""
    is_constant: bool = False


@dataclass(frozen=True)
class PrintedTerm:
    tokens: list[Token]
    is_long: bool


@dataclass(frozen=True)
class TypesetTerm:
    mathml: Markup
    size: float  # of the letters, relative to the line's


@dataclass(frozen=True)
class Line:
    """The tree of one action, its terms apart so that lines break between them."""

    action: str
    terms: Sequence[PrintedTerm | TypesetTerm]


def show(forest: Forest) -> Markup:
    """The printed trees, one action a line."""
    colours = object_colours(forest)
    lines = []
    for action, tree in zip(forest.actions, forest.trees, strict=True):
        terms = printing.split_terms(printing.text(tree, forest.features, DIGITS))
        shown = [PrintedTerm(mark(t, forest, colours), len(t) > LONG_TERM) for t in terms]
        lines.append(Line(action, shown))
    return render("formula_printed.html.j2", lines=lines, width=_width(forest))


def typeset(forest: Forest) -> Markup:
    """The trees as mathematics, one action a line; lines break between the terms, and a term that
    is too long for a line is set smaller."""
    colours = object_colours(forest)
    lines = []
    for action, tree in zip(forest.actions, forest.trees, strict=True):
        pieces = _pieces(tree, forest.features, colours)
        lines.append(Line(action, [TypesetTerm(Markup(piece), _size(piece)) for piece in pieces]))
    return render("formula_typeset.html.j2", lines=lines, width=_width(forest))


def in_full(forest: Forest, name: str) -> Markup:
    """All digits, as text that parses back and as the stored JSON to save."""
    stored = data_uri(forest.to_json().encode(), "application/json")
    return render(
        "formula_in_full.html.j2",
        printed=show(forest),
        text=forest.text(),
        name=name,
        stored=stored,
    )


def mark(text: str, forest: Forest, colours: Mapping[str, str]) -> list[Token]:
    """The text in tokens: features, constants, and the text between them."""
    names = "|".join(re.escape(name) for name in sorted(forest.features, key=len, reverse=True))
    constant = r"(?<![\w.])\d+\.?\d*(?:e[+-]?\d+)?"
    tokens: list[Token] = []
    at = 0
    for found in re.finditer(rf"(?P<feature>(?<![\w.])(?:{names})(?![\w.]))|{constant}", text):
        tokens.append(Token(_signs(text[at : found.start()])))
        if found["feature"]:
            tokens.append(Token(found[0], colour=colours[found[0]]))
        else:
            tokens.append(Token(found[0], is_constant=True))
        at = found.end()
    return [token for token in (*tokens, Token(_signs(text[at:]))) if token.text]


def object_colours(forest: Forest) -> dict[str, str]:
    """The colour of each feature: that of its object; a difference has its first object's."""
    owners = list(dict.fromkeys(name.split(".")[0] for name in forest.features))
    colour = {name: OBJECTS[index % len(OBJECTS)] for index, name in enumerate(owners)}
    return {name: colour[name.split(".")[0]] for name in forest.features}


def weights(forest: Forest) -> tuple[np.ndarray, np.ndarray] | None:
    """Weights (features, trees) and offsets (trees,) where every tree is linear, else None.

    Found by evaluating: the offset is the score of the state 0, a weight the change of the score
    where one feature goes from 0 to 1; random states confirm that the trees are affine.
    """
    count = len(forest.features)
    offsets = forest.scores(np.zeros((1, count)))[0]
    slopes = forest.scores(np.eye(count)) - offsets
    rows = np.random.default_rng(0).normal(size=(AFFINE_ROWS, count)) * 3
    exact = np.allclose(forest.scores(rows), rows @ slopes + offsets, rtol=1e-9, atol=1e-9)
    return (slopes, offsets) if exact else None


def weight_table(forest: Forest) -> Table | None:
    """A linear forest as a table of weights, those that differ most between the actions first;
    None for any other."""
    found = weights(forest)
    if found is None or not np.abs(found[0]).max() > 0:
        return None
    slopes, offsets = found
    used = [index for index in np.argsort(-np.ptp(slopes, axis=1)) if np.any(slopes[index])]
    colours, strongest = object_colours(forest), float(np.abs(slopes).max())
    rows = []
    for index in used:
        name = forest.features[index]
        named = Cell(codes=[name], style=f"color:{colours[name]}")
        rows.append([named, *(_weight(weight, strongest) for weight in slopes[index])])
    constant = [Cell(codes=["constant"]), *(Cell(number(value, 2)) for value in offsets)]
    return Table(["weight of", *forest.actions], [*rows, constant])


def _weight(weight: float, strongest: float) -> Cell:
    """A weight, shaded by its share of the strongest: blue where positive, red where negative."""
    strength = 0.30 * abs(weight) / strongest
    shade = f"rgba(47,103,171,{strength:.2f})" if weight > 0 else f"rgba(184,67,58,{strength:.2f})"
    return Cell(number(weight, 2), style=f"background:{shade};padding:2px 6px;border-radius:3px")


def _width(forest: Forest) -> int:
    """Characters of the longest action with its equals sign."""
    return max(len(action) for action in forest.actions) + 2


def _size(piece: str) -> float:
    """The size of a term's letters: smaller where it is too long for a line, counted as shown."""
    return max(SMALLEST, min(1.0, LINE / max(1, len(re.sub("<[^>]*>", "", piece)))))


def _pieces(tree: Expression, features: Sequence[str], colours: Mapping[str, str]) -> list[str]:
    """The terms of the outermost sum as MathML with their signs; those of a sum that is multiplied
    by a constant one by one, within its brackets."""
    pieces = []
    for place, (side, term) in enumerate(summands(tree)):
        form = "infix" if place else "prefix"
        written = f'<mo form="{form}">{MINUS if side == "-" else "+"}</mo>'
        before = written if place or side == "-" else ""
        factor, inner = split_factor(term)
        if factor is not None and inner[0] in ("add", "sub"):
            inside = _pieces(inner, features, colours)
            opening = f"{mathml((factor,), features, DIGITS)}{sign('mul')}<mo>(</mo>"
            inside[0] = before + opening + inside[0]
            inside[-1] += "<mo>)</mo>"
            pieces += inside
            continue
        shown = mathml(term, features, DIGITS, colours)
        if side == "-" and term[0] in ("add", "sub"):
            shown = f"<mrow><mo>(</mo>{shown}<mo>)</mo></mrow>"
        pieces.append(before + shown)
    return pieces


def _signs(text: str) -> str:
    return text.replace("-", MINUS).replace("*", "\N{MIDDLE DOT}")

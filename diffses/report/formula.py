"""A forest as HTML: its printed text with names and numbers marked, and a table where it is linear.

What is shown is `Forest.text`, which the policy's own tests hold equal to the stored trees.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence

import numpy as np

from diffses.policy import printing
from diffses.policy.expression import Expression, scaled
from diffses.policy.forest import Forest
from diffses.report.html import Markup, details, escape, join, table, tag
from diffses.report.mathml import DOT, mathml, summands
from diffses.report.style import OBJECTS
from diffses.report.wording import MINUS, number

DIGITS = 3  # significant digits of the constants shown
LONG_TERM = 90  # characters; a longer one may be broken anywhere
LINE = 90  # characters of a typeset term that fit a line
SMALLEST = 0.7  # of the size of others, for one that is longer
AFFINE_ROWS = 64


def show(forest: Forest) -> Markup:
    """The trees, one line an action."""
    colours = object_colours(forest)
    lines = []
    for action, tree in zip(forest.actions, forest.trees, strict=True):
        terms = printing.split_terms(printing.text(tree, forest.features, DIGITS))
        kinds = ["term long" if len(term) > LONG_TERM else "term" for term in terms]
        shown = [
            tag("span", mark(term, forest, colours), cls=kind)
            for term, kind in zip(terms, kinds, strict=True)
        ]
        body = tag("span", join(shown, " "))
        lines.append(tag("div", tag("span", f"{action} =", cls="action"), body, cls="tree"))
    width = max(len(action) for action in forest.actions) + 2
    return tag("div", join(lines), cls="formula", style=f"--action:{width}ch")


def typeset(forest: Forest) -> Markup:
    """The trees as mathematics, one an action; lines break between the terms, and a term that is
    too long for a line is set smaller."""
    colours = object_colours(forest)
    lines = []
    for action, tree in zip(forest.actions, forest.trees, strict=True):
        pieces = _pieces(tree, forest.features, colours)
        terms = [tag("math", Markup(piece), cls="term", **_smaller(piece)) for piece in pieces]
        lines.append(
            tag("div", tag("span", f"{action} =", cls="action"), tag("span", *terms), cls="tree")
        )
    width = max(len(action) for action in forest.actions) + 2
    return tag("div", *lines, cls="formula typeset", style=f"--action:{width}ch")


def _smaller(piece: str) -> dict[str, str]:
    """The style of a term that is too long for a line, as what it shows is counted."""
    size = LINE / max(1, len(re.sub("<[^>]*>", "", piece)))
    return {"style": f"font-size:{max(SMALLEST, size):.2f}em"} if size < 1 else {}


def _pieces(tree: Expression, features: Sequence[str], colours: Mapping[str, str]) -> list[str]:
    """The terms of the outermost sum as MathML with their signs; those of a sum that is multiplied
    by a constant one by one, within its brackets."""
    pieces = []
    for place, (sign, term) in enumerate(summands(tree)):
        form = "infix" if place else "prefix"
        written = f'<mo form="{form}">{MINUS if sign == "-" else "+"}</mo>'
        before = written if place or sign == "-" else ""
        factor, inner = scaled(term)
        if factor is not None and inner[0] in ("add", "sub"):
            inside = _pieces(inner, features, colours)
            opening = f"{mathml((factor,), features, DIGITS)}<mo>{DOT}</mo><mo>(</mo>"
            inside[0] = before + opening + inside[0]
            inside[-1] += "<mo>)</mo>"
            pieces += inside
            continue
        shown = mathml(term, features, DIGITS, colours)
        if sign == "-" and term[0] in ("add", "sub"):
            shown = f"<mrow><mo>(</mo>{shown}<mo>)</mo></mrow>"
        pieces.append(before + shown)
    return pieces


def in_full(forest: Forest, name: str) -> Markup:
    """Every digit, as text that parses back and as the stored JSON to save."""
    stored = forest.to_json()
    link = Markup(
        f'<a download="{escape(name)}.json" href="data:application/json;base64,'
        f'{base64.b64encode(stored.encode()).decode()}">save it as {escape(name)}.json</a>'
    )
    return details(
        "The same formula as text, and with every digit, as it is played",
        show(forest),
        tag("pre", forest.text(), cls="wrap"),
        tag("p", "The stored trees: ", link, cls="note"),
    )


def mark(text: str, forest: Forest, colours: dict[str, str]) -> Markup:
    """The text with its features in their object's colour and its constants faint."""
    names = "|".join(re.escape(name) for name in sorted(forest.features, key=len, reverse=True))
    constant = r"(?<![\w.])\d+\.?\d*(?:e[+-]?\d+)?"
    parts: list[str] = []
    at = 0
    for found in re.finditer(rf"(?P<feature>(?<![\w.])(?:{names})(?![\w.]))|{constant}", text):
        parts.append(_signs(text[at : found.start()]))
        if found["feature"]:
            parts.append(tag("span", found[0], style=f"color:{colours[found[0]]}"))
        else:
            parts.append(tag("span", found[0], cls="const"))
        at = found.end()
    return join([*parts, _signs(text[at:])], "")


def object_colours(forest: Forest) -> dict[str, str]:
    """The colour of each feature: that of its object; a difference has its first object's."""
    objects = list(dict.fromkeys(name.split(".")[0] for name in forest.features))
    colour = {name: OBJECTS[index % len(OBJECTS)] for index, name in enumerate(objects)}
    return {name: colour[name.split(".")[0]] for name in forest.features}


def weights(forest: Forest) -> tuple[np.ndarray, np.ndarray] | None:
    """Weights (features, trees) and offsets (trees,) where every tree is linear, else None.

    Found by evaluating: the offset is the score of the state 0, a weight the change of the score
    where one feature goes from 0 to 1; random states tell whether that is all there is.
    """
    count = len(forest.features)
    offsets = forest.scores(np.zeros((1, count)))[0]
    slopes = forest.scores(np.eye(count)) - offsets
    rows = np.random.default_rng(0).normal(size=(AFFINE_ROWS, count)) * 3
    exact = np.allclose(forest.scores(rows), rows @ slopes + offsets, rtol=1e-9, atol=1e-9)
    return (slopes, offsets) if exact else None


def weight_table(forest: Forest) -> Markup | None:
    """A linear forest as a table of weights, those that matter most first; None for any other."""
    found = weights(forest)
    if found is None or not np.abs(found[0]).max() > 0:
        return None
    slopes, offsets = found
    used = [index for index in np.argsort(-np.ptp(slopes, axis=1)) if np.any(slopes[index])]
    colours, strongest = object_colours(forest), float(np.abs(slopes).max())
    rows = [
        [
            tag("code", forest.features[index], style=f"color:{colours[forest.features[index]]}"),
            *(_cell(weight, strongest) for weight in slopes[index]),
        ]
        for index in used
    ]
    constant = [tag("code", "constant"), *(number(value, 2) for value in offsets)]
    return table(["weight of", *forest.actions], [*rows, constant])


def _cell(weight: float, strongest: float) -> Markup:
    strength = 0.30 * abs(weight) / strongest
    shade = f"rgba(47,103,171,{strength:.2f})" if weight > 0 else f"rgba(184,67,58,{strength:.2f})"
    style = f"background:{shade};padding:2px 6px;border-radius:3px"
    return tag("span", number(weight, 2), style=style)


def _signs(text: str) -> str:
    return text.replace("-", MINUS).replace("*", "\N{MIDDLE DOT}")

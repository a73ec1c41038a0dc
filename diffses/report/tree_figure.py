"""A small picture of one tree: the root on the left, its arguments from top to bottom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from diffses.policy.expression import Expression, arguments
from diffses.policy.operators import OPERATORS

ROW, GAP, MARGIN = 0.34, 0.42, 0.25  # inches: a leaf's height, between two levels, around all
FONT = 11.0  # points
LETTER = 0.1  # inches that a letter of that size takes at most
MINUS = "\N{MINUS SIGN}"
OPERATOR, FEATURE, CONSTANT, LINE = "#dce6f2", "#fbe7d3", "#ffffff", "#8a94a3"


@dataclass
class Node:
    """A token with its place, in inches from the top left."""

    label: str
    colour: str
    level: int
    y: float
    x: float = 0.0
    below: list[Node] = field(default_factory=list)


def draw(expression: Expression, features: Sequence[str], path: Path) -> None:
    """Draws the tree into a file, PNG or SVG by its ending; constants show 3 significant digits.

    Args:
        expression: a tree over `features`.
        features: their names.
        path: the file.
    """
    root, rows = _place(expression, features, 0, 0)
    _align(root)
    width = max(node.x + LETTER * max(len(node.label), 3) for node in _all(root)) + MARGIN
    height = 2 * MARGIN + ROW * rows
    figure = Figure(figsize=(width, height), dpi=150)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set(xlim=(0, width), ylim=(height, 0))
    for node in _all(root):
        _draw_node(axes, node)
    same_bytes = {"Date": None} if path.suffix == ".svg" else {}
    with rc_context({"svg.hashsalt": "diffses"}):
        figure.savefig(path, metadata=same_bytes)


def _place(
    expression: Expression, features: Sequence[str], level: int, row: float
) -> tuple[Node, float]:
    """The node at the root of a tree whose first leaf is in `row`, and the first row below it."""
    label, colour = _look(expression, features)
    below = []
    next_row = row
    for argument in arguments(expression):
        node, next_row = _place(argument, features, level + 1, next_row)
        below.append(node)
    y = (below[0].y + below[-1].y) / 2 if below else MARGIN + ROW * (row + 0.5)
    return Node(label, colour, level, y, below=below), next_row if below else row + 1


def _align(root: Node) -> None:
    """Puts the nodes of a level below each other, right of the widest operator before."""
    nodes = _all(root)
    x = MARGIN
    for level in range(max(node.level for node in nodes) + 1):
        here = [node for node in nodes if node.level == level]
        for node in here:
            node.x = x
        widest = max((len(node.label) for node in here if node.below), default=0)
        x += LETTER * max(widest, 3) + GAP


def _look(expression: Expression, features: Sequence[str]) -> tuple[str, str]:
    token = expression[0]
    if isinstance(token, str):
        return OPERATORS[token].label, OPERATOR
    if isinstance(token, int):
        return features[token], FEATURE
    return f"{token:.3g}".replace("-", MINUS), CONSTANT


def _all(node: Node) -> list[Node]:
    return [node, *(found for child in node.below for found in _all(child))]


def _draw_node(axes: Axes, node: Node) -> None:
    for child in node.below:
        # a step each: out of the parent, then down or up, then into the child
        turn = child.x - GAP / 2
        axes.plot(
            [node.x, turn, turn, child.x],
            [node.y, node.y, child.y, child.y],
            color=LINE,
            linewidth=1.1,
            solid_joinstyle="round",
            zorder=1,
        )
    axes.text(
        node.x,
        node.y,
        f" {node.label} " if len(node.label) == 1 else node.label,
        fontsize=FONT,
        va="center_baseline",
        zorder=2,
        bbox={"boxstyle": "round,pad=0.28", "facecolor": node.colour, "edgecolor": LINE},
    )

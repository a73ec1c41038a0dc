"""Typeset formulas: well-formed, every operator, and terms that add up to the tree."""

import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from diffses.policy.expression import evaluate
from diffses.policy.operators import OPERATORS
from diffses.policy.printing import parse
from diffses.report.mathml import mathml, summands

FEATURES = ("ball.y", "player.y", "ball.y-player.y", "a<b".replace("<", "_"))


def shown(formula):
    """The characters of a typeset formula, in order."""
    made = ElementTree.fromstring(f"<math>{mathml(parse(formula, FEATURES), FEATURES)}</math>")
    return "".join(made.itertext()).replace("\N{MINUS SIGN}", "-").replace("\N{DOT OPERATOR}", "*")


@pytest.mark.parametrize("name", OPERATORS)
def test_every_operator_is_well_formed(name):
    operator = OPERATORS[name]
    tree = (name, *range(operator.arity))
    ElementTree.fromstring(f"<math>{mathml(tree, FEATURES)}</math>")


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        ("0.5*(ball.y - player.y)", "0.5*(yball-yplayer)"),
        ("ball.y - (player.y - 1.0)", "yball-(yplayer-1)"),
        ("2.0*ball.y-player.y", "2*(yball-yplayer)"),
        ("ball.y/player.y", "yballyplayer"),
        ("max(ball.y, -2.5e-07)", "max(yball,-2.5*10-7)"),
        ("-(ball.y*player.y)", "-(yball*yplayer)"),
        ("is_above(ball.y, 1.0)", "[yball<1]"),
    ],
)
def test_brackets_only_where_needed(formula, text):
    assert shown(formula) == text


@pytest.mark.parametrize(
    "formula",
    [
        "ball.y + -2.0*player.y - (ball.y-player.y - 3.0)",
        "-(ball.y) - -(player.y) + -0.5",
        "ball.y - -2.0*player.y - -1.5",
        "-3.0*ball.y - (player.y + ball.y)",
        "abs(ball.y)",
    ],
)
def test_the_terms_add_up_to_the_tree(formula):
    tree = parse(formula, FEATURES)
    rows = np.random.default_rng(0).normal(size=(20, len(FEATURES)))
    total = sum({"+": 1, "-": -1}[sign] * evaluate(term, rows) for sign, term in summands(tree))
    np.testing.assert_allclose(total, evaluate(tree, rows), atol=1e-12)


def test_features_have_their_colour():
    made = mathml((2,), FEATURES, colours={"ball.y-player.y": "#123456"})
    assert made.startswith('<mrow style="color:#123456">')


def test_a_negative_constant_gives_its_sign_away():
    assert shown("ball.y + -0.5") == "yball-0.5"
    assert shown("ball.y + -2.0*player.y") == "yball-2*yplayer"
    assert shown("ball.y - -2.0*player.y") == "yball+2*yplayer"
    assert shown("abs(ball.y + -0.5)*2.0") == "|yball-0.5|*2"
    assert shown("ball.y - (player.y + -0.5)") == "yball-(yplayer-0.5)"

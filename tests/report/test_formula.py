import html
import re

import numpy as np
import pytest

from diffses.policy import printing
from diffses.policy.forest import Forest
from diffses.report import formula
from tests.fake_artifacts import FEATURES, linear_forest, small_forest


def plain(markup):
    """What is left of the markup, typed again as the policy prints it."""
    text = html.unescape(re.sub(r"<[^>]+>", "", markup)).replace("\N{MINUS SIGN}", "-")
    return text.replace("\N{MIDDLE DOT}", "*")


@pytest.mark.parametrize("forest", [small_forest(), linear_forest(np.random.default_rng(3))])
def test_marking_changes_no_character_of_the_formula(forest):
    colours = formula.object_colours(forest)
    for line in forest.text().splitlines():
        tokens = formula.mark(line, forest, colours)
        assert plain("".join(token.text for token in tokens)) == line


@pytest.mark.parametrize("forest", [small_forest(), linear_forest(np.random.default_rng(3))])
def test_the_lines_shown_are_the_printed_ones(forest):
    lines = re.findall(r'<div class="tree">(.*?)</div>', formula.show(forest), flags=re.DOTALL)
    shown = [plain(line).replace("=", "= ", 1).replace("\n", "") for line in lines]
    assert [re.sub(r" +", " ", line) for line in shown] == forest.text(formula.DIGITS).splitlines()


def test_terms_of_the_outermost_sum_only():
    assert printing.split_terms("a - 2*(b + c) + max(d - e, 1)") == [
        "a",
        "- 2*(b + c)",
        "+ max(d - e, 1)",
    ]
    assert printing.split_terms("-a.b-c.d") == ["-a.b-c.d"]


def test_a_feature_is_found_whole():
    """`ball.y` is no part of `ball.y-player.y`, and `ball.v` none of `ball.vx`."""
    forest = Forest(("ball.y", "ball.y-player.y", "ball.v", "ball.vx"), ("UP",), (0,), ((0,),))
    colours = formula.object_colours(forest)
    tokens = formula.mark("ball.y-player.y - ball.y*ball.vx", forest, colours)
    assert [token.text for token in tokens if token.colour] == [
        "ball.y-player.y",
        "ball.y",
        "ball.vx",
    ]


def test_weights_by_hand():
    # 2 * (f0 - 3 * f1) + 0.5 = 2 f0 - 6 f1 + 0.5
    tree = ("add", "mul", 2.0, "sub", 0, "mul", 3.0, 1, 0.5)
    slopes, offsets = formula.weights(Forest(("a.x", "b.x"), ("UP",), (0,), (tree,)))
    np.testing.assert_allclose(slopes[:, 0], [2, -6])
    assert offsets == pytest.approx([0.5])


@pytest.mark.parametrize("tree", [("mul", 0, 1), ("max", 0, 0.1), ("div", 1.0, 0)])
def test_what_is_not_linear_has_no_table(tree):
    forest = Forest(("a.x", "b.x"), ("UP",), (0,), (tree,))
    assert formula.weights(forest) is None
    assert formula.weight_table(forest) is None


def test_an_object_has_one_colour():
    colours = formula.object_colours(small_forest())
    assert colours["ball.x"] == colours["ball.vy"] == colours["ball.y-player.y"]
    assert len({colours[name] for name in FEATURES}) == 3


def test_a_term_too_long_for_a_line_is_set_smaller():
    features = ("a", "b")
    long = ("abs", "mul", 1.23, *("max", 0, "mul", 4.56) * 8, 1)
    shown = str(formula.typeset(Forest(features, ("GO", "STAY"), (0, 1), (long, (0.5,)))))
    one, other = re.findall(r'<math class="term"( style=.*?)?>', shown)
    assert 0.7 <= float(one.partition("font-size:")[2].partition("em")[0]) < 1
    assert other == ""


def test_the_terms_of_a_sum_that_is_multiplied_may_break_too():
    features = ("a", "b", "c")
    tree = ("sub", "mul", 2.0, "add", 0, "neg", 1, 2)  # 2 (a - b) - c
    shown = str(formula.typeset(Forest(features, ("GO", "STAY"), (0, 1), (tree, (0.5,)))))
    terms = re.findall(r'<math class="term">(.*?)</math>', shown)
    words = [re.sub(r"<.*?>", "", term).replace("\N{MINUS SIGN}", "-") for term in terms]
    assert words == ["2\N{MIDDLE DOT}(a", "-b)", "-c", "0.5"]

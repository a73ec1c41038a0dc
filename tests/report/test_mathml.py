"""Typeset formulas: their elements, every operator, and terms that add up to the tree."""

import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from diffses.policy.expression import evaluate
from diffses.policy.operators import OPERATORS, Operator
from diffses.policy.printing import parse
from diffses.report.mathml import from_latex, mathml, sign, summands

FEATURES = ("ball.y", "player.y", "ball.y-player.y", "enemy.v_x")
ASCII = str.maketrans({"\N{MINUS SIGN}": "-", "\N{MIDDLE DOT}": "*", "\N{NO-BREAK SPACE}": " "})
SKETCHES = {
    "mfrac": "frac({}; {})",
    "msub": "{}_{}",
    "msup": "{}^({})",
    "msqrt": "sqrt({})",
}


def elements(content):
    return ElementTree.fromstring(f"<math>{content}</math>")


def sketch(node):
    """An element tree in one line: `frac(a; b)` is a fraction, `a_b` a subscript, `a^(b)` a power,
    `sqrt(a)` a root, `{a & b // c & d}` a table; rows are written one part after another."""
    if node.tag in ("mi", "mn", "mo", "mtext"):
        return node.text.translate(ASCII)
    below = [sketch(child) for child in node]
    if node.tag == "mtable":
        return f"{{{' // '.join(below)}}}"
    if node.tag == "mtr":
        return " & ".join(below)
    if node.tag in SKETCHES:
        return SKETCHES[node.tag].format(*below)
    assert node.tag in ("math", "mrow", "mstyle", "mtd"), node.tag
    return "".join(below)


def shown(formula):
    return sketch(elements(mathml(parse(formula, FEATURES), FEATURES)))


@pytest.mark.parametrize("name", OPERATORS)
def test_every_operator_shows_each_argument_once(name):
    operator = OPERATORS[name]
    tree = (name, *range(operator.arity))
    subscripts = list(elements(mathml(tree, FEATURES)).iter("msub"))
    used = [feature for index in range(operator.arity) for feature in FEATURES[index].split("-")]
    assert len(subscripts) == len(used)


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("ball.y + player.y", "y_ball+y_player"),
        ("ball.y - player.y", "y_ball-y_player"),
        ("ball.y*player.y", "y_ball*y_player"),
        ("ball.y/player.y", "frac(y_ball; y_player)"),
        ("-ball.y", "-y_ball"),
        ("max(ball.y, player.y)", "max(y_ball,y_player)"),
        ("abs(enemy.v_x)", "|v_x_enemy|"),
        ("sqrt(ball.y)", "sqrt(|y_ball|)"),
        ("log(ball.y)", "ln|y_ball|"),
        ("tanh(ball.y)", "tanh(y_ball)"),
        ("is_above(ball.y, 1.0)", "[y_ball<1]"),
        ("is_right_of(ball.y, 1.0)", "[y_ball>1]"),
        (
            "logical(ball.y, player.y, 1.0, 2.0)",
            "{{1 & where y_ball>y_player // 2 & else}",  # a brace, then the table
        ),
    ],
)
def test_the_elements_of_each_operator(formula, expected):
    assert shown(formula) == expected


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("0.5*(ball.y - player.y)", "0.5*(y_ball-y_player)"),
        ("ball.y - (player.y - 1.0)", "y_ball-(y_player-1)"),
        ("2.0*ball.y-player.y", "2*(y_ball-y_player)"),
        ("(ball.y + 1.0)/(player.y*2.0)", "frac(y_ball+1; y_player*2)"),
        ("max(ball.y, -2.5e-07)", "max(y_ball,-2.5*10^(-7))"),
        ("-(ball.y*player.y)", "-(y_ball*y_player)"),
        (
            "2.0*logical(ball.y, 1.0, 0.0, 1.0)",
            "2*({{0 & where y_ball>1 // 1 & else})",
        ),
    ],
)
def test_brackets_only_where_needed(formula, expected):
    assert shown(formula) == expected


def test_a_negative_constant_gives_its_sign_away():
    assert shown("ball.y + -0.5") == "y_ball-0.5"
    assert shown("ball.y + -2.0*player.y") == "y_ball-2*y_player"
    assert shown("ball.y - -2.0*player.y") == "y_ball+2*y_player"
    assert shown("abs(ball.y + -0.5)*2.0") == "|y_ball-0.5|*2"
    assert shown("ball.y - (player.y + -0.5)") == "y_ball-(y_player-0.5)"


def test_constants_are_rounded():
    assert shown("1.23456*ball.y") == "1.23*y_ball"
    assert sketch(elements(mathml((1.23456,), (), digits=2))) == "1.2"


def test_the_sign_of_a_number_is_set_close_to_it():
    """A minus is a prefix where an operand begins, and elsewhere what the browser takes it for."""
    made = elements(mathml(parse("max(-1.0, -2.0) - tanh(-3.0)", FEATURES), FEATURES))
    minus = [node for node in made.iter("mo") if node.text == "\N{MINUS SIGN}"]
    assert [node.get("form") for node in minus] == ["prefix", "prefix", None, "prefix"]


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
    made = elements(mathml((2,), FEATURES, colours={"ball.y-player.y": "#123456"}))
    (coloured,) = made.iter("mstyle")
    assert coloured.get("mathcolor") == "#123456"
    assert sketch(coloured) == "y_ball-y_player"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("x", "x"),
        ("_a", "_a"),
        ("ball.vx", "vx_ball"),
        ("car[3].x", "x_car[3]"),
        ("fish#2.y-fish#10.y", "y_fish#2-y_fish#10"),
        ("a_b.c.d_e", "d_e_a_b.c"),
    ],
)
def test_every_name_a_feature_may_have_is_shown_whole(name, expected):
    assert sketch(elements(mathml((0,), (name,), colours={name: "#123456"}))) == expected


def test_an_operator_is_one_entry(monkeypatch):
    """Its LaTeX alone says how a page shows it."""

    def body(xp):
        def square(a):
            return a * a

        return square

    square = Operator("square", 1, body, latex=r"\left(%s\right)^2")
    monkeypatch.setitem(OPERATORS, "square", square)
    assert shown("square(ball.y + 1.0)") == "(y_ball+1)^(2)"


def test_the_sign_of_an_infix_operator():
    assert sketch(elements(sign("mul"))) == "*"
    assert sketch(elements(sign("sub"))) == "-"


def test_every_text_is_escaped():
    made = from_latex(r"\text{<script>alert(1)</script>&lt;}")
    assert made == "<mrow><mtext>&lt;script&gt;alert(1)&lt;/script&gt;&lt;</mtext></mrow>"


def test_a_functions_name_is_no_operator_sign():
    """As `<mo>` a browser would set wide spaces around it."""
    made = elements(mathml(parse("max(ball.y, 1.0)", FEATURES), FEATURES))
    assert [node.tag for node in made.iter() if node.text == "max"] == ["mi"]

"""A formula prints as a person would write it and parses back to the same tree."""

import pytest

from diffses.policy.printing import check_feature, latex, parse, text

FEATURES = ("ball.x", "ball.y", "player.y", "ball.y-player.y", "ball.vx")

# readable form <-> tree: what prints is exactly this, and parses to exactly that
PAIRS = [
    ("0.5*(ball.y - player.y) + max(ball.vx, 0.2)",
     ("add", "mul", 0.5, "sub", 1, 2, "max", 4, 0.2)),
    ("ball.y-player.y", (3,)),
    ("ball.y - player.y", ("sub", 1, 2)),
    ("2.0*(ball.y-player.y)", ("mul", 2.0, 3)),
    ("ball.x - (ball.y-player.y)", ("sub", 0, 3)),
    ("ball.y-player.y - ball.x", ("sub", 3, 0)),
    ("ball.x - ball.y - player.y", ("sub", "sub", 0, 1, 2)),
    ("ball.x - (ball.y - player.y)", ("sub", 0, "sub", 1, 2)),
    ("ball.x + (ball.y + player.y)", ("add", 0, "add", 1, 2)),
    ("ball.x/ball.y/player.y", ("div", "div", 0, 1, 2)),
    ("ball.x/(ball.y*player.y)", ("div", 0, "mul", 1, 2)),
    ("-ball.x*ball.y", ("mul", "neg", 0, 1)),
    ("-(ball.x*ball.y)", ("neg", "mul", 0, 1)),
    ("ball.x*-ball.y", ("mul", 0, "neg", 1)),
    ("-(-ball.x)", ("neg", "neg", 0)),
    ("-0.5", (-0.5,)),
    ("-(0.5)", ("neg", 0.5)),
    ("-(-0.5)", ("neg", -0.5)),
    ("ball.x - -0.5", ("sub", 0, -0.5)),
    ("-0.5*ball.x", ("mul", -0.5, 0)),
    ("-0.0", (-0.0,)),
    ("1e-300 + 1e+300", ("add", 1e-300, 1e300)),
    ("0.1 + 0.30000000000000004", ("add", 0.1, 0.1 + 0.2)),
    ("logical(ball.x, 0.5, -ball.y, ball.x + 1.0)", ("logical", 0, 0.5, "neg", 1, "add", 0, 1.0)),
    ("is_right_of(ball.x, 1.0)*2.0", ("mul", "is_right_of", 0, 1.0, 2.0)),
]  # fmt: skip


@pytest.mark.parametrize(("formula", "tree"), PAIRS)
def test_prints_and_parses(formula, tree):
    assert text(tree, FEATURES) == formula
    assert repr(parse(formula, FEATURES)) == repr(tree)  # repr: 1 is not 1.0, 0.0 not -0.0


def test_random_trees_survive_the_round_trip(trees):
    for tree in trees:
        assert repr(parse(text(tree, FEATURES), FEATURES)) == repr(tree)


def test_what_a_person_types_parses_too():
    expected = ("add", "mul", 2.0, "sub", 1, 2, 0.5)
    assert parse("2*( ball.y-  player.y )+.5", FEATURES) == expected
    assert parse("ball.y-player.y", ("ball.y", "player.y")) == ("sub", 0, 1)


@pytest.mark.parametrize(
    ("formula", "problem"),
    [
        ("", "expected a number"),
        ("ball.x +", "expected a number.*'the end'"),
        ("ball.x ball.y", "expected an operator at 'ball.y'"),
        ("(ball.x", r"expected '\)'"),
        ("max(ball.x)", "expected ','"),
        ("max(ball.x, 1, 2)", r"expected '\)'"),
        ("ball.z", "expected a number"),
        ("sinh(ball.x)", "expected a number"),
        ("add(ball.x, 1)", "expected a number"),  # has a sign of its own
        ("1e999", "too large"),
    ],
)
def test_a_syntax_error_names_its_place(formula, problem):
    with pytest.raises(ValueError, match=problem):
        parse(formula, FEATURES)


def test_rounded_text_is_for_display():
    tree = ("add", "mul", 0.123456, 0, "mul", -2.5, 1)
    assert text(tree, FEATURES, digits=3) == "0.123*ball.x - 2.5*ball.y"
    assert text(("sub", 0, -1.0), FEATURES, digits=2) == "ball.x + 1"


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        (("div", "add", 0, 1, 2.0), r"\frac{\mathrm{ball.x} + \mathrm{ball.y}}{2}"),
        (("mul", "sub", 0, 1, 3), r"(\mathrm{ball.x} - \mathrm{ball.y}) \cdot "
                                  r"(\mathrm{ball.y} - \mathrm{player.y})"),
        (("mul", 0, -2.0), r"\mathrm{ball.x} \cdot (-2)"),
        (("add", 0, "mul", -2.0, 1), r"\mathrm{ball.x} - 2 \cdot \mathrm{ball.y}"),
        (("max", 0, 1.5e-7), r"\max\left(\mathrm{ball.x}, 1.5 \cdot 10^{-7}\right)"),
        (("is_above", 1, 2), r"\left[\mathrm{ball.y} < \mathrm{player.y}\right]"),
        (("mul", 2.0, "logical", 0, 1.0, 3.0, 4.0),
         r"2 \cdot (\begin{cases} 3 & \text{where }\mathrm{ball.x} > 1 \\ 4 & \text{else} "
         r"\end{cases})"),
    ],
)  # fmt: skip
def test_latex(tree, expected):
    assert latex(tree, FEATURES) == expected


def test_latex_of_every_tree_is_drawn(trees):
    """matplotlib's own mathtext, which knows no cases, parses the others."""
    from matplotlib.mathtext import MathTextParser

    parser = MathTextParser("path")
    drawn = [tree for tree in trees[:50] if "logical" not in tree]
    assert len(drawn) > 10
    for tree in drawn:
        parser.parse(f"${latex(tree, FEATURES)}$")


@pytest.mark.parametrize("name", ["", "a b", "1a", "a(", "a-", "-a", "a+b", "a,b"])
def test_a_name_that_could_not_be_parsed_back_raises(name):
    with pytest.raises(ValueError, match="cannot name a feature"):
        check_feature(name)


@pytest.mark.parametrize("name", ["x", "ball.vx", "ball.y-player.y", "car[3].x", "fish#2.y", "_a"])
def test_names_of_features(name):
    check_feature(name)
    assert parse(f"2.0*({name})", (name,)) == ("mul", 2.0, 0)

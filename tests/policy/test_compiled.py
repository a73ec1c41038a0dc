"""The three evaluators give the same numbers and the same actions."""

import pickle

import numpy as np
import pytest
import torch

from diffses.policy import operators
from diffses.policy.bytecode import fingerprint, interpreter
from diffses.policy.compiled import Batch, Compiled, flatten
from diffses.policy.expression import evaluate
from diffses.policy.forest import Forest
from diffses.policy.operators import OPERATORS, Operator
from diffses.policy.torch_forest import TorchForest

FEATURES = ("ball.x", "ball.y", "player.y", "ball.y-player.y", "ball.vx")
INEXACT = {"tanh", "log", "sqrt"}  # within 4 ulp; all else bit for bit


def forest_of(trees):
    names = tuple(f"A{i}" for i in range(len(trees)))
    return Forest(FEATURES, names, tuple(range(len(trees))), tuple(trees))


def split(trees):
    inexact = [tree for tree in trees if INEXACT & {t for t in tree if isinstance(t, str)}]
    return [tree for tree in trees if tree not in inexact], inexact


def torch_scores(forest, rows):
    with torch.no_grad():
        return TorchForest(forest)(torch.from_numpy(rows)).numpy()


def bits(values):
    """Bit patterns, in which any NaN is as good as another but 0 differs from -0."""
    return np.where(np.isnan(values), np.nan, values).view(np.int64)


EVALUATORS = {
    "batch": lambda forest, rows: Compiled(forest).scores(rows),
    "one row": lambda forest, rows: np.array([one_row(Compiled(forest), row) for row in rows]),
    "torch": torch_scores,
}


def one_row(compiled, row):
    compiled.choose_one(row)
    return compiled.out.copy()


@pytest.fixture(params=EVALUATORS.values(), ids=EVALUATORS.keys())
def evaluator(request):
    return request.param


@pytest.mark.parametrize("rows", ["finite_rows", "wild_rows"])
def test_exact_operators_are_bit_equal_to_numpy(evaluator, trees, rows, request):
    rows = request.getfixturevalue(rows)
    forest = forest_of(split(trees)[0])
    actual = evaluator(forest, rows)
    np.testing.assert_array_equal(bits(actual), bits(forest.scores(rows)))


@pytest.mark.parametrize("name", sorted(INEXACT))
def test_transcendental_operators_are_within_4_ulp(evaluator, name):
    rows = np.linspace(-30, 30, 5 * 4001).reshape(-1, 5)
    forest = forest_of([(name, 0), (name, 4)])
    np.testing.assert_array_max_ulp(evaluator(forest, rows), forest.scores(rows), maxulp=4)


def test_trees_with_transcendental_operators_agree(evaluator, trees, finite_rows):
    # a comparison of two values 1 ulp apart may fall either way, so these trees are compared
    # without comparisons; 1e-9 leaves room for what cancellation makes of 4 ulp
    jumps = {"div", "logical", "log", "sqrt"}
    smooth = [t for t in split(trees)[1] if not jumps & set(t[1:]) and "is_" not in str(t)]
    assert len(smooth) > 5
    forest = forest_of(smooth)
    expected = forest.scores(finite_rows)
    np.testing.assert_allclose(evaluator(forest, finite_rows), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("rows", ["finite_rows", "wild_rows"])
def test_all_choose_the_same_action(trees, rows, request):
    rows = request.getfixturevalue(rows)
    exact = split(trees)[0]
    for start in range(0, len(exact) - 4, 4):
        forest = forest_of(exact[start : start + 4])
        expected = forest.choose(rows)
        compiled = Compiled(forest)
        np.testing.assert_array_equal(compiled.choose(rows), expected)
        np.testing.assert_array_equal([compiled.choose_one(row) for row in rows], expected)
        chosen = TorchForest(forest).choose(torch.from_numpy(rows))
        np.testing.assert_array_equal(chosen.numpy(), expected)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ([1, 1, 1, 0, 0], 0),  # a tie goes to the lowest
        ([0, 1, 1, 0, 0], 1),
        ([-0.0, 0.0, 0, 0, 0], 0),  # -0 equals 0
        ([np.nan, -1, -2, 0, 0], 1),  # NaN loses to anything
        ([np.nan, -np.inf, np.nan, 0, 0], 0),  # and counts as -inf
        ([np.nan, np.nan, np.nan, 0, 0], 0),
        ([-np.inf, -np.inf, -np.inf, 0, 0], 0),
        ([0, np.inf, np.inf, 0, 0], 1),
    ],
)
def test_ties_and_nan(row, expected):
    forest = forest_of([(0,), (1,), (2,)])
    rows = np.array([row], dtype=np.float64)
    assert forest.choose(rows)[0] == expected
    assert Compiled(forest).choose_one(rows[0]) == expected
    assert TorchForest(forest).choose(torch.from_numpy(rows))[0] == expected


def test_threads_and_blocks_do_not_change_a_value(trees, finite_rows):
    rows = np.concatenate([finite_rows] * 3)[:5003]  # no multiple of a block
    alone = Batch(rows).scores(trees)
    np.testing.assert_array_equal(bits(Batch(rows, threads=2).scores(trees)), bits(alone))
    np.testing.assert_array_equal(bits(Batch(rows[:7]).scores(trees)), bits(alone[:, :7]))
    assert Batch(rows).scores([]).shape == (0, 5003)


@pytest.fixture
def kept_operators():
    """What a test does to the operators is undone after it, their order too."""
    kept = dict(OPERATORS)
    yield kept
    OPERATORS.clear()
    OPERATORS.update(kept)


@pytest.fixture
def few_operators(kept_operators):
    """Only one, which compiles sooner."""
    OPERATORS.clear()
    OPERATORS["mul"] = kept_operators["mul"]


def test_the_order_of_registration_does_not_matter(kept_operators):
    before = interpreter()
    OPERATORS["add"] = OPERATORS.pop("add")  # now the last
    assert interpreter() is before


def test_an_operator_is_added_with_one_entry(few_operators):
    def body(xp):
        def squashed_sum(a, b):
            return xp.tanh(a) + b

        return squashed_sum

    OPERATORS["squashed_sum"] = Operator("squashed_sum", 2, body)
    rows = np.linspace(-3, 3, 50).reshape(10, 5)
    forest = forest_of([("squashed_sum", 0, "mul", 2.0, 1), (1,)])
    expected = np.stack([np.tanh(rows[:, 0]) + 2 * rows[:, 1], rows[:, 1]], axis=1)
    np.testing.assert_allclose(forest.scores(rows), expected, rtol=1e-15)
    for evaluator in EVALUATORS.values():
        np.testing.assert_allclose(evaluator(forest, rows), expected, rtol=1e-14)
    assert Forest.from_text(forest.text(), FEATURES) == forest
    assert Forest.from_json(forest.to_json()) == forest


def test_the_fingerprint_follows_the_bodies(monkeypatch):
    before = fingerprint(list(OPERATORS.values()))
    assert fingerprint(list(OPERATORS.values())) == before
    monkeypatch.setattr(operators, "EPS", 2e-3)
    assert fingerprint(list(OPERATORS.values())) != before


def test_a_body_with_another_constant_is_compiled_again(few_operators):
    def times(factor):
        source = (
            f"def body(xp):\n    def scaled(a):\n        return {factor} * a\n    return scaled"
        )
        names = {}
        exec(source, names)
        return names["body"]

    for factor in (2.0, 3.0):
        OPERATORS["scaled"] = Operator("scaled", 1, times(factor))
        compiled = Compiled(forest_of([("scaled", 0)]))
        compiled.choose_one(np.ones(5))
        assert compiled.out[0] == factor


def test_a_program_is_flat_and_keeps_the_order_of_constants():
    # 0.5*x1 - 2.0 and 3.0, in reverse prefix order: constants 0, 1 and 2 are -1, -2 and -3
    program = flatten([("sub", "mul", 0.5, 1, 2.0), (3.0,)])
    names = interpreter().names
    expected = [-2, (1 << 16) + 1, -1, names.index("mul"), names.index("sub"), -3]
    assert program.code.tolist() == expected
    assert program.constants.tolist() == [0.5, 2.0, 3.0]
    assert program.starts.tolist() == [0, 5, 6]


def test_a_compiled_forest_survives_pickling():
    compiled = Compiled(forest_of([(0,), ("mul", 2.0, 1)]))
    copy = pickle.loads(pickle.dumps(compiled))
    assert copy.choose_one(np.array([1.0, 2.0, 0, 0, 0])) == 1


def test_wrong_shapes_are_refused():
    compiled = Compiled(forest_of([(4,)]))
    with pytest.raises(ValueError, match=r"\(5,\)"):
        compiled.choose_one(np.zeros(4))
    with pytest.raises(ValueError, match=r"\(n, 5\)"):
        compiled.choose(np.zeros((3, 4)))
    with pytest.raises(ValueError, match="feature 4; there are 4"):
        Batch(np.zeros((3, 4))).scores([(4,)])
    with pytest.raises(ValueError, match=r"\(2, 3\)"):
        Batch(np.zeros((3, 4))).scores([(0,), (1,)], out=np.zeros((2, 4)))


def test_scores_are_the_reference_by_hand():
    # max(0.5*(ball.y - player.y), ball.vx) at ball.y 3, player.y 1, ball.vx 0.2
    tree = ("max", "mul", 0.5, "sub", 1, 2, 4)
    rows = np.array([[9.0, 3.0, 1.0, 9.0, 0.2]])
    assert evaluate(tree, rows).tolist() == [1.0]
    assert Compiled(forest_of([tree])).scores(rows).tolist() == [[1.0]]

"""A forest on disk, as text and as a policy."""

import json

import numpy as np
import pytest

from diffses.errors import ArtifactError
from diffses.policy.forest import Forest

FEATURES = ("ball.y", "player.y")
FOREST = Forest(
    FEATURES,
    ("NOOP", "RIGHT"),
    (0, 2),
    ((0.1 + 0.2,), ("sub", "mul", 2.0, 0, "max", 1, -0.0)),
)


def test_scores_and_actions_by_hand():
    # RIGHT = 2*ball.y - max(player.y, 0): 2*0.5 - 0.4 = 0.6 > 0.3; 2*0.5 - 0.9 = 0.1 < 0.3
    rows = np.array([[0.5, 0.4], [0.5, 0.9]])
    np.testing.assert_allclose(FOREST.scores(rows), [[0.3, 0.6], [0.3, 0.1]])
    assert FOREST.choose(rows).tolist() == [1, 0]


def test_sizes():
    assert FOREST.sizes == (1, 7)
    assert FOREST.size == 8


def test_features_that_no_tree_uses_are_left_out():
    names = ("a", "b", "c", "d")
    forest = Forest(names, ("X", "Y"), (0, 2), (("sub", 3, 1.0), ("mul", 1, 3)))
    used = forest.with_used_features()
    assert used == Forest(("b", "d"), ("X", "Y"), (0, 2), (("sub", 1, 1.0), ("mul", 0, 1)))
    rows = np.random.default_rng(0).normal(size=(20, 4))
    np.testing.assert_array_equal(used.scores(rows[:, [1, 3]]), forest.scores(rows))
    constant = Forest(names, ("X",), (0,), ((2.0,),)).with_used_features()
    assert (constant.features, constant.trees) == (("a",), ((2.0,),))


def test_the_stored_form_is_pinned():
    # If this fails, forests already on disk are read by nobody. Raise FORMAT on purpose.
    stored = {
        "format": 1,
        "features": ["ball.y", "player.y"],
        "actions": ["NOOP", "RIGHT"],
        "action_ids": [0, 2],
        "trees": [[0.30000000000000004], ["sub", "mul", 2.0, "x0", "max", "x1", -0.0]],
    }
    assert json.loads(FOREST.to_json()) == stored
    assert "-0.0" in FOREST.to_json()


def test_json_and_text_give_the_same_forest_back(trees, tmp_path):
    features = ("a", "b", "c", "a-b", "d")
    names = tuple(f"A{i}" for i in range(len(trees)))
    forest = Forest(features, names, tuple(range(len(trees))), tuple(trees))
    assert Forest.from_json(forest.to_json()) == forest
    assert Forest.from_text(forest.text(), features) == forest
    forest.save(tmp_path / "forest.json")
    loaded = Forest.load(tmp_path / "forest.json")
    assert repr(loaded.trees) == repr(forest.trees)  # ints stay features, floats constants


def test_equality_distinguishes_features_constants_and_signed_zeros():
    def single(token):
        return Forest(FEATURES, ("A",), (0,), ((token,),))

    assert single(1) != single(1.0)
    assert single(0.0) != single(-0.0)
    assert single(1) == single(1)
    assert len({single(1), single(1.0), single(1)}) == 2


def test_constants_can_be_replaced():
    assert FOREST.constants().tolist() == [0.1 + 0.2, 2.0, -0.0]
    tuned = FOREST.with_constants(np.array([1.0, 2.0, 3.0]))
    assert tuned.trees == ((1.0,), ("sub", "mul", 2.0, 0, "max", 1, 3.0))
    with pytest.raises(ValueError, match="want 3 constants, got 2"):
        FOREST.with_constants([1.0, 2.0])


def test_text_and_latex():
    assert FOREST.text() == ("NOOP = 0.30000000000000004\nRIGHT = 2.0*ball.y - max(player.y, -0.0)")
    assert FOREST.text(digits=2).splitlines()[0] == "NOOP = 0.3"
    assert FOREST.latex().splitlines()[1] == r"\mathrm{NOOP} &= 0.3 \\"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"actions": ("A",)}, "as many of each"),
        ({"action_ids": (1, 1)}, "named twice"),
        ({"features": ("a", "a")}, "named twice"),
        ({"features": ("a b", "c")}, "cannot name a feature"),
        ({"trees": ((0,), ("add", 0))}, "lacks 1"),
        ({"trees": ((0,), (2,))}, "no feature 2"),
    ],
)
def test_parts_that_do_not_fit_raise(change, problem):
    parts = {
        "features": FEATURES,
        "actions": ("A", "B"),
        "action_ids": (0, 1),
        "trees": ((0,), (1,)),
    }
    with pytest.raises(ValueError, match=problem):
        Forest(**(parts | change))


def test_rows_of_another_width_are_refused():
    with pytest.raises(ValueError, match=r"\(n, 2\), got \(4, 3\)"):
        FOREST.scores(np.zeros((4, 3)))


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        FOREST.to_json().replace('"format": 1', '"format": 2'),
        FOREST.to_json().replace('"max"', '"maximum"'),
        FOREST.to_json().replace('"x1"', "NaN"),
        FOREST.to_json().replace('"x1"', "true"),
        FOREST.to_json().replace('"x1"', '"x7"'),
    ],
)
def test_a_damaged_file_is_named(content, tmp_path):
    path = tmp_path / "forest.json"
    path.write_text(content)
    with pytest.raises(ArtifactError, match=r"forest\.json"):
        Forest.load(path)


def test_box_actions_are_squashed_into_their_bounds_and_survive_the_file():
    bounds = ((-2.0, 2.0), (0.0, 1.0))
    forest = Forest(
        ("a",), ("u0", "u1"), (0, 1), ((0,), ("sub", "mul", 1e308, 1e9, "mul", 1e308, 1e9)), bounds
    )
    squashed = forest.squash(forest.scores(np.array([[0.0], [0.5], [100.0]])))
    np.testing.assert_allclose(squashed[:, 0], [0, 2 * np.tanh(0.5), 2])
    np.testing.assert_allclose(squashed[:, 1], 0.5)  # inf - inf is NaN: the middle
    sound = Forest(("a",), ("u0", "u1"), (0, 1), ((0,), (1.0,)), bounds)
    assert Forest.from_json(sound.to_json()) == sound
    with pytest.raises(ValueError, match="bounds"):
        Forest(("a",), ("u0",), (0,), ((0,),), bounds)
    with pytest.raises(ValueError, match="discrete"):
        Forest(("a",), ("u0",), (0,), ((0,),)).squash(np.zeros(1))


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("actions", [1, 2], "actions is no list of texts"),
        ("features", "xy", "features is no list of texts"),
        ("action_ids", [0.5, 1], "0.5 in action_ids is no whole number"),
        ("action_ids", ["0", "1"], "'0' in action_ids is no index"),
        ("action_ids", [-3, 1], "-3 in action_ids is no index"),
        ("action_ids", [None, 1], "None in action_ids is no index"),
        ("action_ids", [float("nan"), 1], "nan in action_ids is no index"),
        ("trees", [[10**400], ["x0"]], "a constant is too large"),
        ("trees", [[float("nan")], ["x0"]], "nan is neither"),
        ("trees", None, "not iterable"),
    ],
)
def test_a_stored_field_of_another_form_is_refused(tmp_path, name, value, problem):
    data = json.loads(Forest.from_text("A = x + 1.0\nB = 0.5*y", ("x", "y")).to_json())
    path = tmp_path / "forest.json"
    path.write_text(json.dumps(data | {name: value}))
    with pytest.raises(ArtifactError, match=problem) as refused:
        Forest.load(path)
    assert len(str(refused.value).splitlines()) == 2
    path.write_text(json.dumps(data | {"action_ids": [0.0, 1.0]}))
    assert Forest.load(path).action_ids == (0, 1)


def test_a_file_that_is_no_forest_is_two_lines(tmp_path):
    path = tmp_path / "forest.json"
    with pytest.raises(ArtifactError, match="cannot be read: No such file"):
        Forest.load(path)
    path.write_text("[" * 100_000)
    with pytest.raises(ArtifactError, match="nested too deeply"):
        Forest.load(path)

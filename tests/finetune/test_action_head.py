"""The factored action head: drives of few channels score all actions."""

import json

import numpy as np
import pytest

from diffses.config import ActionHeadKind
from diffses.dataset.data import Dataset, Part
from diffses.finetune.action_head import action_head
from diffses.finetune.drives import DrivePolicy, Rule, Sum, Term

FEATURES = ("thing.x-player.x", "thing.y-player.y")
ACTIONS = ("NOOP", "FIRE", "UP", "RIGHT", "LEFT", "DOWN", "UPRIGHT", "UPFIRE")
PUSHES = [
    [0, 0, 0], [0, 0, 1], [0, -1, 0], [1, 0, 0], [-1, 0, 0], [0, 1, 0], [1, -1, 0], [0, -1, 1],
]  # fmt: skip
FACTORED, PER_ACTION = ActionHeadKind.factored, ActionHeadKind.per_action
ROWS = np.array([[0.5, 0.3], [-0.5, -0.3], [0.02, 0.3], [0.5, -0.3], [0.01, 0.01]])


def data(groups=tuple((i,) for i in range(8)), bounds=None):
    count = len(ACTIONS)
    part = Part(ROWS, np.eye(count)[:5], np.zeros(5, np.int16), np.zeros(5, np.int32))
    return Dataset(part, part, FEATURES, ACTIONS, groups, bounds)


@pytest.fixture
def detector(tmp_path):
    (tmp_path / "detector.json").write_text(json.dumps({"pushes_of_actions": PUSHES}))
    return tmp_path


def chosen(forest, rows=ROWS):
    return [forest.actions[i] for i in forest.choose(rows)]


def test_both_axes_decide_at_once_and_dead_zones_hold_still(detector):
    head = action_head(data(), detector, FACTORED)
    assert head.channels == ("x", "y", "button", "still")
    policy = DrivePolicy((Sum((Term(0),), 0.0, 0.05), Sum((Term(1),), 0.0, 0.05), None, None))
    forest = head.forest(policy)
    # there is no DOWNRIGHT, so in the first row the stronger drive wins; UPRIGHT is there
    assert chosen(forest) == ["RIGHT", "LEFT", "DOWN", "UPRIGHT", "NOOP"]
    assert "FIRE" not in forest.actions


def test_an_axis_without_a_drive_is_left_out(detector):
    head = action_head(data(), detector, FACTORED)
    forest = head.forest(head.empty.put((1,), Sum((Term(1),))))
    assert forest.actions == ("NOOP", "UP", "DOWN")
    assert chosen(forest, np.array([[9.0, 0.0]])) == ["NOOP"]  # a tie goes to fewer pushes


def test_the_button_is_pressed_with_and_without_a_push(detector):
    head = action_head(data(), detector, FACTORED)
    fire = Rule(Term(0), 0.0, Sum((), 1.0), Sum((), -1.0))
    forest = head.forest(DrivePolicy((None, Sum((Term(1),), 0.0, 0.05), fire, None)))
    rows = np.array([[1.0, -0.3], [-1.0, -0.3], [1.0, 0.0]])
    assert chosen(forest, rows) == ["UPFIRE", "UP", "FIRE"]


def test_standing_still_has_a_drive_of_its_own(detector):
    head = action_head(data(), detector, FACTORED)
    forest = head.forest(DrivePolicy((Sum((Term(0),)), None, None, Sum((), 0.4))))
    assert chosen(forest) == ["RIGHT", "LEFT", "NOOP", "RIGHT", "NOOP"]


def test_a_button_that_changes_nothing_is_no_channel(detector):
    same = ((0, 1), (2, 7), (3,), (4,), (5,), (6,))
    head = action_head(data(same), detector, FACTORED)
    assert head.channels == ("x", "y", "still")
    assert head.template.actions == ("NOOP", "UP", "RIGHT", "LEFT", "DOWN", "UPRIGHT")


def test_a_direction_that_moves_nothing_can_be_chosen_by_the_name_of_its_action(tmp_path):
    # a gun on rails: right and left move it, up shoots
    only_x = [[x, 0, b] for x, _, b in PUSHES]
    (tmp_path / "detector.json").write_text(json.dumps({"pushes_of_actions": only_x}))
    head = action_head(data(), tmp_path, FACTORED)
    shoot = head.forest(head.empty.put((1,), Sum((), -1.0)))
    assert chosen(shoot, ROWS[:1]) == ["UP"]
    (tmp_path / "detector.json").write_text(json.dumps({"pushes_of_actions": [[0, 0, 0]] * 8}))
    assert not action_head(data(), tmp_path, FACTORED).factored


def test_one_drive_an_action_where_asked_or_where_nothing_is_pushed(detector, tmp_path):
    head = action_head(data(), detector, PER_ACTION)
    assert head.channels == ACTIONS
    assert chosen(head.forest(head.empty.put((3,), Sum((Term(0),))))) == [
        "RIGHT", "NOOP", "RIGHT", "RIGHT", "RIGHT",
    ]  # fmt: skip
    (tmp_path / "detector.json").write_text("{}")
    assert not action_head(data(), tmp_path, FACTORED).factored


def test_box_actions_keep_one_tree_a_dimension(detector):
    box = Dataset(data().train, data().train, FEATURES, ("a", "b"), (), ((-1.0, 1.0), (0.0, 2.0)))
    head = action_head(box, detector, FACTORED)
    forest = head.forest(head.empty.put((1,), Sum((Term(0, 3.0),))))
    assert forest.bounds == ((-1.0, 1.0), (0.0, 2.0))
    assert forest.trees == ((0.0,), ("mul", 3.0, 0))

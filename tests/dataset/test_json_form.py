"""The original's JSON form, there and back."""

import json
from pathlib import Path

import numpy as np
import pytest

import diffses.dataset
from diffses.cli import export_dataset
from diffses.cli.score_detector import read_ground_truth
from diffses.config import Label, MotionDetector
from diffses.dataset.json_form import read, write
from diffses.detector.learn import learn_motion_detector
from diffses.errors import ConfigError
from diffses.store import Spec, Store

SAMPLE = Path(diffses.dataset.__file__).with_name("sample.json")
FILE = Path(__file__).parent.parent / "data" / "pong_screens.npz"


@pytest.fixture(scope="module")
def detector():
    truth = read_ground_truth(FILE)
    labels = {"player": Label.controllable, "ball": Label.smallest, "enemy": Label.largest}
    return learn_motion_detector(
        truth.screens, truth.starts, truth.action_tm1, MotionDetector(), labels
    )


def test_the_shipped_sample_is_read(detector):
    parts = read(SAMPLE, detector, actions=6, held_out=100)
    states = json.loads(SAMPLE.read_text())
    assert len(parts["train"]["features"]) + len(parts["held_out"]["features"]) == len(states)
    assert len(parts["held_out"]["features"]) == len(states) // 5
    first = states[0]
    assert parts["train"]["logits"][0].argmax() == first["teacher_action"]
    ball = next(one for one in first["state"] if one["type"] == 1)
    column = detector.features.index("ball.x")
    assert parts["train"]["features"][0, column] == pytest.approx(ball["x_position"] / 100)


def test_what_is_written_is_read_back(detector, tmp_path):
    parts = read(SAMPLE, detector, actions=6, held_out=4)
    arrays = {f"{part}_{name}": a for part, found in parts.items() for name, a in found.items()}
    np.savez(tmp_path / "dataset.npz", **arrays)
    count = write(tmp_path, tmp_path / "again.json")
    assert count == len(parts["train"]["features"])
    assert (
        json.loads((tmp_path / "again.json").read_text()) == json.loads(SAMPLE.read_text())[:count]
    )


def states(count=20):
    """Of a ball, which is the detector's type 1, to the right of the middle."""
    ball = {"type": 1, "x_velocity": 0.5, "y_velocity": 0, "x_position": 90, "y_position": 80.5}
    return [{"state": [dict(ball)], "teacher_action": 2} for _ in range(count)]


def refusal(detector, path, text):
    path.write_text(text if isinstance(text, str) else json.dumps(text), encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        read(path, detector, actions=6, held_out=4)
    problem, fix = str(refused.value).splitlines()
    assert problem.startswith(f"dataset.import_json={path}: ")
    assert fix.startswith("  fix: dataset.import_json=")
    return problem


def test_whole_numbers_may_be_written_as_floats(detector, tmp_path):
    made = states()
    plain, floats = tmp_path / "plain.json", tmp_path / "floats.json"
    plain.write_text(json.dumps(made))
    for state in made:
        state["teacher_action"] = 2.0  # as pandas writes a column that once had a gap
        state["state"][0]["type"] = 1.0
    floats.write_text("\N{BYTE ORDER MARK}" + json.dumps(made), encoding="utf-8")
    one, two = (read(path, detector, actions=6, held_out=4) for path in (plain, floats))
    for part in one:
        for name, array in one[part].items():
            np.testing.assert_array_equal(array, two[part][name])
    assert one["train"]["actions"].tolist() == [2] * 16  # 20 states, 4 of them held out


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "no JSON: Expecting property name"),
        ("", "no JSON: Expecting value"),
        ("[]", "0 states, want 10 or more"),
        ("7", "the file holds the number 7, want a list of states"),
        ('{"state": {}, "teacher_action": {}}', "the file holds an object, want a list of states"),
        ("{}\n{}", "a second JSON value on line 2 (JSON Lines?); want one list"),
        ("[" * 100_000, "maximum recursion depth"),
        (states(9), "9 states, want 10 or more"),
        ([{"state": [], "teacher_action": 2}] * 20, "no state has an object"),
    ],
)
def test_a_file_of_another_form_is_refused(detector, tmp_path, text, problem):
    assert problem in refusal(detector, tmp_path / "file.json", text)


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("type", float("nan"), "object 0: type is nan, want a whole number"),
        ("type", 0.5, "object 0: type is 0.5, want a whole number"),
        ("type", "ball", "object 0: type is the text 'ball', want a whole number"),
        ("type", 10**400, "object 0: type is too large, want a whole number"),
        ("x_position", None, "object 0: x_position is null, want a number"),
        ("x_position", "90", "object 0: x_position is the text '90', want a number"),
        ("y_position", [80], "object 0: y_position is a list, want a number"),
        ("x_velocity", float("inf"), "object 0: x_velocity is inf, want a number"),
        ("y_velocity", True, "object 0: y_velocity is true, want a number"),
        ("y_velocity", ..., "object 0: y_velocity is missing"),
    ],
)
def test_the_field_of_an_object_that_is_wrong_is_named(detector, tmp_path, name, value, problem):
    made = states()
    made[3]["state"][0][name] = value
    if value is ...:
        del made[3]["state"][0][name]
    assert f"state 3 (counted from 0): {problem}" in refusal(detector, tmp_path / "f.json", made)


@pytest.mark.parametrize(
    ("state", "problem"),
    [
        ({"state": []}, "teacher_action is missing"),
        ({"teacher_action": 1}, "state is missing"),
        ({"state": None, "teacher_action": 1}, "state is null, want a list of objects"),
        ({"state": {"type": 1}, "teacher_action": 1}, "state is an object, want a list"),
        ({"state": [[1, 2]], "teacher_action": 1}, "object 0 is a list, want one with type, x_v"),
        ({"state": [], "teacher_action": 6}, "teacher_action is 6, want 0 to 5"),
        ({"state": [], "teacher_action": -1}, "teacher_action is -1, want 0 to 5"),
        ({"state": [], "teacher_action": 1.5}, "teacher_action is 1.5, want a whole number"),
        ({"state": [], "teacher_action": "NOOP"}, "teacher_action is the text 'NOOP', want a"),
        ([], "a list, want {state: [...], teacher_action: int}"),
    ],
)
def test_the_field_of_a_state_that_is_wrong_is_named(detector, tmp_path, state, problem):
    made = [*states(), state]
    assert f"state 20 (counted from 0): {problem}" in refusal(detector, tmp_path / "f.json", made)


def test_what_is_left_out_is_said(detector, tmp_path, caplog):
    made, path = states(), tmp_path / "file.json"
    path.write_text(json.dumps(made))
    read(path, detector, actions=6, held_out=4)
    assert not caplog.records
    made[0]["state"][0] |= {"type": 77, "colour": "red"}
    path.write_text(json.dumps(made))
    read(path, detector, actions=6, held_out=4)
    assert "1 of 20 objects are left out" in caplog.text
    assert "these fields are not read: colour" in caplog.text
    for state in made:
        state["state"][0]["type"] = 77
    path.write_text(json.dumps(made))
    with pytest.raises(ConfigError, match="none of its 20 objects is of a type"):
        read(path, detector, actions=6, held_out=4)


def test_the_key_of_another_artifact_is_refused(tmp_path, capsys):
    teacher = Store(tmp_path).get_or_build(
        Spec("teacher", 1, {}, {}), lambda workspace: (workspace.out / "policy.zip").write_text("x")
    )
    words = [teacher.name, str(tmp_path / "x.json"), "--outputs", str(tmp_path)]
    assert export_dataset.main(words) == 1
    said = capsys.readouterr().err.splitlines()
    assert said[0] == f"ERROR {teacher.name} is the key of a teacher, not of a dataset"
    assert not (tmp_path / "x.json").exists()

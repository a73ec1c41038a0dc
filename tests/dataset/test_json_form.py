"""The original's JSON form, there and back."""

import json
from pathlib import Path

import numpy as np
import pytest

import diffses.dataset
from diffses.cli.score_detector import read_ground_truth
from diffses.config import Label, MotionDetector
from diffses.dataset.json_form import read, write
from diffses.detector.learn import learn_motion_detector
from diffses.errors import ConfigError

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


@pytest.mark.parametrize(
    "text",
    ["{", "[]", '[{"state": []}]', json.dumps([{"state": [], "teacher_action": 9}] * 20)],
    ids=["no json", "empty", "no action", "no such action"],
)
def test_another_form_is_refused(detector, tmp_path, text):
    (tmp_path / "file.json").write_text(text)
    with pytest.raises(ConfigError, match=r"fix: dataset\.import_json="):
        read(tmp_path / "file.json", detector, actions=6, held_out=4)

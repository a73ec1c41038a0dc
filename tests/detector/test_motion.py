"""detector=motion on real frames of Pong."""

import json
from pathlib import Path

import numpy as np
import pytest

from diffses.config import Label, MotionDetector
from diffses.detector import Detector, kernel
from diffses.detector.frames import record
from diffses.detector.learning import learn
from diffses.detector.picture import draw
from diffses.detector.score import main, read
from diffses.detector.scoring import score
from diffses.errors import DiffsesError

FILE = Path(__file__).parent.parent / "data" / "pong_screens.npz"
LABELS = {"player": Label.controllable, "ball": Label.smallest, "enemy": Label.largest}


@pytest.fixture(scope="module")
def truth():
    return read(FILE)


@pytest.fixture(scope="module")
def detector(truth):
    return learn(truth.screens, truth.starts, truth.actions, MotionDetector(), LABELS)


def test_it_finds_pongs_objects(truth, detector):
    first = 2 * len(truth.screens) // 3
    learned = learn(
        truth.screens[:first], truth.starts[:first], truth.actions[:first], MotionDetector(), {}
    )
    result = score(learned, truth, first)
    assert result["overall"]["f1"] >= 0.95
    assert result["overall"]["centre_error_px"] <= 1
    assert result["overall"]["type_purity"] >= 0.95
    assert result["counted"] == ["Player", "Ball", "Enemy"]


def test_the_score_command_prints_and_writes_the_same(tmp_path, capsys):
    path = tmp_path / "score.json"
    assert main(["detector=motion", f"frames={FILE}", f"json={path}"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(path.read_text())


def test_the_score_command_says_what_to_type(capsys):
    assert main(["frames=none.npz"]) == 1
    assert "fix: frames=<a recording, .npz>" in capsys.readouterr().err


def test_labels_name_the_types(detector):
    assert [kind.name for kind in detector.types] == ["player", "ball", "enemy"]
    assert detector.tracks == ("player", "ball", "enemy")
    assert {"ball.x", "ball.vy", "ball.present", "player.y", "enemy.y"} <= set(detector.features)
    assert any("ball.y" in name and "player.y" in name for name in detector.features)


def test_what_never_varies_is_no_feature(detector):
    assert not {"player.x", "player.vx", "player.present"} & set(detector.features)


def test_the_types_do_not_depend_on_the_recording(rules, detector):
    for seed in (5, 6):
        screens, starts, actions = record(rules(), MotionDetector(seed=seed, steps=600), None)
        other = learn(screens, starts, actions, MotionDetector(), LABELS)
        assert [(k.name, k.colours) for k in other.types] == [
            (k.name, k.colours) for k in detector.types
        ]


def test_features_are_what_the_picture_shows(detector):
    screen = detector.background.copy()
    screen[100:116, 140:144] = 200  # the player: centre (142, 108)
    screen[60:64, 80:82] = 14  # the ball: centre (81, 62)
    detector.reset()
    row = dict(zip(detector.features, detector.observe(screen).tolist(), strict=True))
    assert row["player.y"] == 1.08
    assert (row["ball.x"], row["ball.y"], row["ball.present"]) == (0.81, 0.62, 1.0)
    assert (row["ball.vx"], row["ball.vy"]) == (0.0, 0.0)
    difference = next(n for n in row if "ball.y" in n and "player.y" in n)
    expected = 0.62 - 1.08 if difference == "ball.y-player.y" else 1.08 - 0.62
    assert row[difference] == pytest.approx(expected)
    screen[60:64, 80:82] = detector.background[60:64, 80:82]
    screen[66:70, 83:85] = 14  # moved by (3, 6): 0.3 and 0.6 in 10 px per step
    row = dict(zip(detector.features, detector.observe(screen).tolist(), strict=True))
    assert (row["ball.vx"], row["ball.vy"]) == (0.3, 0.6)


def test_what_is_out_of_sight_is_zero(detector):
    detector.reset()
    row = dict(zip(detector.features, detector.observe(detector.background).tolist(), strict=True))
    assert set(row.values()) == {0.0}


def test_no_velocity_jumps_when_an_episode_restarts(truth, detector):
    detector.reset()
    for screen in truth.screens[:50]:
        detector.observe(screen)
    detector.reset()
    row = detector.observe(truth.screens[200])
    for name, value in zip(detector.features, row, strict=True):
        if name.endswith((".vx", ".vy")):
            assert value == 0.0


def test_the_compiled_look_is_the_plain_one(truth, detector, monkeypatch):
    # every 4th frame through numba and through the same functions as Python runs them
    screens = truth.screens[::4]
    detector.reset()
    compiled = np.array([detector.observe(screen).copy() for screen in screens])
    for name, function in list(vars(kernel).items()):
        if hasattr(function, "py_func"):
            monkeypatch.setattr(kernel, name, function.py_func)
    detector.reset()
    plain = np.array([detector.observe(screen).copy() for screen in screens])
    assert (compiled == plain).all()


def test_a_detector_is_the_same_after_saving(truth, detector, tmp_path):
    detector.save(tmp_path)
    loaded = Detector.load(tmp_path)
    assert loaded.features == detector.features
    detector.reset()
    for screen in truth.screens[:60]:
        assert (detector.observe(screen) == loaded.observe(screen)).all()


def test_placing_objects_gives_the_features_of_seeing_them(truth, detector):
    detector.reset()
    for screen in truth.screens[:80]:
        row = detector.observe(screen).copy()
        assert detector.place(detector.objects) == pytest.approx(row, abs=1e-6)


def test_nothing_moving_is_an_error_with_a_way_out():
    still = np.zeros((60, 210, 160), np.uint8)
    with pytest.raises(DiffsesError, match=r"fix: detector\.steps=240"):
        learn(still, np.zeros(60, bool), np.zeros(60, int), MotionDetector(), {})


def test_the_picture_shows_the_names(detector, truth, tmp_path):
    draw(detector, truth.screens, tmp_path / "sample.png")
    assert (tmp_path / "sample.png").read_bytes()[:4] == b"\x89PNG"

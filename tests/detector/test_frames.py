import json

import numpy as np
import pytest

from diffses.config import ArcadeEnv, MotionDetector
from diffses.detector import Detector, learn_detector
from diffses.detector.frames import record
from diffses.store import Draft, Store


def test_a_recording_is_whole_episodes_and_the_same_again(rules):
    short = rules(max_frames=96)  # a first screen and 24 steps an episode
    screens, starts, _ = record(short, MotionDetector(steps=60, seed=3), None)
    assert screens.shape == (60, 210, 160)
    assert np.flatnonzero(starts).tolist() == [0, 25, 50]
    again, _, actions = record(short, MotionDetector(steps=60, seed=3), None)
    np.testing.assert_array_equal(screens, again)
    _, _, others = record(short, MotionDetector(steps=60, seed=4), None)
    assert (actions != others).any()


def test_actions_are_held_for_a_while(rules):
    _, _, actions = record(rules(), MotionDetector(steps=120), None)
    changes = (np.diff(actions) != 0).sum()
    assert 8 <= changes <= 40  # 6.5 steps on average; drawn anew each step it would be about 100


@pytest.mark.slow
def test_the_stage_leaves_a_detector(tmp_path):
    draft = Draft(out=tmp_path, scratch=tmp_path, store=Store(tmp_path))
    learn_detector(ArcadeEnv(game="pong"), MotionDetector(steps=400), inputs={}, draft=draft)
    assert (tmp_path / "sample.png").stat().st_size > 1000
    words = json.loads((tmp_path / "detector.json").read_text())
    assert {"types", "features", "units"} <= words.keys()
    assert Detector.load(tmp_path).features == tuple(words["features"])

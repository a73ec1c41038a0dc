import pytest
from made_up import LABELS, PONG

from diffses.config import MotionDetector
from diffses.detector.ground_truth import read_ground_truth
from diffses.detector.learn import learn_motion_detector


@pytest.fixture(scope="session")
def pong():
    return read_ground_truth(PONG)


@pytest.fixture(scope="session")
def _pong_detector(pong):
    return learn_motion_detector(
        pong.screens, pong.starts, pong.action_tm1, MotionDetector(), LABELS
    )


@pytest.fixture
def pong_detector(_pong_detector):
    _pong_detector.reset()
    return _pong_detector

import pytest
from made_up import LABELS, PONG

from diffses.config import MotionDetector
from diffses.detector.ground_truth import read
from diffses.detector.learn import learn


@pytest.fixture(scope="session")
def pong():
    return read(PONG)


@pytest.fixture(scope="session")
def _pong_detector(pong):
    return learn(pong.screens, pong.starts, pong.action_tm1, MotionDetector(), LABELS)


@pytest.fixture
def pong_detector(_pong_detector):
    _pong_detector.reset()
    return _pong_detector

import pytest
from made_up import LABELS, PONG

from diffses.config import MotionDetector
from diffses.detector.learning import learn
from diffses.detector.truth import read


@pytest.fixture(scope="session")
def pong():
    return read(PONG)


@pytest.fixture(scope="session")
def _pong_detector(pong):
    return learn(pong.screens, pong.starts, pong.actions, MotionDetector(), LABELS)


@pytest.fixture
def pong_detector(_pong_detector):
    _pong_detector.reset()
    return _pong_detector

"""The log of a recording's objects, and the picture of the survey."""

import numpy as np
import pytest

from diffses.detector.figures import draw_survey
from diffses.detector.game_survey import describe, pushes_of, survey_game
from diffses.detector.object_log import watch
from diffses.detector.palette import PALETTE
from diffses.detector.recording import Recording
from diffses.detector.tracker import replay_action
from diffses.errors import ConfigError


@pytest.fixture
def play(pong):
    return Recording(pong.screens, pong.starts, pong.action_tm1, None, PALETTE)


def test_it_holds_what_the_detector_sees(pong_detector, play):
    log = watch(pong_detector, play)
    assert log.frames == len(play.screens)
    for frame, screen in enumerate(play.screens):
        replay_action(pong_detector, frame, play.starts, play.action_tm1)
        pong_detector.observe(screen)
        rows, seen = log.of_frame(frame), pong_detector.objects
        assert log.kind[rows].tolist() == seen["type"].tolist()
        np.testing.assert_allclose(log.box[rows, 0] + log.box[rows, 2], 2 * seen["x"])
        np.testing.assert_allclose(log.box[rows, 3] - log.box[rows, 1], seen["h"])
        np.testing.assert_array_equal(log.velocity[rows, 1], seen["vy"])
    shares = log.share_of_frames(3)
    assert shares[0] == len(np.unique(log.frame[log.kind == 0])) / log.frames > 0.5


def test_a_track_keeps_its_number_while_the_object_stays(pong_detector, play):
    log = watch(pong_detector, play)
    for track in np.unique(log.track):
        mine = log.track == track
        assert len(np.unique(log.kind[mine])) == 1
        assert (np.diff(log.frame[mine]) > 0).all()
        assert np.diff(log.frame[mine]).max(initial=1) <= 4  # the tracker's patience
        starts = np.flatnonzero(play.starts)
        assert len(np.unique(np.searchsorted(starts, log.frame[mine], "right"))) == 1
    # an object that is away for longer comes back with another number
    born = {int(number): int(log.frame[log.track == number][0]) for number in np.unique(log.track)}
    assert list(born.values()) == sorted(born.values())


def test_actions_and_errors_in_words(pong_detector):
    pushes = pushes_of(pong_detector.tracker.schema, ["NOOP", "FIRE", "RIGHT", "LEFT"])
    assert pushes == {"RIGHT": [0, -1], "LEFT": [0, 1]}
    assert describe(ConfigError("nothing moves", fix="more steps")) == "nothing moves"
    assert describe(ValueError("two\nlines")) == "ValueError: two lines"


def test_the_picture_shows_three_screens(pong_detector, play, tmp_path):
    draw_survey(pong_detector.tracker.schema, play, watch(pong_detector, play), tmp_path / "p.png")
    import cv2

    picture = cv2.imread(str(tmp_path / "p.png"))
    assert picture.shape == (420, 960, 3)
    thirds = np.split(picture, 3, axis=1)
    assert (thirds[0] != thirds[2]).any()


@pytest.mark.slow
def test_a_games_row(tmp_path):
    row = survey_game("freeway", [0, 1], 200, 7, tmp_path / "freeway.png")
    assert (row["game"], row["detector_version"], row["error"]) == ("freeway", 7, None)
    assert row["player"] == "player"
    assert 0 < row["stability"] <= 1
    pushes = row["recordings"][0]["pushes"]
    assert {name: push[1] for name, push in pushes.items()} == {"UP": -1, "DOWN": 1}
    assert (tmp_path / "freeway.png").exists()
    nothing = survey_game("no_such_game", [0], 200, 7, None)
    assert nothing["error"].startswith("env.game=no_such_game is not a game")
    assert nothing["recordings"] == [{"seed": 0, "error": nothing["error"]}]

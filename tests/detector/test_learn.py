import numpy as np
import pytest
from made_up import BLUE, FLOOR, LABELS, RED, WHITE, bouncing, picture_of

from diffses.config import MotionDetector
from diffses.detector.learn import learn_motion_detector, replay_features
from diffses.detector.recording import recording_for
from diffses.errors import DiffsesError

STEPS = 120


def starts(count=STEPS):
    return np.arange(count) == 0


def game(*things, steps=STEPS, digits=False):
    """A made-up game: things are (colour, lefts, tops, width, height), one left and top a step."""
    screens = []
    for step in range(steps):
        boxes = [(c, int(x[step]), int(y[step]), w, h) for c, x, y, w, h in things]
        picture = picture_of(*boxes)
        if digits and step // 7 % 3:  # a score as large and as red as the red thing
            picture[5:11, 60:66] = RED
            picture[7:9, 62:64] = FLOOR if step // 7 % 3 == 1 else RED
        screens.append(picture)
    return np.array(screens)


def red(steps=STEPS):
    return RED, bouncing(steps, 10, 140, 20, 5), np.full(steps, 100), 6, 6


def white(steps=STEPS):
    return WHITE, bouncing(steps, 10, 140, 90, 3), bouncing(steps, 40, 180, 60, 4), 2, 4


def learned(screens, labels=None):
    actions = np.arange(len(screens)) % 3
    return learn_motion_detector(
        screens, starts(len(screens)), actions, MotionDetector(), labels or {}
    )


def test_two_things_are_two_types_with_their_sizes():
    found = learned(game(red(), white())).types
    assert [(kind.width, kind.height, kind.colours) for kind in found] == [
        (6, 6, (RED,)),
        (2, 4, (WHITE,)),
    ]


def test_a_score_in_an_objects_colour_is_no_object():
    detector = learned(game(red(), white(), digits=True))
    assert [kind.slots for kind in detector.types] == [1, 1]
    detector.observe(game(red(), white(), digits=True)[30])
    assert detector.objects["y"].min() > 30


def test_what_passes_in_front_of_a_score_is_an_object():
    steps = 720
    time = np.arange(steps) % 360
    x = np.where(time < 24, 10 + 4 * time, 300)  # out of the picture most of the time
    saucer = (BLUE, x, np.full(steps, 6), 7, 4)
    screens = game(red(steps), white(steps), saucer, steps=steps, digits=True)
    detector = learned(screens)
    assert [kind.colours for kind in detector.types] == [(RED,), (BLUE,), (WHITE,)]
    assert not detector.model.segmentation.search_mask[
        5:11
    ].any()  # of the score's colour nothing is one there
    rows = replay_features(detector, screens, starts(steps), np.zeros(steps, int))
    there = rows[:, detector.features.index("object2.present")]
    assert there[3:24].all()
    assert not there[40:350].any()


def test_parts_that_always_touch_are_one_object():
    colour, x, y, _, _ = red()
    body, wheels = (colour, x, y, 6, 6), (BLUE, x, y + 6, 6, 2)
    found = learned(game(body, wheels, white())).types
    assert (found[0].width, found[0].height) == (6, 8)
    assert len(found) == 2


def test_things_that_meet_now_and_then_stay_two():
    # red at 20 + 5 t and blue at 20 + 3 t from the same line: they pass through each other
    passing = (BLUE, bouncing(STEPS, 10, 140, 20, 3), np.full(STEPS, 106), 6, 6)
    assert len(learned(game(red(), passing)).types) == 2


def test_things_that_touch_all_the_time_but_slide_along_each_other_stay_two():
    x, y = bouncing(STEPS, 10, 130, 20, 5), bouncing(STEPS, 80, 138, 90, 3)
    tall = (RED, x, np.full(STEPS, 80), 6, 64)
    beside = (BLUE, x + 6, y, 6, 6)
    assert len(learned(game(tall, beside)).types) == 2


def test_several_of_a_kind_are_one_type_with_a_slot_each():
    other = (RED, bouncing(STEPS, 10, 140, 60, 5), np.full(STEPS, 150), 6, 6)
    detector = learned(game(red(), other))
    assert [kind.slots for kind in detector.types] == [2]
    assert "object1_2.x" in detector.features
    assert "object1_2.y" not in detector.features  # it never changes


def test_one_alone_of_its_type_is_followed_at_thrice_the_speed_that_was_seen():
    detector = learned(game(red(), white()))  # white: 5 px a step
    for step in range(3):
        detector.observe(picture_of((WHITE, 20 + 9 * step, 60 + 12 * step, 2, 4)))
    ball = detector.objects[-1]
    assert (ball["vx"], ball["vy"]) == (9, 12)
    other = (WHITE, bouncing(STEPS, 10, 140, 40, 3), bouncing(STEPS, 40, 180, 160, 4), 2, 4)
    several = learned(game(white(), other))  # each of two could be the other one
    for step in range(3):
        several.observe(picture_of((WHITE, 20 + 9 * step, 60 + 9 * step, 2, 4)))
    assert several.objects[-1]["vx"] == 0


def test_an_object_at_rest_for_most_of_the_time_is_found():
    x = np.where(np.arange(STEPS) % 40 < 28, 20, 20 + 4 * (np.arange(STEPS) % 40 - 27))
    found = learned(game((BLUE, x, np.full(STEPS, 50), 8, 8), white())).model
    assert BLUE in found.schema.types[0].colours
    assert found.segmentation.background[54, 24] == FLOOR


def test_nothing_that_moves_is_an_error_with_a_way_out():
    with pytest.raises(DiffsesError, match="nothing moves") as error:
        learned(game(steps=60))
    assert error.value.fix == "detector.steps=240, or detector.frames=teacher"


def test_nothing_that_moves_in_a_given_file_asks_for_another_file():
    settings = MotionDetector(recording="play.npz")  # detector.steps has no effect then
    with pytest.raises(DiffsesError, match="nothing moves") as error:
        learn_motion_detector(game(steps=60), starts(60), np.zeros(60, int), settings, {})
    assert error.value.fix == "detector.recording=<a recording in which things move>, or null"


@pytest.mark.slow
def test_types_and_features_of_pong_are_the_same_for_every_seed(protocol):
    found = []
    for seed in (0, 1, 2):
        settings = MotionDetector(steps=800, seed=seed)
        play = recording_for(protocol(), settings)
        detector = learn_motion_detector(
            play.screens, play.starts, play.action_tm1, settings, LABELS
        )
        colours = [(kind.name, kind.colours) for kind in detector.types]
        found.append((detector.features, colours))
        rows = replay_features(detector, play.screens, play.starts, play.action_tm1)
        assert np.isfinite(rows).all()
    assert found[0] == found[1] == found[2]
    assert [name for name, _ in found[0][1]] == ["player", "ball", "enemy"]

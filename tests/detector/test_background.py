import numpy as np

from diffses.detector.background import learn_background, mode_background

FIELD, THING, FLASH = 2, 6, 9


def column(colours):
    """A recording of one pixel."""
    return np.array(colours, np.uint8).reshape(-1, 1, 1)


def field(frames):
    """A recording of a field with a wall at its left."""
    screens = np.full((frames, 20, 24), FIELD, np.uint8)
    screens[:, :, :4] = THING
    return screens


def test_the_mode_is_the_commonest_colour_the_lowest_of_equals():
    assert mode_background(column([4, 2, 4, 2, 2]))[0, 0] == 2
    assert mode_background(column([4, 2, 4, 2]))[0, 0] == 2


def test_behind_an_object_that_mostly_rests_is_the_larger_region():
    screens = field(100)
    screens[:90, 8:12, 10:14] = THING
    expected = field(1)[0]
    assert (mode_background(screens) != expected).any()
    np.testing.assert_array_equal(learn_background(screens), expected)


def test_behind_a_thing_that_is_gone_for_good_is_what_shows_then():
    screens = field(100)
    screens[:60, 8:12, 10:14] = THING  # a pill that is eaten
    np.testing.assert_array_equal(learn_background(screens), field(1)[0])


def test_what_never_changes_is_background():
    screens = field(100)
    screens[:, 8:12, 10:14] = THING
    np.testing.assert_array_equal(learn_background(screens), screens[0])


def test_a_screen_that_flashes_shows_no_background():
    screens = field(100)
    screens[:, 8:12, 10:14] = THING
    expected = screens[0].copy()
    screens[::10] = FLASH
    np.testing.assert_array_equal(learn_background(screens), expected)


def test_the_way_of_an_object_is_not_behind_a_small_mark_on_the_ground():
    screens = field(100)
    screens[:, 9:11, 12:15] = FLASH  # a dash of a lane's line
    expected = screens[0].copy()
    for frame in range(100):
        screens[frame, frame % 18 : frame % 18 + 2, 12:15] = THING
    np.testing.assert_array_equal(learn_background(screens), expected)

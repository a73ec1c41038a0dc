import numpy as np

from diffses.detector.background import background_at_rest, mode_background


def column(colours):
    """A recording of one pixel."""
    return np.array(colours, np.uint8).reshape(-1, 1, 1)


def only(*colours):
    return np.isin(np.arange(256), colours)


def test_the_background_is_the_commonest_colour_the_lowest_of_equals():
    assert mode_background(column([4, 2, 4, 2, 2]))[0, 0] == 2
    assert mode_background(column([4, 2, 4, 2]))[0, 0] == 2


def test_where_an_object_rests_the_background_is_what_shows_in_between():
    pixel = column([6, 6, 6, 0, 6, 6, 0, 6, 6, 6])
    starts = np.arange(10) == 0
    assert background_at_rest(pixel, starts, mode_background(pixel), only(6))[0, 0] == 0


def test_what_changes_for_good_stays_background():
    # a brick is hit: it was there, and then it is not
    pixel = column([6, 6, 6, 6, 6, 6, 0, 0, 0, 0])
    starts = np.arange(10) == 0
    assert background_at_rest(pixel, starts, mode_background(pixel), only(6))[0, 0] == 6


def test_a_new_episode_is_no_return():
    # the wall is whole again at each start: that is not something moving to and fro
    pixel = column([6, 6, 6, 0, 6, 6, 6, 0, 6, 6, 6, 0])
    starts = np.isin(np.arange(12), [0, 4, 8])
    assert background_at_rest(pixel, starts, mode_background(pixel), only(6))[0, 0] == 6

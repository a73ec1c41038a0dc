import numpy as np

from diffses.detector.background import behind, most_frequent


def column(colours):
    """A recording of one pixel."""
    return np.array(colours, np.uint8).reshape(-1, 1, 1)


def only(*colours):
    return np.isin(np.arange(256), colours)


def test_most_frequent_and_ties_to_the_lowest():
    assert most_frequent(column([4, 2, 4, 2, 2]))[0, 0] == 2
    assert most_frequent(column([4, 2, 4, 2]))[0, 0] == 2


def test_where_an_object_rests_the_background_is_what_shows_in_between():
    pixel = column([6, 6, 6, 0, 6, 6, 0, 6, 6, 6])
    starts = np.arange(10) == 0
    assert behind(pixel, starts, most_frequent(pixel), only(6))[0, 0] == 0


def test_what_changes_for_good_stays_background():
    # a brick is hit: it was there, and then it is not
    pixel = column([6, 6, 6, 6, 6, 6, 0, 0, 0, 0])
    starts = np.arange(10) == 0
    assert behind(pixel, starts, most_frequent(pixel), only(6))[0, 0] == 6


def test_a_new_episode_is_no_return():
    # the wall is whole again at each start: that is not something moving to and fro
    pixel = column([6, 6, 6, 0, 6, 6, 6, 0, 6, 6, 6, 0])
    starts = np.isin(np.arange(12), [0, 4, 8])
    assert behind(pixel, starts, most_frequent(pixel), only(6))[0, 0] == 6

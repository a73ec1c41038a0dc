"""The score, on boxes placed by hand."""

import numpy as np
import pytest

from diffses.detector.palette import TABLE, indices, rgb
from diffses.detector.scoring import Truth, counted, drawn, match, overlaps
from diffses.errors import DiffsesError


def seen(*boxes):
    return np.array([[0, 0, *box] for box in boxes], float)


def true(*boxes, category=0):
    return np.array([[0, category, *box] for box in boxes], float)


def test_overlap_by_hand():
    # 2x2 and 2x2, shifted by one: shared 1x2 = 2, together 6
    assert overlaps(np.array([[0, 0, 2, 2]]), np.array([[1, 0, 3, 2]]))[0, 0] == pytest.approx(
        1 / 3
    )


def test_half_overlap_is_a_hit_and_less_a_miss():
    # 10x10 boxes shifted by 3: 70 / 130 = 0.54; by 4: 60 / 140 = 0.43
    hit = match(seen((3, 0, 13, 10)), true((0, 0, 10, 10)), true())
    miss = match(seen((4, 0, 14, 10)), true((0, 0, 10, 10)), true())
    assert (len(hit["pairs"]), hit["false"], hit["missed"]) == (1, [], [])
    assert (miss["pairs"], miss["false"], miss["missed"]) == ([], [0], [0])


def test_a_small_box_is_hit_by_a_near_centre():
    small, large = (0, 0, 2, 4), (0, 0, 4, 5)  # 8 and 20 px^2
    assert match(seen((2, 0, 4, 4)), true(small), true())["pairs"]
    assert not match(seen((2, 0, 6, 5)), true(large), true())["pairs"]


def test_pairs_are_one_to_one():
    both = match(seen((0, 0, 10, 10), (1, 0, 11, 10)), true((0, 0, 10, 10)), true())
    assert (len(both["pairs"]), len(both["false"])) == (1, 1)


def test_a_box_half_inside_an_ignored_one_is_no_false_alarm():
    ignored = true((0, 0, 10, 10))
    assert match(seen((5, 0, 15, 10)), true(), ignored)["false"] == []
    assert match(seen((6, 0, 16, 10)), true(), ignored)["false"] == [0]


def scene(boxes, screens=None):
    frames = 100
    screens = np.zeros((frames, 210, 160), np.uint8) if screens is None else screens
    return Truth(screens, np.zeros(frames, bool), np.zeros(frames, int), boxes, ("a", "b"))


def test_only_what_moves_is_counted():
    # a moves in 3 of its 99 consecutive frames (3 %), b in 1 (1 %)
    def place(frame, jumps):
        return 10 * sum(frame >= jump for jump in jumps)

    a = [(f, 0, place(f, (10, 20, 30)), 0, place(f, (10, 20, 30)) + 4, 4) for f in range(100)]
    b = [(f, 1, place(f, (50,)), 9, place(f, (50,)) + 4, 13) for f in range(100)]
    assert counted(scene(np.array(a + b, float))) == [0]


def test_a_box_without_a_pixel_is_not_drawn():
    screens = np.zeros((100, 210, 160), np.uint8)
    screens[7, 20:24, 30:34] = 14
    boxes = np.array([(7, 0, 30, 20, 34, 24), (8, 0, 30, 20, 34, 24)], float)
    assert drawn(scene(boxes, screens)).tolist() == [True, False]


def test_palette_there_and_back():
    every = np.arange(0, 256, 2, dtype=np.uint8).reshape(8, 16)
    assert (indices(rgb(every)) == every).all()
    assert tuple(TABLE[14]) == (236, 236, 236)


def test_a_colour_that_is_not_ales_is_refused():
    with pytest.raises(DiffsesError, match="not in ALE's palette"):
        indices(np.full((1, 2, 2, 3), 17, np.uint8))

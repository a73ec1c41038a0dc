"""Which pictures of moving things are of one type, on made-up screens."""

import numpy as np
import pytest
from made_up import BLUE, FLOOR, RED, WHITE, bouncing
from reference import PlainDetector

from diffses.config import MotionDetector
from diffses.detector import kernel
from diffses.detector.background import learn_background
from diffses.detector.colour_links import find_colours
from diffses.detector.learn import learn_motion_detector
from diffses.detector.offline_tracks import initial_params, stitch_colour_changes, track_screens
from diffses.detector.segmentation import SegmentationModel

STEPS = 200
GREEN, FOREIGN = 196, 30  # palette indices; FOREIGN is on no screen that is learned from
NOTCHED = ("###.###", "#######", "#.###.#", "#######", "##...##")  # an outline to know it by
RING = ("#######", "#.....#", "#.....#", "#.....#", "#######")


def picture(rows, *colours):
    """A sprite: its rows, of one colour each in turn; FLOOR where there is no #."""
    shown = [
        [colours[y % len(colours)] if c == "#" else FLOOR for c in row]
        for y, row in enumerate(rows)
    ]
    return np.array(shown, np.uint8)


def screens_of(*things, steps=STEPS):
    """Screens with things on them: (sprite or one a step, lefts, top)."""
    screens = np.full((steps, 210, 160), FLOOR, np.uint8)
    for step, screen in enumerate(screens):
        for sprite, lefts, top in things:
            drawn = sprite[step] if isinstance(sprite, list) else sprite
            left = int(lefts[step])
            first, end = max(left, 0), min(left + drawn.shape[1], 160)
            if first < end:
                part = drawn[:, first - left : end - left]
                target = screen[top : top + len(part), first:end]
                target[part != FLOOR] = part[part != FLOOR]
    return screens


def learned(screens, actions=None):
    actions = np.zeros(len(screens), int) if actions is None else actions
    starts = np.arange(len(screens)) == 0
    return learn_motion_detector(screens, starts, actions, MotionDetector(), {})


def passing(start, speed=3):
    return bouncing(STEPS, 10, 140, start, speed)


def test_equal_size_and_other_looks_are_two_types_though_they_share_a_colour():
    one, two = picture(NOTCHED, RED, WHITE, WHITE), picture(RING, BLUE, BLUE, BLUE, BLUE, RED)
    found = learned(screens_of((one, passing(20), 60), (two, passing(90), 100))).types
    assert [kind.slots for kind in found] == [1, 1]


def test_pictures_that_change_into_each_other_and_back_are_one_type():
    walk = [picture(NOTCHED, RED) if s % 6 < 3 else picture(RING[:4], RED) for s in range(STEPS)]
    found = learned(screens_of((walk, passing(20), 60))).types
    assert [kind.slots for kind in found] == [1]
    # nor does what stands still in the one picture and walks in the other split
    assert found[0].mean_count == pytest.approx(1, abs=0.02)


def test_one_outline_in_several_colours_is_one_type():
    cars = [
        (picture(NOTCHED, c), passing(20 + 30 * n), 40 + 30 * n)
        for n, c in enumerate((RED, BLUE, WHITE))
    ]
    assert [kind.slots for kind in learned(screens_of(*cars)).types] == [3]


def test_the_one_that_obeys_the_actions_is_apart_from_others_of_its_outline():
    random = np.random.default_rng(0)
    actions = np.repeat(random.integers(0, 3, STEPS // 5), 5)
    walk = np.clip(80 + np.cumsum((actions - 1) * 3), 10, 140)
    mine, other = picture(NOTCHED, WHITE), picture(NOTCHED, RED)
    detector = learned(screens_of((mine, walk, 60), (other, passing(20), 100)), actions)
    assert [kind.name for kind in detector.types] == ["player", "object1"]
    assert detector.types[0].colours == (WHITE,)


def test_an_object_whose_colour_changes_is_of_two_types_its_two_states():
    # it is red on the one half of its way, and blue on the other; long enough to be no animation
    state = [picture(NOTCHED, RED if s % 80 < 40 else BLUE) for s in range(400)]
    screens = screens_of((state, bouncing(400, 10, 140, 20, 3), 60), steps=400)
    assert sorted(kind.colours for kind in learned(screens).types) == [(RED,), (BLUE,)]


def test_an_object_that_flashes_in_several_colours_is_one():
    blink = [picture(NOTCHED, (RED, BLUE, WHITE)[s // 2 % 3]) for s in range(STEPS)]
    found = learned(screens_of((blink, passing(20), 60))).types
    assert [kind.slots for kind in found] == [1]
    assert found[0].mean_count == pytest.approx(1, abs=0.02)


def test_tracks_are_numbered_without_gaps_after_colour_changes_are_joined():
    blink = [picture(NOTCHED, (RED, BLUE)[s // 5 % 2]) for s in range(40)]
    screens = screens_of(
        (blink, passing(20), 60), (picture(RING, WHITE), passing(90), 90), steps=40
    )
    background = learn_background(screens)
    everywhere = np.ones(background.shape, bool)
    colours = find_colours(screens, background, everywhere, np.zeros(256, bool))
    alone = np.eye(kernel.MAX_COLOURS, dtype=bool)
    model = SegmentationModel(background, everywhere, colours, alone)
    tracks = track_screens(screens, np.arange(40) == 0, model, initial_params(3))
    assert len(np.unique(tracks.track)) > 2
    joined = stitch_colour_changes(tracks)
    assert np.unique(joined.track).tolist() == [0, 1]
    assert joined.moved[joined.frame > 0].all()


def test_mirror_images_are_one_type():
    flag = picture(("####..", "######", "####..", "#.....", "#....."), RED)
    left, right = flag[:, ::-1], flag
    there, back = np.linspace(10, 140, STEPS).astype(int), np.linspace(140, 10, STEPS).astype(int)
    found = learned(screens_of((right, there, 60), (left, back, 100))).types
    assert [kind.slots for kind in found] == [2]


def test_a_part_that_moves_along_beside_a_gap_belongs_to_the_object():
    lid, pot = picture(("#####",), GREEN), picture(NOTCHED, RED, WHITE)
    ways = passing(20), passing(90)
    things = [
        (s, w + d, y + h)
        for n, w in enumerate(ways)
        for y in (60 + 40 * n,)
        for s, d, h in ((lid, 1, 0), (pot, 0, 2))
    ]
    detector = learned(screens_of(*things))
    assert [(kind.width, kind.height) for kind in detector.types] == [(7, 7)]
    detector.observe(screens_of((lid, [51], 80), (pot, [50], 82), steps=1)[0])
    assert [(o["x"], o["y"], o["h"]) for o in detector.objects] == [(53.5, 83.5, 7)]
    detector.reset()
    detector.observe(screens_of((lid, [51], 80), steps=1)[0])  # a lid alone is no object
    assert len(detector.objects) == 0


def test_sprites_parts_and_outlines_are_the_same_in_the_plain_detector():
    lid, pot = picture(("#####",), GREEN), picture(NOTCHED, RED, WHITE)
    one, two = passing(20), passing(90)
    things = [(lid, one + 1, 60), (pot, one, 62), (lid, two + 1, 100), (pot, two, 102)]
    things += [(picture(RING, BLUE), passing(30), 140), (picture(RING, WHITE), passing(70), 160)]
    detector = learned(screens_of(*things))
    params = detector.model.schema.params
    assert len(params.parts)
    assert len(params.outlines)
    unseen = (picture(RING, FOREIGN), passing(60), 180)
    plain = PlainDetector(detector.model)
    for screen in screens_of(*things, unseen, (lid, passing(50), 20), steps=60):
        np.testing.assert_array_equal(detector.observe(screen), plain.observe(screen))


def test_what_is_cut_off_at_the_border_is_no_type_of_its_own():
    wide = picture(["#" * 14 if y % 3 else "##.##########." for y in range(9)], RED)
    waits = np.where(np.arange(STEPS) % 100 < 50, 152, 152 - 3 * (np.arange(STEPS) % 100 - 50))
    found = learned(screens_of((wide, waits, 60), (wide, passing(30), 120))).types
    assert [kind.width for kind in found] == [14]


def test_a_known_outline_in_a_colour_that_was_never_seen_is_found():
    detector = learned(screens_of((picture(NOTCHED, RED), passing(20), 60)))
    detector.observe(
        screens_of((picture(NOTCHED, GREEN), [50], 80), (picture(RING, GREEN), [90], 80), steps=1)[
            0
        ]
    )
    assert [o["x"] for o in detector.objects] == [53.5]


def test_digits_of_an_objects_size_and_colour_do_not_hide_it():
    """A digit that does not move is told from the object by its picture."""
    digit = picture(("#####", "#...#", "#...#", "#...#", "#####"), RED)
    ball = picture(("#####", "#####", "##.##", "#####", "#####"), RED)
    still = np.full(STEPS, 70)
    things = [(digit, still + 12 * n, 20) for n in range(4)]
    screens = screens_of(*things, (ball, passing(20), 60))
    screens[1::2, 20:25] = FLOOR  # the digits flash, else they were background
    detector = learned(screens)
    assert [kind.slots for kind in detector.types] == [1]
    detector.observe(screens[0])
    assert [o["y"] for o in detector.objects] == [62.5]


def pills(eaten_by):
    """Screens of a row of four pills that a thing passes, and which it eats; the fourth stays.

    Args:
        eaten_by: whether the thing passes through the row, or beside it.
    """
    random = np.random.default_rng(0)
    steps = 3 * 120
    screens = np.full((steps, 210, 160), FLOOR, np.uint8)
    starts = np.arange(steps) % 120 == 0
    thing, pill = picture(NOTCHED, BLUE), picture(("####", "####"), RED)
    for step, screen in enumerate(screens):
        time = step % 120
        left = min(10 + 2 * max(0, time - 20), 110)
        y = 60 if eaten_by else 120
        for number, x in enumerate((40, 70, 100, 130)):
            if x > left + 7 or number == 3 or (not eaten_by and random.random() < 0.9):
                screen[62:64, x : x + 4] = pill
        screen[y : y + 5, left : left + 7] = np.where(
            thing == FLOOR, screen[y : y + 5, left : left + 7], thing
        )
    return screens, starts


def test_what_stands_still_until_it_vanishes_at_contact_is_a_type_also_where_no_one_came():
    screens, starts = pills(eaten_by=True)
    detector = learn_motion_detector(
        screens, starts, np.zeros(len(screens), int), MotionDetector(), {}
    )
    assert [(kind.width, kind.height) for kind in detector.types] == [(7, 5), (4, 2)]
    assert (detector.model.segmentation.background == FLOOR).all()
    for screen in screens[:10]:
        detector.observe(screen)
    assert sorted(o["x"] for o in detector.objects if o["type"] == 1) == [42, 72, 102, 132]


def test_what_vanishes_where_nothing_is_near_is_no_type():
    screens, starts = pills(eaten_by=False)
    detector = learn_motion_detector(
        screens, starts, np.zeros(len(screens), int), MotionDetector(), {}
    )
    assert [(kind.width, kind.height) for kind in detector.types] == [(7, 5)]


def test_a_digit_is_no_thing_that_vanishes_though_things_pass_near_it():
    screens, starts = pills(eaten_by=True)
    shown = ((1, 0, 1), (1, 1, 0), (0, 1, 1), (0, 0, 0))
    for step, screen in enumerate(screens):
        for number, on in enumerate(shown[step // 15 % 4]):
            if on:
                screen[69 + 3 * number : 71 + 3 * number, 60 : 66 - number] = WHITE
    actions = np.zeros(len(screens), int)
    detector = learn_motion_detector(screens, starts, actions, MotionDetector(), {})
    assert [(kind.width, kind.height) for kind in detector.types] == [(7, 5), (4, 2)]

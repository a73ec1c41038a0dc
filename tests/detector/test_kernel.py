import numpy as np
import pytest
from reference import connected_components_plainly, restore_flicker_plainly, sprite_id_plainly

from diffses.detector import kernel
from diffses.detector.segmentation import boxes_as_blobs, empty_table, scratch

FREE = 9  # a colour that is looked for everywhere


def blobs_of(picture, links=None, search_mask=None, background=None):
    """Both finders on a small picture whose palette indices are colour numbers, 0 for the floor."""
    picture = np.asarray(picture, np.uint8)
    if background is None:
        background = np.zeros_like(picture)
    search_mask = np.ones(picture.shape, bool) if search_mask is None else search_mask
    links = np.eye(kernel.MAX_COLOURS, dtype=bool) if links is None else links
    colours = np.full((2, 256), kernel.NO_COLOUR, np.uint8)
    colours[:, FREE] = FREE
    colours[1, : kernel.MAX_COLOURS] = np.arange(kernel.MAX_COLOURS)
    runs, blobs, areas = scratch()
    arguments = (picture, background, search_mask, colours, links)
    _, count = kernel.connected_components(*arguments, runs, blobs, areas)
    found = blobs[:count, : kernel.SPRITE_TYPE]
    np.testing.assert_array_equal(found, connected_components_plainly(*arguments))
    return found.tolist()


def test_where_little_is_looked_for_a_colour_may_be_looked_for_still():
    picture = np.zeros((3, 16), np.uint8)
    picture[1, 1:15] = FREE
    picture[2, 1:15] = 5
    search_mask = np.ones(picture.shape, bool)
    search_mask[:, 6:] = False
    assert blobs_of(picture, search_mask=search_mask) == [
        [FREE, 1, 1, 14, 1, 14],
        [5, 1, 2, 5, 2, 5],
    ]


def linked(*pairs):
    links = np.eye(kernel.MAX_COLOURS, dtype=bool)
    for one, two in pairs:
        links[one, two] = links[two, one] = True
    return links


def test_pixels_that_touch_at_a_corner_are_one_blob():
    picture = np.zeros((3, 8), np.uint8)
    picture[0, 2] = picture[1, 3] = picture[2, 2] = 5
    # colour, left, top, right, bottom, area
    assert blobs_of(picture) == [[5, 2, 0, 3, 2, 3]]


def test_colours_join_only_where_they_are_linked():
    picture = np.zeros((2, 8), np.uint8)
    picture[0, 1:3] = 5
    picture[1, 2:5] = 6
    assert blobs_of(picture) == [[5, 1, 0, 2, 0, 2], [6, 2, 1, 4, 1, 3]]
    assert blobs_of(picture, linked((5, 6))) == [[6, 1, 0, 4, 1, 5]]  # named after the larger part


def test_what_is_not_looked_at_and_what_is_background_is_left_out():
    picture = np.full((2, 8), 5, np.uint8)
    search_mask = np.ones((2, 8), bool)
    search_mask[0] = False
    background = np.zeros((2, 8), np.uint8)
    background[1, 4:] = 5
    assert blobs_of(picture, search_mask=search_mask, background=background) == [[5, 0, 1, 3, 1, 4]]


def restore_flicker(screen, before, background=None, search_mask=None, links=None):
    """Both ways to put back what flickers, on small pictures; the picture and how many blobs."""
    screen, before = np.asarray(screen, np.uint8), np.asarray(before, np.uint8)
    background = np.zeros_like(screen) if background is None else background
    search_mask = np.ones(screen.shape, bool) if search_mask is None else search_mask
    links = np.eye(kernel.MAX_COLOURS, dtype=bool) if links is None else links
    colours = np.full((2, 256), kernel.NO_COLOUR, np.uint8)
    colours[:, FREE] = FREE
    colours[1, : kernel.MAX_COLOURS] = np.arange(kernel.MAX_COLOURS)
    vanished, restored = background.copy(), screen.copy()
    looks = (screen, before, background, search_mask, colours, links)
    count = kernel.restore_flicker(*looks, *scratch(), vanished, restored)
    np.testing.assert_array_equal(restored, restore_flicker_plainly(*looks))
    np.testing.assert_array_equal(vanished, background)
    return restored, count


def test_what_is_in_the_frame_before_alone_is_put_back_and_what_moved_is_not():
    screen, before = np.zeros((2, 40, 64), np.uint8)
    screen[10:14, 12:14] = before[10:14, 8:10] = 5  # moved
    screen[30, 60] = 6
    before[30:34, 30:32] = 6  # flickers
    expected = screen.copy()
    expected[30:34, 30:32] = 6
    restored, count = restore_flicker(screen, before)
    np.testing.assert_array_equal(restored, expected)
    assert count == 1
    screen[30 - kernel.FLICKER_RADIUS, 31] = 6  # it is that, which moved
    assert restore_flicker(screen, before)[1] == 0
    screen[30 - kernel.FLICKER_RADIUS, 31] = 7
    assert restore_flicker(screen, before)[1] == 1
    assert restore_flicker(screen, before, links=linked((6, 7)))[1] == 0
    screen[30:34, 30:32] = 3  # it is behind something else
    assert restore_flicker(screen, before)[1] == 0
    search_mask = np.ones(screen.shape, bool)
    search_mask[30:34] = False
    screen[24:34] = 0
    assert restore_flicker(screen, before, search_mask=search_mask)[1] == 0


@pytest.mark.parametrize("seed", range(4))
def test_noise_is_put_back_like_the_plain_way_does(seed):
    random = np.random.default_rng(seed)
    sparse = [0] * 60 + [1, 2, 3, 4]
    screen, before = random.choice(sparse, (2, 48, 64)).astype(np.uint8)
    background = random.choice([0] * 9 + [1], screen.shape).astype(np.uint8)
    search_mask = random.random(screen.shape) < 0.9
    assert restore_flicker(screen, before, background, search_mask, linked((1, 2)))[1] > 0


@pytest.mark.parametrize("seed", range(6))
def test_noise_is_cut_up_like_the_plain_finder_does(seed):
    random = np.random.default_rng(seed)
    picture = random.choice([0, 0, 0, 1, 2, 3], (24, 32)).astype(np.uint8)
    background = random.choice([0, 1], (24, 32)).astype(np.uint8)
    search_mask = random.random((24, 32)) < 0.95
    found = blobs_of(picture, linked((1, 2)), search_mask, background)
    assert len(found) > 5


def test_an_arm_held_out_is_cut_off():
    # a body 4 wide from x = 10, 6 high, and an arm 4 long to its right
    picture = np.zeros((20, 40), np.uint8)
    picture[5:11, 10:14] = 1
    picture[7, 14:18] = 1
    rule = type_params(own=4)
    rule[0, [kernel.CORE_W, kernel.CORE_H]] = 4, 6
    runs, blobs, areas = scratch()
    colours = np.full((2, 256), kernel.NO_COLOUR, np.uint8)
    colours[1, 1] = 0
    everywhere = np.ones(picture.shape, bool)
    n_runs, count = kernel.connected_components(
        picture, np.zeros_like(picture), everywhere, colours, linked(), runs, blobs, areas
    )
    assert blobs[:count, :6].tolist() == [[0, 10, 5, 17, 10, 28]]
    every = np.ones((1, kernel.MAX_COLOURS), bool)
    kernel.crop_protrusions(runs, n_runs, blobs, count, rule, every)
    assert blobs[0, 1:5].tolist() == [10, 5, 13, 10]
    rule[0, kernel.CORE_W] = 0  # one that does not stretch is left as it is
    blobs[0, 3] = 17
    kernel.crop_protrusions(runs, n_runs, blobs, count, rule, every)
    assert blobs[0, 3] == 17


def test_a_sprite_has_one_id_wherever_it_is_and_its_mirror_image_the_other():
    sprite = np.array([[5, 5, 0, 0], [0, 5, 6, 0], [5, 5, 5, 6]], np.uint8)
    picture = np.zeros((20, 40), np.uint8)
    picture[2:5, 3:7], picture[9:12, 20:24], picture[15:18, 30:34] = sprite, sprite, sprite[:, ::-1]
    colours = np.full((2, 256), kernel.NO_COLOUR, np.uint8)
    colours[1, : kernel.MAX_COLOURS] = np.arange(kernel.MAX_COLOURS)
    runs, blobs, areas = scratch()
    everywhere = np.ones(picture.shape, bool)
    floor = np.zeros_like(picture)
    n_runs, count = kernel.connected_components(
        picture, floor, everywhere, colours, linked((5, 6)), runs, blobs, areas
    )
    ids = np.zeros((count, 2), np.int64)
    for coloured in (True, False):
        kernel.sprite_ids(runs, n_runs, blobs, count, coloured, ids)
        shown = np.where(sprite == 0, -1, sprite.astype(int) if coloured else 0)
        assert ids[0].tolist() == [sprite_id_plainly(shown), sprite_id_plainly(shown[:, ::-1])]
        assert ids[1].tolist() == ids[0].tolist()
        assert ids[2].tolist() == ids[0, ::-1].tolist()
        assert ids[0, 0] != ids[0, 1]


# --- who is who ---


def type_params(*, gate_radius=10.0, places=1, max_coast=0, least=1, own=2, most=9):
    rule = np.zeros((1, kernel.TYPE_PARAMS))
    rule[0, [kernel.MIN_W, kernel.MIN_H]] = least
    rule[0, [kernel.MAX_W, kernel.MAX_H]] = most
    rule[0, [kernel.OWN_W, kernel.OWN_H]] = own
    rule[0, [kernel.GATE_RADIUS, kernel.END_PLACE, kernel.COAST_LIMIT]] = (
        gate_radius,
        places,
        max_coast,
    )
    return rule


def track(frames, rule, patience=2):
    """The table after each frame; a frame is the left edges of 2x2 blobs at y = 50."""
    table = empty_table(int(rule[0, kernel.END_PLACE]))
    colours = np.ones((1, kernel.MAX_COLOURS), bool)
    assigned = np.zeros(kernel.MAX_BLOBS, np.int64)
    after = []
    for lefts in frames:
        blobs = boxes_as_blobs(np.array([[0, x, 50, x + 1, 51, 4] for x in lefts]).reshape(-1, 6))
        kernel.update_tracks(table, blobs, len(blobs), rule, colours, patience, assigned)
        after.append(table.copy())
    return np.array(after)


def test_velocity_is_px_per_step_and_zero_at_birth():
    after = track([[10], [13], [17]], type_params())
    assert after[:, 0, kernel.VX].tolist() == [0, 3, 4]
    assert after[:, 0, kernel.X].tolist() == [11, 14, 18]  # the centre of pixels 10 and 11


def test_out_of_sight_and_back_it_is_the_same_one():
    after = track([[10], [13], [], [19]], type_params())
    assert after[3, 0, kernel.AGE] == 3
    assert after[3, 0, kernel.VX] == 3  # (20 - 14) / 2 steps


def test_what_comes_back_too_late_is_new():
    after = track([[10], [13], [], [], [], [22]], type_params(), patience=2)
    assert after[5, 0, kernel.AGE] == 0
    assert after[5, 0, kernel.VX] == 0


def test_what_appears_elsewhere_is_new_and_has_no_velocity():
    # a ball leaves the field and the next is served at the other end
    after = track([[10], [13], [80], [84]], type_params())
    assert after[2, 0, kernel.VX] == 0  # takes over the only place
    assert after[3, 0, kernel.VX] == 4


def test_two_of_a_kind_keep_their_places_when_they_pass():
    # one at 10, 16, 22, 28; the other at 30, 24, 18, 12
    after = track([[10, 30], [16, 24], [18, 22], [12, 28]], type_params(places=2, gate_radius=12))
    assert after[:, 0, kernel.X].tolist() == [11, 17, 23, 29]
    assert after[:, 1, kernel.X].tolist() == [31, 25, 19, 13]


def test_a_fragment_is_no_object_but_a_known_object_may_be_seen_in_part():
    assert track([[10]], type_params(least=3))[0, 0, kernel.AGE] == -1
    rule = type_params(least=2)
    table = track([[10]], rule)[0]
    part = boxes_as_blobs(np.array([[0, 11, 50, 11, 51, 2]]))  # 1 px wide
    assigned = np.zeros(kernel.MAX_BLOBS, np.int64)
    kernel.update_tracks(table, part, 1, rule, np.ones((1, kernel.MAX_COLOURS), bool), 2, assigned)
    assert table[0, kernel.W] == 1


def test_it_is_counted_how_long_ago_the_button_was_pressed():
    table = empty_table(2)
    told = []
    for pressed in (0, 1, *[0] * 12):
        kernel.set_last_action(table, 1, np.array([1.0, -1.0, pressed]))
        told.append(table[1, kernel.REST])
    assert told == [1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10, 10]
    assert table[1, kernel.PUSH_X : kernel.BUTTON + 1].tolist() == [1, -1, 0]
    assert not table[0, kernel.PUSH_X :].any()

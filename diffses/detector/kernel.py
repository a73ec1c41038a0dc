"""The compiled part of the detector: segmentation, tracking, and features, one call a step.

It stays one file: numba's cache on disk notices a change only in the file of the cached function,
not in the files of the functions it calls. Arrays are passed one by one: as NamedTuples they would
take numba's slow way into a call, some 5 us more a step.

Segmentation: a pixel is foreground where it differs from the background and has a colour that
objects have. Foreground pixels that touch, also diagonally, form one blob (connected component) if
they have the same colour or if their colours are linked, i.e. were learned to be parts of one
object.

Tracking: every object type owns a range of places (rows) of the track table. A track holds its
place from its birth until it has had no detection for more than `patience` steps. Detections are
associated with tracks greedily, the cheapest pair first, within the gate radius of the type.
"""

from __future__ import annotations

import numba
import numpy as np

MAX_BLOBS = 512  # per screen; further blobs are dropped, in the order of their first pixel
MAX_RUNS = 8192  # horizontal runs of one colour per screen; further runs are dropped
MAX_COLOURS = 48  # object colours that can be numbered
OTHER_COLOUR = MAX_COLOURS - 1  # number of all palette indices that the recording never shows
NO_COLOUR = 255  # colour number of a palette index that no object has
INFEASIBLE = 1e18  # cost of a pair or a choice that is ruled out

# Columns of a blob, int32: colour number, bounding box in px (RIGHT and BOTTOM inclusive), pixels,
# and the type that its sprite belongs to: NEW_SPRITE if it was not seen in the recording, NO_TYPE
# if it was and belongs to none, FIRST_PART - k if it is part k of an object.
COLOUR, LEFT, TOP, RIGHT, BOTTOM, AREA, SPRITE_TYPE = range(7)
BLOB_COLUMNS = 7
NEW_SPRITE, NO_TYPE, FIRST_PART = -1, -2, -3
# Columns of a part, float64: the type of the object that it belongs to, and the range of its
# centre's offset from the object's, px.
PART_TYPE, PART_MIN_DX, PART_MAX_DX, PART_MIN_DY, PART_MAX_DY = range(5)
PART_COLUMNS = 5
PART_TOLERANCE = 1.0  # px; a part may be this far outside its range of offsets
HASH_PRIME = 2**31 - 1  # of the hash that tells sprites apart
HASH_FACTORS = (65_537, 8_191_007, 524_309)  # of row, length and colour, before they are mixed
# Columns of a run, int32: parent in the union-find forest, first and last x, y, colour number, and
# the index of its blob.
RUN_PARENT, RUN_LEFT, RUN_RIGHT, RUN_ROW, RUN_COLOUR, RUN_BLOB = range(6)

# Columns of the track table, float64: centre and size, px (pixel i covers i to i + 1); velocity, px
# per step; steps since the last detection; age in steps, -1 for a free place; mean velocity over
# about DRIFT_STEPS steps. The last four hold the last action and are written by `set_last_action`:
# the direction in which it pushes the player (-1, 0, 1), whether it pressed the button, and the
# steps since the button was last pressed.
X, Y, W, H, VX, VY, UNSEEN, AGE, DRIFT_X, DRIFT_Y, PUSH_X, PUSH_Y, BUTTON, REST = range(14)
TRACKED_COLUMNS = 10  # columns that the tracker writes: those before PUSH_X
COLUMNS = 14
MAX_REST_STEPS = 10.0  # steps; REST saturates here
DRIFT_STEPS = 10.0  # steps; time constant of the exponential moving average of the velocity

# Columns of an object type's parameters, float64: range of sizes for a new track, px; its full
# size, px; gate radius, px per step (a detection farther from the track is not associated); its
# first place in the track table and the one after its last; coast limit, steps (how long a track
# without a detection is extrapolated at constant velocity); and the core size, px, to which a blob
# with protrusions is cropped, 0 for none.
MIN_W, MAX_W, MIN_H, MAX_H, OWN_W, OWN_H = range(6)
GATE_RADIUS, FIRST_PLACE, END_PLACE, COAST_LIMIT, CORE_W, CORE_H = range(6, 12)
TYPE_PARAMS = 12
PROTRUSION_RATIO = 1.4  # a blob longer than this times the core size is cropped
FLICKER_RADIUS = 6  # px; a vanished blob with a similar colour this near has moved, not flickered

# Feature columns besides those of the track table.
PRESENT, COUNT = COLUMNS, COLUMNS + 1
# Criteria by which one member of a group is chosen. NEXT_*: the nearest one in that direction from
# the player. From SECOND_LEFT on, in the same order: the one after it, beyond its far edge. From
# ROW_LEFT on, in the same order: the nearest of those whose box overlaps the player's along the
# other axis, i.e. in its row (left, right) or column (above, below).
NEAREST, LEFTMOST, RIGHTMOST, HIGHEST, LOWEST, NEXT_COLLIDER = range(6)
NEXT_LEFT, NEXT_RIGHT, NEXT_ABOVE, NEXT_BELOW, SECOND_LEFT = range(6, 11)
ROW_LEFT = 20
COLLISION_CORRIDOR = 20.0  # px; how far from the player's centre a collider's course may pass


@numba.njit(cache=True, nogil=True)
def connected_components(
    screen: np.ndarray,
    background: np.ndarray,
    search_mask: np.ndarray,
    colours: np.ndarray,
    links: np.ndarray,
    runs: np.ndarray,
    blobs: np.ndarray,
    areas: np.ndarray,
) -> tuple[int, int]:
    """Finds the blobs of a screen: run-length encoding, then union-find over touching runs.

    Args:
        screen: uint8 (h, w), palette indices, contiguous, w a multiple of 8.
        background: uint8 (h, w), the background colour of each pixel.
        search_mask: bool (h, w), where objects of every colour are searched.
        colours: uint8 (2, 256), the number of each palette index, NO_COLOUR for none: row 0 where
            `search_mask` is false, row 1 where it is true.
        links: bool (MAX_COLOURS, MAX_COLOURS), symmetric, true on the diagonal: colours that join.
        runs: int32 (MAX_RUNS, 6), output, columns RUN_*.
        blobs: int32 (MAX_BLOBS, BLOB_COLUMNS), output, in the order of their first pixel, row by
            row. The colour is the commonest one, the lowest of equals; SPRITE_TYPE is NEW_SPRITE.
        areas: int32 (MAX_BLOBS, MAX_COLOURS), output: pixels of each colour.

    Returns:
        The number of runs and the number of blobs.
    """
    height, width = screen.shape
    words, still = screen.view(np.uint64), background.view(np.uint64)  # 8 pixels each
    count = 0
    above_first = above_last = 0  # the runs of the row above
    for y in range(height):
        row_first, near = count, above_first
        x = 0
        while x < width:
            if x % 8 == 0 and words[y, x // 8] == still[y, x // 8]:
                x += 8
                continue
            colour = screen[y, x]
            number = colours[int(search_mask[y, x]), colour]
            if colour == background[y, x] or number == NO_COLOUR:
                x += 1
                continue
            start = x
            x += 1
            while x < width and screen[y, x] == colour != background[y, x]:
                if colours[int(search_mask[y, x]), colour] == NO_COLOUR:
                    break
                x += 1
            if count == runs.shape[0]:
                break
            runs[count, RUN_LEFT] = start
            runs[count, RUN_RIGHT] = x - 1
            runs[count, RUN_ROW] = y
            runs[count, RUN_COLOUR] = number
            near = _merge_run(runs, count, row_first, near, above_last, links)
            count += 1
        above_first, above_last = row_first, count
    return count, _collect_components(runs, count, blobs, areas)


@numba.njit(cache=True, nogil=True)
def _merge_run(
    runs: np.ndarray, run: int, row_first: int, first: int, last: int, links: np.ndarray
) -> int:
    """Joins a new run to those it touches: the one before it, and of [first, last) in the row
    above.

    Returns:
        The first run of the row above that a later run of this row may touch.
    """
    runs[run, RUN_PARENT] = run
    start, end, number = runs[run, RUN_LEFT], runs[run, RUN_RIGHT], runs[run, RUN_COLOUR]
    beside = run > row_first and runs[run - 1, RUN_RIGHT] == start - 1
    if beside and links[runs[run - 1, RUN_COLOUR], number]:
        _union(runs, run - 1, run)
    while first < last and runs[first, RUN_RIGHT] < start - 1:
        first += 1
    for above in range(first, last):
        if runs[above, RUN_LEFT] > end + 1:
            break
        if links[runs[above, RUN_COLOUR], number]:
            _union(runs, above, run)
    return first


@numba.njit(cache=True, nogil=True)
def _find_root(runs: np.ndarray, node: int) -> int:
    """The representative of a run's set, with path halving."""
    while runs[node, RUN_PARENT] != node:
        runs[node, RUN_PARENT] = runs[runs[node, RUN_PARENT], 0]
        node = runs[node, RUN_PARENT]
    return node


@numba.njit(cache=True, nogil=True)
def _union(runs: np.ndarray, one: int, two: int) -> None:
    """Joins two sets; the earlier run represents both."""
    a, b = _find_root(runs, one), _find_root(runs, two)
    if a < b:
        runs[b, RUN_PARENT] = a
    elif b < a:
        runs[a, RUN_PARENT] = b


@numba.njit(cache=True, nogil=True)
def _collect_components(runs: np.ndarray, count: int, blobs: np.ndarray, areas: np.ndarray) -> int:
    """Sums the runs of each blob; the root comes before all other runs of its blob."""
    found = 0
    for run in range(count):
        left, right, y = runs[run, RUN_LEFT], runs[run, RUN_RIGHT], runs[run, RUN_ROW]
        root = _find_root(runs, run)
        if root == run:
            if found == blobs.shape[0]:
                runs[run, RUN_BLOB] = -1
                continue
            runs[run, RUN_BLOB] = found
            blobs[found, LEFT] = left
            blobs[found, TOP] = y
            blobs[found, RIGHT] = right
            blobs[found, AREA] = 0
            blobs[found, SPRITE_TYPE] = NEW_SPRITE
            for number in range(areas.shape[1]):
                areas[found, number] = 0
            found += 1
        blob = runs[root, RUN_BLOB]
        runs[run, RUN_BLOB] = blob
        if blob >= 0:
            blobs[blob, LEFT] = min(blobs[blob, LEFT], left)
            blobs[blob, RIGHT] = max(blobs[blob, RIGHT], right)
            blobs[blob, BOTTOM] = y
            blobs[blob, AREA] += right - left + 1
            areas[blob, runs[run, RUN_COLOUR]] += right - left + 1
    for blob in range(found):
        most = 0
        for number in range(areas.shape[1]):
            if areas[blob, number] > areas[blob, most]:
                most = number
        blobs[blob, COLOUR] = most
    return found


@numba.njit(cache=True, nogil=True)
def sprite_ids(
    runs: np.ndarray,
    n_runs: int,
    blobs: np.ndarray,
    count: int,
    coloured: bool,
    ids: np.ndarray,
) -> None:
    """Identifies the sprite of each blob, its exact picture wherever it is on the screen; or, if
    not `coloured`, its outline.

    An id holds width, height, and a sum over the blob's rows of a hash of place, length and colour
    of each run. Two pictures of equal size have equal ids by chance in one of 2**31 cases.

    Args:
        runs, n_runs, blobs, count: as `connected_components` left them.
        ids: int64 (>= count, 2), output: of the blob, and of its mirror image (left and right).
    """
    for blob in range(count):
        ids[blob, 0] = ids[blob, 1] = 0
    run = 0
    while run < n_runs:
        blob = runs[run, RUN_BLOB]
        first = run
        run += 1
        while not coloured and run < n_runs and _continues(runs, run):
            run += 1
        if blob < 0:
            continue
        left, right = int(runs[first, RUN_LEFT]), int(runs[run - 1, RUN_RIGHT])
        fixed = int(runs[first, RUN_ROW] - blobs[blob, TOP]) * HASH_FACTORS[0]
        fixed += (right - left) * HASH_FACTORS[1]
        if coloured:
            fixed += int(runs[first, RUN_COLOUR]) * HASH_FACTORS[2]
        for side in range(2):
            margin = left - blobs[blob, LEFT] if side == 0 else blobs[blob, RIGHT] - right
            ids[blob, side] = (ids[blob, side] + _mix(fixed + int(margin))) % HASH_PRIME
    for blob in range(count):
        width = int(blobs[blob, RIGHT] - blobs[blob, LEFT] + 1)
        height = int(blobs[blob, BOTTOM] - blobs[blob, TOP] + 1)
        for side in range(2):
            ids[blob, side] += (width * 256 + height) * (HASH_PRIME + 1)


@numba.njit(cache=True, nogil=True)
def _continues(runs: np.ndarray, run: int) -> bool:
    """Whether a run goes on where the one before it ends, in the same blob."""
    return bool(
        runs[run, RUN_ROW] == runs[run - 1, RUN_ROW]
        and runs[run, RUN_LEFT] == runs[run - 1, RUN_RIGHT] + 1
        and runs[run, RUN_BLOB] == runs[run - 1, RUN_BLOB]
    )


@numba.njit(cache=True, nogil=True)
def _mix(value: int) -> int:
    """A hash of an integer in 0 to HASH_PRIME - 1, in the same range."""
    value = (value * value + 1_013_904_223) % HASH_PRIME
    return (value * value + 374_761_393) % HASH_PRIME


@numba.njit(cache=True, nogil=True)
def recognise_sprites(
    runs: np.ndarray,
    n_runs: int,
    blobs: np.ndarray,
    count: int,
    sprites: np.ndarray,
    sprite_types: np.ndarray,
    outlines: np.ndarray,
    outline_types: np.ndarray,
    ids: np.ndarray,
) -> None:
    """Sets the SPRITE_TYPE of each blob: by its exact picture, else by its outline.

    Args:
        runs, n_runs, blobs, count: as `connected_components` left them; `blobs` is updated.
        sprites: int64 (s,), increasing, ids of known sprites, and of their mirror images.
        sprite_types: int64 (s,), the type of each, NO_TYPE, or FIRST_PART - k for part k.
        outlines: int64 (o,), increasing, ids of known outlines, and of their mirror images.
        outline_types: int64 (o,), the type of each.
        ids: int64 (>= count, 2), scratch.
    """
    if sprites.shape[0] == 0:
        return
    sprite_ids(runs, n_runs, blobs, count, True, ids)
    new = False
    for blob in range(count):
        blobs[blob, SPRITE_TYPE] = _look_up(ids[blob, 0], sprites, sprite_types)
        new |= blobs[blob, SPRITE_TYPE] == NEW_SPRITE
    if not new or outlines.shape[0] == 0:
        return
    sprite_ids(runs, n_runs, blobs, count, False, ids)
    for blob in range(count):
        if blobs[blob, SPRITE_TYPE] == NEW_SPRITE:
            blobs[blob, SPRITE_TYPE] = _look_up(ids[blob, 0], outlines, outline_types)


@numba.njit(cache=True, nogil=True)
def _look_up(wanted: int, known: np.ndarray, values: np.ndarray) -> int:
    """The value beside `wanted` in increasing `known`, NEW_SPRITE if it is not there."""
    place = np.searchsorted(known, wanted)
    if place < known.shape[0] and known[place] == wanted:
        return int(values[place])
    return NEW_SPRITE


@numba.njit(cache=True, nogil=True)
def join_parts(
    blobs: np.ndarray,
    count: int,
    type_params: np.ndarray,
    type_colours: np.ndarray,
    parts: np.ndarray,
) -> None:
    """Extends the box of each object by its parts, blobs of their own that move with it.

    A part belongs to the first blob that may be an object of its type and is where the part's
    object was in the recording; a part without one is no object.

    Args:
        blobs, count: as `recognise_sprites` left them; boxes, areas and SPRITE_TYPE are updated.
        type_params, type_colours, parts: of `TrackerParams`.
    """
    for blob in range(count):
        number = FIRST_PART - blobs[blob, SPRITE_TYPE]
        if number < 0:
            continue
        blobs[blob, SPRITE_TYPE] = NO_TYPE
        part = parts[number]
        kind = int(part[PART_TYPE])
        for other in range(count):
            if not _fits_type(blobs[other], kind, type_params[kind], type_colours[kind], False):
                continue
            dx, dy = _centre_offset(blobs[blob], blobs[other])
            if not max(part[PART_MIN_DX] - dx, dx - part[PART_MAX_DX]) <= PART_TOLERANCE:
                continue
            if not max(part[PART_MIN_DY] - dy, dy - part[PART_MAX_DY]) <= PART_TOLERANCE:
                continue
            for axis in range(2):
                blobs[other, LEFT + axis] = min(blobs[other, LEFT + axis], blobs[blob, LEFT + axis])
                blobs[other, RIGHT + axis] = max(
                    blobs[other, RIGHT + axis], blobs[blob, RIGHT + axis]
                )
            blobs[other, AREA] += blobs[blob, AREA]
            break


@numba.njit(cache=True, nogil=True)
def _centre_offset(one: np.ndarray, two: np.ndarray) -> tuple[float, float]:
    """From the centre of the second blob to that of the first, px."""
    dx = 0.5 * (one[LEFT] + one[RIGHT] - two[LEFT] - two[RIGHT])
    dy = 0.5 * (one[TOP] + one[BOTTOM] - two[TOP] - two[BOTTOM])
    return dx, dy


@numba.njit(cache=True, nogil=True)
def restore_flicker(
    screen: np.ndarray,
    previous: np.ndarray,
    background: np.ndarray,
    search_mask: np.ndarray,
    colours: np.ndarray,
    links: np.ndarray,
    runs: np.ndarray,
    blobs: np.ndarray,
    areas: np.ndarray,
    vanished: np.ndarray,
    restored: np.ndarray,
) -> int:
    """Writes the screen and the sprites that only the previous frame shows into `restored`.

    Consoles draw some sprites in every other frame. A blob that was foreground in the previous
    frame and is background now is restored, unless a pixel of a linked colour lies in its box or
    within FLICKER_RADIUS px of it: then it has moved. Frames are not max-pooled, so moving
    objects leave no ghosts.

    Args:
        previous: uint8 (h, w), contiguous: the frame before `screen`.
        screen, background, search_mask, colours, links, runs, blobs, areas: as for
            `connected_components`.
        vanished: uint8 (h, w), contiguous, scratch: equal to the background before and after.
        restored: uint8 (h, w), contiguous, output; untouched where nothing is restored.

    Returns:
        The number of restored blobs.
    """
    first, last = _vanished_rows(screen, previous, background, vanished)
    if last < 0:
        return 0
    rows = slice(first, last + 1)
    n_runs, count = connected_components(
        vanished[rows], background[rows], search_mask[rows], colours, links, runs, blobs, areas
    )
    back = 0
    for blob in range(count):
        blobs[blob, TOP] += first
        blobs[blob, BOTTOM] += first
        if _has_similar_nearby(screen, blobs[blob], background, search_mask, colours, links):
            blobs[blob, AREA] = 0
        else:
            back += 1
    if back:
        restored.view(np.uint64)[:] = screen.view(np.uint64)
        for run in range(n_runs):
            if runs[run, RUN_BLOB] >= 0 and blobs[runs[run, RUN_BLOB], AREA] > 0:
                y = first + runs[run, RUN_ROW]
                for x in range(runs[run, RUN_LEFT], runs[run, RUN_RIGHT] + 1):
                    restored[y, x] = vanished[y, x]
    vanished[rows].view(np.uint64)[:] = background[rows].view(np.uint64)
    return back


@numba.njit(cache=True, nogil=True)
def _vanished_rows(
    screen: np.ndarray, previous: np.ndarray, background: np.ndarray, vanished: np.ndarray
) -> tuple[int, int]:
    """Copies the pixels that were foreground and are background now onto `vanished`.

    Returns:
        The first and the last row with such a pixel; -1 and -1 for none.
    """
    height, width = screen.shape
    now, was, still = screen.view(np.uint64), previous.view(np.uint64), background.view(np.uint64)
    first, last = -1, -1
    for y in range(height):
        for word in range(width // 8):
            if was[y, word] == now[y, word] or was[y, word] == still[y, word]:
                continue
            for x in range(8 * word, 8 * word + 8):
                behind = background[y, x]
                if previous[y, x] != behind and screen[y, x] == behind:
                    vanished[y, x] = previous[y, x]
                    first, last = (y if first < 0 else first), y
    return first, last


@numba.njit(cache=True, nogil=True)
def _has_similar_nearby(
    screen: np.ndarray,
    blob: np.ndarray,
    background: np.ndarray,
    search_mask: np.ndarray,
    colours: np.ndarray,
    links: np.ndarray,
) -> bool:
    """Whether a foreground pixel of a linked colour is within FLICKER_RADIUS px of the box."""
    height, width = screen.shape
    for y in range(
        max(0, blob[TOP] - FLICKER_RADIUS), min(height, blob[BOTTOM] + FLICKER_RADIUS + 1)
    ):
        for x in range(
            max(0, blob[LEFT] - FLICKER_RADIUS), min(width, blob[RIGHT] + FLICKER_RADIUS + 1)
        ):
            number = colours[int(search_mask[y, x]), screen[y, x]]
            if screen[y, x] == background[y, x] or number == NO_COLOUR:
                continue
            if links[blob[COLOUR], number]:
                return True
    return False


@numba.njit(cache=True, nogil=True)
def crop_protrusions(
    runs: np.ndarray,
    n_runs: int,
    blobs: np.ndarray,
    count: int,
    type_params: np.ndarray,
    type_colours: np.ndarray,
) -> None:
    """Crops blobs longer than PROTRUSION_RATIO times their type's core size to that size.

    Along each axis the window with the most pixels is kept, the first of equals (an arm held out,
    for example, is cut off). The type is the one nearest in size.

    Args:
        runs, n_runs, blobs, count: as `connected_components` left them; `blobs` is updated.
        type_params, type_colours: of `TrackerParams`.
    """
    profile = np.zeros(256, np.int64)
    for blob in range(count):
        type_index = _nearest_type(blobs[blob], type_params, type_colours, False)
        if type_index < 0:
            continue
        for axis in range(2):
            core = int(type_params[type_index, CORE_W + axis])
            low, high = blobs[blob, LEFT + axis], blobs[blob, RIGHT + axis]
            if core == 0 or high - low + 1 <= PROTRUSION_RATIO * core:
                continue
            for at in range(high - low + 1):
                profile[at] = 0
            for run in range(n_runs):
                if runs[run, RUN_BLOB] == blob:
                    if axis == 0:
                        for x in range(runs[run, RUN_LEFT], runs[run, RUN_RIGHT] + 1):
                            profile[x - low] += 1
                    else:
                        profile[runs[run, RUN_ROW] - low] += (
                            runs[run, RUN_RIGHT] - runs[run, RUN_LEFT] + 1
                        )
            start = _densest_window(profile, high - low + 1, core)
            blobs[blob, LEFT + axis] = low + start
            blobs[blob, RIGHT + axis] = low + start + core - 1


@numba.njit(cache=True, nogil=True)
def _densest_window(profile: np.ndarray, length: int, window: int) -> int:
    """Start of the window with the greatest sum, the first of equals."""
    total = 0
    for at in range(window):
        total += profile[at]
    most, best = total, 0
    for start in range(1, length - window + 1):
        total += profile[start + window - 1] - profile[start - 1]
        if total > most:
            most, best = total, start
    return best


@numba.njit(cache=True, nogil=True)
def _nearest_type(
    blob: np.ndarray, type_params: np.ndarray, type_colours: np.ndarray, is_new: bool
) -> int:
    """Index of the type nearest in size among those the blob fits; -1 for none."""
    width, height = blob[RIGHT] - blob[LEFT] + 1, blob[BOTTOM] - blob[TOP] + 1
    nearest, type_index = INFEASIBLE, -1
    for index in range(type_params.shape[0]):
        params = type_params[index]
        if _fits_type(blob, index, params, type_colours[index], is_new):
            difference = abs(width - params[OWN_W]) + abs(height - params[OWN_H])
            if difference < nearest:
                nearest, type_index = difference, index
    return type_index


@numba.njit(cache=True, nogil=True)
def update_tracks(
    table: np.ndarray,
    blobs: np.ndarray,
    count: int,
    type_params: np.ndarray,
    type_colours: np.ndarray,
    patience: int,
    assigned: np.ndarray,
) -> None:
    """One step of the tracker: associates blobs with tracks, then starts tracks for the others.

    A blob is a candidate for a track if its colour and size fit the type and its centre lies within
    the gate radius of the track's last position or of its constant-velocity prediction. Pairs are
    made greedily by cost: distance plus half the change of width and height, px; ties go to the
    lowest place, then to the first blob. A new track has velocity 0. A track without a detection
    for more than `patience` steps is deleted.

    Args:
        table: float64 (places, COLUMNS), updated.
        blobs: int32 (>= count, BLOB_COLUMNS), as `recognise_sprites` leaves them.
        type_params, type_colours, patience: of `TrackerParams`.
        assigned: int64 (>= count,), output: the place of each blob's track, -1 for none.
    """
    for blob in range(count):
        assigned[blob] = -1
    matched = np.zeros(table.shape[0], np.bool_)
    best_cost = np.full(table.shape[0], INFEASIBLE)
    best_blob = np.zeros(table.shape[0], np.int64)
    boxes = _centres_and_sizes(blobs, count)
    fitting = np.empty(count, np.int64)  # unassigned blobs that fit the type
    for type_index in range(type_params.shape[0]):
        found = 0
        for blob in range(count):
            if assigned[blob] < 0 and _fits_type(
                blobs[blob], type_index, type_params[type_index], type_colours[type_index], False
            ):
                fitting[found] = blob
                found += 1
        _assign(
            table,
            blobs,
            boxes,
            fitting[:found],
            type_params[type_index],
            assigned,
            matched,
            best_cost,
            best_blob,
        )
    for place in range(table.shape[0]):
        if table[place, AGE] >= 0 and not matched[place]:
            table[place, UNSEEN] += 1
            table[place, AGE] += 1
            if table[place, UNSEEN] > patience:
                _clear_track(table[place])
                table[place, AGE] = -1
    for blob in range(count):
        if assigned[blob] < 0:
            assigned[blob] = start_track(table, blobs[blob], type_params, type_colours)


@numba.njit(cache=True, nogil=True)
def _centres_and_sizes(blobs: np.ndarray, count: int) -> np.ndarray:
    """Centre x, y and width, height of each blob, px, float64 (count, 4)."""
    boxes = np.empty((count, 4))
    for blob in range(count):
        boxes[blob, 2] = blobs[blob, RIGHT] - blobs[blob, LEFT] + 1
        boxes[blob, 3] = blobs[blob, BOTTOM] - blobs[blob, TOP] + 1
        boxes[blob, 0] = blobs[blob, LEFT] + 0.5 * boxes[blob, 2]
        boxes[blob, 1] = blobs[blob, TOP] + 0.5 * boxes[blob, 3]
    return boxes


@numba.njit(cache=True, nogil=True)
def _assign(
    table: np.ndarray,
    blobs: np.ndarray,
    boxes: np.ndarray,
    fitting: np.ndarray,
    params: np.ndarray,
    assigned: np.ndarray,
    matched: np.ndarray,
    best_cost: np.ndarray,
    best_blob: np.ndarray,
) -> None:
    """Greedy association for one type: the cheapest pair of track and blob first."""
    first, end = int(params[FIRST_PLACE]), int(params[END_PLACE])
    for place in range(first, end):
        if table[place, AGE] >= 0:
            best_cost[place], best_blob[place] = _best_blob(
                table[place], boxes, fitting, params[GATE_RADIUS], assigned
            )
    while True:
        place = first
        for other in range(first + 1, end):
            if best_cost[other] < best_cost[place]:
                place = other
        if best_cost[place] >= INFEASIBLE:
            break
        if assigned[best_blob[place]] >= 0:  # another track got it
            best_cost[place], best_blob[place] = _best_blob(
                table[place], boxes, fitting, params[GATE_RADIUS], assigned
            )
            continue
        matched[place] = True
        best_cost[place] = INFEASIBLE
        assigned[best_blob[place]] = place
        update_track(table[place], blobs[best_blob[place]])


@numba.njit(cache=True, nogil=True)
def _fits_type(
    blob: np.ndarray, number: int, params: np.ndarray, type_colours: np.ndarray, is_new: bool
) -> bool:
    """Whether a blob may be an object of the type. A known sprite fits its own type alone; a new
    one fits by colour and size; only a new track (`is_new`) has a minimum size then, since a known
    object may be partly hidden.
    """
    if blob[SPRITE_TYPE] != NEW_SPRITE:
        return bool(blob[SPRITE_TYPE] == number)
    width, height = blob[RIGHT] - blob[LEFT] + 1, blob[BOTTOM] - blob[TOP] + 1
    if not type_colours[blob[COLOUR]] or width > params[MAX_W] or height > params[MAX_H]:
        return False
    return not is_new or bool(width >= params[MIN_W] and height >= params[MIN_H])


@numba.njit(cache=True, nogil=True)
def _best_blob(
    entry: np.ndarray,
    boxes: np.ndarray,
    fitting: np.ndarray,
    gate_radius: float,
    assigned: np.ndarray,
) -> tuple[float, int]:
    """The cost of the cheapest unassigned blob for a track, and its index, the first of equals.

    The cost is INFEASIBLE, and the index -1, where no blob lies within `gate_radius`, px.
    """
    x, y, width, height = entry[X], entry[Y], entry[W], entry[H]
    steps = entry[UNSEEN] + 1
    vx, vy = entry[VX] * steps, entry[VY] * steps
    best_cost, best = INFEASIBLE, -1
    for blob in fitting:
        if assigned[blob] >= 0:
            continue
        dx, dy = boxes[blob, 0] - x, boxes[blob, 1] - y
        predicted_dx, predicted_dy = dx - vx, dy - vy
        distance = np.sqrt(
            min(dx * dx + dy * dy, predicted_dx * predicted_dx + predicted_dy * predicted_dy)
        )
        if distance <= gate_radius:
            cost = distance + 0.5 * (abs(boxes[blob, 2] - width) + abs(boxes[blob, 3] - height))
            if cost < best_cost:
                best_cost, best = cost, blob
    return best_cost, best


@numba.njit(cache=True, nogil=True)
def update_track(entry: np.ndarray, blob: np.ndarray) -> None:
    """Updates a track with its detection: position, size, velocity, and mean velocity."""
    width, height = blob[RIGHT] - blob[LEFT] + 1, blob[BOTTOM] - blob[TOP] + 1
    x, y = blob[LEFT] + 0.5 * width, blob[TOP] + 0.5 * height
    steps = entry[UNSEEN] + 1
    entry[VX], entry[VY] = (x - entry[X]) / steps, (y - entry[Y]) / steps
    entry[X], entry[Y], entry[W], entry[H] = x, y, width, height
    entry[UNSEEN] = 0
    entry[AGE] += 1
    weight = 1.0 / min(entry[AGE], DRIFT_STEPS)
    entry[DRIFT_X] += weight * (entry[VX] - entry[DRIFT_X])
    entry[DRIFT_Y] += weight * (entry[VY] - entry[DRIFT_Y])


@numba.njit(cache=True, nogil=True)
def _clear_track(entry: np.ndarray) -> None:
    """Zeroes the columns that the tracker writes."""
    for column in range(TRACKED_COLUMNS):
        entry[column] = 0.0


@numba.njit(cache=True, nogil=True)
def start_track(
    table: np.ndarray, blob: np.ndarray, type_params: np.ndarray, type_colours: np.ndarray
) -> int:
    """Starts a track in the first free place of the type nearest in size.

    Without a free place it replaces the track that has had no detection for longest.

    Returns:
        The place; -1 where no type fits or every track of the type was detected.
    """
    width, height = blob[RIGHT] - blob[LEFT] + 1, blob[BOTTOM] - blob[TOP] + 1
    type_index = _nearest_type(blob, type_params, type_colours, True)
    if type_index < 0:
        return -1
    free, longest = -1, 0.0  # a free place, else that of the track coasting for longest
    for place in range(
        int(type_params[type_index, FIRST_PLACE]), int(type_params[type_index, END_PLACE])
    ):
        if table[place, AGE] < 0:
            free = place
            break
        if table[place, UNSEEN] > longest:
            free, longest = place, table[place, UNSEEN]
    if free >= 0:
        _clear_track(table[free])
        table[free, X], table[free, Y] = blob[LEFT] + 0.5 * width, blob[TOP] + 0.5 * height
        table[free, W], table[free, H] = width, height
    return free


@numba.njit(cache=True, nogil=True)
def reset_table(table: np.ndarray) -> None:
    """Starts an episode: deletes all tracks, and the last action.

    Args:
        table: float64 (places, COLUMNS), updated.
    """
    table[:] = 0.0
    table[:, AGE] = -1.0
    table[:, REST] = MAX_REST_STEPS


@numba.njit(cache=True, nogil=True)
def set_last_action(table: np.ndarray, place: int, push: np.ndarray) -> None:
    """Records the action that led to the next screen, for the features of the player.

    Args:
        table: float64 (places, COLUMNS), updated.
        place: the player's.
        push: float64 (3,): the action's direction along x and y (-1, 0, 1), and 1 if it presses the
            button.
    """
    table[place, PUSH_X : PUSH_X + 3] = push
    table[place, REST] = 0.0 if push[2] > 0 else min(table[place, REST] + 1.0, MAX_REST_STEPS)


@numba.njit(cache=True, nogil=True)
def compute_features(
    table: np.ndarray,
    max_coast_steps: np.ndarray,
    members: np.ndarray,
    places: np.ndarray,
    columns: np.ndarray,
    scales: np.ndarray,
    chosen: np.ndarray,
    row: np.ndarray,
) -> None:
    """Writes the features of a track table into `row`, float64 (f,).

    Args:
        table: float64 (places, COLUMNS).
        max_coast_steps: int64 (places,), the coast limit of each place.
        members, places, columns, scales: of `FeaturePlan`.
        chosen: int64 (m,), output: what `choose_member` returns for each member.
    """
    for number in range(members.shape[0]):
        chosen[number] = choose_member(table, max_coast_steps, members[number])
    for feature in range(row.shape[0]):
        place, other = places[feature, 0], places[feature, 1]
        row[feature] = 0.0
        if place <= -2:
            place = chosen[-2 - place]
            if columns[feature] == COUNT:
                row[feature] = place / scales[feature]
                continue
        if place < 0 or not is_visible(table[place], max_coast_steps[place]):
            continue
        value = _coasted_value(table[place], columns[feature])
        if other >= 0:
            if not is_visible(table[other], max_coast_steps[other]):
                continue
            value -= _coasted_value(table[other], columns[feature])
        row[feature] = value / scales[feature]


@numba.njit(cache=True, nogil=True)
def choose_member(table: np.ndarray, max_coast_steps: np.ndarray, member: np.ndarray) -> int:
    """The place of the group member that meets the criterion, the first of equals, -1 for none; for
    COUNT, the number of visible members.
    """
    criterion, player = member[0], member[3]
    of_player = criterion == NEAREST or NEXT_COLLIDER <= criterion < SECOND_LEFT + 4
    of_player |= criterion >= ROW_LEFT
    if of_player and not is_visible(table[player], max_coast_steps[player]):
        return -1
    second = SECOND_LEFT <= criterion < SECOND_LEFT + 4
    if second:
        criterion += NEXT_LEFT - SECOND_LEFT
    count, best, best_cost = _best_member(table, max_coast_steps, member, criterion, -INFEASIBLE)
    if second and best >= 0:
        size = table[best, W if criterion <= NEXT_RIGHT else H]
        count, best, best_cost = _best_member(
            table, max_coast_steps, member, criterion, best_cost + size
        )
    return count if criterion == COUNT else best


@numba.njit(cache=True, nogil=True)
def _best_member(
    table: np.ndarray,
    max_coast_steps: np.ndarray,
    member: np.ndarray,
    criterion: int,
    beyond: float,
) -> tuple[int, int, float]:
    """The number of visible members, the place of the one with the least cost above `beyond` (-1
    for none), and that cost.
    """
    player = member[3]
    count, best, best_cost = 0, -1, INFEASIBLE
    for place in range(member[1], member[2]):
        if place == player or not is_visible(table[place], max_coast_steps[place]):
            continue
        count += 1
        cost = _member_cost(table[place], table[player], criterion)
        if beyond < cost < best_cost:
            best_cost, best = cost, place
    return count, best, best_cost


@numba.njit(cache=True, nogil=True)
def _member_cost(entry: np.ndarray, player: np.ndarray, criterion: int) -> float:
    """The value that the chosen member minimises; INFEASIBLE rules a member out.

    Units: px^2 for NEAREST, steps until closest approach for NEXT_COLLIDER, else px.
    """
    x, y = _coasted_value(entry, X), _coasted_value(entry, Y)
    if criterion == NEAREST:
        dx, dy = x - _coasted_value(player, X), y - _coasted_value(player, Y)
        return float(dx * dx + dy * dy)
    if criterion == NEXT_COLLIDER:
        dx, dy = _coasted_value(player, X) - x, _coasted_value(player, Y) - y
        vx, vy = entry[VX], entry[VY]
        ahead, aside, square = dx * vx + dy * vy, dx * vy - dy * vx, vx * vx + vy * vy
        comes = ahead > 0 and aside * aside <= COLLISION_CORRIDOR * COLLISION_CORRIDOR * square
        return float(ahead / square) if comes else INFEASIBLE
    if NEXT_LEFT <= criterion <= NEXT_BELOW:
        off = (
            x - _coasted_value(player, X)
            if criterion <= NEXT_RIGHT
            else y - _coasted_value(player, Y)
        )
        ahead = off if criterion in (NEXT_RIGHT, NEXT_BELOW) else -off
        return float(ahead) if ahead > 0 else INFEASIBLE
    if ROW_LEFT <= criterion < ROW_LEFT + 4:
        dx, dy = x - _coasted_value(player, X), y - _coasted_value(player, Y)
        in_row = criterion < ROW_LEFT + 2
        aside, size = (dy, H) if in_row else (dx, W)
        off = dx if in_row else dy
        ahead = off if (criterion - ROW_LEFT) % 2 else -off
        beside = abs(aside) < 0.5 * (entry[size] + player[size])
        return float(ahead) if beside and ahead > 0 else INFEASIBLE
    if criterion == LEFTMOST:
        return x
    if criterion == RIGHTMOST:
        return -x
    return y if criterion == HIGHEST else -y


@numba.njit(cache=True, nogil=True)
def is_visible(entry: np.ndarray, max_coast: int) -> bool:
    """Whether a track is detected, or coasting within its coast limit."""
    return bool(entry[AGE] >= 0 and entry[UNSEEN] <= max_coast)


@numba.njit(cache=True, nogil=True)
def _coasted_value(entry: np.ndarray, column: int) -> float:
    """A column of a track; positions are extrapolated at constant velocity while it coasts."""
    if column == PRESENT:
        return 1.0
    if column == X:
        return float(entry[X] + entry[VX] * entry[UNSEEN])
    if column == Y:
        return float(entry[Y] + entry[VY] * entry[UNSEEN])
    return float(entry[column])


@numba.njit(cache=True, nogil=True)
def observe(
    screen: np.ndarray,
    background: np.ndarray,
    search_mask: np.ndarray,
    colours: np.ndarray,
    links: np.ndarray,
    runs: np.ndarray,
    blobs: np.ndarray,
    areas: np.ndarray,
    table: np.ndarray,
    type_params: np.ndarray,
    type_colours: np.ndarray,
    sprites: np.ndarray,
    sprite_types: np.ndarray,
    outlines: np.ndarray,
    outline_types: np.ndarray,
    parts: np.ndarray,
    patience: int,
    assigned: np.ndarray,
    ids: np.ndarray,
    max_coast_steps: np.ndarray,
    members: np.ndarray,
    places: np.ndarray,
    columns: np.ndarray,
    scales: np.ndarray,
    chosen: np.ndarray,
    row: np.ndarray,
) -> None:
    """Segmentation, tracking and features of one step, in one call."""
    n_runs, count = connected_components(
        screen, background, search_mask, colours, links, runs, blobs, areas
    )
    recognise_sprites(
        runs, n_runs, blobs, count, sprites, sprite_types, outlines, outline_types, ids
    )
    join_parts(blobs, count, type_params, type_colours, parts)
    crop_protrusions(runs, n_runs, blobs, count, type_params, type_colours)
    update_tracks(table, blobs, count, type_params, type_colours, patience, assigned)
    compute_features(table, max_coast_steps, members, places, columns, scales, chosen, row)

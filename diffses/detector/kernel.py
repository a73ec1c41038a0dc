"""All that is compiled for play: blobs on a screen, who is who, and the features.

One file, since numba's cache on disk notices a change only in the file of the function it kept, not
in those that one calls.

A pixel is foreground where it differs from the background and its colour is one that objects have.
Foreground pixels that touch, also at a corner, are one blob if they have the same colour or if
their two colours are linked: learned to be parts of one object. Every object type owns a range of
places in one table; a place is held by one object from its birth until it has been out of sight for
longer than `patience` steps.
"""

from __future__ import annotations

import numba
import numpy as np

MAX_BLOBS = 512  # more on one screen are left out, in the order of their first pixel
MAX_RUNS = 8192  # horizontal runs of one colour on one screen; more are left out
MAX_COLOURS = 48  # colours of objects that can be told apart
COLOUR, LEFT, TOP, RIGHT, BOTTOM, AREA = range(6)  # columns of a blob; RIGHT, BOTTOM inclusive
NOTHING = 255  # index of a colour that no object has
# columns of the table, float64: centre and size in px (pixel i covers i to i + 1), velocity in px
# per step, steps since it was last seen, steps since its birth (-1: the place is free), velocity
# over its last DRIFT steps or so; and what nobody sees: where the last action pushes it, whether it
# pressed the button, steps since that was pressed (`note_action` writes it, the tracker leaves it)
X, Y, W, H, VX, VY, UNSEEN, AGE, DRIFT_X, DRIFT_Y, PUSH_X, PUSH_Y, BUTTON, REST = range(14)
SEEN = 10  # the columns before this are the tracker's
COLUMNS = 14
RESTED = 10.0  # steps since the button was pressed that are told apart
DRIFT = 10.0  # steps over which a drift is averaged: older velocities count exponentially less
# columns of the rules of a type, float64: sizes its blobs have at first sight, its own size, how
# far it may get in one step, all in px; its first place in the table and the place after its
# last; for how many steps one out of sight is taken to go on as it did; its width and height
# without what it stretches out now and then, 0 where it has none
MIN_W, MAX_W, MIN_H, MAX_H, OWN_W, OWN_H, REACH, FIRST, END, HOLD, CORE_W, CORE_H = range(12)
RULES = 12
STRETCHED = 1.4  # times its own size: more is an arm held out, or something else that it touches
BESIDE = 6  # px: what is gone from here is what is there now, where that is no farther off
FAR = 1e18
# stand for "is there one" and "how many are there", which are no columns of the table
PRESENT, COUNT = COLUMNS, COLUMNS + 1
# ways to choose one of a crowd; from LEFT_OF to BELOW, the next one in a direction from the player;
# from SECOND on in the same order, the one after it, beyond where that one ends
NEAREST, LEFTMOST, RIGHTMOST, HIGHEST, LOWEST, COMING, LEFT_OF, RIGHT_OF, ABOVE, BELOW = range(10)
SECOND = 10
COURSE = 20.0  # px from the player's middle at which something that comes passes it, at the most


@numba.njit(cache=True, nogil=True)
def find_blobs(
    screen: np.ndarray,
    background: np.ndarray,
    seen: np.ndarray,
    colours: np.ndarray,
    links: np.ndarray,
    runs: np.ndarray,
    blobs: np.ndarray,
    areas: np.ndarray,
) -> tuple[int, int]:
    """Writes the blobs of a screen into `blobs`, ordered by their first pixel, row by row.

    Args:
        screen: uint8 (h, w), palette indices, contiguous, w a multiple of 8.
        background: uint8 (h, w): the colour that is background there.
        seen: bool (h, w): where objects of every colour are looked for.
        colours: uint8 (2, 256): the number of each colour that objects have, else NOTHING; those
            that are looked for where `seen` is false, then where it is true.
        links: bool (MAX_COLOURS, MAX_COLOURS), symmetric, true on the diagonal: which join.
        runs: int32 (MAX_RUNS, 6), output: parent, left, right, row, colour, blob.
        blobs: int32 (MAX_BLOBS, 6), output: the number of the colour that covers most of it, the
            lowest of equals, then left, top, right, bottom, and the area in pixels.
        areas: int32 (MAX_BLOBS, MAX_COLOURS), output: pixels of each colour.

    Returns:
        How many runs and how many blobs there are.
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
            number = colours[int(seen[y, x]), colour]
            if colour == background[y, x] or number == NOTHING:
                x += 1
                continue
            start = x
            x += 1
            while x < width and screen[y, x] == colour != background[y, x]:
                if colours[int(seen[y, x]), colour] == NOTHING:
                    break
                x += 1
            if count == runs.shape[0]:
                break
            runs[count, 1] = start
            runs[count, 2] = x - 1
            runs[count, 3] = y
            runs[count, 4] = number
            near = _connect(runs, count, row_first, near, above_last, links)
            count += 1
        above_first, above_last = row_first, count
    return count, _gather(runs, count, blobs, areas)


@numba.njit(cache=True, nogil=True)
def _connect(
    runs: np.ndarray, run: int, row_first: int, first: int, last: int, links: np.ndarray
) -> int:
    """Joins a new run to those it touches: the one before, and of [first, last), the row above.

    Returns:
        The first run of the row above that a later run of this row may touch.
    """
    runs[run, 0] = run
    start, end, number = runs[run, 1], runs[run, 2], runs[run, 4]
    beside = run > row_first and runs[run - 1, 2] == start - 1
    if beside and links[runs[run - 1, 4], number]:
        _join(runs, run - 1, run)
    while first < last and runs[first, 2] < start - 1:
        first += 1
    for above in range(first, last):
        if runs[above, 1] > end + 1:
            break
        if links[runs[above, 4], number]:
            _join(runs, above, run)
    return first


@numba.njit(cache=True, nogil=True)
def _root(runs: np.ndarray, node: int) -> int:
    while runs[node, 0] != node:
        runs[node, 0] = runs[runs[node, 0], 0]
        node = runs[node, 0]
    return node


@numba.njit(cache=True, nogil=True)
def _join(runs: np.ndarray, one: int, two: int) -> None:
    a, b = _root(runs, one), _root(runs, two)
    if a < b:
        runs[b, 0] = a
    elif b < a:
        runs[a, 0] = b


@numba.njit(cache=True, nogil=True)
def _gather(runs: np.ndarray, count: int, blobs: np.ndarray, areas: np.ndarray) -> int:
    """Adds the runs of each blob up; a root comes before all other runs of its blob."""
    found = 0
    for run in range(count):
        left, right, y = runs[run, 1], runs[run, 2], runs[run, 3]
        root = _root(runs, run)
        if root == run:
            if found == blobs.shape[0]:
                runs[run, 5] = -1
                continue
            runs[run, 5] = found
            blobs[found, 1] = left
            blobs[found, 2] = y
            blobs[found, 3] = right
            blobs[found, 5] = 0
            for number in range(areas.shape[1]):
                areas[found, number] = 0
            found += 1
        blob = runs[root, 5]
        runs[run, 5] = blob
        if blob >= 0:
            blobs[blob, 1] = min(blobs[blob, 1], left)
            blobs[blob, 3] = max(blobs[blob, 3], right)
            blobs[blob, 4] = y
            blobs[blob, 5] += right - left + 1
            areas[blob, runs[run, 4]] += right - left + 1
    for blob in range(found):
        most = 0
        for number in range(areas.shape[1]):
            if areas[blob, number] > areas[blob, most]:
                most = number
        blobs[blob, 0] = most
    return found


@numba.njit(cache=True, nogil=True)
def put_back(
    screen: np.ndarray,
    before: np.ndarray,
    background: np.ndarray,
    seen: np.ndarray,
    colours: np.ndarray,
    links: np.ndarray,
    runs: np.ndarray,
    blobs: np.ndarray,
    areas: np.ndarray,
    gone: np.ndarray,
    whole: np.ndarray,
) -> int:
    """Writes the screen into `whole`, with what was there one frame before and flickers, if any.

    That is a blob of pixels that were foreground and are background now, without any pixel of a
    linked colour in its box now or BESIDE px around it: what moved on has such, what is drawn in
    every other frame has not.

    Args:
        before: uint8 (h, w), contiguous: the frame before `screen`.
        screen, background, seen, colours, links, runs, blobs, areas: of `find_blobs`.
        gone: uint8 (h, w), contiguous: the background, and that again afterwards.
        whole: uint8 (h, w), contiguous, output; untouched where nothing is put back.

    Returns:
        How many blobs were put back.
    """
    first, last = _gone(screen, before, background, gone)
    if last < 0:
        return 0
    rows = slice(first, last + 1)
    n_runs, count = find_blobs(
        gone[rows], background[rows], seen[rows], colours, links, runs, blobs, areas
    )
    back = 0
    for blob in range(count):
        blobs[blob, 2] += first
        blobs[blob, 4] += first
        if _beside(screen, blobs[blob], background, seen, colours, links):
            blobs[blob, 5] = 0
        else:
            back += 1
    if back:
        whole.view(np.uint64)[:] = screen.view(np.uint64)
        for run in range(n_runs):
            if runs[run, 5] >= 0 and blobs[runs[run, 5], 5] > 0:
                y = first + runs[run, 3]
                for x in range(runs[run, 1], runs[run, 2] + 1):
                    whole[y, x] = gone[y, x]
    gone[rows].view(np.uint64)[:] = background[rows].view(np.uint64)
    return back


@numba.njit(cache=True, nogil=True)
def _gone(
    screen: np.ndarray, before: np.ndarray, background: np.ndarray, gone: np.ndarray
) -> tuple[int, int]:
    """Writes what was in front of the background before and is not now onto `gone`.

    Returns:
        The first and the last row with any; -1 and -1 for none.
    """
    height, width = screen.shape
    now, was, still = screen.view(np.uint64), before.view(np.uint64), background.view(np.uint64)
    first, last = -1, -1
    for y in range(height):
        for word in range(width // 8):
            if was[y, word] == now[y, word] or was[y, word] == still[y, word]:
                continue
            for x in range(8 * word, 8 * word + 8):
                behind = background[y, x]
                if before[y, x] != behind and screen[y, x] == behind:
                    gone[y, x] = before[y, x]
                    first, last = (y if first < 0 else first), y
    return first, last


@numba.njit(cache=True, nogil=True)
def _beside(
    screen: np.ndarray,
    blob: np.ndarray,
    background: np.ndarray,
    seen: np.ndarray,
    colours: np.ndarray,
    links: np.ndarray,
) -> bool:
    """Whether something of a linked colour is in the blob's box or BESIDE px around it."""
    height, width = screen.shape
    for y in range(max(0, blob[2] - BESIDE), min(height, blob[4] + BESIDE + 1)):
        for x in range(max(0, blob[1] - BESIDE), min(width, blob[3] + BESIDE + 1)):
            number = colours[int(seen[y, x]), screen[y, x]]
            if screen[y, x] == background[y, x] or number == NOTHING:
                continue
            if links[blob[0], number]:
                return True
    return False


@numba.njit(cache=True, nogil=True)
def trim(
    runs: np.ndarray,
    n_runs: int,
    blobs: np.ndarray,
    count: int,
    sizes: np.ndarray,
    colours: np.ndarray,
) -> None:
    """Cuts blobs that are STRETCHED down to the part of the type's size with most pixels in it.

    The first of equal parts, from the left or the top. Arguments as of `find_blobs` and `follow`.
    """
    profile = np.zeros(256, np.int64)
    for blob in range(count):
        kind = _nearest(blobs[blob], sizes, colours, False)
        if kind < 0:
            continue
        for axis in range(2):
            core = int(sizes[kind, CORE_W + axis])
            low, high = blobs[blob, 1 + axis], blobs[blob, 3 + axis]
            if core == 0 or high - low + 1 <= STRETCHED * core:
                continue
            for at in range(high - low + 1):
                profile[at] = 0
            for run in range(n_runs):
                if runs[run, 5] == blob:
                    if axis == 0:
                        for x in range(runs[run, 1], runs[run, 2] + 1):
                            profile[x - low] += 1
                    else:
                        profile[runs[run, 3] - low] += runs[run, 2] - runs[run, 1] + 1
            start = _fullest(profile, high - low + 1, core)
            blobs[blob, 1 + axis] = low + start
            blobs[blob, 3 + axis] = low + start + core - 1


@numba.njit(cache=True, nogil=True)
def _fullest(profile: np.ndarray, length: int, window: int) -> int:
    """Where the window with the greatest sum starts, the first of equals."""
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
def _nearest(blob: np.ndarray, sizes: np.ndarray, colours: np.ndarray, newborn: bool) -> int:
    """The type whose size is nearest to the blob's, of those it fits; -1 for none."""
    width, height = blob[3] - blob[1] + 1, blob[4] - blob[2] + 1
    nearest, kind = FAR, -1
    for candidate in range(sizes.shape[0]):
        size = sizes[candidate]
        if _fits(blob, size, colours[candidate], newborn):
            difference = abs(width - size[OWN_W]) + abs(height - size[OWN_H])
            if difference < nearest:
                nearest, kind = difference, candidate
    return kind


@numba.njit(cache=True, nogil=True)
def follow(
    table: np.ndarray,
    blobs: np.ndarray,
    count: int,
    sizes: np.ndarray,
    colours: np.ndarray,
    patience: int,
    taken: np.ndarray,
) -> None:
    """One step: gives each object of the table its blob, and each blob left over a free place.

    A blob can be an object where its colour and size are those of the type and its centre is within
    the type's reach of where the object was, or of where its velocity takes it. Pairs are made in
    the order of distance + half the change of width and height; ties go to the lowest place, then
    the first blob. A newborn has no velocity.

    Args:
        table: float64 (places, COLUMNS), updated.
        blobs: int32 (>= count, 6), of `find_blobs`.
        sizes, colours, patience: of `Rules`.
        taken: int64 (>= count,), output: the place each blob got, -1 for none.
    """
    for blob in range(count):
        taken[blob] = -1
    done = np.zeros(table.shape[0], np.bool_)
    best = np.full(table.shape[0], FAR)
    choice = np.zeros(table.shape[0], np.int64)
    shapes = _shapes(blobs, count)
    fitting = np.empty(count, np.int64)  # blobs that can be of the type
    for kind in range(sizes.shape[0]):
        found = 0
        for blob in range(count):
            if taken[blob] < 0 and _fits(blobs[blob], sizes[kind], colours[kind], False):
                fitting[found] = blob
                found += 1
        _pair(table, blobs, shapes, fitting[:found], sizes[kind], taken, done, best, choice)
    for place in range(table.shape[0]):
        if table[place, AGE] >= 0 and not done[place]:
            table[place, UNSEEN] += 1
            table[place, AGE] += 1
            if table[place, UNSEEN] > patience:
                _clear(table[place])
                table[place, AGE] = -1
    for blob in range(count):
        if taken[blob] < 0:
            taken[blob] = _settle(table, blobs[blob], sizes, colours)


@numba.njit(cache=True, nogil=True)
def _shapes(blobs: np.ndarray, count: int) -> np.ndarray:
    """Centre and size of each blob in px: x, y, width, height, float64 (count, 4)."""
    shapes = np.empty((count, 4))
    for blob in range(count):
        shapes[blob, 2] = blobs[blob, 3] - blobs[blob, 1] + 1
        shapes[blob, 3] = blobs[blob, 4] - blobs[blob, 2] + 1
        shapes[blob, 0] = blobs[blob, 1] + 0.5 * shapes[blob, 2]
        shapes[blob, 1] = blobs[blob, 2] + 0.5 * shapes[blob, 3]
    return shapes


@numba.njit(cache=True, nogil=True)
def _pair(
    table: np.ndarray,
    blobs: np.ndarray,
    shapes: np.ndarray,
    fitting: np.ndarray,
    size: np.ndarray,
    taken: np.ndarray,
    done: np.ndarray,
    best: np.ndarray,
    choice: np.ndarray,
) -> None:
    """Gives the objects of one type their blobs, the cheapest pair first."""
    first, end = int(size[FIRST]), int(size[END])
    for place in range(first, end):
        if table[place, AGE] >= 0:
            best[place], choice[place] = _cheapest(
                table[place], shapes, fitting, size[REACH], taken
            )
    while True:
        place = first
        for other in range(first + 1, end):
            if best[other] < best[place]:
                place = other
        if best[place] >= FAR:
            break
        if taken[choice[place]] >= 0:  # it went to another in the meantime
            best[place], choice[place] = _cheapest(
                table[place], shapes, fitting, size[REACH], taken
            )
            continue
        done[place] = True
        best[place] = FAR
        taken[choice[place]] = place
        _meet(table[place], blobs[choice[place]])


@numba.njit(cache=True, nogil=True)
def _fits(blob: np.ndarray, size: np.ndarray, colours: np.ndarray, newborn: bool) -> bool:
    """Whether the blob can be of the type: an object that is known may be seen in part only."""
    width, height = blob[3] - blob[1] + 1, blob[4] - blob[2] + 1
    if not colours[blob[0]] or width > size[MAX_W] or height > size[MAX_H]:
        return False
    return not newborn or bool(width >= size[MIN_W] and height >= size[MIN_H])


@numba.njit(cache=True, nogil=True)
def _cheapest(
    entry: np.ndarray, shapes: np.ndarray, fitting: np.ndarray, reach: float, taken: np.ndarray
) -> tuple[float, int]:
    """The least cost of a blob that is left, and that blob, the first of equals.

    The cost is distance + half the change of width and height, FAR beyond `reach`.
    """
    x, y, width, height = entry[X], entry[Y], entry[W], entry[H]
    steps = entry[UNSEEN] + 1
    vx, vy = entry[VX] * steps, entry[VY] * steps
    least, choice = FAR, -1
    for blob in fitting:
        if taken[blob] >= 0:
            continue
        dx, dy = shapes[blob, 0] - x, shapes[blob, 1] - y
        ex, ey = dx - vx, dy - vy
        distance = np.sqrt(min(dx * dx + dy * dy, ex * ex + ey * ey))
        if distance <= reach:
            cost = distance + 0.5 * (abs(shapes[blob, 2] - width) + abs(shapes[blob, 3] - height))
            if cost < least:
                least, choice = cost, blob
    return least, choice


@numba.njit(cache=True, nogil=True)
def _meet(entry: np.ndarray, blob: np.ndarray) -> None:
    """The object is seen again, as this blob."""
    width, height = blob[3] - blob[1] + 1, blob[4] - blob[2] + 1
    x, y = blob[1] + 0.5 * width, blob[2] + 0.5 * height
    steps = entry[UNSEEN] + 1
    entry[VX], entry[VY] = (x - entry[X]) / steps, (y - entry[Y]) / steps
    entry[X], entry[Y], entry[W], entry[H] = x, y, width, height
    entry[UNSEEN] = 0
    entry[AGE] += 1
    weight = 1.0 / min(entry[AGE], DRIFT)
    entry[DRIFT_X] += weight * (entry[VX] - entry[DRIFT_X])
    entry[DRIFT_Y] += weight * (entry[VY] - entry[DRIFT_Y])


@numba.njit(cache=True, nogil=True)
def _clear(entry: np.ndarray) -> None:
    for column in range(SEEN):
        entry[column] = 0.0


@numba.njit(cache=True, nogil=True)
def _settle(table: np.ndarray, blob: np.ndarray, sizes: np.ndarray, colours: np.ndarray) -> int:
    """Gives a new blob the first free place of the type nearest in size; -1 where there is none.

    An object out of sight gives way.
    """
    width, height = blob[3] - blob[1] + 1, blob[4] - blob[2] + 1
    kind = _nearest(blob, sizes, colours, True)
    if kind < 0:
        return -1
    free, longest = -1, 0.0  # an empty place, else that of the object longest out of sight
    for place in range(int(sizes[kind, FIRST]), int(sizes[kind, END])):
        if table[place, AGE] < 0:
            free = place
            break
        if table[place, UNSEEN] > longest:
            free, longest = place, table[place, UNSEEN]
    if free >= 0:
        _clear(table[free])
        table[free, X], table[free, Y] = blob[1] + 0.5 * width, blob[2] + 0.5 * height
        table[free, W], table[free, H] = width, height
    return free


@numba.njit(cache=True, nogil=True)
def forget(table: np.ndarray) -> None:
    """An episode begins: nothing is known of where things were, nor was the button pressed of late.

    Args:
        table: float64 (places, COLUMNS) of the tracker, updated.
    """
    table[:] = 0.0
    table[:, AGE] = -1.0
    table[:, REST] = RESTED


@numba.njit(cache=True, nogil=True)
def note_action(table: np.ndarray, place: int, push: np.ndarray) -> None:
    """Writes down what was done before a step is looked at.

    Args:
        table: float64 (places, COLUMNS) of the tracker, updated.
        place: of what the actions push.
        push: float64 (3,): where to, along x and y, and whether the button was pressed.
    """
    table[place, PUSH_X : PUSH_X + 3] = push
    table[place, REST] = 0.0 if push[2] > 0 else min(table[place, REST] + 1.0, RESTED)


@numba.njit(cache=True, nogil=True)
def fill(
    table: np.ndarray,
    holds: np.ndarray,
    choices: np.ndarray,
    places: np.ndarray,
    columns: np.ndarray,
    scales: np.ndarray,
    row: np.ndarray,
) -> None:
    """Writes the features of a table into `row`, float64 (f,).

    Args:
        table: float64 (places, COLUMNS) of the tracker.
        holds: int64 (places,): for how many steps an object there that is out of sight is taken to
            go on as it did.
        choices, places, columns, scales: of `Plan`.
    """
    chosen = np.empty(choices.shape[0], np.int64)
    for number in range(choices.shape[0]):
        chosen[number] = choose(table, holds, choices[number])
    for feature in range(row.shape[0]):
        place, other = places[feature, 0], places[feature, 1]
        row[feature] = 0.0
        if place <= -2:
            place = chosen[-2 - place]
            if columns[feature] == COUNT:
                row[feature] = place / scales[feature]
                continue
        if place < 0 or not _there(table[place], holds[place]):
            continue
        value = _value(table[place], columns[feature])
        if other >= 0:
            if not _there(table[other], holds[other]):
                continue
            value -= _value(table[other], columns[feature])
        row[feature] = value / scales[feature]


@numba.njit(cache=True, nogil=True)
def choose(table: np.ndarray, holds: np.ndarray, choice: np.ndarray) -> int:
    """The place of the one of a crowd that is wanted, the first of equals, -1 for none; or how many
    there are."""
    which, player = choice[0], choice[3]
    of_player = which == NEAREST or COMING <= which < SECOND + 4
    if of_player and not _there(table[player], holds[player]):
        return -1
    second = SECOND <= which < SECOND + 4
    if second:
        which += LEFT_OF - SECOND
    count, best, least = _first(table, holds, choice, which, -FAR)
    if second and best >= 0:
        size = table[best, W if which <= RIGHT_OF else H]
        count, best, least = _first(table, holds, choice, which, least + size)
    return count if which == COUNT else best


@numba.njit(cache=True, nogil=True)
def _first(
    table: np.ndarray, holds: np.ndarray, choice: np.ndarray, which: int, beyond: float
) -> tuple[int, int, float]:
    """How many of a crowd there are, the place of the one of the least worth above `beyond`, -1 for
    none, and that worth."""
    player = choice[3]
    count, best, least = 0, -1, FAR
    for place in range(choice[1], choice[2]):
        if place == player or not _there(table[place], holds[place]):
            continue
        count += 1
        worth = _worth(table[place], table[player], which)
        if beyond < worth < least:
            least, best = worth, place
    return count, best, least


@numba.njit(cache=True, nogil=True)
def _worth(entry: np.ndarray, player: np.ndarray, which: int) -> float:
    """What is least for the one that is wanted: px, or px^2 for the nearest, or steps for what
    comes; FAR: it is out of the question."""
    x, y = _value(entry, X), _value(entry, Y)
    if which == NEAREST:
        dx, dy = x - _value(player, X), y - _value(player, Y)
        return float(dx * dx + dy * dy)
    if which == COMING:
        dx, dy = _value(player, X) - x, _value(player, Y) - y
        vx, vy = entry[VX], entry[VY]
        ahead, aside, square = dx * vx + dy * vy, dx * vy - dy * vx, vx * vx + vy * vy
        comes = ahead > 0 and aside * aside <= COURSE * COURSE * square
        return float(ahead / square) if comes else FAR
    if LEFT_OF <= which <= BELOW:
        off = x - _value(player, X) if which <= RIGHT_OF else y - _value(player, Y)
        ahead = off if which in (RIGHT_OF, BELOW) else -off
        return float(ahead) if ahead > 0 else FAR
    if which == LEFTMOST:
        return x
    if which == RIGHTMOST:
        return -x
    return y if which == HIGHEST else -y


@numba.njit(cache=True, nogil=True)
def _there(entry: np.ndarray, hold: int) -> bool:
    return bool(entry[AGE] >= 0 and entry[UNSEEN] <= hold)


@numba.njit(cache=True, nogil=True)
def _value(entry: np.ndarray, column: int) -> float:
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
    seen: np.ndarray,
    colours: np.ndarray,
    links: np.ndarray,
    runs: np.ndarray,
    blobs: np.ndarray,
    areas: np.ndarray,
    table: np.ndarray,
    sizes: np.ndarray,
    type_colours: np.ndarray,
    patience: int,
    taken: np.ndarray,
    holds: np.ndarray,
    choices: np.ndarray,
    places: np.ndarray,
    columns: np.ndarray,
    scales: np.ndarray,
    row: np.ndarray,
) -> None:
    """`find_blobs`, `trim`, `follow` and `fill` in one call."""
    n_runs, count = find_blobs(screen, background, seen, colours, links, runs, blobs, areas)
    trim(runs, n_runs, blobs, count, sizes, type_colours)
    follow(table, blobs, count, sizes, type_colours, patience, taken)
    fill(table, holds, choices, places, columns, scales, row)

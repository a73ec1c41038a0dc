"""Looking at one frame: blobs of each type's colours, and which track each belongs to.

Plain loops, compiled by numba; `look.py_func` is the same code as Python runs it.
"""

from __future__ import annotations

import numba

MAX_BLOBS = 256  # of all types on one screen; more are not looked at
X0, Y0, X1, Y1, TYPE, AREA = range(6)  # columns of `blobs`; x1 and y1 are the first pixel outside
HERE, BOX_X, BOX_Y, WIDTH, HEIGHT, SPEED_X, SPEED_Y, AGE = range(8)  # columns of `tracks`
MEMORY = 4  # steps a track that went out of sight keeps its slot


@numba.njit(cache=True, nogil=True)
def look(screen, background, types, regions, limits, gap, blobs):  # type: ignore[no-untyped-def]
    """Finds the blobs of all types on one screen and returns how many there are.

    A blob is a patch of pixels of a type's colours, unlike the background, in the type's region;
    patches less than `gap` pixels apart are one as long as they fit into the type's size.

    Args:
        screen, background: uint8 (height, width), palette indices.
        types: int16 (256,), the type of each colour, -1 for none.
        regions: int32 (types, 4), where a type may be: x0, y0, x1, y1.
        limits: int32 (types, 3): greatest width and height, least area, pixels.
        gap: pixels.
        blobs: int32 (MAX_BLOBS, 6), written: x0, y0, x1, y1, type, area.
    """
    height, width = screen.shape
    count = 0
    for y in range(height):
        x = 0
        while x < width:
            kind = types[screen[y, x]]
            if kind < 0 or screen[y, x] == background[y, x]:
                x += 1
                continue
            region = regions[kind]
            if x < region[0] or x >= region[2] or y < region[1] or y >= region[3]:
                x += 1
                continue
            start = x
            while (
                x < width
                and x < region[2]
                and types[screen[y, x]] == kind
                and screen[y, x] != background[y, x]
            ):
                x += 1
            count = _join(blobs, count, start, x, y, kind, gap, limits)
    kept = 0
    for i in range(count):
        if blobs[i, AREA] >= limits[blobs[i, TYPE], 2]:
            blobs[kept] = blobs[i]
            kept += 1
    return kept


@numba.njit(cache=True, nogil=True)
def _join(blobs, count, start, stop, y, kind, gap, limits):  # type: ignore[no-untyped-def]
    """Adds a run of pixels to the blobs that it touches, which become one, or as a new one."""
    home = -1
    i = 0
    while i < count:
        near = (
            blobs[i, TYPE] == kind
            and start <= blobs[i, X1] + gap - 1
            and stop >= blobs[i, X0] - gap + 1
            and y <= blobs[i, Y1] + gap - 1
        )
        left, right = min(start, blobs[i, X0]), max(stop, blobs[i, X1])
        if near and right - left <= limits[kind, 0] and y + 1 - blobs[i, Y0] <= limits[kind, 1]:
            if home < 0:
                home = i
                blobs[i, X0], blobs[i, X1], blobs[i, Y1] = left, right, y + 1
                blobs[i, AREA] += stop - start
            elif (
                max(blobs[home, X1], blobs[i, X1]) - min(blobs[home, X0], blobs[i, X0])
                <= limits[kind, 0]
            ):
                blobs[home, X0] = min(blobs[home, X0], blobs[i, X0])
                blobs[home, X1] = max(blobs[home, X1], blobs[i, X1])
                blobs[home, Y0] = min(blobs[home, Y0], blobs[i, Y0])
                blobs[home, AREA] += blobs[i, AREA]
                count -= 1
                blobs[i] = blobs[count]
                continue
        i += 1
    if home < 0 and count < MAX_BLOBS:
        blobs[count, X0], blobs[count, Y0], blobs[count, X1], blobs[count, Y1] = (
            start, y, stop, y + 1,
        )  # fmt: skip
        blobs[count, TYPE], blobs[count, AREA] = kind, stop - start
        count += 1
    return count


@numba.njit(cache=True, nogil=True)
def follow(blobs, count, starts, reach, tracks, taken):  # type: ignore[no-untyped-def]
    """Gives each blob to the track of its type that is nearest, and updates all tracks.

    The closest pair goes first. A track without a blob waits `MEMORY` steps, out of sight, and
    then is free; a blob without a track takes the first free one, the biggest blob first. A track
    that has just come into sight, or jumped, has no velocity.

    Args:
        blobs, count: of `look`.
        starts: int32 (types + 1,), the first track of each type.
        reach: float64 (types,), how far an object may move in a step, pixels.
        tracks: float64 (tracks, 8), updated: whether it is in sight, x and y of the box's corner,
            width, height, velocity x and y in pixels per step, steps since it was last seen (-1:
            never).
        taken: int8 (MAX_BLOBS,), scratch.
    """
    taken[:count] = 0
    for kind in range(len(starts) - 1):
        first, last = starts[kind], starts[kind + 1]
        for t in range(first, last):
            tracks[t, HERE] = 0.0
        while _follow_closest(blobs, count, kind, first, last, reach[kind], tracks, taken):
            pass
        for t in range(first, last):
            if tracks[t, HERE] == 0 and tracks[t, AGE] >= 0:
                tracks[t, AGE] += 1
                if tracks[t, AGE] > MEMORY:
                    tracks[t, AGE] = -1
        while _start_biggest(blobs, count, kind, first, last, tracks, taken):
            pass


@numba.njit(cache=True, nogil=True)
def _follow_closest(blobs, count, kind, first, last, reach, tracks, taken):  # type: ignore[no-untyped-def]
    """Moves the track that is closest to a free blob of its type there; False if none is near."""
    best, best_track, best_blob = 1e18, -1, -1
    for t in range(first, last):
        if tracks[t, HERE] > 0 or tracks[t, AGE] < 0:
            continue
        x = tracks[t, BOX_X] + tracks[t, WIDTH] / 2
        y = tracks[t, BOX_Y] + tracks[t, HEIGHT] / 2
        for b in range(count):
            if blobs[b, TYPE] != kind or taken[b] > 0:
                continue
            dx = (blobs[b, X0] + blobs[b, X1]) / 2 - x
            dy = (blobs[b, Y0] + blobs[b, Y1]) / 2 - y
            far = max(abs(dx), abs(dy))
            if far < best and far <= reach * (1 + tracks[t, AGE]):
                best, best_track, best_blob = far, t, b
    if best_track < 0:
        return False
    _place(tracks, best_track, blobs, best_blob, tracks[best_track, AGE] == 0)
    taken[best_blob] = 1
    return True


@numba.njit(cache=True, nogil=True)
def _start_biggest(blobs, count, kind, first, last, tracks, taken):  # type: ignore[no-untyped-def]
    """Gives the biggest free blob a track: a free one, else the one out of sight for longest;
    False where there is no blob or no track."""
    biggest, blob = 0, -1
    for b in range(count):
        if blobs[b, TYPE] == kind and taken[b] == 0 and blobs[b, AREA] > biggest:
            biggest, blob = blobs[b, AREA], b
    track = -1
    for t in range(first, last):
        if tracks[t, AGE] < 0:
            track = t
            break
        if tracks[t, HERE] == 0 and (track < 0 or tracks[t, AGE] > tracks[track, AGE]):
            track = t
    if blob < 0 or track < 0:
        return False
    _place(tracks, track, blobs, blob, False)
    taken[blob] = 1
    return True


@numba.njit(cache=True, nogil=True)
def _place(tracks, t, blobs, b, moving):  # type: ignore[no-untyped-def]
    """Moves a track to a blob; it has a velocity only if it was in sight a step ago."""
    x = tracks[t, BOX_X] + tracks[t, WIDTH] / 2
    y = tracks[t, BOX_Y] + tracks[t, HEIGHT] / 2
    tracks[t, HERE], tracks[t, AGE] = 1.0, 0.0
    tracks[t, BOX_X], tracks[t, BOX_Y] = blobs[b, X0], blobs[b, Y0]
    tracks[t, WIDTH] = blobs[b, X1] - blobs[b, X0]
    tracks[t, HEIGHT] = blobs[b, Y1] - blobs[b, Y0]
    tracks[t, SPEED_X] = (blobs[b, X0] + blobs[b, X1]) / 2 - x if moving else 0.0
    tracks[t, SPEED_Y] = (blobs[b, Y0] + blobs[b, Y1]) / 2 - y if moving else 0.0


@numba.njit(cache=True, nogil=True)
def describe(tracks, recipe, scale, out):  # type: ignore[no-untyped-def]
    """Writes the features of the present tracks.

    Args:
        tracks: of `follow`.
        recipe: int32 (features, 3): quantity, track, and for a difference the other track.
        scale: float64 (features,), what a feature is divided by.
        out: float64 (features,), written. A feature of what is not in sight is 0.
    """
    for f in range(len(recipe)):
        quantity, t, other = recipe[f]
        value = 0.0
        if tracks[t, HERE] > 0 and (other < 0 or tracks[other, HERE] > 0):
            value = _quantity(tracks[t], quantity)
            if other >= 0:
                value -= _quantity(tracks[other], quantity)
        out[f] = value / scale[f]


@numba.njit(cache=True, nogil=True)
def _quantity(track, quantity):  # type: ignore[no-untyped-def]
    """0 x, 1 y (of the centre), 2 vx, 3 vy, 4 w, 5 h, 6 present."""
    if quantity == 0:
        return track[BOX_X] + track[WIDTH] / 2
    if quantity == 1:
        return track[BOX_Y] + track[HEIGHT] / 2
    if quantity == 2:
        return track[SPEED_X]
    if quantity == 3:
        return track[SPEED_Y]
    if quantity == 4:
        return track[WIDTH]
    if quantity == 5:
        return track[HEIGHT]
    return track[HERE]

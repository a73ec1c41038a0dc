"""The compiled part of the concepts: numbers that relate an object's motion to the player's.

One call a step, after `kernel.observe`, on the same track table. This file calls no function of
another one and declares the columns of the table itself, because numba's cache on disk notices a
change only in the file of the cached function; a test compares the columns with the kernel's.

Positions and distances are computed in px, velocities in px per step, times in steps; what is
written to the row is in the units of the features. No value is NaN or infinite: what is missing or
too far away gets the value that `_missing` says.
"""

from __future__ import annotations

import numba
import numpy as np

# Columns of the track table, as in `kernel`: position, size, velocity of the last step, steps since
# the last detection, age (-1: free place), mean velocity, and the direction of the last action.
TABLE_X, TABLE_W, TABLE_VX, TABLE_UNSEEN, TABLE_AGE, TABLE_DRIFT_X, TABLE_PUSH_X = (
    0,
    2,
    4,
    6,
    7,
    8,
    10,
)

# Kinds of concepts. With d for the distance t - p from the player p to an object t, and v for the
# object's velocity, along an axis a and the axis b across it:
DISTANCE = 0  # d_a
VELOCITY = 1  # v_a
STOP = 2  # of the player: p_a + coast v_a + lag push_a, where it comes to rest
STOP_DISTANCE = 3  # t_a - stop_a
CONTACT_TIME = 4  # -d_a / v_a
CROSSING = 5  # t_a + v_a (-d_b / v_b), reflected at the walls of the object's type
MISS = 6  # crossing_a - stop_a
LEAD = 7  # d_a + v_a |d_b| / s_b, with s_b the speed of the player or of its projectile
HIT_TIME = 8  # steps until the boxes overlap if the player goes in a direction

# Columns of a concept's code, int64: its kind; 0 for x and 1 for y, or a direction; whether the
# absolute value is taken; and on which side of the player along the axis the object always is
# (-1, 1), 0 if on either.
KIND, AXIS, ABSOLUTE, SIDE = range(4)
LEFTWARDS, RIGHTWARDS, UPWARDS, DOWNWARDS, NOWHERE = range(5)  # directions of HIT_TIME

# The measured motion of the player, float64 (15,): coast (steps) and lag (px) along x and y; speed,
# px per step, in each direction (0 for NOWHERE); the ends of its range, px; and the speed, px per
# step, of what gets across along x and y, 0: unknown.
COAST, LAG, SPEED, RANGE_LOW, RANGE_HIGH, LEAD_SPEED = 0, 2, 4, 9, 11, 13
MOTION_SIZE = 15
UNBOUNDED = 1e9  # px; an end of the range or a wall that was not found

FAR_PX = 300.0  # greatest distance, and the distance of what is missing; no screen is as wide
MAX_CONTACT_STEPS = 50  # contacts later than that are not predicted
MAX_HIT_STEPS = 30  # steps that are looked ahead for HIT_TIME
POSITION_SCALE, VELOCITY_SCALE, TIME_SCALE = 100.0, 10.0, 10.0  # px, px per step, steps per unit
NOTHING = 1e18  # no such value: the object is not there, or does not come


@numba.njit(cache=True, nogil=True)
def compute_concepts(
    table: np.ndarray,
    max_coast_steps: np.ndarray,
    members: np.ndarray,
    chosen: np.ndarray,
    player: int,
    places: np.ndarray,
    codes: np.ndarray,
    velocity_columns: np.ndarray,
    walls: np.ndarray,
    motion: np.ndarray,
    row: np.ndarray,
) -> None:
    """Writes the concepts of a track table into `row`, float64 (f,).

    Args:
        table: float64 (places, COLUMNS), as `kernel.update_tracks` left it.
        max_coast_steps: int64 (places,), the coast limit of each place.
        members: int64 (m, 4), of `FeaturePlan`.
        chosen: int64 (m,), the place of each member, -1 for none, as `kernel.compute_features`
            left it.
        player: place of the player.
        places: int64 (f,): the place of the object, or -2 - m for member m.
        codes: int64 (f, 4), columns KIND to SIDE.
        velocity_columns: int64 (places, 2), the columns of the table from which the velocity along
            x and y is read.
        walls: float64 (places, 4), px: left, right, upper and lower wall of the type of each place.
        motion: float64 (MOTION_SIZE,), of the player.
    """
    seen = is_there(table[player], max_coast_steps[player])
    for feature in range(row.shape[0]):
        kind, axis = codes[feature, KIND], codes[feature, AXIS]
        place = places[feature]
        if kind == HIT_TIME:
            first, end = place, place + 1
            if place <= -2:
                first, end = members[-2 - place, 1], members[-2 - place, 2]
            steps = float(MAX_HIT_STEPS)
            if seen:
                steps = hit_time(
                    table, max_coast_steps, first, end, player, axis, velocity_columns, motion
                )
            row[feature] = steps / TIME_SCALE
            continue
        if place <= -2:
            place = chosen[-2 - place]
        value = NOTHING
        if seen and place >= 0 and is_there(table[place], max_coast_steps[place]):
            columns, turns = velocity_columns[place], walls[place]
            value = relation(kind, axis, table[place], table[player], columns, turns, motion)
        if value == NOTHING:
            value = _missing(kind, codes[feature, ABSOLUTE], codes[feature, SIDE])
        if codes[feature, ABSOLUTE]:
            value = abs(value)
        row[feature] = _in_units(kind, value)


@numba.njit(cache=True, nogil=True)
def relation(
    kind: int,
    axis: int,
    thing: np.ndarray,
    player: np.ndarray,
    velocity_columns: np.ndarray,
    walls: np.ndarray,
    motion: np.ndarray,
) -> float:
    """The value of a concept of one object, px, px per step or steps; NOTHING if it has none.

    Args:
        thing, player: rows of the track table.
        velocity_columns: int64 (2,), walls: float64 (4,), of the object's place.
    """
    across = 1 - axis
    if kind == STOP:
        return stop_position(player, axis, motion)
    at, velocity = position(thing, axis), float(thing[velocity_columns[axis]])
    if kind == VELOCITY:
        return velocity
    if kind == DISTANCE:
        return at - position(player, axis)
    if kind == STOP_DISTANCE:
        return at - stop_position(player, axis, motion)
    if kind == CONTACT_TIME:
        return contact_time(at - position(player, axis), velocity)
    distance = position(thing, across) - position(player, across)
    if kind == LEAD:
        speed = motion[LEAD_SPEED + across]
        if speed <= 0.0:
            return NOTHING
        return float(at - position(player, axis) + velocity * (abs(distance) / speed))
    steps = contact_time(distance, float(thing[velocity_columns[across]]))
    if steps == NOTHING:
        return NOTHING
    crossing = reflect(at + velocity * steps, walls[2 * axis], walls[2 * axis + 1])
    return crossing if kind == CROSSING else crossing - stop_position(player, axis, motion)


@numba.njit(cache=True, nogil=True)
def is_there(entry: np.ndarray, max_coast: int) -> bool:
    """Whether a track is detected, or coasting within its coast limit."""
    return bool(entry[TABLE_AGE] >= 0 and entry[TABLE_UNSEEN] <= max_coast)


@numba.njit(cache=True, nogil=True)
def position(entry: np.ndarray, axis: int) -> float:
    """The centre of a track, px; extrapolated at constant velocity while it coasts."""
    return float(entry[TABLE_X + axis] + entry[TABLE_VX + axis] * entry[TABLE_UNSEEN])


@numba.njit(cache=True, nogil=True)
def stop_position(player: np.ndarray, axis: int, motion: np.ndarray) -> float:
    """Where the player comes to rest if nothing pushes it any more, px."""
    coasted = motion[COAST + axis] * player[TABLE_VX + axis]
    pushed = motion[LAG + axis] * player[TABLE_PUSH_X + axis]
    return float(position(player, axis) + coasted + pushed)


@numba.njit(cache=True, nogil=True)
def contact_time(distance: float, velocity: float) -> float:
    """Steps until a distance is 0 at constant velocity; NOTHING if that takes more than
    MAX_CONTACT_STEPS, or if it grows."""
    if distance == 0.0:
        return 0.0
    if distance * velocity >= 0.0:
        return NOTHING
    steps = -distance / velocity
    return steps if steps <= MAX_CONTACT_STEPS else NOTHING


@numba.njit(cache=True, nogil=True)
def reflect(at: float, low: float, high: float) -> float:
    """A position, px, turned back at one or two walls; the nearer wall if there is one alone."""
    if low <= -UNBOUNDED:
        return 2.0 * high - at if at > high else at
    if high >= UNBOUNDED:
        return 2.0 * low - at if at < low else at
    way = 2.0 * (high - low)
    along = at - low
    along -= way * np.floor(along / way)
    return float(low + (way - along if along > high - low else along))


@numba.njit(cache=True, nogil=True)
def hit_time(
    table: np.ndarray,
    max_coast_steps: np.ndarray,
    first: int,
    end: int,
    player: int,
    direction: int,
    velocity_columns: np.ndarray,
    motion: np.ndarray,
) -> float:
    """Steps until the box of an object in places [first, end) overlaps the player's, at most
    MAX_HIT_STEPS.

    The player goes in the direction at its measured speed until it is at the end of its range, and
    then stays there; the objects go on at constant velocity.
    """
    mine = table[player]
    axis, sign = (0 if direction <= RIGHTWARDS else 1), (-1.0 if direction % 2 == 0 else 1.0)
    velocity = np.zeros(2)
    arrives = 0.0  # steps until it is at the end of its range
    if direction != NOWHERE and motion[SPEED + direction] > 0.0:
        last = motion[(RANGE_LOW if sign < 0 else RANGE_HIGH) + axis]
        arrives = max(0.0, sign * (last - position(mine, axis))) / motion[SPEED + direction]
        velocity[axis] = sign * motion[SPEED + direction]
    soonest = float(MAX_HIT_STEPS)
    for place in range(first, end):
        if place == player or not is_there(table[place], max_coast_steps[place]):
            continue
        thing = table[place]
        dx, dy = position(thing, 0) - position(mine, 0), position(thing, 1) - position(mine, 1)
        vx, vy = thing[velocity_columns[place, 0]], thing[velocity_columns[place, 1]]
        wide = 0.5 * (mine[TABLE_W] + thing[TABLE_W])
        high = 0.5 * (mine[TABLE_W + 1] + thing[TABLE_W + 1])
        ux, uy = vx - velocity[0], vy - velocity[1]
        begin = overlap_begin(dx, dy, ux, uy, wide, high, arrives)
        if begin == NOTHING and arrives < soonest:
            dx, dy = dx + ux * arrives, dy + uy * arrives
            begin = arrives + overlap_begin(dx, dy, vx, vy, wide, high, NOTHING)
        soonest = min(soonest, begin)
    return soonest


@numba.njit(cache=True, nogil=True)
def overlap_begin(
    dx: float, dy: float, vx: float, vy: float, wide: float, high: float, until: float
) -> float:
    """Steps until two boxes overlap, which are dx, dy apart and move by vx, vy a step relative to
    each other; NOTHING if they do not before the step `until`.

    Args:
        wide, high: half the sum of both widths and heights, px.
    """
    begin, end = 0.0, until
    for axis in range(2):
        off, speed, size = (dx, vx, wide) if axis == 0 else (dy, vy, high)
        if speed == 0.0:
            if abs(off) >= size:
                return NOTHING
            continue
        middle, half = -off / speed, abs(size / speed)
        begin, end = max(begin, middle - half), min(end, middle + half)
    return begin if begin < end else NOTHING


@numba.njit(cache=True, nogil=True)
def _missing(kind: int, absolute: int, side: int) -> float:
    """The value of a concept whose object is not there or does not come, px or steps."""
    if kind == CONTACT_TIME:
        return float(MAX_CONTACT_STEPS)
    if kind in (DISTANCE, STOP_DISTANCE):
        return FAR_PX if absolute else side * FAR_PX
    if kind in (MISS, LEAD) and absolute:
        return FAR_PX
    return 0.0


@numba.njit(cache=True, nogil=True)
def _in_units(kind: int, value: float) -> float:
    """A value in the feature's units; distances are cut off at FAR_PX."""
    if kind == VELOCITY:
        return value / VELOCITY_SCALE
    if kind == CONTACT_TIME:
        return value / TIME_SCALE
    return min(max(value, -FAR_PX), FAR_PX) / POSITION_SCALE

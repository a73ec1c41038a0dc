"""Measured dynamics: walls, momentum, speeds and ranges, identified from a recording.

All are measured in px and steps. What a recording does not show is None or 0, never a guess.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from diffses.detector import concept_kernel as ck
from diffses.detector import kernel
from diffses.detector.offline_tracks import Trajectories
from diffses.detector.segmentation import TrackerParams

SWING_PX = 4.0  # an object has turned back where it came and left by so much
ENOUGH = 3  # turns beside each other that make a wall
END_SPREAD_PX = 4.0  # how far apart turns at one wall are seen
MAX_BEYOND = 0.02  # share of a type's positions beyond a place that is then no wall
MIN_WAY_PX = 8.0  # between two walls
# share of the steps after a moving one that are at rest: the object moves in jumps
MIN_REST_SHARE = 0.5
SLOW_PX = 2.5  # px per step; up to this median speed whole pixels may be too coarse
MIN_ROUNDING_SHARE = 0.15  # of a slow object's steps differ by 1 px from the one before

MIN_SAMPLES = 50  # steps from which the player's response is estimated
MIN_EXPLAINED = 0.1  # R^2 of that estimate, below which it is not used
ROUNDS = 3  # of least squares, each without the outliers of the one before
OUTLIER = 3.0  # robust standard deviations, if that is more than a usual step
MAX_KEPT = 0.95  # share of its velocity that the player keeps in a step, at most
HELD_STEPS = 4  # a push is held so long before the speed is measured
MIN_STEPS = 5  # from which a speed is measured
END_PX = 2.0  # px from the outermost position that count as the end

MIN_BIRTHS = 8  # of a projectile
MIN_BIRTH_SHARE = 0.1  # of a type's objects appear beside the player and leave it; others may look
# the same, such as what others shoot
BIRTH_PX = 4.0  # px between the boxes, across the direction of flight
BIRTH_STEPS = 2.0  # steps of flight that a projectile may have made when it is first seen
MIN_FLIGHT_SHARE = 0.25  # of a projectile's greatest speed, above which it flies along an axis


@dataclass(frozen=True)
class TypeDynamics:
    """How the objects of a type move.

    walls: left, right, upper and lower place, px, at which their centres turn back; None where they
        do not. averaged: whether single steps along x and y are too coarse to be their velocity.
    """

    walls: tuple[float | None, float | None, float | None, float | None]
    averaged: tuple[bool, bool]


@dataclass(frozen=True)
class Dynamics:
    """What is measured of a game's objects and of the player's response to actions.

    types: of each object type, in the order of the schema.
    coast: steps, along x and y: how far the player goes on, for each px per step of its velocity.
    lag: px, along x and y: how far the last action still moves it.
    speed: px per step, while it is pushed left, right, up and down.
    range: px: its centre's leftmost, rightmost, highest and lowest position where a push has no
        effect; None where no end was met.
    projectile: name of the type that the player shoots; None: nothing.
    projectile_speed: px per step, along x and y; 0 if it does not fly along the axis.
    """

    types: tuple[TypeDynamics, ...]
    coast: tuple[float, float]
    lag: tuple[float, float]
    speed: tuple[float, float, float, float]
    range: tuple[float | None, float | None, float | None, float | None]
    projectile: str | None
    projectile_speed: tuple[float, float]

    @property
    def lead_speed(self) -> tuple[float, float]:
        """Speed along x and y of what gets to an object: the projectile, else the player."""
        own = ((self.speed[0] + self.speed[1]) / 2, (self.speed[2] + self.speed[3]) / 2)
        x, y = (shot or mine for shot, mine in zip(self.projectile_speed, own, strict=True))
        return x, y

    def describe(self, names: Sequence[str]) -> dict[str, Any]:
        """The part of `detector.json` that `read_dynamics` reads; names: of the types."""
        return {
            "types": {
                name: {"walls_px": list(kind.walls), "averaged_velocity": list(kind.averaged)}
                for name, kind in zip(names, self.types, strict=True)
            },
            "player": {
                "coast_steps": list(self.coast),
                "lag_px": list(self.lag),
                "speed_px_per_step": list(self.speed),
                "range_px": list(self.range),
            },
            "projectile": self.projectile,
            "projectile_speed_px_per_step": list(self.projectile_speed),
        }

    def arrays(self, params: TrackerParams) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """`velocity_columns`, `walls` and `motion` of `concept_kernel.compute_concepts`."""
        kinds = params.type_of_place()
        averaged = np.array([kind.averaged for kind in self.types], bool).reshape(-1, 2)
        columns = np.where(averaged, kernel.DRIFT_X, kernel.VX) + np.arange(2)
        ends = np.tile([-ck.UNBOUNDED, ck.UNBOUNDED], 2)
        walls = np.array([_bounded(kind.walls, ends) for kind in self.types]).reshape(-1, 4)
        motion = np.zeros(ck.MOTION_SIZE)
        motion[ck.COAST : ck.COAST + 2], motion[ck.LAG : ck.LAG + 2] = self.coast, self.lag
        motion[ck.SPEED : ck.SPEED + 4] = self.speed
        low_x, high_x, low_y, high_y = _bounded(self.range, ends)
        motion[ck.RANGE_LOW : ck.RANGE_LOW + 2] = low_x, low_y
        motion[ck.RANGE_HIGH : ck.RANGE_HIGH + 2] = high_x, high_y
        motion[ck.LEAD_SPEED : ck.LEAD_SPEED + 2] = self.lead_speed
        return columns[kinds].astype(np.int64), walls[kinds], motion


def _bounded(found: Sequence[float | None], ends: np.ndarray) -> list[float]:
    return [end if one is None else one for one, end in zip(found, ends.tolist(), strict=True)]


def read_dynamics(words: dict[str, Any]) -> Dynamics:
    """What `Dynamics.describe` wrote."""
    player = words["player"]
    return Dynamics(
        tuple(
            TypeDynamics(tuple(kind["walls_px"]), tuple(kind["averaged_velocity"]))
            for kind in words["types"].values()
        ),
        tuple(player["coast_steps"]),
        tuple(player["lag_px"]),
        tuple(player["speed_px_per_step"]),
        tuple(player["range_px"]),
        words["projectile"],
        tuple(words["projectile_speed_px_per_step"]),
    )


def identify_dynamics(
    tracks: Trajectories,
    kind: np.ndarray,
    names: Sequence[str],
    player: int | None,
    player_place: int,
    pushes: np.ndarray,
    action_tm1: np.ndarray,
) -> Dynamics:
    """Measures walls, velocities, and the player's response, from a recording's trajectories.

    Args:
        kind: int64 (n,), the type of each row of `tracks`.
        names: of the types.
        player: the player's type; None: there is none.
        player_place: its place in the track table.
        pushes: float64 (actions, 3), the effect of each action, as of `ObjectSchema.pushes`.
        action_tm1: int (frames,), the action that led to each frame.
    """
    types = tuple(_type_dynamics(paths_of(tracks, kind == number)) for number in range(len(names)))
    if player is None:
        nothing = (0.0, 0.0)
        return Dynamics(types, nothing, nothing, (0.0,) * 4, (None,) * 4, None, nothing)
    mine = (kind == player) & (tracks.place == player_place)
    paths = paths_of(tracks, mine)
    known = np.zeros((int(action_tm1.max(initial=0)) + 1, 2))
    known[: len(pushes)] = pushes[: len(known), :2]
    push = known[action_tm1]
    responses = [_response(paths, push, axis) for axis in range(2)]
    speeds = [_push_speeds(paths, push, axis) for axis in range(2)]
    ends = [_range(paths, push, axis) for axis in range(2)]
    fastest = max(*speeds[0], *speeds[1])
    shot, shot_speed = _projectile(tracks, kind, mine, player, len(names), fastest)
    return Dynamics(
        types,
        (responses[0][0], responses[1][0]),
        (responses[0][1], responses[1][1]),
        (*speeds[0], *speeds[1]),
        (*ends[0], *ends[1]),
        None if shot is None else names[shot],
        shot_speed,
    )


@dataclass(frozen=True)
class Path:
    """A track without gaps: the frame of its first detection, and its centre, px, in each frame."""

    frame: int
    centre: np.ndarray  # float64 (n, 2)


def paths_of(tracks: Trajectories, rows: np.ndarray) -> list[Path]:
    """The paths of the chosen rows, bool (n,)."""
    order = np.lexsort((tracks.frame, tracks.track))
    order = order[rows[order]]
    frame, track = tracks.frame[order], tracks.track[order]
    box = tracks.box[order]
    centre = (box[:, :2] + box[:, 2:] + 1) / 2
    cuts = np.flatnonzero((np.diff(track) != 0) | (np.diff(frame) != 1)) + 1
    pieces = np.split(np.arange(len(order)), cuts) if len(order) else []
    return [Path(int(frame[piece[0]]), centre[piece]) for piece in pieces]


def _type_dynamics(paths: Sequence[Path]) -> TypeDynamics:
    walls = [wall for axis in range(2) for wall in find_walls([p.centre[:, axis] for p in paths])]
    coarse = [is_coarse([np.diff(p.centre[:, axis]) for p in paths]) for axis in range(2)]
    return TypeDynamics((walls[0], walls[1], walls[2], walls[3]), (coarse[0], coarse[1]))


def find_walls(positions: Sequence[np.ndarray]) -> tuple[float | None, float | None]:
    """The places at which objects of a type turn back along an axis, px: the lower, the upper.

    A wall is the outermost place with ENOUGH turns within END_SPREAD_PX, which few objects pass; it
    is the median of these turns. Turns farther inside (at a paddle, say) do not count.

    Args:
        positions: float64 (n,) of each path, one position a step.
    """
    below = _outermost([-path for path in positions])
    above = _outermost(positions)
    low = None if below is None else -below
    if low is not None and above is not None and above - low < MIN_WAY_PX:
        return None, None
    return low, above


def _outermost(positions: Sequence[np.ndarray]) -> float | None:
    """The greatest place at which paths turn back, px; None if there is none."""
    turns = [np.zeros(0), *(upper_turns(path) for path in positions)]
    return _outermost_end(np.concatenate(turns), np.concatenate([np.zeros(0), *positions]))


def _outermost_end(events: np.ndarray, everywhere: np.ndarray) -> float | None:
    """The greatest place with ENOUGH events within END_SPREAD_PX, their median; None if there is
    none, or if more than MAX_BEYOND of all positions are beyond it.

    Args:
        events: float64 (n,), px. everywhere: float64 (m,), all positions, px.
    """
    events = np.sort(events)[::-1]
    for event in events:
        beside = events[(events <= event) & (events >= event - END_SPREAD_PX)]
        if len(beside) >= ENOUGH:
            end = float(np.median(beside))
            return end if (everywhere > end + END_SPREAD_PX).mean() <= MAX_BEYOND else None
    return None


def upper_turns(path: np.ndarray) -> np.ndarray:
    """Where a path, float64 (n,), turns from growing to falling by at least SWING_PX each.

    Between two steps the place is that where the straight lines before and after meet.
    """
    found = []
    low, top = path[0], 0  # the lowest position since the last turn, the step of the highest
    rising = False
    for step in range(1, len(path)):
        at = path[step]
        if not rising:
            low = min(low, at)
            if at - low >= SWING_PX:
                rising, top = True, step
        elif at > path[top]:
            top = step
        elif path[top] - at >= SWING_PX:
            found.append(_meeting(path, top))
            rising, low = False, at
    return np.array(found)


def _meeting(path: np.ndarray, top: int) -> float:
    """The turning place near the highest position of a path: where its two lines meet."""
    highest = float(path[top])
    if top < 2 or top + 2 >= len(path):
        return highest
    before, after = path[top - 1] - path[top - 2], path[top + 2] - path[top + 1]
    if before <= 0 or after >= 0:
        return highest
    steps = (path[top + 1] - path[top - 1] - 2 * after) / (before - after)
    place = float(path[top - 1] + before * steps)
    return place if highest <= place <= highest + before else highest


def is_coarse(steps: Sequence[np.ndarray]) -> bool:
    """Whether an object's displacements in single steps are too coarse to be its velocity.

    That is so if it moves in jumps (mostly rests in the step after a move), or if it is slow and
    its displacement often changes by 1 px.

    Args:
        steps: float64 (n,) of each path, px.
    """
    pairs = [np.column_stack([one[:-1], one[1:]]) for one in steps if len(one) > 1]
    both = np.concatenate([np.zeros((0, 2)), *pairs])
    both = both[both[:, 0] != 0]
    if len(both) == 0:
        return False
    change = np.abs(both[:, 1] - both[:, 0])
    rests = (both[:, 1] == 0).mean() > MIN_REST_SHARE
    slow = np.median(np.abs(both[:, 0])) <= SLOW_PX
    rounded = ((change > 0.25) & (change < 1.25)).mean() > MIN_ROUNDING_SHARE
    return bool(rests or (slow and rounded))


def _response(paths: Sequence[Path], push: np.ndarray, axis: int) -> tuple[float, float]:
    """How far the player still moves for each px per step of velocity, and for its last push.

    Least squares of its displacement in the next step on its velocity v, the last push and the next
    one: v' = a v + b push + c push'. After the last push it goes on by v' + a v' + a^2 v' + ... =
    (a v + b push) / (1 - a). Left out are steps at the ends of its way, those in which a held push
    does not move it, those in which something else does (a velocity that no push explains), and
    outliers (a new life).

    Args:
        push: float64 (frames, 2), the push that led to each frame.
    """
    every = np.concatenate([np.zeros(0), *(path.centre[:, axis] for path in paths)])
    if len(every) == 0 or not push[:, axis].any():
        return 0.0, 0.0
    low, high = float(every.min()) + END_PX, float(every.max()) - END_PX
    rows = [np.zeros((0, 4))]
    for path in paths:
        at, pushed = path.centre[:, axis], push[path.frame : path.frame + len(path.centre), axis]
        now = np.arange(2, len(at) - 1)
        velocity = at[now] - at[now - 1]
        driven = (velocity * pushed[now] >= 0) & ((velocity == 0) | (pushed[now] != 0))
        driven |= velocity * pushed[now - 1] > 0
        inside = (at[now] > low) & (at[now] < high) & (at[now + 1] > low) & (at[now + 1] < high)
        effect = at[now + 1] - at[now]
        blocked = (pushed[now] != 0) & (pushed[now] == pushed[now + 1]) & (effect == 0)
        causes = [velocity, pushed[now], pushed[now + 1], effect]
        rows.append(np.column_stack(causes)[driven & inside & ~blocked])
    data = np.concatenate(rows)
    kept, weights = np.ones(len(data), bool), np.zeros(3)
    stride = np.median(np.abs(data[data[:, 3] != 0, 3])) if data[:, 3].any() else 0.0
    for _ in range(ROUNDS):
        if kept.sum() < MIN_SAMPLES:
            return 0.0, 0.0
        weights = np.linalg.lstsq(data[kept, :3], data[kept, 3], rcond=None)[0]
        error = data[:, 3] - data[:, :3] @ weights
        spread = 1.4826 * np.median(np.abs(error[kept] - np.median(error[kept])))
        kept = np.abs(error) <= max(OUTLIER * spread, stride)
    moved = data[kept, 3]
    explained = 1 - (moved - data[kept, :3] @ weights).var() / max(moved.var(), 1e-12)
    if explained < MIN_EXPLAINED:
        return 0.0, 0.0
    kept_on, last = np.clip(weights[:2], 0.0, (MAX_KEPT, np.inf)).tolist()
    return kept_on / (1 - kept_on), last / (1 - kept_on)


def _push_speeds(paths: Sequence[Path], push: np.ndarray, axis: int) -> tuple[float, float]:
    """The player's speed, px per step, while it is pushed down the axis and up it.

    The median over the steps in which it moves, away from the end of its way, after a push that has
    been held for HELD_STEPS; where pushes are not held so long, after any push. Where one direction
    was not seen, it is the speed of the other.
    """
    every = np.concatenate([np.zeros(0), *(path.centre[:, axis] for path in paths)])
    found = []
    for sign in (-1.0, 1.0):
        end = float((sign * every).max(initial=-np.inf)) - END_PX
        held: list[np.ndarray] = [np.zeros(0)]
        after: list[np.ndarray] = [np.zeros(0)]
        for path in paths:
            at, last = sign * path.centre[:, axis], path.frame + len(path.centre)
            pushed = push[path.frame : last, axis] == sign
            steps, here = np.diff(at), pushed[1:] & (at[1:] < end)
            after.append(steps[here & (steps > 0)])
            if len(at) > HELD_STEPS:
                window = np.lib.stride_tricks.sliding_window_view(pushed, HELD_STEPS)
                whole = np.asarray(window.all(axis=1))[1:] & here[HELD_STEPS - 1 :]
                # over two steps, since whole pixels are coarse
                mean = (at[HELD_STEPS:] - at[HELD_STEPS - 2 : -2]) / 2
                held.append(mean[whole & (mean > 0)])
        some = [np.concatenate(one) for one in (held, after)]
        enough = [float(np.median(one)) for one in some if len(one) >= MIN_STEPS]
        found.append(enough[0] if enough else 0.0)
    return found[0] or found[1], found[1] or found[0]


def _range(paths: Sequence[Path], push: np.ndarray, axis: int) -> tuple[float | None, float | None]:
    """The ends of the player's range, px: the outermost places where a held push has no effect."""
    found: list[float | None] = []
    for sign in (-1.0, 1.0):
        blocked, everywhere = [np.zeros(0)], [np.zeros(0)]
        for path in paths:
            at = sign * path.centre[:, axis]
            pushed = push[path.frame : path.frame + len(at), axis] == sign
            blocked.append(at[1:][pushed[1:] & pushed[:-1] & (np.diff(at) == 0)])
            everywhere.append(at)
        end = _outermost_end(np.concatenate(blocked), np.concatenate(everywhere))
        found.append(None if end is None else sign * end)
    return found[0], found[1]


def _projectile(
    tracks: Trajectories, kind: np.ndarray, mine: np.ndarray, player: int, kinds: int, own: float
) -> tuple[int | None, tuple[float, float]]:
    """The type that the player shoots, and its speed along x and y; None and 0 for none.

    Its objects appear beside the player, fly away from it, and are faster than it: what comes out
    from behind the player appears beside it, too.

    Args:
        mine: bool (n,), the rows of the player.
        own: the player's greatest speed, px per step.
    """
    by_frame = np.full(int(tracks.frame.max(initial=0)) + 1, -1)
    by_frame[tracks.frame[mine]] = np.flatnonzero(mine)
    best, share, speed = None, MIN_BIRTH_SHARE, (0.0, 0.0)
    order = np.lexsort((tracks.frame, tracks.track))
    first = order[np.flatnonzero(np.diff(tracks.track[order], prepend=-1) != 0)]
    later = np.full(len(tracks), -1)
    previous = tracks.previous_rows()
    later[previous[previous >= 0]] = np.flatnonzero(previous >= 0)
    for number in range(kinds):
        if number == player:
            continue
        births = first[(kind[first] == number) & (tracks.frame[first] > 0)]
        shots = [row for row in births.tolist() if _leaves(tracks, row, later, by_frame)]
        if len(shots) < MIN_BIRTHS or len(shots) / len(births) < share:
            continue
        flying = np.isin(tracks.track, tracks.track[shots]) & (previous >= 0) & (kind == number)
        along = [np.abs(v[flying]) for v in (tracks.vx, tracks.vy)]
        x, y = (float(np.median(v)) for v in along)
        if max(x, y) > own:
            best, share = number, len(shots) / len(births)
            least = MIN_FLIGHT_SHARE * max(x, y)
            speed = (x if x > least else 0.0, y if y > least else 0.0)
    return best, speed


def _leaves(tracks: Trajectories, row: int, later: np.ndarray, by_frame: np.ndarray) -> bool:
    """Whether an object appears beside the player and flies away from it."""
    shooter, after = by_frame[tracks.frame[row]], later[row]
    if shooter < 0 or after < 0:
        return False
    box, own = tracks.box[row], tracks.box[shooter]
    velocity: np.ndarray = np.array([tracks.vx[after], tracks.vy[after]])
    off = (box[:2] + box[2:] - own[:2] - own[2:]) / 2
    gap = np.abs(off) - (box[2:] - box[:2] + own[2:] - own[:2] + 2) / 2
    near = gap <= BIRTH_PX + BIRTH_STEPS * np.abs(velocity)
    along = int(np.argmax(np.abs(velocity)))
    return bool(np.all(near)) and float(velocity[along] * off[along]) > 0

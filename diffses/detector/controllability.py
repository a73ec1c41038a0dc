"""Which object the actions control: the player."""

from __future__ import annotations

import numpy as np

from diffses.detector.offline_tracks import Trajectories

# Delays, steps, between the action that led to a frame and the motion that it explains
# (ACTION_LAGS) or the push that shows (PUSH_LAGS). -1 is for files that store an action with the
# frame at which it was chosen.
ACTION_LAGS = (-1, 0, 1)
PUSH_LAGS = (-1, 0, 1, 2)
MOVE_LAGS = (0, 1)  # likewise, of `explained_moves`
SHIFTS = 20  # of the actions in time, each a part of the recording's length
MIN_EXCESS = 0.1  # of R^2, over the best of the shifts
MIN_PUSH_SHARE = 0.15  # of the greatest mean velocity; an action with less pushes nowhere
# ranges of steps before a frame over which actions are averaged: momentum, steering
ACTION_WINDOWS = ((2, 6), (6, 14), (14, 30))
VELOCITY_WINDOW = 4  # steps; velocities are also averaged over it, since pixels are coarse
RIDGE_PENALTIES = (0.03, 0.3, 3.0)  # times the number of steps; the best is taken
FOLDS = 4  # of the cross-validation, contiguous parts of the recording
MIN_VARIANCE = 0.05  # px^2 per step^2; of a velocity that is regressed at all
MIN_STEPS = 30  # steps in which the velocity must be known
MIN_PRESENCE = 0.5  # share of the screens that usually show the player
MIN_EXPLAINED = 0.05  # R^2 from which a type counts as controlled


def controllability(
    tracks: Trajectories, kind: np.ndarray, action_tm1: np.ndarray
) -> dict[int, float]:
    """How much of each type's motion the actions explain.

    The velocity of the object in each place of the track table, and the change of its velocity,
    are regressed on the actions around and before that step. The measure is the cross-validated
    R^2, or that of the last action alone in the steps in which the object moves
    (`explained_moves`), times the square root of the share of steps in which the object is
    present: what is seldom present is easily explained by chance.

    Args:
        kind: int64 (n,), the type of each row of `tracks`.
        action_tm1: int (frames,), the action that led to each frame.

    Returns:
        The highest value over each type's places, by type; types with too few steps are left out.
    """
    known = tracks.previous_rows() >= 0
    shares: dict[int, float] = {}
    for number in np.unique(kind[kind >= 0]):
        for place in np.unique(tracks.place[kind == number]):
            mine = known & (kind == number) & (tracks.place == place)
            frames, velocity = (
                tracks.frame[mine],
                np.column_stack([tracks.vx[mine], tracks.vy[mine]]),
            )
            share = max(
                explained_variance(frames, velocity, action_tm1),
                explained_moves(frames, velocity, action_tm1),
            )
            if share > 0:
                share *= float(np.sqrt(mine.sum() / len(action_tm1)))
            shares[int(number)] = max(share, shares.get(int(number), -1.0))
    return shares


def explained_variance(frames: np.ndarray, velocity: np.ndarray, action_tm1: np.ndarray) -> float:
    """The best cross-validated R^2 of an object's velocity, or its change, given the actions.

    Args:
        frames: int64 (n,), increasing. velocity: float64 (n, 2), px per step.
        action_tm1: int (frames of the recording,), the action that led to each frame.

    Returns:
        At most 1; -1 for too few steps or too little motion.
    """
    follows = np.flatnonzero(np.diff(frames) == 1) + 1
    change = velocity[follows] - velocity[follows - 1]
    total = np.concatenate([np.zeros((1, 2)), np.cumsum(velocity, axis=0)])
    ends = (
        np.flatnonzero(
            frames[VELOCITY_WINDOW - 1 :] - frames[: 1 - VELOCITY_WINDOW] == VELOCITY_WINDOW - 1
        )
        + VELOCITY_WINDOW
    )
    mean = (
        total[ends] - total[ends - VELOCITY_WINDOW]
    ) / VELOCITY_WINDOW  # averages out rounding to pixels
    shares = [-1.0]
    for at, values in ((frames, velocity), (frames[follows], change), (frames[ends - 1], mean)):
        shares.append(_cross_validated_r2(_design(at, action_tm1), values))
    return max(shares)


def explained_moves(frames: np.ndarray, velocity: np.ndarray, action_tm1: np.ndarray) -> float:
    """How well the last action tells which way an object moves, in the steps in which it does.

    It finds a player that can seldom move. The measure is the adjusted R^2 of a velocity's mean by
    action, along the better axis and at the better of MOVE_LAGS. It counts only if it exceeds by
    MIN_EXCESS what the same actions give when they are shifted in time: actions that are chosen
    without looking can have no other relation to motion than to cause it.

    Args:
        frames: int64 (n,), increasing. velocity: float64 (n, 2), px per step.
        action_tm1: int (frames of the recording,), the action that led to each frame.

    Returns:
        At most 1; -1 for too few moves, or no more than chance.
    """
    best = -1.0
    for axis in range(2):
        moves = velocity[:, axis] != 0
        values, at = velocity[moves, axis], frames[moves]
        if len(values) < MIN_STEPS or values.var() < MIN_VARIANCE:
            continue
        for lag in MOVE_LAGS:
            real = _adjusted_r2(values, action_tm1[np.maximum(at - lag, 0)])
            if real <= max(best, MIN_EXPLAINED):
                continue
            steps = np.linspace(0, len(action_tm1), SHIFTS + 2)[1:-1].astype(int)
            chance = max(
                _adjusted_r2(values, action_tm1[(at - lag + step) % len(action_tm1)])
                for step in steps
            )
            if real > chance + MIN_EXCESS:
                best = real
    return best


def _adjusted_r2(values: np.ndarray, choice: np.ndarray) -> float:
    """The adjusted R^2 of values, float64 (n,), given one of several choices, int (n,)."""
    often = np.bincount(choice)
    means = np.bincount(choice, values) / np.maximum(often, 1)
    rest = ((values - means[choice]) ** 2).sum() / max(1, len(values) - (often > 0).sum())
    return float(1 - rest / values.var(ddof=1))


def push_directions(frames: np.ndarray, velocity: np.ndarray, action_tm1: np.ndarray) -> np.ndarray:
    """The direction in which each action pushes an object: the signs of its mean velocity after it.

    Args:
        frames: int64 (n,), increasing. velocity: float64 (n, 2), px per step.
        action_tm1: int (frames of the recording,), the action that led to each frame.

    Returns:
        float64 (actions, 2): 1 right and down, -1 left and up, 0 none. An axis along which the last
        action does not explain MIN_EXPLAINED of the velocity's variance is all 0.
    """
    count = int(action_tm1.max()) + 1 if len(action_tm1) else 0
    found = np.zeros((count, 2))
    for axis in range(2 if len(frames) >= MIN_STEPS else 0):
        values = velocity[:, axis]
        total = values.var()
        best = MIN_EXPLAINED
        for lag in PUSH_LAGS:
            at = frames - lag
            known = (at >= 0) & (at < len(action_tm1))
            done, moved = action_tm1[at[known]], values[known]
            often = np.bincount(done, minlength=count)
            means = np.bincount(done, moved, count) / np.maximum(often, 1)
            share = (often @ (means - moved.mean()) ** 2) / len(moved) / max(total, 1e-12)
            if total >= MIN_VARIANCE and share > best:
                best = share
                found[:, axis] = np.where(
                    np.abs(means) < MIN_PUSH_SHARE * np.abs(means).max(), 0.0, np.sign(means)
                )
    return found


def _design(frames: np.ndarray, action_tm1: np.ndarray) -> np.ndarray:
    """Regressors: one-hot actions around each frame, and action frequencies before it, (n, p)."""
    columns = []
    for choice in np.unique(action_tm1)[1:]:
        chosen = (action_tm1 == choice).astype(float)
        total = np.concatenate([[0.0], np.cumsum(chosen)])
        columns += [chosen[np.clip(frames - lag, 0, len(action_tm1) - 1)] for lag in ACTION_LAGS]
        for first, end in ACTION_WINDOWS:
            span = total[np.clip(frames - first + 1, 0, None)]
            columns.append((span - total[np.clip(frames - end + 1, 0, None)]) / (end - first))
    return np.column_stack(columns) if columns else np.zeros((len(frames), 0))


def _cross_validated_r2(design: np.ndarray, values: np.ndarray) -> float:
    """The best cross-validated R^2 of a column of `values`, (n, k), on the columns of `design`,
    (n, p), by ridge regression; -1 for too few rows or too little variance."""
    if len(values) < MIN_STEPS or not design.shape[1]:
        return -1.0
    values = values[:, values.var(axis=0) >= MIN_VARIANCE]
    if not values.shape[1]:
        return -1.0
    scale = design.std(axis=0)
    design = (design - design.mean(axis=0)) / np.where(scale > 0, scale, 1)
    gram, moments = design.T @ design, design.T @ values
    rest = np.zeros((len(RIDGE_PENALTIES), values.shape[1]))
    for part in np.array_split(np.arange(len(values)), FOLDS):
        x, y = design[part], values[part]
        others = len(values) - len(part)
        shift = (values.sum(axis=0) - y.sum(axis=0)) / others
        inputs = design.sum(axis=0) - x.sum(axis=0)
        target = moments - x.T @ y - inputs[:, None] * shift
        # one decomposition serves all penalties
        levels, vectors = np.linalg.eigh(gram - x.T @ x)
        target, x = vectors.T @ target, x @ vectors
        for number, ridge in enumerate(RIDGE_PENALTIES):
            weights = target / (np.maximum(levels, 0) + ridge * others)[:, None]
            rest[number] += ((y - shift - x @ weights) ** 2).sum(axis=0)
    total = ((values - values.mean(axis=0)) ** 2).sum(axis=0)
    return float((1 - rest.min(axis=0) / total).max())


def find_player(shares: dict[int, float], often: dict[int, float]) -> int | None:
    """The type that the actions control best, None if they control none.

    Types that are on at least MIN_PRESENCE of the screens take precedence.

    Args:
        shares: of `controllability`. often: the share of the screens that each type is on.
    """
    controlled = [number for number in sorted(shares) if shares[number] >= MIN_EXPLAINED]
    usual = [number for number in controlled if often[number] >= MIN_PRESENCE]
    return max(usual or controlled, key=lambda number: shares[number], default=None)

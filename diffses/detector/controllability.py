"""Which object the actions control: the player."""

from __future__ import annotations

import numpy as np

from diffses.detector.offline_tracks import Trajectories

# Delays, steps, between the action that led to a frame and the motion that it explains
# (ACTION_LAGS) or the push that shows (PUSH_LAGS). -1 is for files that store an action with the
# frame at which it was chosen.
ACTION_LAGS = (-1, 0, 1)
PUSH_LAGS = (-1, 0, 1, 2)
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
    R^2 times the square root of the share of steps in which the object is present: what is
    seldom present is easily explained by chance.

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
            share = explained_variance(
                tracks.frame[mine], np.column_stack([tracks.vx[mine], tracks.vy[mine]]), action_tm1
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
        design = _design(at, action_tm1)
        for axis in range(2):
            shares.append(_cross_validated_r2(design, values[:, axis]))
    return max(shares)


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
    """Cross-validated R^2 of `values`, (n,), on the columns of `design`, (n, p), by ridge
    regression."""
    if len(values) < MIN_STEPS or values.var() < MIN_VARIANCE or not design.shape[1]:
        return -1.0
    scale = design.std(axis=0)
    design = (design - design.mean(axis=0)) / np.where(scale > 0, scale, 1)
    rest = np.zeros(len(RIDGE_PENALTIES))
    for part in np.array_split(np.arange(len(values)), FOLDS):
        others = np.setdiff1d(np.arange(len(values)), part)
        x, y = design[others], values[others]
        shift = y.mean()
        for number, ridge in enumerate(RIDGE_PENALTIES):
            square = x.T @ x + ridge * len(others) * np.eye(x.shape[1])
            weights = np.linalg.solve(square, x.T @ (y - shift))
            rest[number] += ((values[part] - shift - design[part] @ weights) ** 2).sum()
    return float(1 - rest.min() / ((values - values.mean()) ** 2).sum())


def find_player(shares: dict[int, float], often: dict[int, float]) -> int | None:
    """The type that the actions control best, None if they control none.

    Types that are on at least MIN_PRESENCE of the screens take precedence.

    Args:
        shares: of `controllability`. often: the share of the screens that each type is on.
    """
    controlled = [number for number in sorted(shares) if shares[number] >= MIN_EXPLAINED]
    usual = [number for number in controlled if often[number] >= MIN_PRESENCE]
    return max(usual or controlled, key=lambda number: shares[number], default=None)

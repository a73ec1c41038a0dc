"""Which object the player controls."""

from __future__ import annotations

import numpy as np

from diffses.detector.offline_tracks import Tracks

# steps between the action that led to a frame and the motion there that it explains, or the push
# that shows; -1 is for files of others that keep an action with the frame it was chosen at
LAGS = (-1, 0, 1)
DELAYS = (-1, 0, 1, 2)
SLIGHT = 0.15  # of the greatest mean velocity: an action with less pushes nowhere
SPANS = ((2, 6), (6, 14), (14, 30))  # steps before those that count together: momentum, steering
LONG = 4  # steps over which a slow thing's way is looked at
RIDGES = (0.03, 0.3, 3.0)  # weights of the penalty, as shares of the steps; the best is taken
FOLDS = 4  # parts of the recording of which each is predicted from the others
LEAST_VARIANCE = 0.05  # px^2 per step^2: what hardly moves is not asked
LEAST_SIGHTS = 30  # steps a thing's velocity must be known
USUAL = 0.5  # share of the screens the player is on, as a rule
LEAST_SHARE = 0.05  # of the variance of its velocity that the actions must explain


def controlled(tracks: Tracks, kind: np.ndarray, action_tm1: np.ndarray) -> dict[int, float]:
    """How much of each type's motion the actions explain.

    The velocity of the things in one place of the tracker's table, and its change, are regressed on
    the actions around and before them; the measure is the share of variance explained in parts of
    the recording that were not fitted, times the root of the share of the steps in which it is
    there: what is seldom seen is easily explained by chance.

    Args:
        kind: int64 (n,), the type of each row of `tracks`.
        action_tm1: int (frames,), the action that led to each frame.

    Returns:
        For each type the highest share of its places, by type; without those that cannot be told.
    """
    known = tracks.before() >= 0
    shares: dict[int, float] = {}
    for number in np.unique(kind[kind >= 0]):
        for place in np.unique(tracks.place[kind == number]):
            mine = known & (kind == number) & (tracks.place == place)
            share = explained(
                tracks.frame[mine], np.column_stack([tracks.vx[mine], tracks.vy[mine]]), action_tm1
            )
            if share > 0:
                share *= float(np.sqrt(mine.sum() / len(action_tm1)))
            shares[int(number)] = max(share, shares.get(int(number), -1.0))
    return shares


def explained(frames: np.ndarray, velocity: np.ndarray, action_tm1: np.ndarray) -> float:
    """The best cross-validated R^2 of a thing's velocities or their changes on the actions.

    Args:
        frames: int64 (n,), increasing. velocity: float64 (n, 2), px per step.
        action_tm1: int (frames of the recording,), the action that led to each.

    Returns:
        At most 1; -1 where there is too little to tell.
    """
    follows = np.flatnonzero(np.diff(frames) == 1) + 1
    change = velocity[follows] - velocity[follows - 1]
    total = np.concatenate([np.zeros((1, 2)), np.cumsum(velocity, axis=0)])
    ends = np.flatnonzero(frames[LONG - 1 :] - frames[: 1 - LONG] == LONG - 1) + LONG
    way = (total[ends] - total[ends - LONG]) / LONG  # a pixel more or less in a step averages out
    shares = [-1.0]
    for at, values in ((frames, velocity), (frames[follows], change), (frames[ends - 1], way)):
        design = _design(at, action_tm1)
        for axis in range(2):
            shares.append(_share(design, values[:, axis]))
    return max(shares)


def pushes(frames: np.ndarray, velocity: np.ndarray, action_tm1: np.ndarray) -> np.ndarray:
    """Where each action pushes a thing: the signs of its mean velocity after it.

    Args:
        frames: int64 (n,), increasing. velocity: float64 (n, 2), px per step.
        action_tm1: int (frames of the recording,), the action that led to each.

    Returns:
        float64 (actions, 2), right and down 1, left and up -1. Where the last action does not tell
        the velocity along an axis, all are 0 there.
    """
    count = int(action_tm1.max()) + 1 if len(action_tm1) else 0
    found = np.zeros((count, 2))
    for axis in range(2 if len(frames) >= LEAST_SIGHTS else 0):
        values = velocity[:, axis]
        total = values.var()
        best = LEAST_SHARE
        for lag in DELAYS:
            at = frames - lag
            known = (at >= 0) & (at < len(action_tm1))
            done, moved = action_tm1[at[known]], values[known]
            often = np.bincount(done, minlength=count)
            means = np.bincount(done, moved, count) / np.maximum(often, 1)
            share = (often @ (means - moved.mean()) ** 2) / len(moved) / max(total, 1e-12)
            if total >= LEAST_VARIANCE and share > best:
                best = share
                found[:, axis] = np.where(
                    np.abs(means) < SLIGHT * np.abs(means).max(), 0.0, np.sign(means)
                )
    return found


def _design(frames: np.ndarray, action_tm1: np.ndarray) -> np.ndarray:
    """Actions around each frame, one-hot, and their shares in the steps before: (n, p)."""
    columns = []
    for choice in np.unique(action_tm1)[1:]:
        chosen = (action_tm1 == choice).astype(float)
        total = np.concatenate([[0.0], np.cumsum(chosen)])
        columns += [chosen[np.clip(frames - lag, 0, len(action_tm1) - 1)] for lag in LAGS]
        for first, end in SPANS:
            span = total[np.clip(frames - first + 1, 0, None)]
            columns.append((span - total[np.clip(frames - end + 1, 0, None)]) / (end - first))
    return np.column_stack(columns) if columns else np.zeros((len(frames), 0))


def _share(design: np.ndarray, values: np.ndarray) -> float:
    """Cross-validated R^2 of `values`, (n,), on the columns of `design`, (n, p), by ridge."""
    if len(values) < LEAST_SIGHTS or values.var() < LEAST_VARIANCE or not design.shape[1]:
        return -1.0
    scale = design.std(axis=0)
    design = (design - design.mean(axis=0)) / np.where(scale > 0, scale, 1)
    rest = np.zeros(len(RIDGES))
    for part in np.array_split(np.arange(len(values)), FOLDS):
        others = np.setdiff1d(np.arange(len(values)), part)
        x, y = design[others], values[others]
        shift = y.mean()
        for number, ridge in enumerate(RIDGES):
            square = x.T @ x + ridge * len(others) * np.eye(x.shape[1])
            weights = np.linalg.solve(square, x.T @ (y - shift))
            rest[number] += ((values[part] - shift - design[part] @ weights) ** 2).sum()
    return float(1 - rest.min() / ((values - values.mean()) ** 2).sum())


def player(shares: dict[int, float], often: dict[int, float]) -> int | None:
    """The type the actions move, None where there is none.

    One that is there most of the time, where such a one obeys at all.

    Args:
        shares: of `controlled`. often: the share of the screens each type is on.
    """
    obey = [number for number in sorted(shares) if shares[number] >= LEAST_SHARE]
    usual = [number for number in obey if often[number] >= USUAL]
    return max(usual or obey, key=lambda number: shares[number], default=None)

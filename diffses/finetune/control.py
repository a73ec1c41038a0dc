"""What the actions move, which way, and how the player answers: found from the recorded play."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diffses.dataset.data import Dataset, Part

SLIGHT = 0.15  # of the greatest mean velocity: an action with less than this does nothing
EXPLAINED = 0.05  # share of a velocity's variance that the actions have to explain
LAGS = (0, 1, 2)  # steps between an action and the motion it shows in
HORIZON = 3  # steps after which an action has done what it does, as a rule
ENDS = (0.02, 0.98)  # quantiles of a place that count as the ends of the way


@dataclass(frozen=True)
class Control:
    """The object that the actions move.

    effects: by axis, "x" or "y", the one that they explain best first: what each group of actions
        does to the velocity along it, -1, 0 or 1.
    """

    player: str
    effects: dict[str, np.ndarray]

    @property
    def axis(self) -> str:
        """The axis that the actions explain best."""
        return next(iter(self.effects))


@dataclass(frozen=True)
class Motion:
    """How the player answers to actions, in 100 px.

    stride: how far one action moves it in the end, and after one and two steps; coasts: how far it
    still goes for each unit of its velocity; lags: how far the action before the last look still
    moves it.
    """

    stride: tuple[float, float, float]
    coasts: float
    lags: float


def moved(data: Dataset, m: int, u: int | None, effect: np.ndarray) -> Motion | None:
    """Least squares of how far the player gets in `HORIZON` steps on its velocity and the actions.

    Args:
        m, u: the columns of the player's place and velocity.
        effect: where each group of actions moves it: -1, 0 or 1.

    Returns:
        None where the actions do not move it the way they are said to.
    """
    part, count = data.train, len(data.train) - HORIZON
    home = {action: effect[g] for g, group in enumerate(data.groups) for action in group}
    push = np.array([home[int(action)] for action in part.actions])
    place = part.features[:, m]
    low, high = np.quantile(place, ENDS)
    at = np.arange(1, max(1, count))
    there = part.episode[at - 1] == part.episode[at + HORIZON]
    for step in (at, at + HORIZON):  # away from the ends of its way
        there &= (place[step] > low) & (place[step] < high)
    at = at[there]
    if len(at) < 10 * HORIZON:
        return None
    speed = np.zeros(len(at)) if u is None else part.features[at, u]
    causes = np.column_stack([speed, *(push[at + step] for step in range(-1, HORIZON))])
    weights = np.linalg.lstsq(causes, place[at + HORIZON] - place[at], rcond=None)[0].tolist()
    coasts, lags, *late = (max(0.0, weight) for weight in weights)
    strides = np.maximum.accumulate(late[::-1]).tolist()  # the last of them had one step to tell
    if strides[-1] <= 0:
        return None
    return Motion((strides[-1], strides[0], strides[1]), coasts, lags)


def controlled(data: Dataset) -> Control | None:
    """The object whose velocity the actions explain best. None where they explain no velocity, or
    are not discrete."""
    if data.bounds is not None:
        return None
    home = {action: g for g, group in enumerate(data.groups) for action in group}
    groups = np.array([home[int(action)] for action in data.train.actions])
    found: dict[tuple[str, str], tuple[float, np.ndarray]] = {}
    for number, name in enumerate(data.features):
        thing, _, quantity = name.rpartition(".")
        if quantity not in ("vx", "vy") or "-" in name:
            continue
        tried = [_explained(data.train, number, groups, lag, len(data.groups)) for lag in LAGS]
        found[thing, quantity[1]] = max(tried, key=lambda pair: pair[0])
    ordered = sorted(found, key=lambda key: -found[key][0])
    chosen = [key for key in ordered if key[0] == ordered[0][0] and found[key][0] >= EXPLAINED]
    if not chosen:
        return None
    return Control(chosen[0][0], {axis: _signs(found[thing, axis][1]) for thing, axis in chosen})


def _signs(means: np.ndarray) -> np.ndarray:
    """-1, 0 or 1 for each group of actions: the sign of its mean velocity where it is not small."""
    effect = means / max(1e-12, float(np.abs(means).max()))
    signs: np.ndarray = np.where(np.abs(effect) < SLIGHT, 0.0, np.sign(effect))
    return signs


def _explained(
    part: Part, feature: int, groups: np.ndarray, lag: int, count: int
) -> tuple[float, np.ndarray]:
    """Share of a velocity's variance that the action taken `lag` + 1 screens before explains, and
    its mean under each group of actions."""
    now, before = part.features[lag + 1 :, feature], groups[: len(groups) - lag - 1]
    same = part.episode[lag + 1 :] == part.episode[: len(groups) - lag - 1]
    now, before = now[same], before[same]
    means = np.array(
        [now[before == g].mean() if (before == g).any() else 0.0 for g in range(count)]
    )
    total = float(now.var())
    return (float(means[before].var() / total) if total > 0 else 0.0), means

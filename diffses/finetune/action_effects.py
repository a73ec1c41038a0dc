"""What the actions move, which way, and how the player answers: found from the recorded play."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diffses.dataset.data import Dataset

SLIGHT = 0.15  # of the greatest mean push: a group of actions with less than this does nothing
HORIZON = 3  # steps after which an action has done what it does, as a rule
ENDS = (0.02, 0.98)  # quantiles of a place that count as the ends of the way


@dataclass(frozen=True)
class Control:
    """The object that the actions move.

    effects: by axis, "x" or "y": where along it each group of actions pushes, -1, 0 or 1.
    """

    player: str
    effects: dict[str, np.ndarray]


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


def motion_of(data: Dataset, control: Control, axis: str) -> Motion | None:
    """How the player answers along the axis, "x" or "y"; None where that cannot be told."""
    column = {name: index for index, name in enumerate(data.features)}
    place = column.get(f"{control.player}.{axis}")
    speed = column.get(f"{control.player}.v{axis}")
    return None if place is None else moved(data, place, speed, control.effects[axis])


def controlled(data: Dataset) -> Control | None:
    """The object whose pushes are a feature (`player.pushx`), with what each group of actions does
    to it. None where there is none, or actions are not discrete.

    Which action pushes where was found from exploratory play, and so is not confounded: under a
    policy, who does nothing may as a rule be moving right.
    """
    if data.bounds is not None:
        return None
    home = {action: g for g, group in enumerate(data.groups) for action in group}
    part = data.train
    groups = np.array([home[int(action)] for action in part.actions[:-1]])
    same = part.episode[1:] == part.episode[:-1]
    players, effects = set(), {}
    for number, name in enumerate(data.features):
        thing, _, quantity = name.rpartition(".")
        if quantity not in ("pushx", "pushy"):
            continue
        told = part.features[1:, number]
        means = [told[same & (groups == g)] for g in range(len(data.groups))]
        signs = _signs(np.array([float(mean.mean()) if len(mean) else 0.0 for mean in means]))
        if signs.any():
            players.add(thing)
            effects[quantity[-1]] = signs
    return Control(players.pop(), effects) if len(players) == 1 else None


def _signs(means: np.ndarray) -> np.ndarray:
    """-1, 0 or 1 for each group of actions: the sign of its mean push where it is not small."""
    effect = means / max(1e-12, float(np.abs(means).max()))
    signs: np.ndarray = np.where(np.abs(effect) < SLIGHT, 0.0, np.sign(effect))
    return signs

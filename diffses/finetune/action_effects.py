"""What the actions move and which way, from the detector; how the player answers to them, from the
recorded play."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from diffses.dataset.data import Dataset

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


def action_effects(detector: Path, data: Dataset) -> Control | None:
    """The player, and which way each group of actions pushes it, as the detector's artifact has it.

    The detector found these effects in exploratory play; under a policy an action and a motion may
    go together without one causing the other.

    Args:
        detector: folder of the artifact.

    Returns:
        None where the detector knows no player, where no action moves it along an axis for which
        the data have the feature `PLAYER.pushx` or `.pushy`, or where actions are not discrete.
    """
    about = json.loads((detector / "detector.json").read_text())
    player, table = about.get("player"), about.get("pushes_of_actions", [])
    if data.bounds is not None or player is None:
        return None
    effects = {}
    for number, axis in enumerate("xy"):
        pushes = dict(enumerate(push[number] for push in table))
        signs = np.sign([sum(pushes.get(a, 0.0) for a in group) for group in data.groups])
        if signs.any() and f"{player}.push{axis}" in data.features:
            effects[axis] = signs
    return Control(player, effects) if effects else None

"""The state of a Gymnasium environment at one step: copied where that is known to work.

Classic control keeps all of its state in plain attributes. MuJoCo's is an `MjData`, copied whole:
positions and velocities alone leave out the solver's warm start and what an observation is read
from. Wrappers keep counters, such as that of the time limit. Other environments (Box2D's world is
an object of C++) are played again from the seed, which costs as many steps as were taken.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import gymnasium
import numpy as np

PLAIN = (type(None), bool, int, float, str, np.ndarray, np.generic, np.random.Generator)
DATA = "data"  # the attribute with a MuJoCo environment's MjData; a renderer keeps the first one
CLASSIC_CONTROL = "gymnasium.envs.classic_control"
BOX2D = "gymnasium.envs.box2d"

Layers = tuple[dict[str, Any], ...]  # attributes of the wrappers, the outermost first, and the task


def can_be_copied(env: gymnasium.Env[Any, Any]) -> bool:
    """Whether `copy_layers` holds the whole state."""
    task = env.unwrapped
    return type(task).__module__.startswith(CLASSIC_CONTROL) or _physics(task) is not None


def keeps_history(env: gymnasium.Env[Any, Any]) -> bool:
    """Whether an episode may depend on the one before: BipedalWalker keeps its Box2D world."""
    return type(env.unwrapped).__module__.startswith(BOX2D)


def copy_layers(env: gymnasium.Env[Any, Any]) -> Layers:
    """The state, which `restore_layers` takes."""
    return tuple(_plain_attributes(layer) | _copied_physics(layer) for layer in _layers(env))


def restore_layers(env: gymnasium.Env[Any, Any], state: Layers) -> None:
    """Goes back to a state of the same or of an equal environment."""
    for layer, attributes in zip(_layers(env), state, strict=True):
        for name, value in attributes.items():
            setattr(layer, name, copy.copy(value) if name == DATA else copy.deepcopy(value))


def _layers(env: gymnasium.Env[Any, Any]) -> Iterator[gymnasium.Env[Any, Any]]:
    while isinstance(env, gymnasium.Wrapper):
        yield env
        env = env.env
    yield env


def _plain_attributes(layer: object) -> dict[str, Any]:
    return {name: copy.deepcopy(value) for name, value in vars(layer).items() if _is_plain(value)}


def _is_plain(value: object) -> bool:
    if isinstance(value, dict):
        return all(_is_plain(one) for one in value.values())
    if isinstance(value, list | tuple):
        return all(_is_plain(one) for one in value)
    return isinstance(value, PLAIN)


def _physics(layer: object) -> Any:
    """The `MjData` of a MuJoCo environment; None where there is none."""
    data = vars(layer).get(DATA)
    return data if type(data).__module__.partition(".")[0] == "mujoco" else None


def _copied_physics(layer: object) -> dict[str, Any]:
    data = _physics(layer)
    return {} if data is None else {DATA: copy.copy(data)}

"""What a forest does, and games to make forests for."""

import numpy as np

from diffses.dataset.data import Dataset, Part
from diffses.finetune.action_effects import Control

WAYS = [(x, y) for y in (0, -1, 1) for x in (0, -1, 1)]
PLANE = tuple(f"{x:+d}{y:+d}{fire}" for fire in ("", " FIRE") for x, y in WAYS)


def act(forest, **values):
    """The action where these features ("_" may stand for "." and "-") have these values, and all
    others are 0."""
    told = {plain(name): place for place, name in enumerate(forest.features)}
    row = np.zeros((1, len(told)))
    for name, value in values.items():
        row[0, told[plain(name)]] = value
    return forest.actions[int(forest.choose(row)[0])]


def starts(family, data):
    """A family's starts, told the effects of the actions that the features `.pushx` and `.pushy` of
    these data show after them."""
    effects = {}
    for name in data.features:
        player, _, quantity = name.rpartition(".")
        if quantity in ("pushx", "pushy"):
            push = data.train.features[1:, data.features.index(name)]
            played = data.train.actions[:-1]
            effects[quantity[-1]] = np.array([push[played == g[0]][0] for g in data.groups])
            whose = player
    told = any(effect.any() for effect in effects.values()) and data.bounds is None
    return family(data, Control(whose, effects) if told else None)


def plain(name):
    return name.replace("-", "_").replace(".", "_")


def recording(features, names, actions, **columns):
    """Play of so many features, each 0 but for `columns`; every action is a group of its own."""
    rows = np.zeros((len(actions), len(features)))
    for name, column in columns.items():
        rows[:, features.index(name)] = column
    logits, episodes = np.zeros((len(actions), len(names))), np.zeros(len(actions), np.int32)
    part = Part(rows, logits, actions, episodes)
    return Dataset(part, part, features, names, tuple((number,) for number in range(len(names))))


def wandering(steps):
    """Actions of PLANE at random, and where each pushes: (steps,) and (steps, 2)."""
    actions = np.random.default_rng(0).integers(len(PLANE), size=steps)
    return actions, np.array([WAYS[action % len(WAYS)] for action in actions], float)

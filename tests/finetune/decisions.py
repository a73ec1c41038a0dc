"""What a forest does, and games to make forests for."""

import numpy as np

from diffses.dataset.data import Dataset, Part

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

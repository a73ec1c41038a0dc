"""Which actions of a game do the same: Pong's six buttons are three moves."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from diffses.envs.ale import AtariEnv, AtariProtocol

STATES = 200  # at which the actions are compared
RARELY = 0.03  # share of the states in which two actions may differ and still count as one
HELD = 3  # steps each action is held
SPACING = 7  # steps of random play between two states, each action held for a few


def equivalent_actions(protocol: AtariProtocol, seed: int) -> tuple[tuple[int, ...], ...]:
    """Groups of actions after which the screen was (nearly) always the same.

    The actions are tried from the same states of random play, without sticky actions; two belong
    together if at most 3 % of the states told them apart. (In Pong, FIRE changes something in
    the moment the ball is hit, and nothing else.)

    Returns:
        Indices of actions, each group in order, groups by their lowest index.
    """
    differs = action_difference_rate(protocol, seed)
    groups: list[list[int]] = []
    for action in range(len(differs)):
        home = next((g for g in groups if (differs[action, g] <= RARELY).all()), None)
        if home is None:
            groups.append([action])
        else:
            home.append(action)
    return tuple(tuple(group) for group in groups)


def action_difference_rate(protocol: AtariProtocol, seed: int) -> np.ndarray:
    """Share of the states in which two actions lead to different screens, (actions, actions)."""
    env = AtariEnv(dataclasses.replace(protocol, sticky=0.0))
    random = np.random.default_rng(seed)
    actions = len(env.actions)
    counts = np.zeros((actions, actions))
    episode = 0
    env.reset(episode)
    for _ in range(STATES):
        _wander(env, random)
        if env.done:
            episode += 1
            env.reset(episode)
        seen = np.stack(_outcomes(env, env.clone_state()))
        for action in range(actions):
            counts[action] += (seen != seen[action]).any(axis=(1, 2, 3))
    return counts / STATES


def _wander(env: AtariEnv, random: np.random.Generator) -> None:
    action = int(random.integers(len(env.actions)))
    for _ in range(int(random.integers(1, SPACING + 1))):
        if not env.done:
            env.step(action)


def _outcomes(env: AtariEnv, kept: Any) -> list[np.ndarray]:
    """The screens, (HELD, 210, 160), after each step of holding each action."""
    outcomes = []
    for action in range(len(env.actions)):
        env.restore_state(kept)
        screens = []
        for _ in range(HELD):
            env.step(action)
            screens.append(env.observation().copy())
        outcomes.append(np.stack(screens))
    env.restore_state(kept)
    return outcomes

"""Equivalent actions of a game: Pong's six actions have three different effects."""

from __future__ import annotations

import dataclasses

import numpy as np

from diffses.envs.ale import AtariEnv, AtariProtocol, Snapshot

STATES = 200  # in which the actions are compared
RARELY = 0.03  # two actions are equivalent if they differ in at most this share of the states
HELD = 3  # steps for which each action is held in a comparison
SPACING = 7  # maximum steps of random play between two states


def equivalent_actions(protocol: AtariProtocol, seed: int) -> tuple[tuple[int, ...], ...]:
    """Groups of equivalent actions: they lead to the same frames in (nearly) all states.

    The actions are compared from the same states of random play, without sticky actions; two are
    equivalent if the frames differ in at most 3 % of the states. (In Pong, FIRE has an effect only
    at the moment the ball is hit.)

    Returns:
        Groups of action indices, each in ascending order; groups are ordered by their first index.
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
    """Share of the states in which two actions lead to different frames.

    Returns:
        float64 (actions, actions), 0 to 1.
    """
    env = AtariEnv(dataclasses.replace(protocol, sticky=0.0))
    random = np.random.default_rng(seed)
    actions = len(env.actions)
    counts = np.zeros((actions, actions))
    episode = 0
    env.reset(episode)
    for _ in range(STATES):
        _random_steps(env, random)
        if env.done:
            episode += 1
            env.reset(episode)
        outcomes = np.stack(_outcomes(env, env.clone_state()))
        for action in range(actions):
            counts[action] += (outcomes != outcomes[action]).any(axis=(1, 2, 3))
    return counts / STATES


def _random_steps(env: AtariEnv, random: np.random.Generator) -> None:
    """Holds one random action for 1 to SPACING steps."""
    action = int(random.integers(len(env.actions)))
    for _ in range(int(random.integers(1, SPACING + 1))):
        if not env.done:
            env.step(action)


def _outcomes(env: AtariEnv, state: Snapshot) -> list[np.ndarray]:
    """For each action, the frames after each step of holding it, uint8 (HELD, 210, 160)."""
    outcomes = []
    for action in range(len(env.actions)):
        env.restore_state(state)
        frames = []
        for _ in range(HELD):
            env.step(action)
            frames.append(env.observation().copy())
        outcomes.append(np.stack(frames))
    env.restore_state(state)
    return outcomes

"""Settings of measured advantages: the stage `advantages`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from diffses.config.base import MAX_THREADS, Section, number, seed_number


@dataclass
class AdvantagesConfig(Section):
    """Rollouts from restored states of a base policy: what each action is worth there."""

    GROUP: ClassVar[str] = "advantages"

    seed: int = seed_number()  # of the episodes of the base policy
    states: int = number(300, 1)  # for which advantages are estimated, for each base policy
    replicates: int = number(4, 1)  # rollouts of each arm, with different noise
    hold: int = number(3, 1)  # steps for which an arm is followed, before the base policy again
    horizon: int = number(40, 1)  # steps of a rollout
    gamma: float = number(0.98, 0, 1)  # discount per step
    # share of the base policy's steps with a random action, so that it gets into trouble
    random_actions: float = number(0.2, 0, 1)
    spacing: int = number(50, 1)  # mean number of steps between two states of an episode
    episode_states: int = number(10, 1)  # states of an episode, at most
    # Box actions: change of one dimension, as a share of its range
    nudge: float = number(0.25, 0, 1, above=True)
    teacher_arm: bool = True  # whether the teacher is one of the arms
    workers: int = number(0, 0, MAX_THREADS, keyed=False)  # number of processes; 0: one per core

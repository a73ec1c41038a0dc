"""Settings of the `env` group: what is played, and by which rules."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING

from diffses.config.base import require
from diffses.errors import ConfigError

# --- env ------------------------------------------------------------------------------------------


OTHERS = "others"  # what features call all that is not the player


class Label(enum.Enum):
    """How a discovered object type is told apart, to give it a readable name."""

    controllable = "controllable"  # moves as the actions say
    smallest = "smallest"  # median area
    largest = "largest"
    fastest = "fastest"  # median speed
    slowest = "slowest"
    commonest = "commonest"  # seen most often
    highest = "highest"  # nearest the top of the screen
    lowest = "lowest"


@dataclass
class EnvConfig:
    """What is played."""

    @property
    def name(self) -> str:
        """What people call it."""
        raise NotImplementedError


@dataclass
class ArcadeEnv(EnvConfig):
    """An Atari game, seen as frames."""

    game: str = MISSING  # the ROM's name in ale-py, e.g. "pong"
    frame_skip: int = 4  # console frames one action is held: one step
    sticky: float = 0.25  # chance that the console repeats the previous action; Machado et al. 2018
    noop_max: int = 30  # an episode starts after 0 to this many no-ops (excluded)
    fire_reset: bool = True  # press FIRE once at the start where the game has it
    max_frames: int = 108_000  # console frames an episode may last: half an hour of play
    # name -> which of the discovered types gets it, applied in order to those still unnamed
    labels: dict[str, Label] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.game

    def __post_init__(self) -> None:
        require("env.frame_skip", self.frame_skip, 1, 60)
        require("env.sticky", self.sticky, 0, 1)
        if self.sticky == 0:  # then there are `noop_max` episodes in all, and search has seen them
            raise ConfigError(
                "env.sticky=0: search, validation and test would play the same episodes",
                fix="env.sticky=0.01; evaluation.v4=true also tests without sticky actions",
            )
        require("env.noop_max", self.noop_max, 1, 1000)
        require("env.max_frames", self.max_frames, self.frame_skip)
        for name in self.labels:
            if not name.isidentifier() or name == OTHERS:
                raise ConfigError(
                    f"env.labels.{name}: no name for a type of object",
                    fix=f"letters, digits and _, as in env.labels.ball; not {OTHERS}",
                )


@dataclass
class GymnasiumEnv(EnvConfig):
    """A task whose observation is a vector of numbers: nothing is left to detect."""

    id: str = MISSING  # as registered with Gymnasium, e.g. "CartPole-v1"
    options: dict[str, Any] = field(default_factory=dict)  # arguments of `gymnasium.make`
    # names of the numbers of an observation; empty: o0, o1, ...
    features: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.id

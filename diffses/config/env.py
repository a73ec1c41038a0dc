"""Settings of the `env` group: the environment, and the protocol of its episodes."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING

from diffses.config.base import require
from diffses.errors import ConfigError

OTHERS = "others"  # in feature names, all objects but the player


class Label(enum.Enum):
    """The property by which a discovered object type is selected, to be given a name."""

    controllable = "controllable"  # moved by the actions
    smallest = "smallest"  # in median area
    largest = "largest"
    fastest = "fastest"  # in median speed
    slowest = "slowest"
    commonest = "commonest"  # detected most often
    highest = "highest"  # closest to the top of the frame
    lowest = "lowest"


@dataclass
class EnvConfig:
    """The environment."""

    @property
    def name(self) -> str:
        """Its name in paths, titles and messages."""
        raise NotImplementedError


@dataclass
class ArcadeEnv(EnvConfig):
    """An Atari game, observed as frames."""

    game: str = MISSING  # the ROM's name in ale-py, e.g. "pong"
    frame_skip: int = 4  # frames per step: each action is held for this many
    sticky: float = 0.25  # probability per frame to repeat the last action; Machado et al. 2018
    noop_max: int = 30  # an episode starts after 0 to noop_max - 1 no-ops
    fire_reset: bool = True  # hold FIRE for one step at the start, where the game has it
    max_frames: int = 108_000  # time limit of an episode in frames: half an hour at 60 Hz
    # name -> property of the type that gets it; applied in order to the types without a name
    labels: dict[str, Label] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.game

    def __post_init__(self) -> None:
        require("env.frame_skip", self.frame_skip, 1, 60)
        require("env.sticky", self.sticky, 0, 1)
        if self.sticky == 0:  # then only `noop_max` different episodes exist
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
    """A Gymnasium environment whose observation is a vector; no objects are detected."""

    id: str = MISSING  # as registered with Gymnasium, e.g. "CartPole-v1"
    options: dict[str, Any] = field(default_factory=dict)  # keyword arguments of `gymnasium.make`
    # names of the components of an observation; empty: o0, o1, ...
    features: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.id

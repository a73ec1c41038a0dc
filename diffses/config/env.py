"""Settings of the `env` group: the environment, and the protocol of its episodes."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Any, ClassVar

from omegaconf import MISSING

from diffses.config.base import Section, number, require
from diffses.errors import ConfigError

# in feature names: all objects but the player; those that pay where the player touches them, or
# where it shoots them; those that harm where it touches them
OTHERS, PRIZE, TARGET, HARM = "others", "prize", "target", "harm"
GROUPS = (OTHERS, PRIZE, TARGET, HARM)


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
class EnvConfig(Section):
    """The environment."""

    GROUP: ClassVar[str] = "env"

    @property
    def name(self) -> str:
        """Its name in paths, titles and messages."""
        raise NotImplementedError


@dataclass
class ArcadeEnv(EnvConfig):
    """An Atari game, observed as frames."""

    game: str = MISSING  # the ROM's name in ale-py, e.g. "pong"
    frame_skip: int = number(4, 1, 60)  # frames per step: each action is held for this many
    # probability per frame to repeat the last action; Machado et al. 2018
    sticky: float = number(0.25, 0, 1)
    noop_max: int = number(30, 1, 1000)  # an episode starts after 0 to noop_max - 1 no-ops
    fire_reset: bool = True  # hold FIRE for one step at the start, where the game has it
    # time limit of an episode in frames: half an hour at 60 Hz
    max_frames: int = number(108_000, 1)
    # name -> property of the type that gets it; applied in order to the types without a name
    labels: dict[str, Label] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.game

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.sticky == 0:  # then only `noop_max` different episodes exist
            raise ConfigError(
                "env.sticky=0: search, validation and test would play the same episodes; "
                "evaluation.v4=true also tests without sticky actions",
                fix="env.sticky=0.01",
            )
        require("env.max_frames", self.max_frames, self.frame_skip)
        for name in self.labels:
            if not name.isidentifier() or name in GROUPS:
                raise ConfigError(
                    f"env.labels.{name}: no name for a type of object",
                    fix=f"<letters, digits and _, as in env.labels.ball; not {', '.join(GROUPS)}>",
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

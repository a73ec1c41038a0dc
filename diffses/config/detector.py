"""Settings of the `detector` group."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from diffses.config.base import require, require_seed
from diffses.store.keys import content, unkeyed

# --- detector -------------------------------------------------------------------------------------


class Frames(enum.Enum):
    exploratory = "exploratory"  # random play, in which each action is held for a while
    teacher = "teacher"  # the teacher's play


@dataclass
class DetectorConfig:
    seed: int = 0  # of what it learns from

    def __post_init__(self) -> None:
        require_seed("detector.seed", self.seed)


@dataclass
class LearnedDetector(DetectorConfig):
    """Learns from recorded play."""

    frames: Frames = Frames.exploratory  # whose play it learns from
    recording: str | None = content(None)  # learn from this file of detector.frames instead
    steps: int = 3000  # steps of play it learns from
    differences: bool = True  # also offer the differences between the positions of two objects
    # objects of one type that get features of their own; of a type with more it is told how many
    # there are, which is nearest to the player, and how far they reach
    slots: int = 4
    patience: int = 3  # steps an object may be out of sight and still be the same one
    features: int = 60  # numbers told, at the most: the types that are seldom seen go without

    def __post_init__(self) -> None:
        super().__post_init__()
        require("detector.steps", self.steps, 50)
        require("detector.slots", self.slots, 1, 64)
        require("detector.patience", self.patience, 0, 100)
        require("detector.features", self.features, 1)


@dataclass
class IdentityDetector(DetectorConfig):
    """For vector observations: the features are the observation. `seed` decides nothing."""

    seed: int = unkeyed(0)


@dataclass
class MotionDetector(LearnedDetector):
    """What differs from the background and moves, grouped into types by look and size."""


@dataclass
class OracleDetector(LearnedDetector):
    """An upper bound: objects as OCAtari reads them from memory, in place of pixels."""


@dataclass
class SpaceDetector(LearnedDetector):
    """SPACE: objects in the cells of a grid, learned by reconstruction (Lin et al. 2020)."""

    train_steps: int = 20_000  # gradient steps
    batch_size: int = 8  # frames in one
    learning_rate: float = 1e-3  # Adam
    present: float = 0.5  # probability from which on there is an object in a cell
    checkpoint_every: int = unkeyed(500)  # steps between two files to resume from
    device: str = unkeyed("auto")  # torch device
    threads: int = unkeyed(2)  # of torch

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("train_steps", "batch_size", "checkpoint_every", "threads"):
            require(f"detector.{name}", getattr(self, name), 1)
        require("detector.learning_rate", self.learning_rate, 0)
        require("detector.present", self.present, 0, 1)

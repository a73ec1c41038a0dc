"""Settings of the `detector` group."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from diffses.config.base import require, require_seed
from diffses.store.keys import content, unkeyed


class Frames(enum.Enum):
    """Whose episodes the detector learns from."""

    exploratory = "exploratory"  # random actions, each held for 1 to 12 steps
    teacher = "teacher"  # the teacher's actions


@dataclass
class DetectorConfig:
    """What all detectors have."""

    seed: int = 0  # of the recorded episodes and of the training

    def __post_init__(self) -> None:
        require_seed("detector.seed", self.seed)


@dataclass
class LearnedDetector(DetectorConfig):
    """What all detectors that learn from recorded frames have."""

    frames: Frames = Frames.exploratory  # whose episodes it learns from
    recording: str | None = content(
        None
    )  # path of a recording (`record-frames`) to learn from instead
    steps: int = 3000  # number of recorded steps it learns from
    differences: bool = True  # also compute position differences between pairs of objects
    # maximum objects of a type with features of their own; larger types get group features: count,
    # nearest member, extent
    slots: int = 4
    patience: int = 3  # steps for which a track survives without a detection
    features: int = 60  # maximum number of features; rarely seen types get none beyond it

    def __post_init__(self) -> None:
        super().__post_init__()
        require("detector.steps", self.steps, 50)
        require("detector.slots", self.slots, 1, 64)
        require("detector.patience", self.patience, 0, 100)
        require("detector.features", self.features, 1)


@dataclass
class IdentityDetector(DetectorConfig):
    """For vector observations: the features are the observation. `seed` has no effect."""

    seed: int = unkeyed(0)


@dataclass
class MotionDetector(LearnedDetector):
    """Moving blobs in front of the background, grouped into types by colour and size."""


@dataclass
class OracleDetector(LearnedDetector):
    """An upper bound: objects that OCAtari reads from memory instead of pixels."""


@dataclass
class SpaceDetector(LearnedDetector):
    """SPACE (Lin et al. 2020): objects in the cells of a grid, learned by reconstruction."""

    train_steps: int = 20_000  # gradient steps
    batch_size: int = 8  # frames per gradient step
    learning_rate: float = 1e-3  # of Adam
    present: float = 0.5  # probability above which a cell contains an object
    checkpoint_every: int = unkeyed(500)  # gradient steps between two checkpoints
    device: str = unkeyed("auto")  # torch device
    threads: int = unkeyed(2)  # number of torch threads

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("train_steps", "batch_size", "checkpoint_every", "threads"):
            require(f"detector.{name}", getattr(self, name), 1)
        require("detector.learning_rate", self.learning_rate, 0)
        require("detector.present", self.present, 0, 1)

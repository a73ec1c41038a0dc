"""Settings of the `detector` group."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import ClassVar

from diffses.config.base import MAX_THREADS, Section, number, seed_number
from diffses.store.keys import content, unkeyed


class Frames(enum.Enum):
    """Whose episodes the detector learns from."""

    exploratory = "exploratory"  # random actions, each held for 1 to 12 steps
    teacher = "teacher"  # the teacher's actions


@dataclass
class DetectorConfig(Section):
    """What all detectors have."""

    GROUP: ClassVar[str] = "detector"

    seed: int = seed_number()  # of the recorded episodes and of the training


@dataclass
class LearnedDetector(DetectorConfig):
    """What all detectors that learn from recorded frames have."""

    frames: Frames = Frames.exploratory  # whose episodes it learns from
    recording: str | None = content(
        None
    )  # path of a recording (`record-frames`) to learn from instead
    steps: int = number(3000, 50)  # number of recorded steps it learns from
    differences: bool = True  # also compute position differences between pairs of objects
    concepts: bool = False  # also compute concepts: relations of objects' motion to the player's
    # maximum objects of a type with features of their own; larger types get group features: count,
    # nearest member, extent
    slots: int = number(4, 1, 64)
    patience: int = number(3, 0, 100)  # steps for which a track survives without a detection
    # maximum number of features, concepts not counted; rarely seen types get none beyond it
    features: int = number(60, 1)


@dataclass
class IdentityDetector(DetectorConfig):
    """For vector observations: the features are the observation. `seed` has no effect."""

    seed: int = unkeyed(0)


@dataclass
class MotionDetector(LearnedDetector):
    """Moving blobs in front of the background, grouped into types by their exact pictures."""


@dataclass
class OracleDetector(LearnedDetector):
    """An upper bound: objects that OCAtari reads from memory instead of pixels."""


@dataclass
class SpaceDetector(LearnedDetector):
    """SPACE (Lin et al. 2020): objects in the cells of a grid, learned by reconstruction."""

    train_steps: int = number(20_000, 1)  # gradient steps
    batch_size: int = number(8, 1)  # frames per gradient step
    learning_rate: float = number(1e-3, 0, 1, above=True)  # of Adam
    present: float = number(0.5, 0, 1)  # probability above which a cell contains an object
    checkpoint_every: int = number(500, 1, keyed=False)  # gradient steps between two checkpoints
    device: str = unkeyed("auto")  # torch device
    threads: int = number(2, 1, MAX_THREADS, keyed=False)  # number of torch threads

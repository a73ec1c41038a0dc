"""The interface of every detector: one observation a step in, one feature vector out."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any, Protocol

import numpy as np


class AnyDetector(Protocol):
    """Extracts features from the steps of one episode, in order."""

    sees_ram: bool  # an oracle: `observe` is given the RAM, not the screen
    looks_back: bool  # sprites flicker: `observe` is given the previous frame, too
    features: tuple[str, ...]
    units: dict[str, str]  # of each feature

    def reset(self) -> None:
        """Starts an episode."""

    def set_last_action(self, action: Any) -> None:
        """Sets the action that led to the step observed next; None if no action did."""

    def observe(self, screen: np.ndarray, before: np.ndarray | None = None) -> np.ndarray:
        """The features of this step, float64 (f,); the next call may overwrite them.

        Args:
            screen: what `Env.observation` returns, or the RAM, uint8 (128,), if `sees_ram`.
            before: the frame before `screen`, if `looks_back`.
        """

    @property
    def objects(self) -> np.ndarray:
        """The objects detected in this step, OBJECT (n,)."""

    def clone_state(self) -> Any:
        """What it remembers of the episode, the last features included: copies."""

    def restore_state(self, state: Any) -> np.ndarray:
        """Goes back to a state of `clone_state`, of any instance of this detector.

        Returns:
            The features of that step, float64 (f,); the next call of `observe` may overwrite them.
        """

    def fresh(self) -> AnyDetector:
        """A new instance with its own tracker state; what was learned is shared."""

    def with_features(self, names: Collection[str]) -> AnyDetector:
        """A new instance that computes at least these features, in the order of `features`."""

    def save(self, folder: Path) -> None:
        """Writes `detector.json`, with its `kind`, and whatever else `open_detector` needs."""


def observe_env(detector: AnyDetector, env: Any) -> np.ndarray:
    """A detector's features of the present step of an environment, float64 (f,)."""
    detector.set_last_action(env.last_action)
    if detector.looks_back:
        return detector.observe(env.observation(), env.previous_frame())
    return detector.observe(env.ram() if detector.sees_ram else env.observation())

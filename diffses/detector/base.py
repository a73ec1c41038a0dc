"""What every detector offers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    pass


class AnyDetector(Protocol):
    """Sees one episode at a time, step after step."""

    sees_ram: bool  # an oracle: `observe` is given `AtariEnv.ram`, not `Env.observation`
    looks_back: bool  # things flicker: `observe` is given `AtariEnv.previous_frame`, too
    features: tuple[str, ...]
    units: dict[str, str]  # of each feature

    def reset(self) -> None:
        """An episode begins."""

    def acted(self, action: Any) -> None:
        """Before a step is looked at: the `Action` that led to it; None where none did."""

    def observe(self, screen: np.ndarray, before: np.ndarray | None = None) -> np.ndarray:
        """The features of this step, float64 (f,), of what `Env.observation` shows; the next call
        may overwrite them."""

    @property
    def objects(self) -> np.ndarray:
        """The objects in sight, OBJECT (n,)."""

    def fresh(self) -> AnyDetector:
        """The same detector at the start of an episode of its own: what was learned is shared."""

    def save(self, folder: Path) -> None:
        """Writes `detector.json`, which says its `kind`, and what else `open_detector` needs."""


def look(detector: AnyDetector, env: Any) -> np.ndarray:
    """What a detector makes of a console's present step, float64 (f,)."""
    detector.acted(env.last_action)
    if detector.looks_back:
        return detector.observe(env.observation(), env.previous_frame())
    return detector.observe(env.ram() if detector.sees_ram else env.observation())

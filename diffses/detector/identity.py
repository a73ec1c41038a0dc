"""The detector of tasks that show numbers: its features are the observation."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from diffses.config import GymnasiumEnv
from diffses.detector.tracker import OBJECT
from diffses.envs.gymnasium import GymEnv, gymnasium_protocol
from diffses.errors import ConfigError
from diffses.policy.printing import check_feature

FORMAT = 1  # of detector.json; raise it when an older reader would misread it


class Identity:
    """Names the numbers of a vector observation."""

    sees_ram = False
    looks_back = False

    def __init__(self, features: Sequence[str]) -> None:
        self.features = tuple(features)
        self.units = dict.fromkeys(self.features, "")

    def reset(self) -> None:
        """An episode begins."""

    def acted(self, action: object) -> None:
        """What was done shows in the observation, or does not matter."""

    def observe(self, screen: np.ndarray, before: np.ndarray | None = None) -> np.ndarray:
        """The features of this step, float64 (f,): the observation."""
        return screen

    @property
    def objects(self) -> np.ndarray:
        """None: OBJECT (0,)."""
        return np.zeros(0, OBJECT)

    def fresh(self) -> Identity:
        """Itself: it remembers nothing."""
        return self

    def save(self, folder: Path) -> None:
        """Writes `detector.json`."""
        about = {"format": FORMAT, "kind": "identity", "features": self.features}
        (folder / "detector.json").write_text(json.dumps(about, indent=2) + "\n")


def name_observation(env: GymnasiumEnv) -> Identity:
    """The identity detector of a task.

    Raises:
        ConfigError: where `env.features` does not name each number of the observation once.
    """
    width = GymEnv(gymnasium_protocol(env)).width
    names = list(env.features) or [f"o{i}" for i in range(width)]
    if len(names) != width or len(set(names)) < width:
        raise ConfigError(
            f"env.features names {len(set(names))} numbers; {env.id} shows {width}",
            fix=f"env.features=[<{width} names>], or [] for o0, o1, ...",
        )
    for name in names:
        try:
            check_feature(name)
        except ValueError as error:
            raise ConfigError(
                f"env.features: {error}", fix="letters, digits and . in it"
            ) from error
    return Identity(names)

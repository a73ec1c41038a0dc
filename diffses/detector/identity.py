"""The detector of tasks with vector observations: the features are the observation."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from diffses.config import GymnasiumEnv
from diffses.detector.tracker import OBJECT
from diffses.envs.gymnasium import GymEnv, gymnasium_protocol
from diffses.errors import ConfigError
from diffses.policy.printing import check_feature

FORMAT = 1  # of detector.json; raise it when an older reader would misread it


class Identity:
    """Names the components of a vector observation."""

    sees_ram = False
    looks_back = False

    def __init__(self, features: Sequence[str]) -> None:
        self.features = tuple(features)
        self.units = dict.fromkeys(self.features, "")
        self._seen = np.zeros(len(self.features))

    def reset(self) -> None:
        """Nothing to do."""

    def set_last_action(self, action: object) -> None:
        """Nothing to do: the action is not a feature."""

    def observe(self, screen: np.ndarray, before: np.ndarray | None = None) -> np.ndarray:
        """The observation itself, float64 (f,)."""
        self._seen = screen
        return screen

    def clone_state(self) -> np.ndarray:
        """The last observation: it remembers nothing else."""
        return self._seen.copy()

    def restore_state(self, state: np.ndarray) -> np.ndarray:
        """The features of that step, float64 (f,)."""
        self._seen = state
        return state

    @property
    def objects(self) -> np.ndarray:
        """No objects: OBJECT (0,)."""
        return np.zeros(0, OBJECT)

    def fresh(self) -> Identity:
        """A new instance."""
        return Identity(self.features)

    def with_features(self, names: Collection[str]) -> Identity:
        """A new instance, with all features: the observation is there anyway."""
        return self.fresh()

    def save(self, folder: Path) -> None:
        """Writes `detector.json`."""
        about = {"format": FORMAT, "kind": "identity", "features": self.features}
        (folder / "detector.json").write_text(json.dumps(about, indent=2) + "\n")


def name_observation(env: GymnasiumEnv) -> Identity:
    """The identity detector of a task, its features named by `env.features` or o0, o1, ...

    Raises:
        ConfigError: if `env.features` does not name every component of the observation once.
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

"""The base of this package's vectorised environments: SB3's `VecEnv` without remote attributes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import Space
from stable_baselines3.common.vec_env import VecEnv


class BaseVecEnv(VecEnv):
    """Only steps and resets: attributes of the single environments cannot be set or called."""

    def __init__(self, n_envs: int, observations: Space[Any], actions: Space[Any]) -> None:
        self.render_mode = None
        super().__init__(n_envs, observations, actions)

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        return [getattr(self, attr_name, None)] * len(list(self._get_indices(indices)))

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        raise AttributeError(f"{attr_name} cannot be set: it belongs to another process or to ALE")

    def env_method(
        self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any
    ) -> list[Any]:
        raise AttributeError(
            f"{method_name} cannot be called: it belongs to another process or to ALE"
        )

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        return [False] * len(list(self._get_indices(indices)))

    def get_images(self) -> Sequence[np.ndarray | None]:
        return [None] * self.num_envs

"""Features of mean 0 and deviation 1, as far as they have been seen."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from gymnasium import Space
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor

LIMIT = 10.0  # deviations; what lies further out is taken to lie there
LEAST = 1e-4  # of a deviation, in units of the feature: one that does not vary stays near 0


class Standardise(BaseFeaturesExtractor):
    """(x - mean) / deviation, (batch, f), float32.

    Mean and deviation are of all rows that `update` was given. They are buffers, so that they are
    saved with the policy; nothing else changes them.
    """

    mean: Tensor
    variance: Tensor
    count: Tensor

    def __init__(self, observation_space: Space[Any]) -> None:
        assert observation_space.shape is not None
        (width,) = observation_space.shape
        super().__init__(observation_space, width)
        self.register_buffer("mean", torch.zeros(width, dtype=torch.float64))
        self.register_buffer("variance", torch.ones(width, dtype=torch.float64))
        self.register_buffer("count", torch.zeros((), dtype=torch.float64))

    @property
    def deviation(self) -> Tensor:
        return self.variance.sqrt().clamp_min(LEAST)

    def forward(self, rows: Tensor) -> Tensor:
        return ((rows - self.mean) / self.deviation).clamp(-LIMIT, LIMIT).float()

    def update(self, rows: np.ndarray) -> None:
        """Counts in more rows, (n, f). Source: Chan et al. 1979, the parallel variance."""
        new = torch.as_tensor(rows, dtype=torch.float64, device=self.mean.device)
        total = self.count + len(new)
        share = len(new) / total
        apart = new.mean(dim=0) - self.mean
        spread = self.variance * (1 - share) + new.var(dim=0, unbiased=False) * share
        self.variance.copy_(spread + apart.square() * share * (1 - share))
        self.mean.add_(apart * share)
        self.count.copy_(total)

    def copy_numpy(self) -> tuple[np.ndarray, np.ndarray, float]:
        """Mean and deviation, float64 (f,), and the limit."""
        mean, deviation = self.mean.cpu().numpy().copy(), self.deviation.cpu().numpy()
        return mean, deviation, LIMIT


class Watch(BaseCallback):
    """Tells a learner's `Standardise` what was seen, between two rollouts: within one, and in the
    gradient steps on it, the policy that acted stays what it was."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: np.ndarray | None = None

    def _on_rollout_end(self) -> None:
        rows = self.locals["rollout_buffer"].observations
        self._seen = rows.reshape(-1, rows.shape[-1])

    def _on_rollout_start(self) -> None:
        policy = self.model.policy
        assert isinstance(policy, ActorCriticPolicy)
        assert isinstance(policy.features_extractor, Standardise)
        if self._seen is not None:
            policy.features_extractor.update(self._seen)
        self._seen = None

    def _on_step(self) -> bool:
        return True

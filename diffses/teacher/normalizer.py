"""Running normalisation of the features by the mean and std of all rows seen so far."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from gymnasium import Space
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor

CLIP_OBS = 10.0  # normalised features are clipped to -CLIP_OBS..CLIP_OBS
EPS = 1e-4  # minimum std, in the feature's unit: a constant feature is mapped to about 0


class RunningNormalizer(BaseFeaturesExtractor):
    """(x - mean) / std, clipped: (batch, f) to float32 (batch, f).

    As SB3's `VecNormalize`, but part of the policy: mean and variance are buffers, saved with it.
    `update` alone changes them.
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
    def std(self) -> Tensor:
        """(f,), at least EPS."""
        return self.variance.sqrt().clamp_min(EPS)

    def forward(self, rows: Tensor) -> Tensor:
        return ((rows - self.mean) / self.std).clamp(-CLIP_OBS, CLIP_OBS).float()

    def update(self, rows: np.ndarray) -> None:
        """Adds rows, (n, f), to mean and variance. Source: Chan et al. 1979, parallel variance."""
        new = torch.as_tensor(rows, dtype=torch.float64, device=self.mean.device)
        total = self.count + len(new)
        share = len(new) / total
        delta = new.mean(dim=0) - self.mean
        within = self.variance * (1 - share) + new.var(dim=0, unbiased=False) * share
        self.variance.copy_(within + delta.square() * share * (1 - share))
        self.mean.add_(delta * share)
        self.count.copy_(total)

    def copy_numpy(self) -> tuple[np.ndarray, np.ndarray, float]:
        """Mean and std, float64 (f,), and the clipping range."""
        return self.mean.cpu().numpy().copy(), self.std.cpu().numpy(), CLIP_OBS


class UpdateNormalizer(BaseCallback):
    """Updates a policy's `RunningNormalizer` between rollouts, with the rows of the last one.

    During a rollout and the gradient steps on it the normalisation is fixed, so that the policy
    that PPO's probability ratios refer to stays the one that acted.
    """

    def __init__(self) -> None:
        super().__init__()
        self._rows: np.ndarray | None = None

    def _on_rollout_end(self) -> None:
        rows = self.locals["rollout_buffer"].observations
        self._rows = rows.reshape(-1, rows.shape[-1])

    def _on_rollout_start(self) -> None:
        policy = self.model.policy
        assert isinstance(policy, ActorCriticPolicy)
        assert isinstance(policy.features_extractor, RunningNormalizer)
        if self._rows is not None:
            policy.features_extractor.update(self._rows)
        self._rows = None

    def _on_step(self) -> bool:
        return True

"""The teacher's network: small enough to learn several times faster on a CPU than Nature's."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import torch
from stable_baselines3.common.policies import ActorCriticCnnPolicy
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor, nn


class LeanCnn(BaseFeaturesExtractor):
    """Two convolutions and a dense layer: (batch, 4, 84, 84) frames to (batch, 256).

    Input values lie in 0..255. The arithmetic is bfloat16 with channels last (weights and
    gradients stay float32), which on a CPU with the instructions for it trains about three times
    as fast as float32.

    Source: the network of Mnih et al. 2013 (arXiv:1312.5602), section 4.1.
    """

    def __init__(self, observation_space: gym.Space[Any], features_dim: int = 256) -> None:
        super().__init__(observation_space, features_dim)
        shape = observation_space.shape
        if shape is None or len(shape) != 3:
            raise ValueError(f"want (channels, height, width) frames, got {observation_space}")
        self.convolutions = nn.Sequential(
            nn.Conv2d(shape[0], 16, 8, stride=4),
            nn.ReLU(),
            nn.Conv2d(16, 32, 4, stride=2),
            nn.ReLU(),
            nn.Flatten(),
        )
        with torch.no_grad():
            width = self.convolutions(torch.zeros(1, *shape)).shape[1]
        self.dense = nn.Sequential(nn.Linear(width, features_dim), nn.ReLU())

    def forward(self, frames: Tensor) -> Tensor:
        # one frame at play: casting the weights would cost more than the arithmetic
        narrow = len(frames) > 1
        with torch.autocast(frames.device.type, dtype=torch.bfloat16, enabled=narrow):
            # bytes are cheapest to reorder, and 0..255 is exact in bfloat16 (8 significant bits)
            ordered = frames.contiguous(memory_format=torch.channels_last)
            x = ordered.to(torch.bfloat16 if narrow else torch.float32) / 255
            hidden: Tensor = self.dense(self.convolutions(x))
        return hidden.float()


class LeanPolicy(ActorCriticCnnPolicy):
    """SB3's actor-critic with `LeanCnn`; frames reach it as bytes, without a float32 copy."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("features_extractor_class", LeanCnn)
        kwargs.setdefault("normalize_images", False)
        super().__init__(*args, **kwargs)
        # after SB3's orthogonal initialisation, which needs the default layout
        self.features_extractor.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def extract_features(self, obs: Any, features_extractor: Any = None) -> Any:
        return self.features_extractor(obs)

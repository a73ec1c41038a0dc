"""Convolutional policy networks in bfloat16, which train about three times as fast on a CPU."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import Any

import gymnasium as gym
import numba
import numpy as np
import torch
from stable_baselines3.common.policies import ActorCriticCnnPolicy
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor, nn

BYTE_VALUES = torch.arange(256).to(torch.bfloat16) / 255  # byte of a frame -> 0..1
FRAMES_PER_THREAD = 128  # fewer frames do not pay for another thread


def scale_bytes(frames: Tensor) -> Tensor:
    """Converts bytes to bfloat16 in 0..1 with channels last, in one pass.

    torch needs three passes, which take four times as long, and longer than the convolutions.

    Args:
        frames: uint8 (batch, channels, height, width), on the CPU.

    Returns:
        bfloat16 (batch, channels, height, width), bit for bit `frames.to(torch.bfloat16) / 255`.
    """
    batch, channels, height, width = frames.shape
    out = torch.empty((batch, height, width, channels), dtype=torch.bfloat16)
    read = frames.contiguous().numpy().reshape(batch, channels, -1)
    written = out.view(torch.int16).numpy().reshape(batch, -1, channels)
    values = BYTE_VALUES.view(torch.int16).numpy()
    pieces = max(1, min(torch.get_num_threads(), batch // FRAMES_PER_THREAD))
    if pieces == 1:
        _scale_bytes(read, values, written)
    else:
        bounds = [batch * piece // pieces for piece in range(pieces + 1)]
        parts = [slice(*pair) for pair in pairwise(bounds)]
        list(
            _threads(pieces).map(
                lambda part: _scale_bytes(read[part], values, written[part]), parts
            )
        )
    return out.permute(0, 3, 1, 2)


@cache
def _threads(count: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(count)


@numba.njit(cache=True, nogil=True)
def _scale_bytes(frames: np.ndarray, values: np.ndarray, out: np.ndarray) -> None:
    """out (n, pixels, channels) = values[frames]; frames uint8 (n, channels, pixels)."""
    for frame in range(frames.shape[0]):
        for channel in range(frames.shape[1]):
            for pixel in range(frames.shape[2]):
                out[frame, pixel, channel] = values[frames[frame, channel, pixel]]


class BFloat16Cnn(BaseFeaturesExtractor):
    """Convolutions and a dense layer: (batch, 4, 84, 84) frames to float32 (batch, features_dim).

    Inputs lie in 0..255. Batches are computed in bfloat16 with channels last (weights and
    gradients stay float32); a single frame, as in play, in float32.

    Args:
        observation_space: of frames, (channels, height, width).
        features_dim: units of the dense layer.
        layers: filters, kernel size and stride of each convolution.

    Raises:
        ValueError: for observations of another shape.
    """

    def __init__(
        self,
        observation_space: gym.Space[Any],
        features_dim: int,
        layers: Sequence[tuple[int, int, int]],
    ) -> None:
        super().__init__(observation_space, features_dim)
        shape = observation_space.shape
        if shape is None or len(shape) != 3:
            raise ValueError(f"want (channels, height, width) frames, got {observation_space}")
        channels, parts = shape[0], list[nn.Module]()
        for filters, kernel, stride in layers:
            parts += [nn.Conv2d(channels, filters, kernel, stride=stride), nn.ReLU()]
            channels = filters
        self.convolutions = nn.Sequential(*parts, nn.Flatten())
        with torch.no_grad():
            width = self.convolutions(torch.zeros(1, *shape)).shape[1]
        self.dense = nn.Sequential(nn.Linear(width, features_dim), nn.ReLU())

    def forward(self, frames: Tensor) -> Tensor:
        # for a single frame, casting the weights would cost more than the convolutions
        batched = len(frames) > 1
        with torch.autocast(frames.device.type, dtype=torch.bfloat16, enabled=batched):
            if batched and frames.dtype == torch.uint8 and frames.device.type == "cpu":
                x = scale_bytes(frames)
            else:
                ordered = frames.contiguous(memory_format=torch.channels_last)
                # 0..255 is exact in bfloat16 (8 significant bits)
                x = ordered.to(torch.bfloat16 if batched else torch.float32) / 255
            hidden: Tensor = self.dense(self.convolutions(x))
        return hidden.float()


class LeanCnn(BFloat16Cnn):
    """The network of Mnih et al. 2013 (arXiv:1312.5602), section 4.1."""

    def __init__(self, observation_space: gym.Space[Any], features_dim: int = 256) -> None:
        super().__init__(observation_space, features_dim, ((16, 8, 4), (32, 4, 2)))


class NatureCnn(BFloat16Cnn):
    """The network of Mnih et al. 2015 (Nature), layer for layer SB3's `NatureCNN`."""

    def __init__(self, observation_space: gym.Space[Any], features_dim: int = 512) -> None:
        super().__init__(observation_space, features_dim, ((32, 8, 4), (64, 4, 2), (64, 3, 1)))


class LeanPolicy(ActorCriticCnnPolicy):
    """SB3's actor-critic policy with a `BFloat16Cnn`, by default `LeanCnn`.

    It takes frames as bytes, without a float32 copy.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("features_extractor_class", LeanCnn)
        kwargs.setdefault("normalize_images", False)
        # SB3's own eps; `fused` runs an optimizer step in one kernel
        kwargs.setdefault("optimizer_kwargs", {"eps": 1e-5, "fused": True})
        super().__init__(*args, **kwargs)
        # after SB3's orthogonal initialisation, which needs the default layout
        self.features_extractor.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def extract_features(self, obs: Any, features_extractor: Any = None) -> Any:
        return self.features_extractor(obs)

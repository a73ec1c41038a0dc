"""A teacher that plays from the detector's features, quick enough to be asked at every step."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from stable_baselines3.common.policies import ActorCriticPolicy, BasePolicy
from torch import nn

from diffses.errors import ArtifactError
from diffses.teacher.standardise import Standardise


class Mlp:
    """The actor of a policy on standardised features, in numpy: microseconds a state, not torch's
    hundreds. Equal to the policy within float32's rounding.

    Raises:
        ArtifactError: for a policy of another make.
    """

    def __init__(self, policy: BasePolicy) -> None:
        layers = (
            [*policy.mlp_extractor.policy_net, policy.action_net]
            if isinstance(policy, ActorCriticPolicy)
            else []
        )
        eye, tanh, dense = policy.features_extractor, layers[1::2], layers[::2]
        if not (
            layers
            and isinstance(eye, Standardise)
            and all(isinstance(layer, nn.Tanh) for layer in tanh)
            and all(isinstance(layer, nn.Linear) for layer in dense)
        ):
            raise ArtifactError(
                "this agent is no small network on features",
                fix="build the teacher again: force=[teacher]",
            )
        self._eye = eye.copy_numpy()
        self._weights = [_numpy(layer.weight) for layer in dense]
        self._biases = [_numpy(layer.bias) for layer in dense]
        space: Any = policy.action_space
        self._bounds = (space.low, space.high) if hasattr(space, "low") else None

    def __call__(self, row: np.ndarray) -> np.ndarray:
        """Log-probabilities of the actions, float64 (actions,), or the mean Box action, (d,).

        Args:
            row: the detector's features, float64 (f,).
        """
        mean, deviation, limit = self._eye
        seen = np.minimum(np.maximum((row.astype(np.float32) - mean) / deviation, -limit), limit)
        x = seen.astype(np.float32)
        for weight, bias in zip(self._weights[:-1], self._biases[:-1], strict=True):
            x = np.tanh(weight @ x + bias)
        out = self._weights[-1] @ x + self._biases[-1]
        if self._bounds is not None:
            inside: np.ndarray = np.clip(out, *self._bounds).astype(np.float64)
            return inside
        scores = out.astype(np.float64)
        scores -= scores.max()
        logits: np.ndarray = scores - np.log(np.exp(scores).sum())
        return logits


def _numpy(tensor: torch.Tensor) -> np.ndarray:
    return np.ascontiguousarray(tensor.detach().cpu().numpy().copy())


class ObjectTeacher:
    """A teacher that sees the detector's features and nothing of the frames."""

    needs_frame_pair = False

    def __init__(self, mlp: Mlp) -> None:
        self._mlp = mlp

    def reset(self) -> None:
        """An episode begins: nothing is remembered of the one before."""

    def scores(self, env: Any, row: np.ndarray) -> np.ndarray:
        return self._mlp(row)

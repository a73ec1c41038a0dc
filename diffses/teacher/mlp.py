"""A teacher that acts on the detector's features, with inference in numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from stable_baselines3.common.policies import ActorCriticPolicy, BasePolicy
from torch import nn

from diffses.errors import ArtifactError
from diffses.teacher.normalizer import RunningNormalizer


class NumpyActor:
    """The actor network of an SB3 policy in numpy: microseconds per state, where torch takes 100.

    Equal to the policy up to the rounding of float32.

    Args:
        policy: a `RunningNormalizer` followed by linear layers with tanh between them.

    Raises:
        ArtifactError: for any other policy.
    """

    def __init__(self, policy: BasePolicy) -> None:
        layers = (
            [*policy.mlp_extractor.policy_net, policy.action_net]
            if isinstance(policy, ActorCriticPolicy)
            else []
        )
        normalizer, tanh, dense = policy.features_extractor, layers[1::2], layers[::2]
        if not (
            layers
            and isinstance(normalizer, RunningNormalizer)
            and all(isinstance(layer, nn.Tanh) for layer in tanh)
            and all(isinstance(layer, nn.Linear) for layer in dense)
        ):
            raise ArtifactError(
                "this agent is no small network on features",
                fix="build the teacher again: force=[teacher]",
            )
        self._normalizer = normalizer.copy_numpy()
        self._weights = [_numpy(layer.weight) for layer in dense]
        self._biases = [_numpy(layer.bias) for layer in dense]
        space: Any = policy.action_space
        self._bounds = (space.low, space.high) if hasattr(space, "low") else None

    def __call__(self, row: np.ndarray) -> np.ndarray:
        """Log-probabilities of the actions, float64 (actions,), or the mean Box action, (d,).

        Args:
            row: the detector's features, float64 (f,).
        """
        mean, std, clip = self._normalizer
        normalized = np.minimum(np.maximum((row.astype(np.float32) - mean) / std, -clip), clip)
        x = normalized.astype(np.float32)
        for weight, bias in zip(self._weights[:-1], self._biases[:-1], strict=True):
            x = np.tanh(weight @ x + bias)
        out = self._weights[-1] @ x + self._biases[-1]
        if self._bounds is not None:
            action: np.ndarray = np.clip(out, *self._bounds).astype(np.float64)
            return action
        scores = out.astype(np.float64)
        scores -= scores.max()
        logits: np.ndarray = scores - np.log(np.exp(scores).sum())
        return logits


def _numpy(tensor: torch.Tensor) -> np.ndarray:
    return np.ascontiguousarray(tensor.detach().cpu().numpy().copy())


class ObjectTeacher:
    """A teacher that acts on the detector's features alone."""

    needs_frame_pair = False

    def __init__(self, actor: NumpyActor) -> None:
        self._actor = actor

    def reset(self) -> None:
        """Starts an episode; this teacher has no state."""

    def clone_state(self) -> None:
        """Nothing: it has no state."""

    def restore_state(self, state: None) -> None:
        """Nothing to do."""

    def scores(self, env: Any, row: np.ndarray) -> np.ndarray:
        return self._actor(row)

"""A forest as the policy of SB3's actor-critic algorithms, with its constants as parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.policies import ActorCriticPolicy
from torch import Tensor, nn

from diffses.finetune.fisher import ACTION_STD
from diffses.policy.forest import Forest
from diffses.policy.torch_forest import TorchForest
from diffses.regressor.constant_fit import mean_kl
from diffses.teacher.normalizer import RunningNormalizer

ACTOR_LR_MULTIPLIER = 5.0  # learning rate of the constants, over that of the critic
MAX_LOGIT, MAX_SCORE = 1e6, 1e30  # beyond which logits and scores are clipped
CRITIC_UNITS = 64  # of each of its two layers
KL_BATCH = 256  # recorded states on which one gradient step compares teacher and forest


class ForestActor(nn.Module):
    """Logits of a forest's actions, or its squashed Box action, with trainable constants.

    The constants are c + axes @ (ACTOR_LR_MULTIPLIER * point), and `point` is the parameter. In
    these coordinates steps of one length change the decisions equally much whatever the units of a
    constant, so that Adam, which makes such steps, approximates the natural gradient.

    The scores are divided by a temperature to be logits. Its logarithm is a parameter too, without
    the multiplier: were it fast, a poor policy would improve by becoming uniform sooner than by
    changing its decisions. It changes the entropy, not which action is the likeliest.

    Args:
        forest: the policy to start from.
        features: names of the columns of the rows; the forest may use a part of them.
        axes: (constants, r), of `natural_gradient_basis`.
        temperature: the first.
    """

    base: Tensor
    axes: Tensor
    columns: Tensor

    def __init__(
        self, forest: Forest, features: Sequence[str], axes: np.ndarray, temperature: float
    ) -> None:
        super().__init__()
        self._start = forest
        self._trees = TorchForest(forest).requires_grad_(False)
        self.register_buffer("base", torch.tensor(forest.constants()))
        self.register_buffer("axes", torch.tensor(axes))
        self.register_buffer("columns", torch.tensor([features.index(n) for n in forest.features]))
        self.point = nn.Parameter(torch.zeros(axes.shape[1], dtype=torch.float64))
        self.log_inverse_temperature = nn.Parameter(torch.tensor(-np.log(temperature)))

    @property
    def constants(self) -> Tensor:
        """The current constants, (constants,)."""
        return self.base + self.axes @ (ACTOR_LR_MULTIPLIER * self.point)

    def forest(self) -> Forest:
        """The forest with the current constants."""
        return self._start.with_constants(self.constants.detach().tolist())

    def forward(self, rows: Tensor) -> Tensor:
        """float32: logits (n, trees); or the action between the bounds, (n, dimensions).

        Args:
            rows: (n, features).
        """
        # a copy of the constants for each row, so that rows whose gradient overflows are left out
        each = self.constants[:, None].expand(-1, len(rows))
        if each.requires_grad:
            each.register_hook(_finite)  # type: ignore[no-untyped-call]
        seen = rows[:, self.columns].double()
        scores: Tensor = torch.func.functional_call(self._trees, {"values": each}, (seen,))
        if self._start.bounds is None:
            # NaN never wins, as in play; clipped, since 0 times infinity gives a gradient of NaN
            scores = scores.nan_to_num(nan=-MAX_SCORE).clamp(-MAX_SCORE, MAX_SCORE)
            return (
                (scores * self.log_inverse_temperature.exp()).clamp(-MAX_LOGIT, MAX_LOGIT).float()
            )
        low, high = torch.tensor(self._start.bounds, dtype=scores.dtype).T
        moved: Tensor = low + (high - low) * (1 + torch.tanh(scores.nan_to_num())) / 2
        return moved.float()


def _finite(gradient: Tensor) -> Tensor:
    return gradient.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0)


class ActorCriticExtractor(nn.Module):
    """The forest as actor, and a small network on standardised features as critic.

    Args:
        actor: the forest.
        rows: states (n, features) whose mean and standard deviation standardise the critic's input.
        space: of the observations.
    """

    def __init__(self, actor: ForestActor, rows: np.ndarray, space: Any) -> None:
        super().__init__()
        self.actor = actor
        seen = RunningNormalizer(space)
        seen.update(rows)
        self.critic = nn.Sequential(
            seen,
            nn.Linear(rows.shape[1], CRITIC_UNITS),
            nn.Tanh(),
            nn.Linear(CRITIC_UNITS, CRITIC_UNITS),
            nn.Tanh(),
        )
        self.latent_dim_pi, self.latent_dim_vf = (
            1,
            CRITIC_UNITS,
        )  # the actor needs no head, see `_build`

    def forward(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        return self.forward_actor(rows), self.forward_critic(rows)

    def forward_actor(self, rows: Tensor) -> Tensor:
        found: Tensor = self.actor(rows)
        return found

    def forward_critic(self, rows: Tensor) -> Tensor:
        found: Tensor = self.critic(rows)
        return found


class ForestPolicy(ActorCriticPolicy):
    """A forest for SB3's PPO and A2C: a softmax of its scores; or a normal distribution around the
    squashed Box action, whose mean is the greedy action and which explores where the forest
    saturates too.

    `kl_coef` and `entropy_coef` weigh what `evaluate_actions` adds to the loss; they may be changed
    between updates.

    Args:
        actor: arguments of `ForestActor`.
        rows: of `ActorCriticExtractor`.
    """

    def __init__(self, *args: Any, actor: dict[str, Any], rows: np.ndarray, **kwargs: Any) -> None:
        self._actor, self._rows = actor, rows
        self._teacher: tuple[Tensor, Tensor] | None = None
        self.kl_coef = self.entropy_coef = 0.0
        super().__init__(*args, **kwargs)

    def _build_mlp_extractor(self) -> None:
        actor = ForestActor(**self._actor)
        extractor = ActorCriticExtractor(actor, self._rows, self.observation_space)
        self.mlp_extractor = extractor  # type: ignore[assignment]  # SB3's hook for one's own

    def _build(self, lr_schedule: Any) -> None:
        super()._build(lr_schedule)
        self.action_net = nn.Identity()
        bounds = self._actor["forest"].bounds
        if bounds is not None:
            low, high = torch.tensor(bounds).T
            self.log_std = nn.Parameter((ACTION_STD * (high - low) / 2).log())
        self.optimizer = self.optimizer_class(  # type: ignore[call-arg]
            self.parameters(), lr=lr_schedule(1), **self.optimizer_kwargs
        )

    @property
    def actor(self) -> ForestActor:
        assert isinstance(self.mlp_extractor, ActorCriticExtractor)
        return self.mlp_extractor.actor

    def set_teacher(self, rows: np.ndarray, teacher: np.ndarray, seed: int) -> None:
        """Sets the teacher of the KL term, whose weight is `kl_coef`.

        Args:
            rows: recorded states (n, features).
            teacher: its logits of the forest's actions there, (n, trees), or its Box actions,
                (n, dimensions).
            seed: of the draws of `KL_BATCH` states for each gradient step.
        """
        self._teacher = torch.tensor(rows), torch.tensor(teacher, dtype=torch.float32)
        self._random = torch.Generator().manual_seed(seed)

    def evaluate_actions(self, obs: Any, actions: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """Values, log-likelihoods and, in place of SB3's entropy H,
        entropy_coef * H - kl_coef * KL(teacher || forest), which SB3 subtracts from the loss times
        its `ent_coef`: that has to be 1."""
        values, likelihood, entropy = super().evaluate_actions(obs, actions)
        assert entropy is not None
        added = self.entropy_coef * entropy
        if self._teacher is not None and self.kl_coef > 0:
            rows, teacher = self._teacher
            some = torch.randint(len(rows), (KL_BATCH,), generator=self._random)
            added = added - self.kl_coef * self.divergence(rows[some], teacher[some])
        return values, likelihood, added

    @torch.no_grad()
    def kl_to_teacher(self) -> float:
        """Mean KL(teacher || forest) in nats, over all states of `set_teacher`."""
        assert self._teacher is not None
        return float(self.divergence(*self._teacher))

    def divergence(self, rows: Tensor, teacher: Tensor) -> Tensor:
        """Mean KL(teacher || forest) in nats; the teacher's Box actions are taken to be normal with
        the standard deviation `ACTION_STD`.

        KL(N(a, s) || N(b, t)) = ln(t / s) + (s^2 + (a - b)^2) / (2 t^2) - 1/2 a dimension.
        """
        bounds = self._actor["forest"].bounds
        if bounds is None:
            return mean_kl(teacher, self.actor(rows))
        low, high = torch.tensor(bounds).T
        theirs, own = ACTION_STD * (high - low) / 2, self.log_std.exp()
        apart = theirs**2 + (teacher - self.actor(rows)) ** 2
        nats: Tensor = torch.log(own / theirs) + apart / (2 * own**2) - 0.5
        return nats.sum(dim=1).mean()

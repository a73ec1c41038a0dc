"""A forest as the policy of SB3's actor-critic algorithms: its constants are what is trained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.policies import ActorCriticPolicy
from torch import Tensor, nn

from diffses.finetune.fisher import SPREAD
from diffses.policy.forest import Forest
from diffses.policy.torch_forest import TorchForest
from diffses.regressor.constant_fit import mean_kl
from diffses.teacher.normalizer import RunningNormalizer

STEP = 5.0  # an optimiser's step is this many times longer for the constants than for the critic
SURE, HUGE = 1e6, 1e30  # a logit that no policy needs to exceed, and a score
UNITS = 64  # of each of the critic's two layers
ROWS = 256  # recorded states on which one gradient step compares teacher and forest


class ForestActor(nn.Module):
    """Logits of a forest's actions, or its squashed Box action, with constants that can be trained.

    The constants are c + axes @ (STEP * point): `point` is what is trained. In these coordinates a
    step changes the decisions equally much whatever the units of a constant are, so that Adam,
    which makes steps of one length in all of them, takes the natural gradient's way.

    Args:
        forest: where to start.
        features: what the rows hold, of which the forest may see a part.
        axes: (constants, r), as `metric.whitening` gives them.
        temperature: what scores are divided by to be logits; trained too, but slowly: a wrong
            policy is sooner improved by deciding nothing than by deciding otherwise. It changes
            how often an action is sampled, not which is the likeliest.
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
        self.coolness = nn.Parameter(torch.tensor(-np.log(temperature)))

    @property
    def constants(self) -> Tensor:
        """As they are now, (constants,)."""
        return self.base + self.axes @ (STEP * self.point)

    def forest(self) -> Forest:
        """The forest as it is now."""
        return self._start.with_constants(self.constants.detach().tolist())

    def forward(self, rows: Tensor) -> Tensor:
        """float32: logits (n, trees); or the action between the bounds, (n, dimensions).

        Args:
            rows: (n, features).
        """
        # a copy of the constants for each row, so that a row whose gradient overflows is left out
        each = self.constants[:, None].expand(-1, len(rows))
        if each.requires_grad:
            each.register_hook(_finite)  # type: ignore[no-untyped-call]
        seen = rows[:, self.columns].double()
        scores: Tensor = torch.func.functional_call(self._trees, {"values": each}, (seen,))
        if self._start.bounds is None:
            # as in play NaN never wins; finite, since 0 times infinity is a gradient of NaN
            scores = scores.nan_to_num(nan=-HUGE).clamp(-HUGE, HUGE)
            return (scores * self.coolness.exp()).clamp(-SURE, SURE).float()
        low, high = torch.tensor(self._start.bounds, dtype=scores.dtype).T
        moved: Tensor = low + (high - low) * (1 + torch.tanh(scores.nan_to_num())) / 2
        return moved.float()


def _finite(gradient: Tensor) -> Tensor:
    return gradient.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0)


class Halves(nn.Module):
    """The forest as actor, a small network on standardised features as critic."""

    def __init__(self, actor: ForestActor, rows: np.ndarray, space: Any) -> None:
        super().__init__()
        self.actor = actor
        seen = RunningNormalizer(space)
        seen.update(rows)
        self.critic = nn.Sequential(
            seen, nn.Linear(rows.shape[1], UNITS), nn.Tanh(), nn.Linear(UNITS, UNITS), nn.Tanh()
        )
        self.latent_dim_pi, self.latent_dim_vf = 1, UNITS  # the actor's end is its own: see below

    def forward(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        return self.forward_actor(rows), self.forward_critic(rows)

    def forward_actor(self, rows: Tensor) -> Tensor:
        found: Tensor = self.actor(rows)
        return found

    def forward_critic(self, rows: Tensor) -> Tensor:
        found: Tensor = self.critic(rows)
        return found


class ForestPolicy(ActorCriticPolicy):
    """A forest for SB3's PPO and A2C: softmax of its scores; or a normal distribution around the
    squashed Box action, so that what is played greedily is its mean and it explores where the
    forest saturates too.

    It may be drawn towards a teacher: see `follow`.

    Args:
        actor: arguments of `ForestActor`.
        rows: recorded states (n, features) that say what the critic has to expect.
    """

    def __init__(self, *args: Any, actor: dict[str, Any], rows: np.ndarray, **kwargs: Any) -> None:
        self._actor, self._rows = actor, rows
        self._guide: tuple[Tensor, Tensor] | None = None
        self.guidance = self.entropy = 0.0
        super().__init__(*args, **kwargs)

    def _build_mlp_extractor(self) -> None:
        halves = Halves(ForestActor(**self._actor), self._rows, self.observation_space)
        self.mlp_extractor = halves  # type: ignore[assignment]  # SB3's way to give one's own

    def _build(self, lr_schedule: Any) -> None:
        super()._build(lr_schedule)
        self.action_net = nn.Identity()
        bounds = self._actor["forest"].bounds
        if bounds is not None:
            low, high = torch.tensor(bounds).T
            self.log_std = nn.Parameter((SPREAD * (high - low) / 2).log())
        self.optimizer = self.optimizer_class(  # type: ignore[call-arg]
            self.parameters(), lr=lr_schedule(1), **self.optimizer_kwargs
        )

    @property
    def actor(self) -> ForestActor:
        assert isinstance(self.mlp_extractor, Halves)
        return self.mlp_extractor.actor

    def follow(self, rows: np.ndarray, teacher: np.ndarray, seed: int) -> None:
        """Gives it a teacher, which draws as hard as `guidance` says.

        Args:
            rows: recorded states (n, features).
            teacher: what the teacher says there: logits of the forest's actions, (n, trees), or
                its Box actions, (n, dimensions).
            seed: of which states a gradient step looks at.
        """
        self._guide = torch.tensor(rows), torch.tensor(teacher, dtype=torch.float32)
        self._random = torch.Generator().manual_seed(seed)

    def evaluate_actions(self, obs: Any, actions: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """As SB3 has it, but what it takes for entropy is minus all that is added to PPO's loss:
        entropy * H - guidance * KL(teacher || forest). It wants an `ent_coef` of 1."""
        values, likelihood, spread = super().evaluate_actions(obs, actions)
        assert spread is not None
        added = self.entropy * spread
        if self._guide is not None and self.guidance > 0:
            rows, teacher = self._guide
            some = torch.randint(len(rows), (ROWS,), generator=self._random)
            added = added - self.guidance * self.divergence(rows[some], teacher[some])
        return values, likelihood, added

    @torch.no_grad()
    def strayed(self) -> float:
        """Mean KL(teacher || forest) over the states it was given."""
        assert self._guide is not None
        return float(self.divergence(*self._guide))

    def divergence(self, rows: Tensor, teacher: Tensor) -> Tensor:
        """Mean KL(teacher || forest) in nats; the teacher's Box actions have the metric's spread.

        KL(N(a, s) || N(b, t)) = ln(t / s) + (s^2 + (a - b)^2) / (2 t^2) - 1/2 a dimension.
        """
        bounds = self._actor["forest"].bounds
        if bounds is None:
            return mean_kl(teacher, self.actor(rows))
        low, high = torch.tensor(bounds).T
        theirs, own = SPREAD * (high - low) / 2, self.log_std.exp()
        apart = theirs**2 + (teacher - self.actor(rows)) ** 2
        nats: Tensor = torch.log(own / theirs) + apart / (2 * own**2) - 0.5
        return nats.sum(dim=1).mean()

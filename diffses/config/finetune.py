"""Settings of the `finetune` group."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from diffses.config.base import require, require_names
from diffses.errors import ConfigError
from diffses.store.keys import content, unkeyed

# --- finetune -------------------------------------------------------------------------------------


@dataclass
class FinetuneConfig:
    """What comes out is the best on validation of a search's finalists, its best start among them,
    or without a search of the hall of fame."""

    validation_episodes: int = 16  # full games that choose the champion
    validation_candidates: int = 3  # forests of the hall of fame that are tried as a start
    validation_steps: int | None = None  # cut validation games after this many steps; None: never
    workers: int = unkeyed(0)  # processes; 0: one for each core

    def __post_init__(self) -> None:
        require("finetune.validation_episodes", self.validation_episodes, 1)
        require("finetune.validation_candidates", self.validation_candidates, 1)
        require("finetune.workers", self.workers, 0)
        if self.validation_steps is not None:
            require("finetune.validation_steps", self.validation_steps, 1)


class Start(enum.Enum):
    """What a search begins from."""

    distilled = "distilled"  # the hall of fame of the distillation
    linear = "linear"  # the linear fit to the teacher
    pursuit = "pursuit"  # chasing and fleeing each object, or always the same, without a teacher
    random = "random"  # random trees and random weighted sums


LEAST_STEPS = 8  # of an environment, that PPO needs for constants
VARIATION = {  # ways to make a child, with their odds; see `diffses/finetune/variation.py`
    "crossover": 0.2,
    "subtree": 0.1,
    "hoist": 0.1,
    "point": 0.15,
    "constants": 0.15,
    "graft": 0.2,
    "regroup": 0.1,
}


@dataclass
class SearchFinetune(FinetuneConfig):
    """Search on the environment's own return: structure by evolution, constants by CMA-ES, the
    teacher as a soft guide. What is switched off in a variant of `conf/finetune/` is a value there,
    not a class, so that one computation has one key."""

    steps: int = 1_400_000  # environment steps of the search, to the nearest generation
    validation_candidates: int = 3  # finalists that play every validation episode
    starts: list[Start] = field(default_factory=lambda: list(Start))
    random_starts: int = 8
    start_from: str | None = content(None)  # also from this policy: finetuned.json, or of the zoo
    n_constant_searches: int = 3  # starts whose constants are tried to improve
    screening_share: float = 0.15  # of the steps, for all of these alike before the best goes on
    population: int = 36  # candidates in a generation, of constants or of children
    episodes: int = 1  # each candidate for constants plays in a generation, on common seeds
    episode_steps: int | None = 1_000  # cut an episode of the search after this many; None: never
    sigma0: float = 0.15  # first standard deviation of constants: 1 moves the policy by a nat
    evolution_share: float = 0.1  # share of the steps that go to children: crossover and mutations
    gradient: float = 0.0  # share of the steps in which PPO moves the constants of the best
    variation: dict[str, float] = field(default_factory=lambda: dict(VARIATION))
    operators: list[str] = field(
        default_factory=lambda: ["add", "sub", "mul", "div", "max", "min", "abs", "logical"]
    )
    max_nodes: int = 41  # of a tree
    guidance: float = 0.3  # standard deviations of return given up for one nat of
    # KL(teacher || forest); falls to 0 over the first half of the steps

    def __post_init__(self) -> None:
        super().__post_init__()
        require("finetune.steps", self.steps, 1)
        require("finetune.n_constant_searches", self.n_constant_searches, 1)
        require("finetune.population", self.population, 4)
        require("finetune.episodes", self.episodes, 1)
        require("finetune.max_nodes", self.max_nodes, 1)
        for name in ("random_starts", "guidance"):
            require(f"finetune.{name}", getattr(self, name), 0)
        require("finetune.sigma0", self.sigma0, 1e-6)
        for name in ("screening_share", "evolution_share", "gradient"):
            require(f"finetune.{name}", getattr(self, name), 0, 1)
        if self.episode_steps is not None:
            require("finetune.episode_steps", self.episode_steps, 1)
        from diffses.policy.operators import OPERATORS  # needs numpy, which this module does not

        require_names("finetune.operators", self.operators, list(OPERATORS))
        require_names("finetune.variation", self.variation, list(VARIATION))
        if self.evolution_share + self.gradient > 1:
            raise ConfigError(
                f"finetune.evolution_share and finetune.gradient add up to more than 1: "
                f"{self.evolution_share + self.gradient:g}",
                fix="finetune.evolution_share=0.1 finetune.gradient=0.1; constants get the rest",
            )
        if not self.starts:
            raise ConfigError("finetune.starts is empty", fix="finetune.starts=[pursuit,random]")
        if sum(self.variation.values()) <= 0 or min(self.variation.values()) < 0:
            raise ConfigError(
                f"finetune.variation: the odds are {self.variation}",
                fix="odds of 0 or more, not all of them 0",
            )


@dataclass
class ConstantsFinetune(FinetuneConfig):
    """The constants alone, by PPO: the forest as actor, a small network as critic."""

    steps: int = 500_000  # environment steps it may take
    n_envs: int = 16  # side by side
    n_steps: int = 64  # steps an environment takes between two updates
    batch_size: int = 256  # states in one gradient step
    n_epochs: int = 10  # passes over each rollout, fewer where the policy has moved far
    learning_rate: float = 3e-3  # Adam; falls linearly to a tenth
    clip_range: float = 0.2  # of the probability ratio
    ent_coef: float = 0.0  # weight of the entropy bonus
    gamma: float = 0.99  # discount a step
    gae_lambda: float = 0.95
    episode_steps: int | None = None  # cut an episode after this many steps; None: never
    guidance: float = 0.3  # weight of KL(teacher || forest) in nats; falls to 0 over the first half

    def __post_init__(self) -> None:
        super().__post_init__()
        require("finetune.steps", self.steps, LEAST_STEPS)
        for name in ("n_envs", "n_steps", "n_epochs"):
            require(f"finetune.{name}", getattr(self, name), 1)
        rollout = self.n_envs * self.n_steps
        require("finetune.batch_size", self.batch_size, 2, rollout)
        for name in ("learning_rate", "ent_coef", "guidance"):
            require(f"finetune.{name}", getattr(self, name), 0)
        require("finetune.gamma", self.gamma, 0, 1)
        require("finetune.gae_lambda", self.gae_lambda, 0, 1)
        if self.episode_steps is not None:
            require("finetune.episode_steps", self.episode_steps, 1)


@dataclass
class ZooFinetune(FinetuneConfig):
    """No search: the champion that is shipped with this package for the environment."""

    path: str | None = content(None)  # None: diffses/zoo/<environment>.json


@dataclass
class NoFinetune(FinetuneConfig):
    """The best of the hall of fame on validation, as it is."""

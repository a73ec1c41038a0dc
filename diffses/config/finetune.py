"""Settings of the `finetune` group."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from diffses.config.base import require, require_names
from diffses.errors import ConfigError
from diffses.store.keys import content, unkeyed


@dataclass
class FinetuneConfig:
    """What all variants have: validation, which chooses the champion.

    The candidates are a search's finalists and its best starting policy; without a search, the hall
    of fame of the distillation.
    """

    validation_episodes: int = (
        16  # episodes that every finalist plays; the best mean is the champion
    )
    validation_candidates: int = 3  # forests of the hall of fame that play validation episodes
    validation_steps: int | None = (
        None  # truncate validation episodes after this many steps; None: never
    )
    workers: int = unkeyed(0)  # number of processes; 0: one per core

    def __post_init__(self) -> None:
        require("finetune.validation_episodes", self.validation_episodes, 1)
        require("finetune.validation_candidates", self.validation_candidates, 1)
        require("finetune.workers", self.workers, 0)
        if self.validation_steps is not None:
            require("finetune.validation_steps", self.validation_steps, 1)


class Start(enum.Enum):
    """The starting policies of a search."""

    distilled = "distilled"  # the hall of fame of the distillation
    linear = "linear"  # the linear fit to the teacher's scores
    pursuit = (
        "pursuit"  # hand-written seed policies (chase, avoid, constant, ...), without a teacher
    )
    random = "random"  # random trees and random weighted sums of features


LEAST_STEPS = 8  # minimum environment steps for PPO on constants
VARIATION = {  # odds of each variation operator; see `diffses/finetune/variation.py`
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
    """Search on the return: structure by evolution, constants by CMA-ES, guided by the teacher.

    Variants in `conf/finetune/` are values, not classes, so that one computation has one key.
    """

    steps: int = 1_400_000  # environment steps of the search, rounded to whole generations
    validation_candidates: int = 3  # finalists that play all validation episodes
    starts: list[Start] = field(default_factory=lambda: list(Start))  # kinds of starting policies
    random_starts: int = 8  # number of random starting policies
    start_from: str | None = content(
        None
    )  # another starting policy: path of finetuned.json or of a champion
    n_constant_searches: int = 3  # starting policies whose constants are first optimised
    screening_share: float = 0.15  # share of the steps for these; then only the best continues
    population: int = 36  # candidates per generation
    episodes: int = 1  # per candidate and generation in CMA-ES, on common seeds
    episode_steps: int | None = (
        1_000  # truncate episodes of the search after this many; None: never
    )
    sigma0: float = 0.15  # initial step size of CMA-ES; 1 changes the policy by one nat
    evolution_share: float = 0.1  # share of the steps for evolution: crossover and mutation
    gradient: float = 0.0  # share of the steps for PPO on the constants of the best (experimental)
    # odds of the variation operators
    variation: dict[str, float] = field(default_factory=lambda: dict(VARIATION))
    operators: list[str] = field(
        default_factory=lambda: ["add", "sub", "mul", "div", "max", "min", "abs", "logical"]
    )
    max_nodes: int = 41  # per tree
    # weight of KL(teacher || forest), in standard deviations of the return per nat; decreases to 0
    # over the first half of the steps
    guidance: float = 0.3

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
    """Only constants, by PPO: the forest is the actor, a small network the critic. Experimental."""

    steps: int = 500_000  # environment steps
    n_envs: int = 16  # environments in parallel
    n_steps: int = 64  # steps per environment between two updates
    batch_size: int = 256  # states per gradient step
    n_epochs: int = 10  # passes over each rollout; fewer if the policy changes much
    learning_rate: float = 3e-3  # of Adam; decreases linearly to a tenth
    clip_range: float = 0.2  # of the probability ratio
    ent_coef: float = 0.0  # weight of the entropy bonus
    gamma: float = 0.99  # discount per step
    gae_lambda: float = 0.95  # of generalised advantage estimation
    episode_steps: int | None = None  # truncate episodes after this many steps; None: never
    guidance: float = 0.3  # weight of KL(teacher || forest); decreases to 0 over the first half

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
    """No search: the shipped champion of the environment."""

    path: str | None = content(None)  # file of a champion; None: diffses/zoo/<environment>.json


@dataclass
class NoFinetune(FinetuneConfig):
    """No search: the best of the hall of fame on validation, unchanged."""

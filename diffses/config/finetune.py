"""Settings of the `finetune` group."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import ClassVar

from diffses.config.base import MAX_THREADS, Section, number, require, require_names
from diffses.errors import ConfigError
from diffses.store.keys import content


@dataclass
class FinetuneConfig(Section):
    """What all variants have: validation, which chooses the champion.

    The candidates are a search's finalists and its best starting policy; without a search, the hall
    of fame of the distillation.
    """

    GROUP: ClassVar[str] = "finetune"

    # episodes that every finalist plays; the best mean is the champion
    validation_episodes: int = number(16, 1)
    # forests of the hall of fame that play validation episodes
    validation_candidates: int = number(3, 1)
    # truncate validation episodes after this many steps; None: never
    validation_steps: int | None = number(None, 1)
    workers: int = number(0, 0, MAX_THREADS, keyed=False)  # number of processes; 0: one per core


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

    # environment steps of the search, rounded to whole generations
    steps: int = number(1_400_000, 1)
    validation_candidates: int = 3  # finalists that play all validation episodes
    starts: list[Start] = field(default_factory=lambda: list(Start))  # kinds of starting policies
    random_starts: int = number(8, 0)  # number of random starting policies
    start_from: str | None = content(
        None
    )  # another starting policy: path of finetuned.json or of a champion
    n_constant_searches: int = number(3, 1)  # starting policies whose constants are first optimised
    # share of the steps for these; then only the best continues
    screening_share: float = number(0.15, 0, 1)
    population: int = number(36, 4)  # candidates per generation
    episodes: int = number(1, 1)  # per candidate and generation in CMA-ES, on common seeds
    # truncate episodes of the search after this many; None: never
    episode_steps: int | None = number(1_000, 1)
    # initial step size of CMA-ES; 1 changes the policy by one nat
    sigma0: float = number(0.15, 1e-6)
    # share of the steps for evolution: crossover and mutation
    evolution_share: float = number(0.1, 0, 1)
    # share of the steps for PPO on the constants of the best (experimental)
    gradient: float = number(0.0, 0, 1)
    # odds of the variation operators
    variation: dict[str, float] = number(VARIATION, 0)
    operators: list[str] = field(
        default_factory=lambda: ["add", "sub", "mul", "div", "max", "min", "abs", "logical"]
    )
    max_nodes: int = number(41, 1)  # per tree
    # weight of KL(teacher || forest), in standard deviations of the return per nat; decreases to 0
    # over the first half of the steps
    guidance: float = number(0.3, 0)

    def __post_init__(self) -> None:
        super().__post_init__()
        from diffses.policy.operators import OPERATORS  # needs numpy, which this module does not

        require_names("finetune.operators", self.operators, list(OPERATORS))
        require_names("finetune.variation", self.variation, list(VARIATION))
        if self.evolution_share + self.gradient > 1:
            raise ConfigError(
                f"finetune.evolution_share and finetune.gradient add up to more than 1: "
                f"{self.evolution_share + self.gradient:g}; constants get the rest",
                fix="finetune.evolution_share=0.1 finetune.gradient=0.1",
            )
        if not self.starts:
            raise ConfigError("finetune.starts is empty", fix="finetune.starts=[pursuit,random]")
        if sum(self.variation.values()) == 0:
            raise ConfigError(
                f"finetune.variation: the odds are {self.variation}",
                fix="finetune.variation.crossover=0.2",
            )


class ActionHeadKind(enum.Enum):
    """What the search evolves expressions for."""

    # one for each axis of movement, one for the button, one for standing still, where the detector
    # found which way the actions push; else as `per_action`
    factored = "factored"
    per_action = "per_action"  # one for each action, or dimension of a Box action


@dataclass
class DiscoverFinetune(FinetuneConfig):
    """Search from the simplest policies: enumerate them, grow the best ones, tune constants.

    It starts from nothing but the features and the effects of the actions.
    """

    # environment steps of the search, rounded to whole races; the search may end sooner
    steps: int = number(1_000_000, 1)
    validation_candidates: int = 6  # finalists that play all validation episodes
    head: ActionHeadKind = ActionHeadKind.factored
    short_steps: int = number(400, 1)  # of the games that sift candidates
    middle_steps: int = number(800, 1)  # of the games in between
    whole_steps: int = number(2_000, 1)  # after which a whole game is cut
    lines: int = number(3, 1)  # policies that are grown side by side from different starts
    enumeration_share: float = number(0.25, 0, 1)  # of the steps, for the simple policies
    constants_share: float = number(0.15, 0, 1)  # of the steps, for CMA-ES on the constants
    proposals: int = number(64, 1)  # changes of a policy that play in one round
    confirmations: int = number(3, 2)  # fresh whole games in a block that confirms a change
    # states of each grown policy in which advantages are measured, to propose changes; 0: none,
    # since in three games no change that they proposed was kept
    label_states: int = number(0, 0)
    max_size: int = number(40, 1)  # compact nodes of a policy

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.enumeration_share + self.constants_share >= 1:
            raise ConfigError(
                "finetune.enumeration_share and finetune.constants_share leave no steps to grow "
                f"with: {self.enumeration_share:g} + {self.constants_share:g}",
                fix="finetune.enumeration_share=0.25 finetune.constants_share=0.15",
            )
        if not self.short_steps <= self.middle_steps <= self.whole_steps:
            raise ConfigError(
                f"finetune.short_steps={self.short_steps}, middle_steps={self.middle_steps} and "
                f"whole_steps={self.whole_steps} are not in this order",
                fix="finetune.short_steps=400 finetune.middle_steps=800 finetune.whole_steps=2000",
            )


@dataclass
class ConstantsFinetune(FinetuneConfig):
    """Only constants, by PPO: the forest is the actor, a small network the critic. Experimental."""

    steps: int = number(500_000, LEAST_STEPS)  # environment steps
    n_envs: int = number(16, 1, 4096)  # environments in parallel
    n_steps: int = number(64, 1)  # steps per environment between two updates
    batch_size: int = number(256, 2)  # states per gradient step
    n_epochs: int = number(10, 1)  # passes over each rollout; fewer if the policy changes much
    learning_rate: float = number(3e-3, 0, 1, above=True)  # of Adam; decreases linearly to a tenth
    clip_range: float = number(0.2, 0, above=True)  # of the probability ratio
    ent_coef: float = number(0.0, 0)  # weight of the entropy bonus
    gamma: float = number(0.99, 0, 1)  # discount per step
    gae_lambda: float = number(0.95, 0, 1)  # of generalised advantage estimation
    # truncate episodes after this many steps; None: never
    episode_steps: int | None = number(None, 1)
    # weight of KL(teacher || forest); decreases to 0 over the first half
    guidance: float = number(0.3, 0)

    def __post_init__(self) -> None:
        super().__post_init__()
        require("finetune.batch_size", self.batch_size, 2, self.n_envs * self.n_steps)


@dataclass
class ZooFinetune(FinetuneConfig):
    """No search: the shipped champion of the environment."""

    path: str | None = content(None)  # file of a champion; None: diffses/zoo/<environment>.json


@dataclass
class NoFinetune(FinetuneConfig):
    """No search: the best of the hall of fame on validation, unchanged."""

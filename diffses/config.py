"""The name, type, unit and default of every setting. `conf/` holds only named variants.

Each group has a base class, which says what every variant of it has, and one class a variant. A
field changes the result and is part of the artifact's key unless it is declared `unkeyed`; a
field declared `content` names a file and is keyed by what is in it.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, OmegaConf

from diffses.errors import ConfigError
from diffses.keys import content, unkeyed

ROOT = Path(__file__).parent.parent  # of the project: conf/, outputs/ and multirun_sweeps/ lie here
MAX_SEED = 2**31 - 1  # ALE takes a signed int32 and reads a negative seed as "unseeded"


def require(name: str, value: float, low: float, high: float | None = None) -> None:
    """Raises ConfigError unless low <= value <= high (no upper limit where high is None)."""
    if not low <= value <= (math.inf if high is None else high):  # nor for nan
        wanted = f"{low} or more" if high is None else f"a value from {low} to {high}"
        raise ConfigError(f"{name}={value} is out of range", fix=f"{name}=<{wanted}>")


def require_seed(name: str, value: int) -> None:
    require(name, value, 0, MAX_SEED)


def require_names(name: str, given: Collection[str], known: Collection[str]) -> None:
    """Raises ConfigError unless there is at least one name and all are known."""
    unknown = [one for one in given if one not in known]
    if unknown or not given:
        raise ConfigError(
            f"{name}: {', '.join(unknown) or 'none given'}",
            fix=f"{name}: one or more of {', '.join(known)}",
        )


# --- env ------------------------------------------------------------------------------------------


OTHERS = "others"  # what features call all that is not the player


class Label(enum.Enum):
    """How a discovered object type is told apart, to give it a readable name."""

    controllable = "controllable"  # moves as the actions say
    smallest = "smallest"  # median area
    largest = "largest"
    fastest = "fastest"  # median speed
    slowest = "slowest"
    commonest = "commonest"  # seen most often
    highest = "highest"  # nearest the top of the screen
    lowest = "lowest"


@dataclass
class EnvConfig:
    """What is played."""

    @property
    def name(self) -> str:
        """What people call it."""
        raise NotImplementedError


@dataclass
class ArcadeEnv(EnvConfig):
    """An Atari game, seen as frames."""

    game: str = MISSING  # the ROM's name in ale-py, e.g. "pong"
    frame_skip: int = 4  # console frames one action is held: one step
    sticky: float = 0.25  # chance that the console repeats the previous action; Machado et al. 2018
    noop_max: int = 30  # an episode starts after 0 to this many no-ops (excluded)
    fire_reset: bool = True  # press FIRE once at the start where the game has it
    max_frames: int = 108_000  # console frames an episode may last: half an hour of play
    # name -> which of the discovered types gets it, applied in order to those still unnamed
    labels: dict[str, Label] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.game

    def __post_init__(self) -> None:
        require("env.frame_skip", self.frame_skip, 1, 60)
        require("env.sticky", self.sticky, 0, 1)
        if self.sticky == 0:  # then there are `noop_max` episodes in all, and search has seen them
            raise ConfigError(
                "env.sticky=0: search, validation and test would play the same episodes",
                fix="env.sticky=0.01; evaluation.v4=true also tests without sticky actions",
            )
        require("env.noop_max", self.noop_max, 1, 1000)
        require("env.max_frames", self.max_frames, self.frame_skip)
        for name in self.labels:
            if not name.isidentifier() or name == OTHERS:
                raise ConfigError(
                    f"env.labels.{name}: no name for a type of object",
                    fix=f"letters, digits and _, as in env.labels.ball; not {OTHERS}",
                )


@dataclass
class GymnasiumEnv(EnvConfig):
    """A task whose observation is a vector of numbers: nothing is left to detect."""

    id: str = MISSING  # as registered with Gymnasium, e.g. "CartPole-v1"
    options: dict[str, Any] = field(default_factory=dict)  # arguments of `gymnasium.make`
    # names of the numbers of an observation; empty: o0, o1, ...
    features: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.id


# --- teacher --------------------------------------------------------------------------------------


@dataclass
class TeacherConfig:
    seed: int = 0  # of the training; apart from the run's `seed`, so a sweep shares one teacher

    def __post_init__(self) -> None:
        require_seed("teacher.seed", self.seed)


@dataclass
class PpoSettings(TeacherConfig):
    """What every training by PPO (Schulman et al. 2017) has."""

    total_steps: int = 5_000_000  # environment steps, all environments together
    environments: int = 16  # side by side
    n_steps: int = 128  # steps an environment takes between two updates
    batch_size: int = 512  # states in one gradient step
    epochs: int = 3  # passes over each rollout
    learning_rate: float = 7e-4  # Adam; falls linearly to `final_learning_rate`
    final_learning_rate: float = 1e-5
    clip_range: float = 0.1  # of the probability ratio
    entropy: float = 0.01  # weight of the entropy bonus
    gamma: float = 0.99  # discount a step
    gae_lambda: float = 0.95
    evaluation_every: int = 500_000  # steps between two evaluations; the best policy is kept
    evaluation_episodes: int = 4  # full episodes an evaluation plays
    evaluation_steps: int | None = None  # cut its episodes after this many steps; None: never
    checkpoint_every: int = unkeyed(50_000)  # steps between two files to resume from
    device: str = unkeyed("auto")  # torch device

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("environments", "n_steps", "epochs", "evaluation_every"):
            require(f"teacher.{name}", getattr(self, name), 1)
        require("teacher.batch_size", self.batch_size, 2)
        require("teacher.evaluation_episodes", self.evaluation_episodes, 1)
        if self.evaluation_steps is not None:
            require("teacher.evaluation_steps", self.evaluation_steps, 1)
        require("teacher.learning_rate", self.learning_rate, 0)
        require("teacher.gamma", self.gamma, 0, 1)
        require("teacher.gae_lambda", self.gae_lambda, 0, 1)
        rollout = self.environments * self.n_steps
        if self.total_steps < rollout:
            raise ConfigError(
                f"teacher.total_steps={self.total_steps} is less than one rollout of "
                f"{self.environments} environments x {self.n_steps} steps",
                fix=f"teacher.total_steps={rollout} or more",
            )
        if self.batch_size > rollout:
            raise ConfigError(
                f"teacher.batch_size={self.batch_size} is more than one rollout of {rollout} steps",
                fix=f"teacher.batch_size={rollout} or less",
            )


class Network(enum.Enum):
    lean = "lean"  # two convolutions, 256 units, bfloat16: Mnih et al. 2013
    nature = "nature"  # three convolutions, 512 units, bfloat16: Mnih et al. 2015, SB3's layers


@dataclass
class PpoTeacher(PpoSettings):
    """PPO from 84x84x4 pixels."""

    network: Network = Network.lean
    start_from: str | None = content(None)  # an SB3 zip to train further
    threads: int = unkeyed(2)  # of torch and of the emulator

    def __post_init__(self) -> None:
        super().__post_init__()
        require("teacher.threads", self.threads, 1)


class Rewards(enum.Enum):
    """What the learner is given for a reward; what is reported is never changed."""

    raw = "raw"
    sign = "sign"
    scaled = "scaled"  # divided by the running deviation of the discounted return


@dataclass
class PpoObjectsTeacher(PpoSettings):
    """PPO from the detector's features, standardised: a small network, minutes on a CPU."""

    total_steps: int = 2_000_000
    batch_size: int = 256
    epochs: int = 4
    learning_rate: float = 5e-4
    clip_range: float = 0.2
    hidden: list[int] = field(default_factory=lambda: [64, 64])  # units of each tanh layer
    rewards: Rewards = Rewards.scaled
    max_steps: int | None = None  # cut training episodes after this many steps; None: never
    # Box actions: first log of the standard deviation, in units of the action
    log_deviation: float = 0.0
    # Box actions: noise that depends on the state and is drawn anew after this many steps
    # (gSDE, Raffin et al. 2021, arXiv:2005.05719); None: fresh noise each step
    noise_steps: int | None = None
    evaluation_every: int = 200_000
    workers: int = unkeyed(0)  # processes that play; 0: one for each core, 1: this one

    def __post_init__(self) -> None:
        super().__post_init__()
        for units in self.hidden:
            require("teacher.hidden", units, 1)
        if self.max_steps is not None:
            require("teacher.max_steps", self.max_steps, 1)
        require("teacher.workers", self.workers, 0)


@dataclass
class CheckpointTeacher(TeacherConfig):
    """An agent that Stable-Baselines3 saved, from disk. `seed` has nothing left to decide."""

    path: str = content(MISSING)  # the .zip that `model.save` wrote
    algorithm: str = "ppo"  # ppo, a2c or dqn
    seed: int = unkeyed(0)


@dataclass
class HubTeacher(TeacherConfig):
    """An agent of the RL zoo, from the Hugging Face hub, at a pinned revision."""

    repo_id: str = "sb3/ppo-PongNoFrameskip-v4"
    filename: str = "ppo-PongNoFrameskip-v4.zip"
    revision: str = MISSING  # a commit of the repository: 40 hex digits
    algorithm: str = "ppo"
    seed: int = unkeyed(0)


@dataclass
class PretrainedTeacher(TeacherConfig):
    """The agent shipped with this package for the game. `seed` has nothing left to decide."""

    path: str | None = content(None)  # None: diffses/teacher/pretrained/<game>.zip
    seed: int = unkeyed(0)


# --- detector -------------------------------------------------------------------------------------


class Frames(enum.Enum):
    exploratory = "exploratory"  # random play, in which each action is held for a while
    teacher = "teacher"  # the teacher's play


@dataclass
class DetectorConfig:
    seed: int = 0  # of what it learns from

    def __post_init__(self) -> None:
        require_seed("detector.seed", self.seed)


@dataclass
class LearnedDetector(DetectorConfig):
    """Learns from recorded play."""

    frames: Frames = Frames.exploratory  # whose play it learns from
    recording: str | None = content(None)  # learn from this file of detector.frames instead
    steps: int = 3000  # steps of play it learns from
    differences: bool = True  # also offer the differences between the positions of two objects
    # objects of one type that get features of their own; of a type with more it is told how many
    # there are, which is nearest to the player, and how far they reach
    slots: int = 4
    patience: int = 3  # steps an object may be out of sight and still be the same one
    features: int = 60  # numbers told, at the most: the types that are seldom seen go without

    def __post_init__(self) -> None:
        super().__post_init__()
        require("detector.steps", self.steps, 50)
        require("detector.slots", self.slots, 1, 64)
        require("detector.patience", self.patience, 0, 100)
        require("detector.features", self.features, 1)


@dataclass
class IdentityDetector(DetectorConfig):
    """For vector observations: the features are the observation. `seed` decides nothing."""

    seed: int = unkeyed(0)


@dataclass
class MotionDetector(LearnedDetector):
    """What differs from the background and moves, grouped into types by look and size."""


@dataclass
class OracleDetector(LearnedDetector):
    """An upper bound: objects as OCAtari reads them from memory, in place of pixels."""


@dataclass
class SpaceDetector(LearnedDetector):
    """SPACE: objects in the cells of a grid, learned by reconstruction (Lin et al. 2020)."""

    train_steps: int = 20_000  # gradient steps
    batch_size: int = 8  # frames in one
    learning_rate: float = 1e-3  # Adam
    present: float = 0.5  # probability from which on there is an object in a cell
    checkpoint_every: int = unkeyed(500)  # steps between two files to resume from
    device: str = unkeyed("auto")  # torch device
    threads: int = unkeyed(2)  # of torch

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("train_steps", "batch_size", "checkpoint_every", "threads"):
            require(f"detector.{name}", getattr(self, name), 1)
        require("detector.learning_rate", self.learning_rate, 0)
        require("detector.present", self.present, 0, 1)


# --- dataset --------------------------------------------------------------------------------------


@dataclass
class DatasetConfig:
    """The teacher's play, with what the detector saw and what the teacher would do."""

    seed: int = 0  # of the recorded play
    states: int = 20_000  # recorded steps to fit on
    held_out: int = 5_000  # recorded steps, of other episodes, to measure agreement on
    random_actions: float = 0.1  # share of the steps on which a random action is played instead
    rounds: int = (
        3  # of DAgger: in each but the first, a linear student plays and the teacher labels
    )
    import_json: str | None = content(None)  # read the original's JSON form instead of playing
    workers: int = unkeyed(0)  # processes; 0: one for each core

    def __post_init__(self) -> None:
        require_seed("dataset.seed", self.seed)
        require("dataset.states", self.states, 50)
        require("dataset.held_out", self.held_out, 10)
        require("dataset.random_actions", self.random_actions, 0, 1)
        require("dataset.rounds", self.rounds, 1, 100)
        if (self.rounds - 1) * -(-self.states // self.rounds) >= self.states:
            raise ConfigError(
                f"dataset.states={self.states} cannot be shared out to {self.rounds} rounds",
                fix=f"dataset.rounds={math.isqrt(self.states)}",
            )
        require("dataset.workers", self.workers, 0)


# --- regressor ------------------------------------------------------------------------------------


@dataclass
class RegressorConfig:
    """The linear fit is always made, and is in the hall of fame."""

    restarts: int = 1  # independent searches; the hall of fame keeps the best of all
    hall_of_fame: int = 8  # forests kept, on the front of agreement against size
    operators: list[str] = field(default_factory=lambda: ["add", "sub", "mul", "div"])
    lift: bool = True  # search a second time, with the linear fit as one more leaf
    polish: int = 40  # steps that train the constants on the teacher's action distribution
    workers: int = unkeyed(0)  # processes; 0: one for each core

    def __post_init__(self) -> None:
        require("regressor.restarts", self.restarts, 1)
        require("regressor.hall_of_fame", self.hall_of_fame, 1)
        require("regressor.polish", self.polish, 0)
        from diffses.policy.operators import OPERATORS  # needs numpy, which this module does not

        self._require_operators(list(OPERATORS))
        require("regressor.workers", self.workers, 0)

    def _require_operators(self, known: list[str]) -> None:
        require_names("regressor.operators", self.operators, known)


@dataclass
class GplearnRegressor(RegressorConfig):
    """Genetic programming (Koza 1992) as gplearn does it, one run for each action."""

    population: int = 1000  # programs in a generation
    generations: int = 20
    tournament: int = 20  # programs that compete to have a child
    parsimony: float = 1e-3  # fitness lost for each node
    constants: float = 3.0  # constants are drawn from -this to this
    depth_min: int = 2  # of the first generation's trees
    depth_max: int = 6
    crossover: float = 0.7  # shares of the ways a child comes about
    subtree_mutation: float = 0.1
    hoist_mutation: float = 0.05
    point_mutation: float = 0.1
    point_replace: float = 0.05  # chance of each node under point mutation
    rows: int = 5_000  # states a fitness is measured on

    def __post_init__(self) -> None:
        super().__post_init__()
        require("regressor.population", self.population, 2)
        require("regressor.generations", self.generations, 1)
        require("regressor.tournament", self.tournament, 1, self.population)
        require("regressor.depth_min", self.depth_min, 0)
        require("regressor.depth_max", self.depth_max, self.depth_min)
        for name in ("crossover", "subtree_mutation", "hoist_mutation", "point_mutation"):
            require(f"regressor.{name}", getattr(self, name), 0, 1)
        require("regressor.point_replace", self.point_replace, 0, 1)
        require("regressor.rows", self.rows, 10)
        ways = self.crossover + self.subtree_mutation + self.hoist_mutation + self.point_mutation
        if ways > 1 + 1e-9:
            raise ConfigError(
                f"the shares of crossover and mutations add up to {ways:g}",
                fix="regressor.crossover and the three mutations so that they add up to 1 or less",
            )


OPERON = ["add", "sub", "mul", "div", "min", "max", "abs", "sqrt", "log", "tanh"]  # what it has


@dataclass
class OperonRegressor(RegressorConfig):
    """Genetic programming with local search of the constants (Burlacu et al. 2020)."""

    population: int = 1000
    evaluations: int = 40_000  # programs measured in one run
    max_length: int = 30  # nodes of a tree
    max_depth: int = 8
    local_search: int = 5  # steps of the optimiser of constants, for each program
    rows: int = 5_000

    def __post_init__(self) -> None:
        super().__post_init__()
        require("regressor.population", self.population, 2)
        require("regressor.evaluations", self.evaluations, self.population)
        require("regressor.max_length", self.max_length, 1)
        require("regressor.rows", self.rows, 10)
        self._require_operators(OPERON)


@dataclass
class LinearRegressor(RegressorConfig):
    """Least squares alone."""

    polish: int = 0


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
    climbs: int = 3  # starts whose constants are tried to improve
    trial_share: float = 0.15  # of the steps, for all of these alike before the best goes on
    population: int = 36  # candidates in a generation, of constants or of children
    episodes: int = 1  # each candidate for constants plays in a generation, on common seeds
    episode_steps: int | None = 1_000  # cut an episode of the search after this many; None: never
    step_size: float = 0.15  # first standard deviation of constants: 1 moves the policy by a nat
    breeding: float = 0.1  # share of the steps that go to children: crossover and mutations
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
        require("finetune.climbs", self.climbs, 1)
        require("finetune.population", self.population, 4)
        require("finetune.episodes", self.episodes, 1)
        require("finetune.max_nodes", self.max_nodes, 1)
        for name in ("random_starts", "guidance"):
            require(f"finetune.{name}", getattr(self, name), 0)
        require("finetune.step_size", self.step_size, 1e-6)
        for name in ("trial_share", "breeding", "gradient"):
            require(f"finetune.{name}", getattr(self, name), 0, 1)
        if self.episode_steps is not None:
            require("finetune.episode_steps", self.episode_steps, 1)
        from diffses.policy.operators import OPERATORS  # needs numpy, which this module does not

        require_names("finetune.operators", self.operators, list(OPERATORS))
        require_names("finetune.variation", self.variation, list(VARIATION))
        if self.breeding + self.gradient > 1:
            raise ConfigError(
                f"finetune.breeding and finetune.gradient add up to more than 1: "
                f"{self.breeding + self.gradient:g}",
                fix="finetune.breeding=0.1 finetune.gradient=0.1; constants get the rest",
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
    environments: int = 16  # side by side
    n_steps: int = 64  # steps an environment takes between two updates
    batch_size: int = 256  # states in one gradient step
    epochs: int = 10  # passes over each rollout, fewer where the policy has moved far
    learning_rate: float = 3e-3  # Adam; falls linearly to a tenth
    clip_range: float = 0.2  # of the probability ratio
    entropy: float = 0.0  # weight of the entropy bonus
    gamma: float = 0.99  # discount a step
    gae_lambda: float = 0.95
    episode_steps: int | None = None  # cut an episode after this many steps; None: never
    guidance: float = 0.3  # weight of KL(teacher || forest) in nats; falls to 0 over the first half

    def __post_init__(self) -> None:
        super().__post_init__()
        require("finetune.steps", self.steps, LEAST_STEPS)
        for name in ("environments", "n_steps", "epochs"):
            require(f"finetune.{name}", getattr(self, name), 1)
        rollout = self.environments * self.n_steps
        require("finetune.batch_size", self.batch_size, 2, rollout)
        for name in ("learning_rate", "entropy", "guidance"):
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


# --- evaluation, logger ---------------------------------------------------------------------------


@dataclass
class EvaluationConfig:
    seed: int = 0  # of the test episodes
    episodes: int = 30  # test episodes of each policy under protocol v5
    v4: bool = True  # also play protocol v4, every start once
    max_steps: int | None = None  # cut every episode after this many steps, for tests only
    workers: int = unkeyed(0)  # processes; 0: one for each core

    def __post_init__(self) -> None:
        require_seed("evaluation.seed", self.seed)
        require("evaluation.episodes", self.episodes, 1)
        require("evaluation.workers", self.workers, 0)
        if self.max_steps is not None:
            require("evaluation.max_steps", self.max_steps, 1)


class Mode(enum.Enum):
    auto = "auto"  # online where there is a key or a login, else offline
    online = "online"
    offline = "offline"


@dataclass
class LoggerConfig:
    """How a run is logged never changes a result: no stage reads this section."""


@dataclass
class WandbLogger(LoggerConfig):
    mode: Mode = unkeyed(Mode.auto)
    project: str = unkeyed("diffses")
    entity: str | None = unkeyed(None)


@dataclass
class NoLogger(LoggerConfig):
    """`metrics.jsonl` alone."""


class Verbosity(enum.Enum):
    quiet = "quiet"  # warnings and the result
    normal = "normal"  # what is done, and bars for what takes a while
    debug = "debug"  # also what the libraries say


# --- all ------------------------------------------------------------------------------------------


@dataclass
class Config:
    env: EnvConfig = MISSING
    teacher: TeacherConfig = MISSING
    detector: DetectorConfig = MISSING
    dataset: DatasetConfig = MISSING
    regressor: RegressorConfig = MISSING
    finetune: FinetuneConfig = MISSING
    evaluation: EvaluationConfig = MISSING
    logger: LoggerConfig = MISSING
    seed: int = 0  # of the search alone: distill and finetune
    stage: Any = unkeyed("all")  # all, one stage's name, or a list of them
    force: list[str] = unkeyed([])  # stages to build again
    verbosity: Verbosity = unkeyed(Verbosity.normal)  # of the terminal and of the log file
    dry_run: bool = unkeyed(False)  # say what would be done, and do nothing
    outputs: str = unkeyed("outputs")  # where artifacts are kept; relative to the project

    def __post_init__(self) -> None:
        require_seed("seed", self.seed)


VARIANTS: dict[str, dict[str, type]] = {
    "env": {"arcade": ArcadeEnv, "gymnasium": GymnasiumEnv},
    "teacher": {
        "ppo": PpoTeacher,
        "ppo_objects": PpoObjectsTeacher,
        "checkpoint": CheckpointTeacher,
        "hub": HubTeacher,
        "pretrained": PretrainedTeacher,
    },
    "detector": {
        "motion": MotionDetector,
        "space": SpaceDetector,
        "oracle": OracleDetector,
        "identity": IdentityDetector,
    },
    "dataset": {"play": DatasetConfig},
    "regressor": {
        "gplearn": GplearnRegressor,
        "operon": OperonRegressor,
        "linear": LinearRegressor,
    },
    "finetune": {
        "guided": SearchFinetune,
        "constants": ConstantsFinetune,
        "none": NoFinetune,
        "zoo": ZooFinetune,
    },
    "evaluation": {"test": EvaluationConfig},
    "logger": {"wandb": WandbLogger, "none": NoLogger},
}


def variants_text() -> str:
    """The variants of each group, one line a group, for `--help`."""
    folder = ROOT / "conf"
    groups = [*VARIANTS, "experiment"]
    return "\n".join(
        f"  {group + ':':<12}{', '.join(sorted(p.stem for p in (folder / group).glob('*.yaml')))}"
        for group in groups
    )


def register() -> None:
    """Gives Hydra the schemas, so a mistyped override fails before anything runs."""
    OmegaConf.register_new_resolver("diffses_variants", variants_text, replace=True)
    store = ConfigStore.instance()
    store.store(name="schema", node=Config)
    for group, variants in VARIANTS.items():
        for name, node in variants.items():
            store.store(group=group, name=f"schema_{name}", node=node)

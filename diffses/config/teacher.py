"""Settings of the `teacher` group."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from omegaconf import MISSING

from diffses.config.base import require, require_seed
from diffses.errors import ConfigError
from diffses.store.keys import content, unkeyed

# --- teacher --------------------------------------------------------------------------------------


@dataclass
class TeacherConfig:
    seed: int = 0  # of the training; apart from the run's `seed`, so a sweep shares one teacher

    def __post_init__(self) -> None:
        require_seed("teacher.seed", self.seed)


@dataclass
class PpoSettings(TeacherConfig):
    """What every training by PPO (Schulman et al. 2017) has."""

    total_timesteps: int = 5_000_000  # environment steps, all environments together
    n_envs: int = 16  # side by side
    n_steps: int = 128  # steps an environment takes between two updates
    batch_size: int = 512  # states in one gradient step
    n_epochs: int = 3  # passes over each rollout
    learning_rate: float = 7e-4  # Adam; falls linearly to `final_learning_rate`
    final_learning_rate: float = 1e-5
    clip_range: float = 0.1  # of the probability ratio
    ent_coef: float = 0.01  # weight of the entropy bonus
    gamma: float = 0.99  # discount a step
    gae_lambda: float = 0.95
    evaluation_every: int = 500_000  # steps between two evaluations; the best policy is kept
    n_eval_episodes: int = 4  # full episodes an evaluation plays
    evaluation_steps: int | None = None  # cut its episodes after this many steps; None: never
    checkpoint_every: int = unkeyed(50_000)  # steps between two files to resume from
    device: str = unkeyed("auto")  # torch device

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("n_envs", "n_steps", "n_epochs", "evaluation_every"):
            require(f"teacher.{name}", getattr(self, name), 1)
        require("teacher.batch_size", self.batch_size, 2)
        require("teacher.n_eval_episodes", self.n_eval_episodes, 1)
        if self.evaluation_steps is not None:
            require("teacher.evaluation_steps", self.evaluation_steps, 1)
        require("teacher.learning_rate", self.learning_rate, 0)
        require("teacher.gamma", self.gamma, 0, 1)
        require("teacher.gae_lambda", self.gae_lambda, 0, 1)
        rollout = self.n_envs * self.n_steps
        if self.total_timesteps < rollout:
            raise ConfigError(
                f"teacher.total_timesteps={self.total_timesteps} is less than one rollout of "
                f"{self.n_envs} environments x {self.n_steps} steps",
                fix=f"teacher.total_timesteps={rollout} or more",
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

    total_timesteps: int = 2_000_000
    batch_size: int = 256
    n_epochs: int = 4
    learning_rate: float = 5e-4
    clip_range: float = 0.2
    net_arch: list[int] = field(default_factory=lambda: [64, 64])  # units of each tanh layer
    rewards: Rewards = Rewards.scaled
    max_steps: int | None = None  # cut training episodes after this many steps; None: never
    # Box actions: first log of the standard deviation, in units of the action
    log_std_init: float = 0.0
    # Box actions: noise that depends on the state and is drawn anew after this many steps
    # (gSDE, Raffin et al. 2021, arXiv:2005.05719); None: fresh noise each step
    sde_sample_freq: int | None = None
    evaluation_every: int = 200_000
    workers: int = unkeyed(0)  # processes that play; 0: one for each core, 1: this one

    def __post_init__(self) -> None:
        super().__post_init__()
        for units in self.net_arch:
            require("teacher.net_arch", units, 1)
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

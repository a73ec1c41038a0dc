"""Settings of the `teacher` group."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from omegaconf import MISSING

from diffses.config.base import require, require_seed
from diffses.errors import ConfigError
from diffses.store.keys import content, unkeyed


@dataclass
class TeacherConfig:
    """What all teachers have."""

    seed: int = 0  # of the training; not the run's `seed`, so that a sweep shares one teacher

    def __post_init__(self) -> None:
        require_seed("teacher.seed", self.seed)


@dataclass
class PpoSettings(TeacherConfig):
    """Training by PPO (Schulman et al. 2017). Names are those of Stable-Baselines3 (SB3)."""

    total_timesteps: int = 5_000_000  # environment steps, of all environments together
    n_envs: int = 16  # environments in parallel
    n_steps: int = 128  # steps per environment between two updates
    batch_size: int = 512  # states per gradient step
    n_epochs: int = 3  # passes over each rollout
    learning_rate: float = 7e-4  # of Adam at the start; decreases linearly
    final_learning_rate: float = 1e-5  # of Adam at the end
    clip_range: float = 0.1  # of the probability ratio
    ent_coef: float = 0.01  # weight of the entropy bonus
    gamma: float = 0.99  # discount per step
    gae_lambda: float = 0.95  # of generalised advantage estimation
    evaluation_every: int = (
        500_000  # environment steps between evaluations; the best policy is kept
    )
    n_eval_episodes: int = 4  # episodes per evaluation
    evaluation_steps: int | None = (
        None  # truncate these episodes after this many steps; None: never
    )
    checkpoint_every: int = unkeyed(50_000)  # environment steps between two checkpoints
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
    """Networks on frames."""

    lean = "lean"  # two convolutions, 256 units, bfloat16: Mnih et al. 2013
    nature = "nature"  # three convolutions, 512 units, bfloat16: Mnih et al. 2015, SB3's layers


@dataclass
class PpoTeacher(PpoSettings):
    """PPO from stacks of four 84x84 frames."""

    network: Network = Network.lean  # of actor and critic
    start_from: str | None = content(None)  # path of an SB3 zip to continue training from
    threads: int = unkeyed(2)  # number of threads, of torch and of the emulator each

    def __post_init__(self) -> None:
        super().__post_init__()
        require("teacher.threads", self.threads, 1)


class Rewards(enum.Enum):
    """How rewards are scaled for training. Reported returns are never scaled."""

    raw = "raw"  # unchanged
    sign = "sign"  # clipped to their sign
    scaled = "scaled"  # divided by the running standard deviation of the discounted return


@dataclass
class PpoObjectsTeacher(PpoSettings):
    """PPO from the detector's features, normalised. A small network: minutes on a CPU."""

    total_timesteps: int = 2_000_000
    batch_size: int = 256
    n_epochs: int = 4
    learning_rate: float = 5e-4
    clip_range: float = 0.2
    net_arch: list[int] = field(default_factory=lambda: [64, 64])  # units per tanh layer
    rewards: Rewards = Rewards.scaled  # scaling of the rewards
    max_steps: int | None = None  # truncate training episodes after this many steps; None: never
    # Box actions: initial log standard deviation, in units of the action
    log_std_init: float = 0.0
    # Box actions: steps between two samples of state-dependent noise (gSDE, Raffin et al. 2021,
    # arXiv:2005.05719); None: independent noise at each step
    sde_sample_freq: int | None = None
    evaluation_every: int = 200_000
    workers: int = unkeyed(0)  # number of processes; 0: one per core; 1: this process

    def __post_init__(self) -> None:
        super().__post_init__()
        for units in self.net_arch:
            require("teacher.net_arch", units, 1)
        if self.max_steps is not None:
            require("teacher.max_steps", self.max_steps, 1)
        require("teacher.workers", self.workers, 0)


@dataclass
class CheckpointTeacher(TeacherConfig):
    """An agent saved by Stable-Baselines3 (SB3). `seed` has no effect."""

    path: str = content(MISSING)  # the .zip file that `model.save` wrote
    algorithm: str = "ppo"  # ppo, a2c or dqn
    seed: int = unkeyed(0)


@dataclass
class HubTeacher(TeacherConfig):
    """An agent of the RL Zoo on the Hugging Face Hub. `seed` has no effect."""

    repo_id: str = "sb3/ppo-PongNoFrameskip-v4"  # on the Hub
    filename: str = "ppo-PongNoFrameskip-v4.zip"  # in the repository
    revision: str = MISSING  # commit of the repository: 40 hex digits
    algorithm: str = "ppo"  # ppo, a2c or dqn
    seed: int = unkeyed(0)


@dataclass
class PretrainedTeacher(TeacherConfig):
    """The shipped agent of the game. `seed` has no effect."""

    path: str | None = content(
        None
    )  # file of an agent; None: diffses/teacher/pretrained/<game>.zip
    seed: int = unkeyed(0)

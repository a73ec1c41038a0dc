"""Settings of the `teacher` group."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import ClassVar

from omegaconf import MISSING

from diffses.config.base import MAX_THREADS, Section, number, seed_number
from diffses.errors import ConfigError
from diffses.store.keys import content, unkeyed


@dataclass
class TeacherConfig(Section):
    """What all teachers have."""

    GROUP: ClassVar[str] = "teacher"

    # of the training; not the run's `seed`, so that a sweep shares one teacher
    seed: int = seed_number()


@dataclass
class PpoSettings(TeacherConfig):
    """Training by PPO (Schulman et al. 2017). Names are those of Stable-Baselines3 (SB3)."""

    total_timesteps: int = number(5_000_000, 1)  # environment steps, of all environments together
    n_envs: int = number(16, 1, 4096)  # environments in parallel
    n_steps: int = number(128, 1)  # steps per environment between two updates
    batch_size: int = number(512, 2)  # states per gradient step
    n_epochs: int = number(3, 1)  # passes over each rollout
    # of Adam at the start; decreases linearly
    learning_rate: float = number(7e-4, 0, 1, above=True)
    final_learning_rate: float = number(1e-5, 0, 1)  # of Adam at the end
    clip_range: float = number(0.1, 0, above=True)  # of the probability ratio
    ent_coef: float = number(0.01, 0)  # weight of the entropy bonus
    gamma: float = number(0.99, 0, 1)  # discount per step
    gae_lambda: float = number(0.95, 0, 1)  # of generalised advantage estimation
    # environment steps between evaluations; the best policy is kept
    evaluation_every: int = number(500_000, 1)
    n_eval_episodes: int = number(4, 1)  # episodes per evaluation
    # truncate these episodes after this many steps; None: never
    evaluation_steps: int | None = number(None, 1)
    # environment steps between two checkpoints
    checkpoint_every: int = number(50_000, 1, keyed=False)
    device: str = unkeyed("auto")  # torch device

    def __post_init__(self) -> None:
        super().__post_init__()
        rollout = self.n_envs * self.n_steps
        if self.total_timesteps < rollout:
            raise ConfigError(
                f"teacher.total_timesteps={self.total_timesteps} is less than one rollout of "
                f"{self.n_envs} environments x {self.n_steps} steps",
                fix=f"teacher.total_timesteps={rollout}",
            )
        if self.batch_size > rollout:
            raise ConfigError(
                f"teacher.batch_size={self.batch_size} is more than one rollout of {rollout} steps",
                fix=f"teacher.batch_size={rollout}",
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
    # number of threads, of torch and of the emulator each
    threads: int = number(2, 1, MAX_THREADS, keyed=False)


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
    net_arch: list[int] = number([64, 64], 1, 65_536)  # units per tanh layer
    rewards: Rewards = Rewards.scaled  # scaling of the rewards
    # truncate training episodes after this many steps; None: never
    max_steps: int | None = number(None, 1)
    # Box actions: initial log standard deviation, in units of the action
    log_std_init: float = number(0.0, -20, 10)
    # Box actions: steps between two samples of state-dependent noise (gSDE, Raffin et al. 2021,
    # arXiv:2005.05719); None: independent noise at each step
    sde_sample_freq: int | None = number(None, 1)
    evaluation_every: int = 200_000
    # number of processes; 0: one per core; 1: this process
    workers: int = number(0, 0, MAX_THREADS, keyed=False)


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

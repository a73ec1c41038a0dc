"""The two learners that are compared: this package's PPO and Stable-Baselines3's stock pipeline."""

from __future__ import annotations

import time

import ale_py
import gymnasium
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_atari_env
from stable_baselines3.common.utils import LinearSchedule
from stable_baselines3.common.vec_env import VecEnv, VecFrameStack

from diffses.config import ArcadeEnv, Network, PpoTeacher
from diffses.seeds import seed_for
from diffses.teacher.ppo_pixels import new_learner, open_games

PONG = ArcadeEnv(game="pong")
STOCK_STEPS = 10_000_000  # over which the RL zoo lets its learning rate fall


def stock_games(seed: int) -> VecEnv:
    """SB3's eight games as `make_atari_env` and `VecFrameStack` make them, under v5's sticky
    actions, so that both learners play the same game."""
    gymnasium.register_envs(ale_py)
    sticky = {"repeat_action_probability": PONG.sticky}
    games = make_atari_env(
        "PongNoFrameskip-v4", 8, seed=seed_for(seed, "teacher", "games"), env_kwargs=sticky
    )
    return VecFrameStack(games, 4)


def stock(games: VecEnv, seed: int) -> PPO:
    """SB3's PPO with the RL zoo's settings for Atari games (rl-baselines3-zoo, ppo.yml)."""
    return PPO(
        "CnnPolicy",
        games,
        n_steps=128,
        batch_size=256,
        n_epochs=4,
        learning_rate=LinearSchedule(2.5e-4, 0.0, 1.0),
        clip_range=LinearSchedule(0.1, 0.0, 1.0),
        ent_coef=0.01,
        vf_coef=0.5,
        seed=seed_for(seed, "teacher"),
        device="cpu",
    )


def same_network(threads: int, seed: int = 0) -> PpoTeacher:
    """Our pipeline with the network, the games and the updates a step of `stock`."""
    return PpoTeacher(
        seed=seed,
        network=Network.nature,
        n_envs=8,
        n_steps=128,
        batch_size=256,
        n_epochs=4,
        learning_rate=2.5e-4,
        final_learning_rate=0.0,
        threads=threads,
        device="cpu",
    )


def default(threads: int, seed: int = 0) -> PpoTeacher:
    """What `teacher=ppo` trains."""
    return PpoTeacher(seed=seed, threads=threads, device="cpu")


def learner(name: str, threads: int, seed: int = 0) -> PPO:
    """A new learner on Pong: "stock", "default" or "same_network"."""
    torch.set_num_threads(threads)
    if name == "stock":
        return stock(stock_games(seed), seed)
    settings = {"default": default, "same_network": same_network}[name](threads, seed)
    return new_learner(open_games(PONG, settings), settings, None)


def learn(model: PPO, rollouts: int) -> float:
    """Plays and learns for some rollouts; steps a second."""
    before, started = model.num_timesteps, time.perf_counter()
    model.learn(rollouts * model.n_steps * model.n_envs, reset_num_timesteps=False)
    return (model.num_timesteps - before) / (time.perf_counter() - started)

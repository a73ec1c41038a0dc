"""PPO (Schulman et al. 2017): what the teachers from pixels and from objects share."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.utils import LinearSchedule
from stable_baselines3.common.vec_env import VecEnv

from diffses.config import PpoSettings
from diffses.seeds import seed_for
from diffses.store import Workspace
from diffses.teacher.callback import TrainingCallback

log = logging.getLogger("diffses")


def new_ppo(
    policy: str | type[ActorCriticPolicy],
    envs: VecEnv,
    teacher: PpoSettings,
    scratch: Path | None,
    **more: Any,
) -> PPO:
    """An untrained SB3 PPO model.

    Args:
        policy: SB3's name of a policy, or its class.
        envs: to train on.
        teacher: hyper-parameters.
        scratch: folder for TensorBoard's logs; None: no logs.
        more: further arguments of `PPO`.
    """
    return PPO(
        policy,
        envs,
        n_steps=teacher.n_steps,
        batch_size=teacher.batch_size,
        n_epochs=teacher.n_epochs,
        learning_rate=LinearSchedule(teacher.learning_rate, teacher.final_learning_rate, 1.0),
        clip_range=teacher.clip_range,
        ent_coef=teacher.ent_coef,
        gamma=teacher.gamma,
        gae_lambda=teacher.gae_lambda,
        seed=seed_for(teacher.seed, "teacher"),
        device=teacher.device,
        tensorboard_log=None if scratch is None else str(scratch / "tensorboard"),
        **more,
    )


def train(
    new: Callable[[], PPO],
    envs: VecEnv,
    callback: TrainingCallback,
    workspace: Workspace,
    *,
    threads: int,
    callbacks: Sequence[BaseCallback] = (),
) -> dict[str, object]:
    """Trains a model and writes `policy.zip`, the best policy met, and `curve.csv`.

    Resumes from the last checkpoint if there is one (`teacher.checkpoint_every`).

    Args:
        new: makes the untrained model.
        envs: to train on; closed at the end.
        callback: evaluates, keeps the best policy and writes checkpoints.
        workspace: the artifact to write.
        threads: number of torch threads.
        callbacks: further ones, called before `callback`.

    Returns:
        Entries of the artifact's `teacher.json`.
    """
    torch.set_num_threads(threads)
    checkpoint = workspace.scratch / "checkpoint.zip"
    try:
        if checkpoint.exists():
            log.info("resuming from %s", checkpoint)
            model = PPO.load(checkpoint, env=envs, device=callback.settings.device)
        else:
            model = new()
        left = callback.settings.total_timesteps - model.num_timesteps
        if left > 0:
            model.learn(left, callback=[*callbacks, callback], reset_num_timesteps=False)
        callback.close()
    finally:
        envs.close()
    return callback.write_artifact(workspace) | {"steps": model.num_timesteps}

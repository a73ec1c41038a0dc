"""Training by PPO: what learners from pixels and from objects share. Resumable, the best kept."""

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
from diffses.teacher.callback import Keeper

log = logging.getLogger("diffses")


def new_ppo(
    policy: str | type[ActorCriticPolicy],
    envs: VecEnv,
    teacher: PpoSettings,
    scratch: Path | None,
    **more: Any,
) -> PPO:
    """A learner that knows nothing yet.

    Args:
        scratch: where TensorBoard's logs go; None: there are none.
        more: goes to PPO.
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


def learn(
    new: Callable[[], PPO],
    envs: VecEnv,
    keeper: Keeper,
    workspace: Workspace,
    *,
    threads: int,
    callbacks: Sequence[BaseCallback] = (),
) -> dict[str, object]:
    """Trains, and writes `policy.zip` and `curve.csv`. Returns what to say about it.

    A run that was killed goes on from its last checkpoint (`teacher.checkpoint_every` steps).

    Args:
        new: a learner, for where there is no checkpoint.
        envs: what it learns on; closed in the end.
        threads: of torch.
        callbacks: called before the keeper.
    """
    torch.set_num_threads(threads)
    checkpoint = workspace.scratch / "checkpoint.zip"
    try:
        if checkpoint.exists():
            log.info("resuming from %s", checkpoint)
            model = PPO.load(checkpoint, env=envs, device=keeper.settings.device)
        else:
            model = new()
        left = keeper.settings.total_timesteps - model.num_timesteps
        if left > 0:
            model.learn(left, callback=[*callbacks, keeper], reset_num_timesteps=False)
        keeper.close()
    finally:
        envs.close()
    return keeper.leave(workspace) | {"steps": model.num_timesteps}

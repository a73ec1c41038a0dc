"""PPO on the detector's features."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import VecEnv, VecNormalize

from diffses.agents.object_vec_env import ObjectVecEnv
from diffses.agents.vec_worker import VecEnvConfig
from diffses.config import EnvConfig, PpoObjectsTeacher, Rewards
from diffses.detector.base import AnyDetector
from diffses.detector.loading import open_detector
from diffses.envs.registry import search_protocol
from diffses.envs.rollout import Agent
from diffses.seeds import seed_for
from diffses.store import Workspace
from diffses.teacher.agent import TeacherAgent
from diffses.teacher.callback import TrainingCallback
from diffses.teacher.mlp import NumpyActor, ObjectTeacher
from diffses.teacher.normalizer import RunningNormalizer, UpdateNormalizer
from diffses.teacher.ppo import new_ppo, train


def train_on_objects(
    env: EnvConfig, teacher: PpoObjectsTeacher, folder: Path, workspace: Workspace
) -> dict[str, object]:
    """Trains a teacher and writes `policy.zip` and `curve.csv`.

    Args:
        env: to train on.
        teacher: hyper-parameters.
        folder: of the detector's artifact.
        workspace: the artifact to write.

    Returns:
        Entries of the artifact's `teacher.json`.
    """
    protocol, detector = search_protocol(env), open_detector(folder)
    config = VecEnvConfig(
        protocol,
        str(folder),
        seed_for(teacher.seed, "teacher", "games"),
        sign=teacher.rewards is Rewards.sign,
        max_steps=teacher.max_steps,
    )
    envs: VecEnv = ObjectVecEnv(config, teacher.n_envs, teacher.workers)
    if teacher.rewards is Rewards.scaled:
        envs = VecNormalize(envs, norm_obs=False, gamma=teacher.gamma)
    more = policy_settings(teacher)
    callback = TrainingCallback(
        teacher, protocol, partial(greedy_agent, detector=detector), workspace.scratch
    )
    about = train(
        lambda: new_ppo("MlpPolicy", envs, teacher, workspace.scratch, **more),
        envs,
        callback,
        workspace,
        threads=1,
        callbacks=[UpdateNormalizer()],
    )
    return about | {"sees": "objects", "features": detector.features}


def policy_settings(teacher: PpoObjectsTeacher) -> dict[str, Any]:
    """Arguments of SB3's `PPO` for the network and, for Box actions, the exploration noise."""
    hidden = list(teacher.net_arch)
    policy: dict[str, Any] = {
        "features_extractor_class": RunningNormalizer,
        "net_arch": {"pi": hidden, "vf": hidden},
        "log_std_init": teacher.log_std_init,
    }
    if teacher.sde_sample_freq is None:
        return {"policy_kwargs": policy}
    return {"policy_kwargs": policy, "use_sde": True, "sde_sample_freq": teacher.sde_sample_freq}


def greedy_agent(model: PPO, detector: AnyDetector) -> Agent:
    """An agent that takes the greedy actions of the model as it is now."""
    return TeacherAgent(ObjectTeacher(NumpyActor(model.policy)), detector)

"""A vectorised environment of object features, for the algorithms of Stable-Baselines3 (SB3).

Environments and detectors are the same as in `envs.rollout`: an episode depends on its seed and
its actions, not on the number of environments or workers.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium.spaces import Box, Discrete

from diffses.agents.vec_worker import (
    InProcessWorker,
    Stepped,
    SubprocessWorker,
    VecEnvConfig,
    Worker,
)
from diffses.detector.loading import open_detector
from diffses.envs.base_vec_env import BaseVecEnv


class ObjectVecEnv(BaseVecEnv):
    """`n_envs` environments whose observations are detector features, float32 (n_envs, f).

    When environment i ends an episode, `infos[i]["episode"]` holds the unclipped return "r", the
    length "l" in steps and the time "t" in seconds. Actions are indices into `config.actions`, or
    values within the bounds of a Box.

    Args:
        config: of every environment.
        n_envs: number of environments.
        workers: number of processes, which share the environments; 0: one per core; 1: this
            process.
    """

    def __init__(self, config: VecEnvConfig, n_envs: int, workers: int = 1) -> None:
        env = config.protocol.make_env()
        width = len(open_detector(Path(config.detector)).features)
        action_space: Box | Discrete
        if env.bounds is not None:
            low, high = np.array(env.bounds, np.float32).T
            action_space = Box(low, high)
        else:
            offered = env.action_names if config.actions is None else config.actions
            action_space = Discrete(len(offered))
        workers = min(workers or os.cpu_count() or 1, n_envs)
        kind = InProcessWorker if workers == 1 else SubprocessWorker
        self._shares = np.array_split(np.arange(n_envs), workers)
        self._workers: list[Worker] = [kind(config, share.tolist()) for share in self._shares]
        super().__init__(n_envs, Box(-np.inf, np.inf, (width,), np.float32), action_space)

    def reset(self) -> np.ndarray:
        for worker in self._workers:
            worker.send("reset")
        return np.concatenate([worker.recv() for worker in self._workers])

    def step_async(self, actions: np.ndarray) -> None:
        for worker, share in zip(self._workers, self._shares, strict=True):
            worker.send("step", [actions[i] for i in share])

    def step_wait(self) -> Any:
        stepped: list[Stepped] = [worker.recv() for worker in self._workers]
        rows, rewards, done, infos = zip(*stepped, strict=True)
        all_infos = [info for some in infos for info in some]
        return np.concatenate(rows), np.concatenate(rewards), np.concatenate(done), all_infos

    def close(self) -> None:
        for worker in self._workers:
            worker.close()

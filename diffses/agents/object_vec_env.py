"""The rollout engine's second face: episodes side by side, as SB3's algorithms want them.

A slot is a console and a detector, stepped by the same code as in `play`: what an episode gives
depends on its seed and the actions alone, not on how many slots or workers there are.
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
    """What the detector sees of `slots` consoles, float32 (slots, f), for SB3's algorithms.

    `infos[i]["episode"]` holds the true return "r", the length "l" in steps and the seconds "t"
    when slot i ends an episode. Actions are indices into those offered, or values within the bounds
    of a Box.

    Args:
        config: what is played.
        slots: how many consoles there are.
        workers: processes that share the slots; 0 means one for each core. With 1 they are
            stepped in this process.
    """

    def __init__(self, config: VecEnvConfig, slots: int, workers: int = 1) -> None:
        env = config.protocol.make_env()
        width = len(open_detector(Path(config.detector)).features)
        acts: Box | Discrete
        if env.bounds is not None:
            low, high = np.array(env.bounds, np.float32).T
            acts = Box(low, high)
        else:
            offered = env.action_names if config.actions is None else config.actions
            acts = Discrete(len(offered))
        workers = min(workers or os.cpu_count() or 1, slots)
        kind = InProcessWorker if workers == 1 else SubprocessWorker
        self._shares = np.array_split(np.arange(slots), workers)
        self._groups: list[Worker] = [kind(config, share.tolist()) for share in self._shares]
        super().__init__(slots, Box(-np.inf, np.inf, (width,), np.float32), acts)

    def reset(self) -> np.ndarray:
        for group in self._groups:
            group.send("reset")
        return np.concatenate([group.recv() for group in self._groups])

    def step_async(self, actions: np.ndarray) -> None:
        for group, share in zip(self._groups, self._shares, strict=True):
            group.send("step", [actions[i] for i in share])

    def step_wait(self) -> Any:
        done: list[Stepped] = [group.recv() for group in self._groups]
        rows, rewards, over, infos = zip(*done, strict=True)
        together = [info for some in infos for info in some]
        return np.concatenate(rows), np.concatenate(rewards), np.concatenate(over), together

    def close(self) -> None:
        for group in self._groups:
            group.close()

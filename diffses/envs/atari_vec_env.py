"""Many Atari games at once for PPO: ALE's native vector environment behind SB3's `VecEnv`."""

from __future__ import annotations

from typing import Any

import numpy as np
from ale_py.vector_env import AtariVectorEnv

from diffses.envs.base_vec_env import BaseVecEnv
from diffses.seeds import seed_for


class AtariPixelVecEnv(BaseVecEnv):
    """84x84 grey, max-pooled, stacked frames of `slots` games, stepped by ALE's own C++ threads.

    Observations are uint8 of shape (slots, 4, 84, 84), oldest frame first. The learner is given
    sign(reward), the usual clipping; `infos[i]["episode"]` holds the true return "r" and the
    length "l" in steps when game i ends.

    Args:
        game: the ROM's name, as in `ale_py.roms`.
        slots: how many games run side by side.
        seed: of the first reset; each slot gets a stream of its own.
        threads: of the emulator.
        sticky: probability that the console repeats the previous action (Machado et al. 2018).
    """

    def __init__(
        self,
        game: str,
        slots: int,
        *,
        seed: int,
        threads: int = 1,
        frame_skip: int = 4,
        sticky: float = 0.25,
        noop_max: int = 30,
        fire_reset: bool = True,
        max_frames: int = 108_000,
    ) -> None:
        self._games = AtariVectorEnv(
            game,
            slots,
            num_threads=threads,
            autoreset_mode="SameStep",
            frameskip=frame_skip,
            repeat_action_probability=sticky,
            noop_max=noop_max,
            use_fire_reset=fire_reset,
            max_num_frames_per_episode=max_frames,
            reward_clipping=False,
        )
        self._first_seeds: np.ndarray | None = np.array(
            [seed_for(seed, "slot", i) for i in range(slots)], dtype=np.int64
        )
        self._returns = np.zeros(slots)
        self._lengths = np.zeros(slots, dtype=np.int64)
        super().__init__(
            slots, self._games.single_observation_space, self._games.single_action_space
        )

    def reset(self) -> np.ndarray:
        frames, _ = self._games.reset(seed=self._first_seeds)
        self._first_seeds = None  # a later reset goes on with the same random streams
        self._returns[:] = 0
        self._lengths[:] = 0
        return np.asarray(frames)

    def step_async(self, actions: np.ndarray) -> None:
        self._games.send(np.asarray(actions, dtype=np.int64))

    def step_wait(self) -> Any:
        frames, rewards, ended, cut, info = self._games.recv()
        self._returns += rewards
        self._lengths += 1
        over = ended | cut
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for i in np.flatnonzero(over):
            infos[i] = {
                "terminal_observation": info["final_obs"][i],
                "TimeLimit.truncated": bool(cut[i] and not ended[i]),
                "episode": {"r": float(self._returns[i]), "l": int(self._lengths[i]), "t": 0.0},
            }
            self._returns[i] = 0
            self._lengths[i] = 0
        return frames, np.sign(rewards).astype(np.float32), over, infos

    def close(self) -> None:
        self._games.close()

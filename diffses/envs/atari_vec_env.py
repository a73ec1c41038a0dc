"""Many Atari games at once for PPO: ALE's native vector environment behind SB3's `VecEnv`."""

from __future__ import annotations

from typing import Any

import numpy as np
from ale_py.vector_env import AtariVectorEnv

from diffses.envs.base_vec_env import BaseVecEnv
from diffses.seeds import seed_for


class AtariPixelVecEnv(BaseVecEnv):
    """84x84 grey, max-pooled, stacked frames of `n_envs` games, stepped by ALE's C++ threads.

    Observations are uint8 of shape (n_envs, 4, 84, 84), oldest frame first. Rewards are
    clipped to their sign, as usual; `infos[i]["episode"]` holds the unclipped return "r" and the
    length "l" in steps when the episode of game i ends.

    Args:
        game: the ROM's name, as in `ale_py.roms`.
        n_envs: number of games that run in parallel.
        seed: of the first reset; each game gets an independent random stream.
        threads: number of emulator threads.
        frame_skip: frames an action is held.
        sticky: probability that the previous action is repeated (Machado et al. 2018).
        noop_max: an episode starts after up to this many no-ops.
        fire_reset: whether FIRE is pressed at the start, where the game has it.
        max_frames: time limit of an episode, in frames.
    """

    def __init__(
        self,
        game: str,
        n_envs: int,
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
            n_envs,
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
            [seed_for(seed, "slot", i) for i in range(n_envs)], dtype=np.int64
        )
        self._returns = np.zeros(n_envs)
        self._lengths = np.zeros(n_envs, dtype=np.int64)
        super().__init__(
            n_envs, self._games.single_observation_space, self._games.single_action_space
        )

    def reset(self) -> np.ndarray:
        frames, _ = self._games.reset(seed=self._first_seeds)
        self._first_seeds = None  # later resets continue the same random streams
        self._returns[:] = 0
        self._lengths[:] = 0
        return np.asarray(frames)

    def step_async(self, actions: np.ndarray) -> None:
        self._games.send(np.asarray(actions, dtype=np.int64))

    def step_wait(self) -> Any:
        frames, rewards, terminated, truncated, info = self._games.recv()
        self._returns += rewards
        self._lengths += 1
        done = terminated | truncated
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for i in np.flatnonzero(done):
            infos[i] = {
                "terminal_observation": info["final_obs"][i],
                "TimeLimit.truncated": bool(truncated[i] and not terminated[i]),
                "episode": {"r": float(self._returns[i]), "l": int(self._lengths[i]), "t": 0.0},
            }
            self._returns[i] = 0
            self._lengths[i] = 0
        return frames, np.sign(rewards).astype(np.float32), done, infos

    def close(self) -> None:
        self._games.close()

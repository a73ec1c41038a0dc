"""Runtime of an exported file that plays a Gymnasium task; its source is copied into the file."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np

from diffses.seeds import seed_for


def main(task: dict[str, str], columns: list[int], act: Callable[[np.ndarray], Any]) -> None:
    """Plays the test episodes of a Gymnasium task and prints their returns.

    columns: indices into the flat observation, in the order of the features.
    """
    parser = argparse.ArgumentParser(description="Plays the task.")
    parser.add_argument("--episodes", type=int, default=1, help="how many episodes to play")
    parser.add_argument("--seed", type=int, default=0, help="names the episodes: evaluation.seed")
    options = parser.parse_args()
    env: Any = gymnasium.make(task["id"], disable_env_checker=True, **json.loads(task["options"]))
    space = env.action_space
    returns: list[float] = []
    for episode in range(options.episodes):
        seen, _ = env.reset(seed=seed_for(options.seed, "test", episode))
        total, steps, over = 0.0, 0, False
        while not over:
            action: Any = act(np.asarray(seen, np.float64).ravel()[columns])
            if hasattr(space, "n"):
                action = int(space.start) + int(action)
            else:
                action = np.asarray(action, space.dtype).reshape(space.shape)
            seen, reward, ended, cut, _ = env.step(action)
            total, steps, over = total + float(reward), steps + 1, ended or cut
        returns.append(total)
        print(f"episode {episode}: return {total:g}, {steps} steps", flush=True)
    print(f"mean {sum(returns) / len(returns):g}")

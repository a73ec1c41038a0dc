"""Settings of the `dataset` stage."""

from __future__ import annotations

import math
from dataclasses import dataclass

from diffses.config.base import require, require_seed
from diffses.errors import ConfigError
from diffses.store.keys import content, unkeyed


@dataclass
class DatasetConfig:
    """Recorded steps: the detector's features and the teacher's action scores."""

    seed: int = 0  # of the recorded episodes
    states: int = 20_000  # recorded steps for fitting
    held_out: int = 5_000  # recorded steps, from other episodes, for measuring agreement
    random_actions: float = 0.1  # share of the steps with a random action, 0 to 1
    rounds: int = 3  # of DAgger: from the second on, a linear student plays and the teacher labels
    import_json: str | None = content(None)  # path of a JSON file to import instead of recording
    workers: int = unkeyed(0)  # number of processes; 0: one per core

    def __post_init__(self) -> None:
        require_seed("dataset.seed", self.seed)
        require("dataset.states", self.states, 50)
        require("dataset.held_out", self.held_out, 10)
        require("dataset.random_actions", self.random_actions, 0, 1)
        require("dataset.rounds", self.rounds, 1, 100)
        if (self.rounds - 1) * -(-self.states // self.rounds) >= self.states:
            raise ConfigError(
                f"dataset.states={self.states} cannot be divided into {self.rounds} rounds",
                fix=f"dataset.rounds={math.isqrt(self.states)}",
            )
        require("dataset.workers", self.workers, 0)

"""Settings of the `dataset` stage."""

from __future__ import annotations

import math
from dataclasses import dataclass

from diffses.config.base import require, require_seed
from diffses.errors import ConfigError
from diffses.store.keys import content, unkeyed

# --- dataset --------------------------------------------------------------------------------------


@dataclass
class DatasetConfig:
    """The teacher's play, with what the detector saw and what the teacher would do."""

    seed: int = 0  # of the recorded play
    states: int = 20_000  # recorded steps to fit on
    held_out: int = 5_000  # recorded steps, of other episodes, to measure agreement on
    random_actions: float = 0.1  # share of the steps on which a random action is played instead
    rounds: int = (
        3  # of DAgger: in each but the first, a linear student plays and the teacher labels
    )
    import_json: str | None = content(None)  # read the original's JSON form instead of playing
    workers: int = unkeyed(0)  # processes; 0: one for each core

    def __post_init__(self) -> None:
        require_seed("dataset.seed", self.seed)
        require("dataset.states", self.states, 50)
        require("dataset.held_out", self.held_out, 10)
        require("dataset.random_actions", self.random_actions, 0, 1)
        require("dataset.rounds", self.rounds, 1, 100)
        if (self.rounds - 1) * -(-self.states // self.rounds) >= self.states:
            raise ConfigError(
                f"dataset.states={self.states} cannot be shared out to {self.rounds} rounds",
                fix=f"dataset.rounds={math.isqrt(self.states)}",
            )
        require("dataset.workers", self.workers, 0)

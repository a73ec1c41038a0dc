"""Settings of the `evaluate` stage."""

from __future__ import annotations

from dataclasses import dataclass

from diffses.config.base import require, require_seed
from diffses.store.keys import unkeyed

# --- evaluation, logger ---------------------------------------------------------------------------


@dataclass
class EvaluationConfig:
    seed: int = 0  # of the test episodes
    episodes: int = 30  # test episodes of each policy under protocol v5
    v4: bool = True  # also play protocol v4, every start once
    max_steps: int | None = None  # cut every episode after this many steps, for tests only
    workers: int = unkeyed(0)  # processes; 0: one for each core

    def __post_init__(self) -> None:
        require_seed("evaluation.seed", self.seed)
        require("evaluation.episodes", self.episodes, 1)
        require("evaluation.workers", self.workers, 0)
        if self.max_steps is not None:
            require("evaluation.max_steps", self.max_steps, 1)

"""Settings of the `evaluate` stage."""

from __future__ import annotations

from dataclasses import dataclass

from diffses.config.base import require, require_seed
from diffses.store.keys import unkeyed


@dataclass
class EvaluationConfig:
    """Test episodes of all policies of a run."""

    seed: int = 0  # of the test episodes
    episodes: int = 30  # test episodes per policy under the headline protocol
    v4: bool = True  # Atari: also test under protocol v4, once per starting state
    max_steps: int | None = None  # truncate episodes after this many steps (for tests); None: never
    workers: int = unkeyed(0)  # number of processes; 0: one per core

    def __post_init__(self) -> None:
        require_seed("evaluation.seed", self.seed)
        require("evaluation.episodes", self.episodes, 1)
        require("evaluation.workers", self.workers, 0)
        if self.max_steps is not None:
            require("evaluation.max_steps", self.max_steps, 1)

"""Settings of the `dataset` stage."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from diffses.config.base import MAX_THREADS, Section, number, seed_number
from diffses.errors import ConfigError
from diffses.store.keys import content


@dataclass
class DatasetConfig(Section):
    """Recorded steps: the detector's features and the teacher's action scores."""

    GROUP: ClassVar[str] = "dataset"

    seed: int = seed_number()  # of the recorded episodes
    states: int = number(20_000, 50)  # recorded steps for fitting
    # recorded steps, from other episodes, for measuring agreement
    held_out: int = number(5_000, 10)
    random_actions: float = number(0.1, 0, 1)  # share of the steps with a random action, 0 to 1
    # of DAgger: from the second on, a linear student plays and the teacher labels
    rounds: int = number(3, 1, 100)
    import_json: str | None = content(None)  # path of a JSON file to import instead of recording
    workers: int = number(0, 0, MAX_THREADS, keyed=False)  # number of processes; 0: one per core

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.rounds - 1) * -(-self.states // self.rounds) >= self.states:
            raise ConfigError(
                f"dataset.states={self.states} cannot be divided into {self.rounds} rounds",
                fix=f"dataset.rounds={math.isqrt(self.states)}",
            )

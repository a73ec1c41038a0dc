"""Settings of the `evaluate` stage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from diffses.config.base import MAX_THREADS, Section, number, seed_number


@dataclass
class EvaluationConfig(Section):
    """Test episodes of all policies of a run."""

    GROUP: ClassVar[str] = "evaluation"

    seed: int = seed_number()  # of the test episodes
    episodes: int = number(30, 1)  # test episodes per policy under the headline protocol
    v4: bool = True  # Atari: also test under protocol v4, once per starting state
    # truncate episodes after this many steps (for tests); None: never
    max_steps: int | None = number(None, 1)
    workers: int = number(0, 0, MAX_THREADS, keyed=False)  # number of processes; 0: one per core

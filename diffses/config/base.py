"""Checks that every section of the config shares."""

from __future__ import annotations

import math
from collections.abc import Collection
from pathlib import Path

from diffses.errors import ConfigError

ROOT = Path(__file__).parents[2]  # of the project: conf/, outputs/ and multirun_sweeps/ lie here
MAX_SEED = 2**31 - 1  # ALE takes a signed int32 and reads a negative seed as "unseeded"


def require(name: str, value: float, low: float, high: float | None = None) -> None:
    """Raises ConfigError unless low <= value <= high (no upper limit where high is None)."""
    if not low <= value <= (math.inf if high is None else high):  # nor for nan
        wanted = f"{low} or more" if high is None else f"a value from {low} to {high}"
        raise ConfigError(f"{name}={value} is out of range", fix=f"{name}=<{wanted}>")


def require_seed(name: str, value: int) -> None:
    require(name, value, 0, MAX_SEED)


def require_names(name: str, given: Collection[str], known: Collection[str]) -> None:
    """Raises ConfigError unless there is at least one name and all are known."""
    unknown = [one for one in given if one not in known]
    if unknown or not given:
        raise ConfigError(
            f"{name}: {', '.join(unknown) or 'none given'}",
            fix=f"{name}: one or more of {', '.join(known)}",
        )

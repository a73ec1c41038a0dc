"""Checks of values that all groups use."""

from __future__ import annotations

import math
from collections.abc import Collection
from pathlib import Path

from diffses.errors import ConfigError

ROOT = Path(__file__).parents[2]  # of the project, with conf/, outputs/ and multirun_sweeps/
MAX_SEED = 2**31 - 1  # ALE takes a signed int32 and reads a negative seed as "unseeded"


def require(name: str, value: float, low: float, high: float | None = None) -> None:
    """Raises ConfigError unless low <= value <= high; high=None: no upper limit."""
    if not low <= value <= (math.inf if high is None else high):  # also true for nan
        wanted = f"{low} or more" if high is None else f"a value from {low} to {high}"
        raise ConfigError(f"{name}={value} is out of range", fix=f"{name}=<{wanted}>")


def require_seed(name: str, value: int) -> None:
    """Raises ConfigError unless 0 <= value <= MAX_SEED."""
    require(name, value, 0, MAX_SEED)


def require_names(name: str, given: Collection[str], known: Collection[str]) -> None:
    """Raises ConfigError if no name is given, or an unknown one."""
    unknown = [one for one in given if one not in known]
    if unknown or not given:
        raise ConfigError(
            f"{name}: {', '.join(unknown) or 'none given'}",
            fix=f"{name}: one or more of {', '.join(known)}",
        )

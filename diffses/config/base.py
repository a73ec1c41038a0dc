"""Checks of values that all groups use."""

from __future__ import annotations

import copy
import dataclasses
import math
import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from diffses.errors import ConfigError

ROOT = Path(__file__).parents[2]  # of the project, with conf/, outputs/ and multirun_sweeps/
MAX_SEED = 2**31 - 1  # ALE takes a signed int32 and reads a negative seed as "unseeded"
MAX_COUNT = 10**12  # of steps, episodes, ...: a thousand years of them at 30 a second
MAX_THREADS = 1024  # and processes; each needs memory of its own


@dataclass(frozen=True)
class Range:
    """The finite numbers from `low` to `high`; high=None: no limit but MAX_COUNT for integers."""

    low: float
    high: float | None = None
    above: bool = False  # whether `low` itself is refused

    def require(self, name: str, value: float) -> None:
        """Raises ConfigError unless the range contains `value`; it never contains nan and inf."""
        too_many = self.high is None and isinstance(value, int) and value > MAX_COUNT
        high = MAX_COUNT if too_many else self.high
        inside = self.low <= value <= (math.inf if high is None else high)  # false for nan
        if not inside or math.isinf(value) or (self.above and value == self.low):
            raise ConfigError(f"{name}={value} is out of range", fix=f"{name}=<{self._text(high)}>")

    def _text(self, high: float | None) -> str:
        if high is None:
            return f"more than {self.low}" if self.above else f"{self.low} or more"
        return f"a value from {self.low} to {high}" + (f", not {self.low}" if self.above else "")


def number(
    default: Any, low: float, high: float | None = None, *, above: bool = False, keyed: bool = True
) -> Any:
    """A config field with a `Range`: of a number, or of each number of a list or dictionary.

    A subclass that gives the field another default keeps the range.
    """
    metadata = {"range": Range(low, high, above), "keyed": keyed}
    if isinstance(default, (list, dict)):
        return dataclasses.field(default_factory=lambda: copy.copy(default), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def seed_number() -> Any:
    """A config field that is a seed."""
    return number(0, 0, MAX_SEED)


@dataclass
class Section:
    """What the settings of all groups have in common.

    In a field that names a file, `~` is the home folder.

    Raises:
        ConfigError: if a number is outside its field's `Range`, or is not finite.
    """

    GROUP: ClassVar[str] = ""  # the part of a setting's name before the dot; "": none

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.metadata.get("content") and isinstance(value, str):
                setattr(self, field.name, from_home(value))
            name = f"{self.GROUP}.{field.name}" if self.GROUP else field.name
            _require_numbers(name, value, range_of(type(self), field.name))


def from_home(path: str) -> str:
    """A path in which a leading `~` is the home folder."""
    return os.path.expanduser(path)  # noqa: PTH111 - Path.expanduser raises where there is no home


def store_folder(outputs: str) -> Path:
    """The artifact store's folder; a relative `outputs` is relative to the project."""
    return ROOT / from_home(outputs)


def range_of(kind: type, name: str) -> Range | None:
    """The range of a field, which a base class may have declared."""
    for base in kind.__mro__:
        field = getattr(base, "__dataclass_fields__", {}).get(name)
        if field is not None and "range" in field.metadata:
            found = field.metadata["range"]
            assert isinstance(found, Range)
            return found
    return None


def _require_numbers(name: str, value: Any, limits: Range | None) -> None:
    """Raises ConfigError for a number in `value`, however deep, that cannot be used."""
    if isinstance(value, dict):
        for key, item in value.items():
            _require_numbers(f"{name}.{key}", item, limits)
    elif isinstance(value, list):
        for item in value:
            _require_numbers(name, item, limits)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        if limits is not None:
            limits.require(name, value)
        elif not math.isfinite(value):
            raise ConfigError(f"{name}={value} is not finite", fix=f"{name}=<a finite number>")


def require(name: str, value: float, low: float, high: float | None = None) -> None:
    """Raises ConfigError unless low <= value <= high; high=None: no upper limit."""
    Range(low, high).require(name, value)


def require_names(name: str, given: Collection[str], known: Collection[str]) -> None:
    """Raises ConfigError if no name is given, or an unknown one."""
    unknown = [one for one in given if one not in known]
    if unknown or not given:
        raise ConfigError(
            f"{name}: {', '.join(unknown) or 'none given'}",
            fix=f"{name}=<a list of some of {', '.join(known)}>",
        )

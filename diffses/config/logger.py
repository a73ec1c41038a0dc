"""Settings of the `logger` group."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from diffses.store.keys import unkeyed


class Mode(enum.Enum):
    auto = "auto"  # online where there is a key or a login, else offline
    online = "online"
    offline = "offline"


@dataclass
class LoggerConfig:
    """How a run is logged never changes a result: no stage reads this section."""


@dataclass
class WandbLogger(LoggerConfig):
    mode: Mode = unkeyed(Mode.auto)
    project: str = unkeyed("diffses")
    entity: str | None = unkeyed(None)


@dataclass
class NoLogger(LoggerConfig):
    """`metrics.jsonl` alone."""


class Verbosity(enum.Enum):
    quiet = "quiet"  # warnings and the result
    normal = "normal"  # what is done, and bars for what takes a while
    debug = "debug"  # also what the libraries say

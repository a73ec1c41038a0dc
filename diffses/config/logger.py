"""Settings of the `logger` group."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import ClassVar

from diffses.config.base import Section
from diffses.store.keys import unkeyed


class Mode(enum.Enum):
    """Whether Weights & Biases (W&B) uploads a run."""

    auto = "auto"  # online if there is an API key or a login, else offline
    online = "online"
    offline = "offline"


@dataclass
class LoggerConfig(Section):
    """Logging. It never changes a result: no stage reads these settings."""

    GROUP: ClassVar[str] = "logger"


@dataclass
class WandbLogger(LoggerConfig):
    """Weights & Biases (W&B), and `metrics.jsonl`."""

    mode: Mode = unkeyed(Mode.auto)
    project: str = unkeyed("diffses")  # W&B project
    entity: str | None = unkeyed(None)  # W&B user or team; None: the default of the login


@dataclass
class NoLogger(LoggerConfig):
    """Only `metrics.jsonl`."""


class Verbosity(enum.Enum):
    """How much is printed."""

    quiet = "quiet"  # warnings and results
    normal = "normal"  # also each stage, with progress bars
    debug = "debug"  # also the messages of libraries

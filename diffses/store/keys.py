"""The key of an artifact: a hash of everything that determines its content, nothing else."""

from __future__ import annotations

import dataclasses
import enum
import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from diffses.errors import ConfigError

LAYOUT = 2  # raise when `canonical` or the directory layout changes: every key changes with it
KEY_HEX = 16  # 64 bits; two of a million artifacts share a key with probability < 1e-7


def unkeyed(default: Any) -> Any:
    """A config field that cannot change the result (device, workers) and is not part of keys."""
    return _field(default, keyed=False)


def content(default: Any) -> Any:
    """A config field that names a file; the key contains the file's digest, not its path."""
    return _field(default, content=True)


def _field(default: Any, **metadata: bool) -> Any:
    if isinstance(default, list):
        return dataclasses.field(default_factory=lambda: list(default), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def is_keyed(field: dataclasses.Field[Any]) -> bool:
    """Whether a config field is part of keys."""
    return bool(field.metadata.get("keyed", True))


def canonical(value: Any) -> Any:
    """Converts a typed config to JSON values.

    The name of a dataclass is included, so that two classes of a group never share a key.

    Raises:
        ConfigError: if a file that the config names does not exist or cannot be read.
        ValueError: if a number is not finite.
        TypeError: if a value has another type.
    """
    if isinstance(value, enum.Enum):
        return value.name
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {"variant": type(value).__name__} | {
            field.name: _canonical_field(value, field)
            for field in dataclasses.fields(value)
            if is_keyed(field)
        }
    if isinstance(value, dict):
        return {str(name): canonical(item) for name, item in value.items()}
    if isinstance(value, list):
        return [canonical(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"a config value must be finite to be keyed, got {value}")
    if value is None or type(value) in (bool, int, float, str):
        return value
    raise TypeError(f"no canonical form for {type(value).__name__}: {value!r}")


def _canonical_field(config: Any, field: dataclasses.Field[Any]) -> Any:
    value = getattr(config, field.name)
    if not field.metadata.get("content") or value is None:
        return canonical(value)
    group = getattr(config, "GROUP", "")
    name = f"{group}.{field.name}" if group else field.name
    try:
        return f"sha256:{digest(Path(value))}"
    except OSError as error:
        problem = _unreadable(Path(value), error)
        raise ConfigError(f"{name}={value} {problem}", fix=f"{name}=<an existing file>") from error


def _unreadable(path: Path, error: OSError) -> str:
    """What is wrong with a path, after its name."""
    if isinstance(error, FileNotFoundError):
        from_here = "" if path.is_absolute() else f", seen from {Path.cwd()}"
        return f"names a file that does not exist{from_here}"
    if isinstance(error, IsADirectoryError):
        return "names a folder, not a file"
    return f"cannot be read: {error.strerror}"


def digest(path: Path) -> str:
    """sha256 of a file, in hexadecimal digits."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def digests(folder: Path) -> dict[str, str]:
    """sha256 of every file below `folder`, by its relative path."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): digest(path) for path in files}


@dataclasses.dataclass(frozen=True)
class Spec:
    """Everything that determines the content of an artifact."""

    stage: str
    version: int  # raise it when a change of the stage's code changes its result
    config: Mapping[str, Any]  # section -> settings, for the sections that the stage reads
    parents: Mapping[str, str]  # stage -> key of each artifact it is made from

    def describe(self) -> dict[str, Any]:
        """As JSON values, for the key and the manifest."""
        return {
            "layout": LAYOUT,
            "stage": self.stage,
            "version": self.version,
            "config": canonical(dict(self.config)),
            "parents": dict(self.parents),
        }

    @property
    def key(self) -> str:
        return key_of(self.describe())


def key_of(description: Mapping[str, Any]) -> str:
    """The key of a description by `Spec.describe`: `KEY_HEX` hexadecimal digits.

    Raises:
        ValueError: if a number is not finite.
    """
    text = json.dumps(description, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:KEY_HEX]

"""Finds artifacts in a store by their key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from diffses.errors import ArtifactError


def artifacts(root: Path) -> list[Path]:
    """Every committed artifact, oldest first."""
    found = list(root.glob("*/*/manifest.json"))
    return [path.parent for path in sorted(found, key=lambda path: path.stat().st_mtime)]


def find(root: Path, key: str) -> Path:
    """The artifact whose key starts with `key`.

    Raises:
        ArtifactError: where none or several do.
    """
    matches = [path for path in artifacts(root) if path.name.startswith(key)]
    if len(matches) != 1:
        what = "no artifact's key starts" if not matches else f"{len(matches)} keys start"
        raise ArtifactError(f"{what} with {key}", fix="python -m diffses store ls")
    return matches[0]


def size(path: Path) -> int:
    """Bytes of all files below `path`."""
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def read(path: Path) -> dict[str, Any] | None:
    """An artifact's manifest; None where there is none, or one that cannot be read."""
    try:
        manifest = json.loads((path / "manifest.json").read_text())
    except (OSError, ValueError):
        return None
    return manifest if isinstance(manifest, dict) else None

"""Finds artifacts in a store by their key."""

from __future__ import annotations

from pathlib import Path

from diffses.errors import ArtifactError
from diffses.store.manifest import FILE, Manifest


def artifacts(root: Path) -> list[Path]:
    """The folders of all committed artifacts, oldest first."""
    found = list(root.glob(f"*/*/{FILE}"))
    return [path.parent for path in sorted(found, key=lambda path: path.stat().st_mtime)]


def find(root: Path, key: str) -> Path:
    """The folder of the artifact whose key starts with `key`.

    Raises:
        ArtifactError: if there is none, or more than one.
    """
    matches = [path for path in artifacts(root) if path.name.startswith(key)]
    if len(matches) != 1:
        what = "no artifact's key starts" if not matches else f"{len(matches)} keys start"
        raise ArtifactError(f"{what} with {key}", fix="python -m diffses store ls")
    return matches[0]


def size(path: Path) -> int:
    """Total size of all files below `path`, in bytes."""
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def read(path: Path) -> Manifest | None:
    """An artifact's manifest; None if it is missing or unreadable."""
    try:
        return Manifest.read(path)
    except ArtifactError:
        return None

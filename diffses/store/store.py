"""Artifacts on disk: one folder per stage and key, which is either complete or absent.

outputs/distill/5d1e0c9a7b3f4e21/           committed; never changed
    manifest.json                           how it was made, and a digest of each file
    distilled.json
outputs/distill/5d1e0c9a7b3f4e21.partial/   unfinished; no stage reads it
    out/                                    emptied at each start
    scratch/                                kept for a restart, deleted on commit
outputs/.locks/                             one lock per artifact that is being built

`python -m diffses store ls | show KEY | verify | rm KEY | gc` looks after them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.metadata
import json
import logging
import os
import shutil
import socket
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from diffses.errors import ArtifactError
from diffses.store.keys import Spec, digests
from diffses.store.manifest import FILE, Manifest, is_artifact

log = logging.getLogger("diffses")

PACKAGES = (
    "ale-py",
    "gplearn",
    "gymnasium",
    "hydra-core",
    "numba",
    "numpy",
    "omegaconf",
    "pyoperon",
    "scikit-learn",
    "stable-baselines3",
    "torch",
    "wandb",
)


@dataclasses.dataclass(frozen=True)
class Workspace:
    """The folders that a running stage writes to."""

    out: Path  # becomes the artifact
    scratch: Path  # checkpoints to resume from after a crash
    store: Store  # for artifacts that the stage builds itself and shares
    rebuild_if_before: datetime | None = None  # rebuild these if they are older


class Store:
    """The artifacts below a root folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, spec: Spec) -> Path:
        """The folder of an artifact, which need not exist."""
        return self.root / spec.stage / spec.key

    def partial(self, spec: Spec) -> Path:
        """The folder in which an artifact is built."""
        return self.path(spec).with_suffix(".partial")

    def find(self, spec: Spec) -> Path | None:
        """The folder of the committed artifact, unchecked; None if there is none."""
        path = self.path(spec)
        return path if is_artifact(path) else None

    def resumable(self, spec: Spec) -> bool:
        """Whether an unfinished build has left checkpoints."""
        scratch = self.partial(spec) / "scratch"
        return scratch.is_dir() and any(scratch.iterdir())

    def open(self, spec: Spec) -> Path | None:
        """The folder of the committed artifact, with every file checked; None if there is none.

        Raises:
            ArtifactError: if a file is damaged, missing or unknown, or if another configuration
                has the same key.
        """
        path = self.find(spec)
        if path is None:
            return None
        if verify(path).describe() != spec.describe():
            raise ArtifactError(
                f"{path} was made from another configuration that has the same key",
                fix=f"python -m diffses store rm {spec.key}",
            )
        return path

    def get_or_build(
        self,
        spec: Spec,
        make: Callable[[Workspace], None],
        *,
        rebuild_if_before: datetime | None = None,
    ) -> Path:
        """Returns the folder of the artifact; calls `make` to build it only if there is none.

        An artifact whose build began before `rebuild_if_before` is built again, and replaced once
        the new one is complete.
        """
        if found := self._open_if_fresh(spec, rebuild_if_before):
            return found
        with exclusive_lock(self.root / ".locks" / f"{spec.stage}-{spec.key}"):
            # another process may have built it in the meantime
            if found := self._open_if_fresh(spec, rebuild_if_before):
                return found
            self._build(spec, make, rebuild_if_before)
        return self.path(spec)

    def _open_if_fresh(self, spec: Spec, rebuild_if_before: datetime | None) -> Path | None:
        """The artifact; None if there is none or if it is older than `rebuild_if_before`."""
        path = self.find(spec)
        if (
            path is not None
            and rebuild_if_before is not None
            and Manifest.read(path).started < rebuild_if_before
        ):
            return None  # unchecked: it is replaced, and may be damaged
        return self.open(spec)

    def _build(
        self, spec: Spec, make: Callable[[Workspace], None], rebuild_if_before: datetime | None
    ) -> None:
        partial = self.partial(spec)
        workspace = Workspace(
            out=partial / "out",
            scratch=partial / "scratch",
            store=self,
            rebuild_if_before=rebuild_if_before,
        )
        shutil.rmtree(workspace.out, ignore_errors=True)
        workspace.out.mkdir(parents=True)
        workspace.scratch.mkdir(exist_ok=True)
        started, clock = datetime.now(UTC), time.perf_counter()
        commit = git_commit()  # now: later commits are not the code that runs
        make(workspace)
        Manifest(
            **spec.describe(),
            files=digests(workspace.out),
            started=started,
            seconds=round(time.perf_counter() - clock, 3),
            git=commit,
            packages=package_versions(),
        ).write(workspace.out)
        self._commit(workspace.out, self.path(spec))
        shutil.rmtree(partial)

    def _commit(self, out: Path, path: Path) -> None:
        """Moves a finished folder into place; atomic within one file system."""
        if path.exists():
            replaced = path.with_suffix(f".replaced-{uuid.uuid4().hex[:8]}")
            path.replace(replaced)
            out.replace(path)
            shutil.rmtree(replaced)
        else:
            out.replace(path)


def verify(path: Path) -> Manifest:
    """Checks every file of an artifact against its manifest; returns the manifest.

    Raises:
        ArtifactError: names the first file that is damaged, missing or unknown.
    """
    fix = f"python -m diffses store rm {path.name}, then run again to rebuild it"
    manifest = Manifest.read(path)
    recorded, present = manifest.files, digests(path)
    del present[FILE]
    for name in sorted(recorded.keys() | present.keys()):
        if name not in present:
            raise ArtifactError(f"{path / name} is missing", fix=fix)
        if name not in recorded:
            raise ArtifactError(f"{path / name} does not belong to this artifact", fix=fix)
        if present[name] != recorded[name]:
            raise ArtifactError(f"{path / name} is damaged: not what was written", fix=fix)
    return manifest


@contextlib.contextmanager
def exclusive_lock(lock: Path) -> Iterator[None]:
    """Holds a file lock; the system releases it if this process dies.

    A process that has to wait logs which process holds the lock.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    holder = lock.with_suffix(".holder.json")
    guard = FileLock(lock.with_suffix(".lock"))
    try:
        guard.acquire(timeout=0)
    except Timeout:
        log.info("waiting for %s: %s", lock.name, _lock_holder(holder))
        guard.acquire()
    try:
        text = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.strftime("%X")}
        holder.write_text(json.dumps(text))
        yield
    finally:
        holder.unlink(missing_ok=True)
        guard.release()


def _lock_holder(holder: Path) -> str:
    """Which process holds a lock, for the log."""
    try:
        record: Mapping[str, Any] = json.loads(holder.read_text())
    except (OSError, ValueError):
        return "another process is building it"
    return f"process {record['pid']} on {record['host']} is building it since {record['since']}"


def atomic_write(path: Path, text: str) -> None:
    """Replaces a file atomically: a killed process leaves the old content."""
    partial = path.with_name(f"{path.name}.tmp")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


@cache
def git_commit() -> str | None:
    """The commit of this code, with "+" if files differ from it; None outside a repository."""
    here = Path(__file__).parent
    try:
        commit = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True, check=True
        ).stdout.strip()
        changed = subprocess.run(
            ["git", "status", "--porcelain", "--untracked-files=no"],
            cwd=here,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
    return commit + ("+" if changed else "")


@cache
def package_versions() -> dict[str, str]:
    """Versions of the installed packages that can influence results."""
    found = {}
    for name in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found

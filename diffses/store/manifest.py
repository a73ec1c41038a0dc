"""`manifest.json`: what an artifact was made from, when, by what, and a digest of each file."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from diffses.errors import ArtifactError
from diffses.store.keys import key_of

FILE = "manifest.json"


@dataclass(frozen=True)
class Manifest:
    """The record that makes a folder an artifact; it is written last.

    The first five fields are `Spec.describe()`: they decide the key. The others do not.
    """

    layout: int  # keys.LAYOUT when it was made
    stage: str
    version: int  # of the stage's code
    config: dict[str, Any]  # section -> its canonical form; only those the stage reads
    parents: dict[str, str]  # stage -> key of each artifact it was made from
    files: dict[str, str]  # path below the folder -> sha256, without the manifest itself
    started: datetime  # with its time zone; the file keeps milliseconds
    seconds: float  # the build took
    git: str | None  # commit of the code, "+" behind it where files differed; None: unknown
    packages: dict[str, str]  # name -> version

    @property
    def key(self) -> str:
        return key_of(self.describe())

    def describe(self) -> dict[str, Any]:
        """What decides the key, as `Spec.describe` says it."""
        names = ("layout", "stage", "version", "config", "parents")
        return {name: getattr(self, name) for name in names}

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """The manifest of an artifact's folder.

        Raises:
            ArtifactError: where there is none, or one that cannot be read or lacks a field.
        """
        if not is_artifact(folder):
            raise ArtifactError(
                f"{folder} is no artifact: it has no {FILE}", fix="python -m diffses store ls"
            )
        try:
            fields = json.loads((folder / FILE).read_text(encoding="utf-8"))
            found = {field.name: fields[field.name] for field in dataclasses.fields(cls)}
            return cls(**found | {"started": datetime.fromisoformat(found["started"])})
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ArtifactError(
                f"{folder / FILE} cannot be read: {type(error).__name__}: {error}",
                fix=f"python -m diffses store rm {folder.name}, then run again to rebuild it",
            ) from error

    def write(self, folder: Path) -> None:
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        fields["started"] = self.started.isoformat(timespec="milliseconds")
        text = json.dumps(fields, indent=2, sort_keys=True)
        (folder / FILE).write_text(text + "\n", encoding="utf-8")


def is_artifact(folder: Path) -> bool:
    """Whether a folder holds a manifest; it may be damaged nevertheless."""
    return (folder / FILE).is_file()


def parent_folders(folder: Path) -> dict[str, Path]:
    """Stage -> folder of each artifact that one was made from; some may be gone.

    Raises:
        ArtifactError: as `Manifest.read`.
    """
    parents = Manifest.read(folder).parents
    return {stage: folder.parents[1] / stage / key for stage, key in parents.items()}

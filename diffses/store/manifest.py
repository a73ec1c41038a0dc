"""`manifest.json`: inputs, time, code version and file digests of an artifact."""

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
    """The description of an artifact. It is written last: only a complete folder has one.

    The first five fields are `Spec.describe()` and determine the key; the others do not.
    """

    layout: int  # keys.LAYOUT at the time
    stage: str
    version: int  # of the stage's code
    config: dict[str, Any]  # section -> settings as JSON values
    parents: dict[str, str]  # stage -> key of each artifact it is made from
    files: dict[str, str]  # relative path -> sha256, without the manifest itself
    started: datetime  # with time zone, to the millisecond
    seconds: float  # duration of the build
    git: str | None  # commit of the code, with "+" if files differed from it; None: unknown
    packages: dict[str, str]  # name -> version

    @property
    def key(self) -> str:
        return key_of(self.describe())

    def describe(self) -> dict[str, Any]:
        """What determines the key, as `Spec.describe` gives it."""
        names = ("layout", "stage", "version", "config", "parents")
        return {name: getattr(self, name) for name in names}

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """The manifest of an artifact's folder.

        Raises:
            ArtifactError: if it is missing or unreadable, or lacks a field.
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
        """Writes `manifest.json` into the folder."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        fields["started"] = self.started.isoformat(timespec="milliseconds")
        text = json.dumps(fields, indent=2, sort_keys=True)
        (folder / FILE).write_text(text + "\n", encoding="utf-8")


def is_artifact(folder: Path) -> bool:
    """Whether a folder has a manifest; its files are not checked."""
    return (folder / FILE).is_file()


def parent_folders(folder: Path) -> dict[str, Path]:
    """Stage -> folder of each artifact that this one is made from; it need not exist any more.

    Raises:
        ArtifactError: as `Manifest.read`.
    """
    parents = Manifest.read(folder).parents
    return {stage: folder.parents[1] / stage / key for stage, key in parents.items()}

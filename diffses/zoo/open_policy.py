"""Opens a policy by an artifact's key, an environment with a shipped champion, or a file."""

from __future__ import annotations

import json
import re
from pathlib import Path

from diffses.config import GymnasiumEnv
from diffses.detector.base import AnyDetector
from diffses.detector.identity import name_observation
from diffses.detector.loading import open_detector
from diffses.errors import ArtifactError, ConfigError
from diffses.policy.forest import Forest
from diffses.store.keys import KEY_HEX
from diffses.store.lookup import find
from diffses.store.manifest import Manifest, is_artifact, parent_folders
from diffses.zoo.champion import FOLDER, Champion, env_from, open_champion

POLICIES = ("finetuned", "distilled", "linear")  # in order of preference


def open_policy(name: str, outputs: Path, zoo: Path = FOLDER, which: str | None = None) -> Champion:
    """Opens a policy.

    Args:
        name: the start of an artifact's key (of any stage from distill on), the name of an
            environment with a shipped champion, or the path of a forest's JSON file or of a
            champion's.
        outputs: the artifact store.
        zoo: the folder of the shipped champions.
        which: finetuned, distilled or linear, for a key; None: the first of these that exists.

    Raises:
        ConfigError, ArtifactError: if there is no such policy.
    """
    path = Path(name)
    if path.suffix == ".json" and path.is_file():
        return _of_file(path)
    if re.fullmatch(rf"[0-9a-f]{{4,{KEY_HEX}}}", name):
        return _of_artifact(find(outputs, name), which)
    return open_champion(name, zoo)


def ancestors(folder: Path) -> dict[str, Path]:
    """Stage -> folder of an artifact and of all its ancestors, the nearest first."""
    found: dict[str, Path] = {}
    pending = [folder]
    while pending:
        here = pending.pop(0)
        if is_artifact(here) and (stage := Manifest.read(here).stage) not in found:
            found[stage] = here
            pending += parent_folders(here).values()
    return found


def _of_file(path: Path) -> Champion:
    folder = next((p for p in path.resolve().parents if is_artifact(p)), None)
    if folder is None:
        if _shipped(path):
            return open_champion(path.stem, path.parent)
        return Champion(Forest.load(path), None, None, {})
    return _champion(Forest.load(path), ancestors(folder))


def _shipped(path: Path) -> bool:
    """Whether a file is a champion's, and not a forest's."""
    try:
        return "forest" in json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):  # TypeError: a bare number
        return False


def _of_artifact(folder: Path, which: str | None) -> Champion:
    made = ancestors(folder)
    for policy in POLICIES if which is None else (which,):
        for stage in ("finetune", "distill"):
            if stage in made and (path := made[stage] / f"{policy}.json").is_file():
                return _champion(Forest.load(path), made)
    raise ArtifactError(
        f"{folder} has no {which or 'forest'} among its ancestors",
        fix="the key of a distill, finetune, evaluate or report artifact: "
        "python -m diffses store ls",
    )


def _champion(forest: Forest, made: dict[str, Path]) -> Champion:
    configs = [Manifest.read(folder).config for folder in made.values()]
    fields = next((config["env"] for config in configs if "env" in config), None)
    provenance = {stage: folder.name for stage, folder in made.items()}
    env = None if fields is None else env_from(fields)
    return Champion(forest, env, _detector(made), {"provenance": provenance})


def _detector(made: dict[str, Path]) -> Path | None:
    """The folder of the detector; a copy of a shipped champion contains its own."""
    own = made["finetune"] / "detector" if "finetune" in made else None
    return made.get("detector", own if own is not None and own.is_dir() else None)


def detector_of(champion: Champion) -> AnyDetector:
    """Opens the detector of a policy.

    Raises:
        ConfigError: if it is not known.
    """
    if champion.detector is not None:
        return open_detector(champion.detector)
    if isinstance(champion.env, GymnasiumEnv):
        return name_observation(champion.env)
    raise ConfigError(
        "the detector of this policy is not known",
        fix="the key of its artifact: python -m diffses store ls",
    )

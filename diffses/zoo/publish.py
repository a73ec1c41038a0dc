"""Publishes the policy of a run as the shipped champion of its environment."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from diffses.config import ArcadeEnv
from diffses.csv_rows import read_rows
from diffses.errors import ArtifactError
from diffses.policy.forest import Forest
from diffses.store.keys import digest
from diffses.store.lookup import find
from diffses.store.manifest import Manifest, is_artifact, parent_folders
from diffses.zoo.champion import FOLDER, env_from, env_name

DETECTOR = (
    "detector.json",
    "detector.npz",
    "network.pt",
)  # files of a detector, of which each kind has some


def add(finetuned: Path, evaluated: Path | None, folder: Path = FOLDER) -> Path:
    """Writes ENV.json and, for a policy that plays from frames, its detector's files.

    Args:
        finetuned: the folder of a finetune artifact, in the store with its ancestors.
        evaluated: the folder of an evaluate artifact of it; None: without test results.
        folder: to write to.

    Returns:
        The path of ENV.json.

    Raises:
        ArtifactError: if the policy is itself a copy of a shipped champion.
    """
    made, parents = Manifest.read(finetuned), parent_folders(finetuned)
    if "detector" not in parents:
        raise ArtifactError(
            f"{finetuned} is a copy of a shipped champion", fix="KEY of a run that searched"
        )
    detector = parents["detector"]
    described = Manifest.read(detector).config["env"]  # with the objects' labels
    env = env_from(described)
    name = env_name(env)
    forest = Forest.load(finetuned / "finetuned.json")
    about = {
        "forest": json.loads(forest.to_json()),
        "env": described,
        "protocol": "v5" if isinstance(env, ArcadeEnv) else "gym",
        "validation": validation_result(finetuned),
        "test": None if evaluated is None else test_result(evaluated),
        "size": forest.size,
        "provenance": {
            "git": made.git,
            "seed": made.config["seed"],
            "settings": made.config["finetune"],
            "search": json.loads((finetuned / "search.json").read_text()),
            "seconds": made.seconds,
            "packages": made.packages,
        },
        "files": {},
    }
    if isinstance(env, ArcadeEnv):
        (folder / name).mkdir(exist_ok=True)
        for file in (file for file in DETECTOR if (detector / file).is_file()):
            shutil.copyfile(detector / file, folder / name / file)
            about["files"][file] = digest(folder / name / file)
    path = folder / f"{name}.json"
    path.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    return path


def require_same(finetuned: Path, evaluated: Path) -> None:
    """Raises ArtifactError unless `evaluated` tested the champion of `finetuned`."""
    champion = Forest.load(finetuned / "finetuned.json")
    source = parent_folders(evaluated).get("finetune")
    played = None if source is None else source / "finetuned.json"
    if played is None or not played.is_file() or Forest.load(played) != champion:
        raise ArtifactError(
            f"{evaluated} did not play the champion of {finetuned.name}",
            fix="--test <the key of an evaluation that did>",
        )


def validation_result(finetuned: Path) -> dict[str, Any]:
    """Mean return, its standard error, and number of the champion's validation episodes."""
    rows = read_rows(finetuned / "validation.csv")
    row = next(row for row in rows if row["champion"] == "True")
    numbers = {name: float(row[name]) for name in ("mean", "standard_error")}
    return {**numbers, "episodes": int(row["episodes"])}


def test_result(evaluated: Path) -> dict[str, Any]:
    """Mean return, its interval, number and seed of the test episodes of the headline protocol."""
    rows = json.loads((evaluated / "results.json").read_text())
    row = next(r for r in rows if r["policy"] == "finetuned" and r["protocol"] != "v4")
    seed = Manifest.read(evaluated).config["evaluation"]["seed"]
    return {name: row[name] for name in ("mean", "ci95", "episodes")} | {"seed": seed}


def resolve_run(key: str, root: Path) -> tuple[Path, Path | None]:
    """The folders of a run's finetune artifact, and of an evaluation of it if there is one.

    Args:
        key: of a finetune, evaluate or report artifact, or the start of its key, or its folder.
        root: of the store.

    Raises:
        ArtifactError: if there is no such artifact, or one of an earlier stage.
    """
    folder = Path(key) if Path(key).is_dir() else find(root, key)
    stage, parents = Manifest.read(folder).stage, parent_folders(folder)
    if stage == "finetune":
        return folder, _evaluation_of(folder)
    if "finetune" not in parents:
        raise ArtifactError(
            f"{folder} was not made from a finetune artifact",
            fix="the key of a finetune, evaluate or report artifact",
        )
    return parents["finetune"], folder if stage == "evaluate" else parents["evaluate"]


def _evaluation_of(finetuned: Path) -> Path | None:
    """The folder of the newest evaluation of a finetune artifact; None if there is none."""
    found = [
        folder
        for folder in finetuned.parents[1].glob("evaluate/*")
        if is_artifact(folder) and Manifest.read(folder).parents.get("finetune") == finetuned.name
    ]
    return max(found, key=lambda folder: Manifest.read(folder).started, default=None)

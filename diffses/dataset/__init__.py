"""The dataset: what the detector saw and what the teacher would do, step after step."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from diffses.config import DatasetConfig, EnvConfig
from diffses.store import Draft


@dataclass(frozen=True)
class Part:
    """Recorded steps, in order, of whole episodes but the last.

    features: float64 (n, f); logits: float64 (n, actions), the teacher's scores; actions: int16
    (n,), what was played; episode: int32 (n,), which episode a step is of.
    """

    features: np.ndarray
    logits: np.ndarray
    actions: np.ndarray
    episode: np.ndarray

    def __len__(self) -> int:
        return len(self.features)

    def rows(self, index: np.ndarray) -> Part:
        return Part(
            self.features[index], self.logits[index], self.actions[index], self.episode[index]
        )


@dataclass(frozen=True)
class Dataset:
    """A recorded play.

    train: to fit on; held_out: other episodes, to report agreement on and for nothing else.
    groups: actions of equal effect, by their index in the environment's minimal action set.
    """

    train: Part
    held_out: Part
    features: tuple[str, ...]
    actions: tuple[str, ...]
    groups: tuple[tuple[int, ...], ...]

    @classmethod
    def open(cls, folder: Path) -> Dataset:
        """Reads a dataset artifact."""
        about = json.loads((folder / "dataset.json").read_text())
        with np.load(folder / "dataset.npz") as file:
            parts = [
                Part(*(file[f"{part}_{name}"] for name in ("features", "logits", "actions", "episode")))
                for part in ("train", "held_out")
            ]
        return cls(
            *parts,
            tuple(about["features"]),
            tuple(about["actions"]),
            tuple(tuple(group) for group in about["groups"]),
        )


def merge(logits: np.ndarray, groups: tuple[tuple[int, ...], ...]) -> np.ndarray:
    """Scores of groups of actions: the log of the sum of their members' odds, (n, groups)."""
    peak = logits.max(axis=1, keepdims=True)
    odds = np.exp(logits - peak)
    return peak + np.log(np.stack([odds[:, list(g)].sum(axis=1) for g in groups], axis=1))


def record_dataset(
    env: EnvConfig, dataset: DatasetConfig, *, inputs: Mapping[str, Path], draft: Draft
) -> None:
    """Writes `dataset.npz` and `dataset.json`, from the teacher's play or from a JSON file."""
    from diffses.dataset.recording import record
    from diffses.dataset.original import read
    from diffses.detector import Detector
    from diffses.envs.arcade import Arcade
    from diffses.envs.effects import equal_actions
    from diffses.envs.protocol import v5
    from diffses.seeds import seed_for

    detector = Detector.load(inputs["detector"])
    rules = v5(env)
    arrays: dict[str, np.ndarray] = {}
    returns: dict[str, list[float]] = {}
    if dataset.import_json is not None:
        arrays = read(Path(dataset.import_json), detector, dataset, len(Arcade(rules).actions))
    else:
        for part, steps in (("train", dataset.states), ("held_out", dataset.held_out)):
            found, returns[part] = record(rules, dataset, inputs, part, steps)
            arrays |= {f"{part}_{name}": array for name, array in found.items()}
    np.savez_compressed(draft.out / "dataset.npz", **arrays)  # type: ignore[arg-type]
    about: dict[str, Any] = {
        "features": list(detector.features),
        "actions": list(Arcade(rules).action_names),
        "groups": equal_actions(rules, seed_for(dataset.seed, "effects")),
        "returns": returns,
        "imported": dataset.import_json is not None,
    }
    (draft.out / "dataset.json").write_text(json.dumps(about, indent=2) + "\n")

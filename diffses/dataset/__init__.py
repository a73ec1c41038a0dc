"""The dataset: what the detector saw and what the teacher would do, step after step."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from diffses.config import DatasetConfig, EnvConfig
from diffses.dataset.data import Dataset, Layout, Part, centred, merge
from diffses.store import Draft

__all__ = ["Dataset", "Layout", "Part", "centred", "merge", "record_dataset"]


def record_dataset(
    env: EnvConfig, dataset: DatasetConfig, *, inputs: Mapping[str, Path], draft: Draft
) -> None:
    """Writes `dataset.npz` and `dataset.json`, from the teacher's play or from a JSON file."""
    from diffses.dataset.original import read
    from diffses.dataset.recording import record_rounds
    from diffses.envs.effects import equal_actions
    from diffses.envs.protocol import Protocol
    from diffses.envs.rules import search_rules
    from diffses.players import detector_at
    from diffses.seeds import seed_for

    rules = search_rules(env)
    detector = detector_at(str(inputs["detector"]))
    features = tuple(detector.features)
    console = rules.open()
    groups: tuple[tuple[int, ...], ...] = tuple((a,) for a in range(len(console.action_names)))
    if isinstance(rules, Protocol):
        groups = equal_actions(rules, seed_for(dataset.seed, "effects"))
    layout = Layout(features, console.action_names, groups, console.bounds)
    returns: dict[str, list[float]] = {}
    if dataset.import_json is not None:
        parts = read(Path(dataset.import_json), detector, len(layout.actions), dataset.held_out)
    else:
        parts, returns = record_rounds(rules, dataset, inputs, layout)
    arrays = {f"{part}_{name}": a for part, found in parts.items() for name, a in found.items()}
    np.savez_compressed(draft.out / "dataset.npz", **arrays)  # type: ignore[arg-type]
    about: dict[str, Any] = {
        "features": features,
        "actions": layout.actions,
        "groups": groups,
        "bounds": layout.bounds,
        "returns": returns,
        "imported": dataset.import_json is not None,
    }
    (draft.out / "dataset.json").write_text(json.dumps(about, indent=2) + "\n")

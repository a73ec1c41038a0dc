"""The JSON form in which the original release of DiffSES kept its dataset.

[{"state": [{"type", "x_velocity", "y_velocity", "x_position", "y_position"}, ...],
  "teacher_action": int}, ...]

Positions are centres in pixels, velocities pixels per step, actions indices into the environment's
minimal action set. `python -m diffses export-dataset KEY FILE.json` writes the training part of a
dataset artifact in this form; `dataset.import_json=FILE.json` reads one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from diffses.detector.base import AnyDetector
from diffses.detector.motion import MotionObjectDetector
from diffses.detector.tracker import OBJECT
from diffses.errors import ConfigError

RECORDED_PROBABILITY = 0.9  # given to the recorded action: the format has no action scores
STATE = ("type", "x_velocity", "y_velocity", "x_position", "y_position")


def write(folder: Path, path: Path) -> int:
    """Writes the training part of a dataset artifact as JSON. Returns the number of states."""
    with np.load(folder / "dataset.npz") as file:
        objects, counts = file["train_objects"], file["train_object_counts"]
        greedy = file["train_logits"].argmax(axis=1)
    ends = np.cumsum(counts)
    states = []
    for start, end, action in zip(ends - counts, ends, greedy, strict=True):
        state = [
            {
                "type": int(one["type"]),
                "x_velocity": float(one["vx"]),
                "y_velocity": float(one["vy"]),
                "x_position": float(one["x"]),
                "y_position": float(one["y"]),
            }
            for one in objects[start:end]
        ]
        states.append({"state": state, "teacher_action": int(action)})
    path.write_text(json.dumps(states))
    return len(states)


def read(
    path: Path, detector: AnyDetector, actions: int, held_out: int
) -> dict[str, dict[str, np.ndarray]]:
    """Reads a JSON file as the parts of a dataset.

    The objects of a type are assigned, in their order, to the detector's tracks of that type.
    Objects of unknown types, and objects for which there is no track, are left out.

    Args:
        actions: number of actions of the game.
        held_out: number of last states, at most a fifth of all, that are the held-out part.

    Raises:
        ConfigError: if the file does not have this format or contains an unknown action, or if the
            detector has no objects.
    """
    if not isinstance(detector, MotionObjectDetector):
        raise ConfigError(
            "dataset.import_json contains objects, but this detector detects none",
            fix="dataset.import_json=null",
        )
    states = _load(path, actions)
    rows, objects = [], []
    for state in states:
        objects.append(_objects(state["state"], detector))
        rows.append(detector.features_of(objects[-1]))
    chosen = np.array([state["teacher_action"] for state in states])
    logits = np.full((len(states), actions), np.log((1 - RECORDED_PROBABILITY) / (actions - 1)))
    logits[np.arange(len(states)), chosen] = np.log(RECORDED_PROBABILITY)
    arrays = {
        "features": np.array(rows),
        "logits": logits,
        "actions": chosen.astype(np.int16),
        "episode": np.zeros(len(states), np.int32),
        "object_counts": np.array([len(o) for o in objects], np.int16),
    }
    cut = len(states) - min(held_out, len(states) // 5)
    return {
        part: {name: array[where] for name, array in arrays.items()}
        | {"objects": np.concatenate(objects[where])}
        for part, where in (("train", slice(None, cut)), ("held_out", slice(cut, None)))
    }


def _load(path: Path, actions: int) -> list[dict[str, Any]]:
    fix = "dataset.import_json=<a list of {state: [...], teacher_action: int}, see sample.json>"
    try:
        states: list[dict[str, Any]] = json.loads(path.read_text())
        for state in states:
            for one in state["state"]:
                for name in STATE:
                    float(one[name])
            if not 0 <= int(state["teacher_action"]) < actions:
                raise ValueError(f"teacher_action {state['teacher_action']}")
        if len(states) < 10:
            raise ValueError(f"only {len(states)} states")
    except (ValueError, KeyError, TypeError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise ConfigError(
            f"{path} does not have the JSON format of datasets ({reason})", fix=fix
        ) from error
    return states


def _objects(state: list[dict[str, Any]], detector: MotionObjectDetector) -> np.ndarray:
    found = []
    seen: dict[int, int] = {}
    for one in state:
        kind = int(one["type"])
        number = seen[kind] = seen.get(kind, -1) + 1
        if not 0 <= kind < len(detector.types) or number >= detector.types[kind].slots:
            continue
        track = sum(before.slots for before in detector.types[:kind]) + number
        size = detector.types[kind].size
        found.append(
            (kind, track, one["x_position"], one["y_position"], *size,
             one["x_velocity"], one["y_velocity"])
        )  # fmt: skip
    return np.array(found, dtype=OBJECT)

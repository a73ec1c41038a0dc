"""The JSON form in which the original release of DiffSES kept its dataset.

[{"state": [{"type", "x_velocity", "y_velocity", "x_position", "y_position"}, ...],
  "teacher_action": int}, ...]

Positions are centres in pixels, velocities pixels per step, actions indices into the environment's
minimal action set. `python -m diffses export-dataset KEY FILE.json` writes the training part of a
dataset artifact in this form; `dataset.import_json=FILE.json` reads one.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np

from diffses.detector.base import AnyDetector
from diffses.detector.motion import MotionObjectDetector
from diffses.detector.tracker import OBJECT
from diffses.errors import ConfigError

log = logging.getLogger("diffses")

MIN_STATES = 10
LARGEST = 1e9  # absolute value of a number; positions are pixels
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
    Objects of unknown types, and objects for which there is no track, are left out, with a warning
    that counts them; so are fields of other names.

    Args:
        actions: number of actions of the game.
        held_out: number of last states, at most a fifth of all, that are the held-out part.

    Raises:
        ConfigError: if the file does not have this format or contains an unknown action, if no
            object of it has a track, or if the detector has no objects.
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
    _warn_of_omissions(path, states, sum(map(len, objects)))
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
    """The states, checked, with their actions as int.

    Raises:
        ConfigError: names the file, and the state and the field that are wrong.
    """
    try:
        states = _parse(path)
        for number, state in enumerate(states):
            try:
                state["teacher_action"] = _check(state, actions)
            except ValueError as error:
                raise ValueError(f"state {number} (counted from 0): {error}") from error
        if len(states) < MIN_STATES:
            raise ValueError(f"{len(states)} states, want {MIN_STATES} or more")
        if not any(state["state"] for state in states):
            raise ValueError("no state has an object")
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(
            f"dataset.import_json={path}: {error}",
            fix="dataset.import_json=<a list of {state: [...], teacher_action: int}, as in "
            "diffses/dataset/sample.json>",
        ) from error
    return states


def _parse(path: Path) -> list[Any]:
    text = path.read_text(encoding="utf-8-sig")  # some programs write a byte order mark
    try:
        parsed = json.loads(text)
    except json.JSONDecodeError as error:
        if error.msg == "Extra data":  # as pandas writes with lines=True
            raise ValueError(
                f"a second JSON value on line {error.lineno} (JSON Lines?); want one list"
            ) from error
        raise ValueError(f"no JSON: {error}") from error
    if not isinstance(parsed, list):  # as pandas writes without orient="records"
        raise ValueError(f"the file holds {_named(parsed)}, want a list of states")
    return parsed


def _check(state: Any, actions: int) -> int:
    """Checks a state. Returns its action.

    Raises:
        ValueError: names the field that is wrong.
    """
    if not isinstance(state, dict):
        raise ValueError(f"{_named(state)}, want {{state: [...], teacher_action: int}}")
    objects = _field(state, "state")
    if not isinstance(objects, list):
        raise ValueError(f"state is {_named(objects)}, want a list of objects")
    for number, one in enumerate(objects):
        if not isinstance(one, dict):
            raise ValueError(f"object {number} is {_named(one)}, want one with {', '.join(STATE)}")
        try:
            for name in STATE:
                _number(one, name, whole=name == "type")
        except ValueError as error:
            raise ValueError(f"object {number}: {error}") from error
    action = int(_number(state, "teacher_action", whole=True))
    if not 0 <= action < actions:
        raise ValueError(f"teacher_action is {action}, want 0 to {actions - 1}")
    return action


def _field(record: dict[str, Any], name: str) -> Any:
    if name not in record:
        raise ValueError(f"{name} is missing")
    return record[name]


def _number(record: dict[str, Any], name: str, *, whole: bool) -> float:
    """A finite number; 2.0, as pandas writes it, is the whole number 2."""
    value = _field(record, name)
    wanted = "a whole number" if whole else "a number"
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name} is {_named(value)}, want {wanted}")
    if abs(value) > LARGEST or value != value or (whole and value != int(value)):
        shown = f"{value:g}" if isinstance(value, float) else "too large"
        raise ValueError(f"{name} is {shown}, want {wanted}")
    return value


def _named(value: Any) -> str:
    """A JSON value in words: null, "the text 'left'", "an object"."""
    if isinstance(value, str):
        return f"the text {value[:20]!r}"
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return f"the number {value!r:.20}"


def _warn_of_omissions(path: Path, states: list[dict[str, Any]], kept: int) -> None:
    """Warns of objects that have no track of the detector, and of fields that are not read.

    Raises:
        ConfigError: if no object is kept.
    """
    found = sum(len(state["state"]) for state in states)
    if not kept:
        raise ConfigError(
            f"dataset.import_json={path}: none of its {found} objects is of a type that the "
            "detector found",
            fix="types as in the detector's detector.json, counted from 0",
        )
    if kept < found:
        log.warning(
            "%s: %d of %d objects are left out: the detector has no track for them",
            *(path, found - kept, found),
        )
    others = {name for state in states for name in state} - {"state", "teacher_action"}
    others |= {name for state in states for one in state["state"] for name in one} - {*STATE}
    if others:
        log.warning("%s: these fields are not read: %s", path, ", ".join(sorted(others)))


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

"""The motion detector: what differs from the background and moves, as named features.

    detector = learn(screens, starts, actions, settings, labels)
    detector.save(folder); detector = Detector.load(folder)
    detector.reset(); row = detector.observe(screen)    # once a step

It learns from screens of play alone: no colours, sizes or facts about a game are given. Actions
serve to find out which type the player is, and for nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from diffses.detector import features as features_
from diffses.detector import kernel
from diffses.detector.features import Choice, Crowd, Feature, Slot
from diffses.detector.naming import slot_names
from diffses.detector.scene import Rules, Scene, empty_table, scratch
from diffses.errors import ArtifactError

FORMAT = 2  # of the files; raised when their meaning changes
# one object now: its type, who it is (a slot with features of its own where that is below the
# number of `Detector.tracks`), centre and size in px, velocity in px per step
OBJECT = np.dtype(
    [("type", "<i2"), ("track", "<i2")]
    + [(name, "<f4") for name in ("x", "y", "w", "h", "vx", "vy")]
)


@dataclass(frozen=True)
class TypeInfo:
    """A type of object, for people to read."""

    name: str
    width: float  # px, where it is seen in full
    height: float
    colours: tuple[int, ...]  # palette indices
    slots: int  # how many have features of their own
    sights: float  # how many there are on a screen, on average
    speed: float  # px per step, on average
    control: float | None  # share of the variance of its velocity that the actions explain

    @property
    def size(self) -> tuple[float, float]:
        return self.width, self.height


@dataclass(frozen=True)
class Model:
    """All that was learned."""

    scene: Scene
    rules: Rules
    types: tuple[TypeInfo, ...]
    player: str | None  # the name of the type that the actions move
    features: tuple[Feature, ...]


def all_slots(types: Sequence[TypeInfo], rules: Rules) -> list[Slot]:
    """The places of the tracker's table with features of their own: the first of each type."""
    slots = []
    for number, kind in enumerate(types):
        first = int(rules.sizes[number, kernel.FIRST])
        for place, name in enumerate(slot_names(kind.name, kind.slots)):
            slots.append(Slot(name, first + place))
    return slots


def all_crowds(types: Sequence[TypeInfo], rules: Rules) -> list[Crowd]:
    """The types of which there can be more than have slots."""
    ranges = rules.sizes[:, [kernel.FIRST, kernel.END]].astype(int).tolist()
    return [
        Crowd(kind.name, first, end)
        for kind, (first, end) in zip(types, ranges, strict=True)
        if end - first > kind.slots
    ]


def player_slot(types: Sequence[TypeInfo], rules: Rules, player: str | None) -> Slot | None:
    """The slot of the player, the first where its type has several."""
    for number, kind in enumerate(types):
        if kind.name == player:
            first = int(rules.sizes[number, kernel.FIRST])
            return Slot(slot_names(kind.name, kind.slots)[0], first)
    return None


class Detector:
    """Screens in, features out; keeps track of the objects from one step to the next.

    Not safe to share between threads: one for each game that is being played.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self.types = model.types
        self.background = model.scene.background
        self.features: tuple[str, ...] = tuple(feature.name for feature in model.features)
        self.units: dict[str, str] = {f.name: f.unit for f in model.features}
        self._scene, self._rules = model.scene, model.rules
        slots = all_slots(model.types, model.rules)
        self.tracks: tuple[str, ...] = tuple(slot.name for slot in slots)
        self._kinds = self._rules.type_of_place()
        self._holds = self._rules.sizes[self._kinds, kernel.HOLD].astype(np.int64)
        self._plan = features_.plan(model.features)
        # the tracks are the places of the table, those with features of their own first
        own = [slot.place for slot in slots]
        self._places = np.array(own + sorted(set(range(len(self._kinds))) - set(own)), np.int64)
        self._track_of = np.argsort(self._places)
        self._runs, self._blobs, self._areas = scratch()
        self._taken = np.zeros(kernel.MAX_BLOBS, np.int64)
        self._table = empty_table(self._rules.places)
        self._row = np.zeros(len(self.features))

    def reset(self) -> None:
        """An episode begins: nothing is known of where things were."""
        self._table[:] = 0
        self._table[:, kernel.AGE] = -1

    def observe(self, screen: np.ndarray) -> np.ndarray:
        """The features of this step, float64 (f,); the next call overwrites them.

        Args:
            screen: uint8 (210, 160), palette indices, the raw frame after the step.
        """
        scene, rules, plan = self._scene, self._rules, self._plan
        if screen.shape != scene.background.shape or screen.dtype != np.uint8:
            wanted = f"want a uint8 screen of {scene.background.shape}"
            raise ValueError(f"{wanted}, got {screen.dtype} {screen.shape}")
        kernel.observe(
            np.ascontiguousarray(screen),
            scene.background,
            scene.seen,
            scene.colours,
            scene.links,
            self._runs,
            self._blobs,
            self._areas,
            self._table,
            rules.sizes,
            rules.colours,
            rules.patience,
            self._taken,
            self._holds,
            plan.choices,
            plan.places,
            plan.columns,
            plan.scales,
            self._row,
        )
        return self._row

    @property
    def objects(self) -> np.ndarray:
        """The objects in sight now, OBJECT (n,), by type."""
        table = self._table
        here = np.flatnonzero((table[:, kernel.AGE] >= 0) & (table[:, kernel.UNSEEN] == 0))
        found = np.zeros(len(here), OBJECT)
        found["type"], found["track"] = self._kinds[here], self._track_of[here]
        for name in ("x", "y", "w", "h", "vx", "vy"):
            found[name] = table[here, features_.QUANTITIES[name]]
        return found

    def place(self, objects: np.ndarray) -> np.ndarray:
        """The features of objects that were found elsewhere, OBJECT (n,) -> float64 (f,)."""
        table = empty_table(len(self._table))
        for one in objects:
            entry = table[self._places[one["track"]]]
            entry[kernel.AGE] = 0
            for name in ("x", "y", "w", "h", "vx", "vy"):
                entry[features_.QUANTITIES[name]] = one[name]
        row = np.zeros(len(self.features))
        plan = self._plan
        kernel.fill(table, self._holds, plan.choices, plan.places, plan.columns, plan.scales, row)
        return row

    def describe(self) -> dict[str, Any]:
        """What `detector.json` holds."""
        return {
            "format": FORMAT,
            "kind": "motion",
            "player": self.model.player,
            "types": [
                {
                    "name": kind.name,
                    "width_px": kind.width,
                    "height_px": kind.height,
                    "colours": list(kind.colours),
                    "slots": kind.slots,
                    "seen_per_screen": kind.sights,
                    "speed_px_per_step": kind.speed,
                    "motion_explained_by_actions": kind.control,
                }
                for kind in self.model.types
            ],
            "features": list(self.features),
            "units": self.units,
            "patience_steps": self._rules.patience,
        }

    def save(self, folder: Path) -> None:
        """Writes `detector.json` and `detector.npz`."""
        scene, rules = self._scene, self._rules
        (folder / "detector.json").write_text(json.dumps(self.describe(), indent=2) + "\n")
        np.savez_compressed(
            folder / "detector.npz",
            background=scene.background,
            seen=scene.seen,
            colours=scene.colours,
            links=scene.links,
            rules=rules.sizes,
            type_colours=rules.colours,
        )

    @classmethod
    def load(cls, folder: Path) -> Detector:
        """Reads what `save` wrote.

        Raises:
            ArtifactError: where it is not there or not readable.
        """
        try:
            words = json.loads((folder / "detector.json").read_text())
            with np.load(folder / "detector.npz") as file:
                arrays = {name: file[name] for name in file.files}
            if words["format"] != FORMAT or words["kind"] != "motion":
                raise ValueError(f"format {words['format']} of {words['kind']!r}")
            return cls(_model(words, arrays))
        except (OSError, ValueError, KeyError) as error:
            raise ArtifactError(
                f"{folder} holds no detector that can be read: {error}",
                fix="the folder of a detector artifact, or stage=detector force=[detector]",
            ) from error


def _model(words: dict[str, Any], arrays: dict[str, np.ndarray]) -> Model:
    types = tuple(
        TypeInfo(
            kind["name"],
            kind["width_px"],
            kind["height_px"],
            tuple(kind["colours"]),
            kind["slots"],
            kind["seen_per_screen"],
            kind["speed_px_per_step"],
            kind["motion_explained_by_actions"],
        )
        for kind in words["types"]
    )
    rules = Rules(arrays["rules"], arrays["type_colours"], int(words["patience_steps"]))
    slots = {slot.name: slot for slot in all_slots(types, rules)}
    player = player_slot(types, rules, words["player"])
    chosen = {one.name: one for one in features_.choices(all_crowds(types, rules), player)}
    return Model(
        Scene(arrays["background"], arrays["seen"], arrays["colours"], arrays["links"]),
        rules,
        types,
        words["player"],
        tuple(_feature(name, slots, chosen) for name in words["features"]),
    )


def _feature(name: str, slots: dict[str, Slot], chosen: dict[str, Choice]) -> Feature:
    own, *rest = name.split("-")
    whose, quantity = own.rsplit(".", 1)
    other = slots[rest[0].rsplit(".", 1)[0]] if rest else None
    return Feature(slots[whose] if whose in slots else chosen[whose], quantity, other)

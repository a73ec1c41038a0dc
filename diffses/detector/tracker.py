"""What is known of the objects of a game from one step to the next, and the features of it.

Every detector that finds boxes of several types keeps one: `Memory.follow` takes the boxes of a
step, and `row` and `objects` then say what there is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from diffses.config import OTHERS
from diffses.detector import features as features_
from diffses.detector import kernel
from diffses.detector.features import Choice, Crowd, Feature, Slot
from diffses.detector.labels import slot_names
from diffses.detector.segmentation import Rules, empty_table

# one object now: its type, who it is (a slot with features of its own where that is below the
# number of `Memory.tracks`), centre and size in px, velocity in px per step
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
    colours: tuple[int, ...]  # palette indices; none where they are not what it goes by
    slots: int  # how many have features of their own
    sights: float  # how many there are on a screen, on average
    speed: float  # px per step, on average
    control: float | None  # share of the variance of its velocity that the actions explain

    @property
    def size(self) -> tuple[float, float]:
        return self.width, self.height


@dataclass(frozen=True)
class Cast:
    """Who there is in a game, and what is told of them."""

    rules: Rules
    types: tuple[TypeInfo, ...]
    player: str | None  # the name of the type that the actions move
    features: tuple[Feature, ...]
    # what each action does, 0 for those not named here: pushes the player right (1) or left (-1),
    # down (1) or up (-1); presses the button (1)
    pushes: tuple[tuple[float, float, float], ...] = ()

    def describe(self) -> dict[str, Any]:
        """The part of `detector.json` that `read_cast` reads."""
        return {
            "player": self.player,
            "pushes_of_actions": [list(push) for push in self.pushes],
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
                for kind in self.types
            ],
            "features": [feature.name for feature in self.features],
            "units": {feature.name: feature.unit for feature in self.features},
            "patience_steps": self.rules.patience,
        }


def read_cast(words: dict[str, Any], sizes: np.ndarray, colours: np.ndarray) -> Cast:
    """The cast that `describe` described; sizes, colours: of its `Rules`."""
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
    rules = Rules(sizes, colours, int(words["patience_steps"]))
    slots = {slot.name: slot for slot in all_slots(types, rules)}
    player = player_slot(types, rules, words["player"])
    crowds = all_crowds(types, rules, player)
    chosen = {one.name: one for one in features_.choices(crowds, player)}
    found = tuple(_feature(name, slots, chosen) for name in words["features"])
    pushes = tuple(
        (float(x), float(y), float(button[0]) if button else 0.0)
        for x, y, *button in words["pushes_of_actions"]
    )
    return Cast(rules, types, words["player"], found, pushes)


def _feature(name: str, slots: dict[str, Slot], chosen: dict[str, Choice]) -> Feature:
    own, *rest = name.split("-")
    whose, quantity = own.rsplit(".", 1)
    other = slots[rest[0].rsplit(".", 1)[0]] if rest else None
    return Feature(slots[whose] if whose in slots else chosen[whose], quantity, other)


def every_feature(
    types: Sequence[TypeInfo],
    rules: Rules,
    player: str | None,
    pushes: Sequence[tuple[float, float, float]],
    *,
    differences: bool,
) -> list[Feature]:
    """All features there could be; pushes: of `Cast`."""
    slot = player_slot(types, rules, player)
    return features_.every_feature(
        all_slots(types, rules),
        all_crowds(types, rules, slot),
        slot,
        differences=differences,
        axes=[axis for axis in (0, 1) if any(push[axis] for push in pushes)],
    )


def all_slots(types: Sequence[TypeInfo], rules: Rules) -> list[Slot]:
    """The places of the tracker's table with features of their own: the first of each type."""
    slots = []
    for number, kind in enumerate(types):
        first = int(rules.sizes[number, kernel.FIRST])
        for place, name in enumerate(slot_names(kind.name, kind.slots)):
            slots.append(Slot(name, first + place, kind.name))
    return slots


def all_crowds(types: Sequence[TypeInfo], rules: Rules, player: Slot | None) -> list[Crowd]:
    """The types of which there can be several; and, where more objects than FEW are told of besides
    the player, all that is not the player."""
    ranges = rules.sizes[:, [kernel.FIRST, kernel.END]].astype(int).tolist()
    told = sum(kind.slots for kind in types if player is None or kind.name != player.of)
    many = player is not None and told > features_.FEW
    return [Crowd(OTHERS, 0, rules.places)] * many + [
        Crowd(kind.name, first, end, few=end - first <= kind.slots)
        for kind, (first, end) in zip(types, ranges, strict=True)
        if end - first > min(kind.slots, 1)
    ]


def player_slot(types: Sequence[TypeInfo], rules: Rules, player: str | None) -> Slot | None:
    """The slot of the player, the first where its type has several."""
    for number, kind in enumerate(types):
        if kind.name == player:
            first = int(rules.sizes[number, kernel.FIRST])
            return Slot(slot_names(kind.name, kind.slots)[0], first, kind.name)
    return None


class ObjectDetector(Protocol):
    """Finds boxes of several types, step after step."""

    memory: Memory
    sees_ram: bool  # an oracle: `observe` is given the console's memory
    looks_back: bool  # `observe` is given the frame before, too

    def reset(self) -> None:
        """An episode begins."""

    def acted(self, action: int | None) -> None:
        """Before a step is looked at: the action, by its index, that led to it; None where none
        did."""

    def observe(self, screen: np.ndarray, before: np.ndarray | None = None) -> np.ndarray:
        """The features of this step, float64 (f,), of palette indices, uint8 (h, w)."""


class Memory:
    """The tracker's table of one game, and the row of features that is told of it."""

    def __init__(self, cast: Cast) -> None:
        rules = cast.rules
        self.cast = cast
        slots = all_slots(cast.types, rules)
        self.tracks: tuple[str, ...] = tuple(slot.name for slot in slots)
        self.plan = features_.plan(cast.features)
        self.holds = rules.sizes[rules.type_of_place(), kernel.HOLD].astype(np.int64)
        self.taken = np.zeros(kernel.MAX_BLOBS, np.int64)
        self.table = empty_table(rules.places)
        self.row = np.zeros(len(cast.features))
        self._kinds = rules.type_of_place()
        # the tracks are the places of the table, those with features of their own first
        own = [slot.place for slot in slots]
        self._places = np.array(own + sorted(set(range(len(self._kinds))) - set(own)), np.int64)
        self._track_of = np.argsort(self._places)
        player = player_slot(cast.types, rules, cast.player)
        self.pushed = -1 if player is None else player.place  # the place that actions push
        self.pushes = np.array(cast.pushes).reshape(-1, 3)

    def reset(self) -> None:
        """An episode begins: nothing is known of where things were."""
        kernel.forget(self.table)

    def acted(self, action: int | None) -> None:
        """Before a step is looked at: the action, by its index, that led to it; None where none
        did."""
        if self.pushed >= 0:
            told = action is not None and action < len(self.pushes)
            push = self.pushes[action] if told else np.zeros(3)
            kernel.note_action(self.table, self.pushed, push)

    def follow(self, boxes: np.ndarray) -> np.ndarray:
        """One step: who is who, and the features, float64 (f,), overwritten by the next call.

        Args:
            boxes: int32 (n, 6), n <= MAX_BLOBS, as of `kernel.find_blobs`: number of the colour,
                left, top, right, bottom, inclusive, and area in px.
        """
        rules = self.cast.rules
        kernel.follow(
            self.table, boxes, len(boxes), rules.sizes, rules.colours, rules.patience, self.taken
        )
        return self._tell(self.table, self.row)

    def _tell(self, table: np.ndarray, row: np.ndarray) -> np.ndarray:
        plan = self.plan
        kernel.fill(table, self.holds, plan.choices, plan.places, plan.columns, plan.scales, row)
        return row

    @property
    def objects(self) -> np.ndarray:
        """The objects in sight now, OBJECT (n,), by type."""
        table = self.table
        here = self._in_sight()
        found = np.zeros(len(here), OBJECT)
        found["type"], found["track"] = self._kinds[here], self._track_of[here]
        for name in ("x", "y", "w", "h", "vx", "vy"):
            found[name] = table[here, features_.QUANTITIES[name]]
        return found

    def chosen(self) -> dict[int, list[str]]:
        """What `objects` are called besides, e.g. {3: ["nearest", "lowest"]}, by their row."""
        called: dict[int, list[str]] = {}
        wanted = dict.fromkeys(
            feature.slot for feature in self.cast.features if isinstance(feature.slot, Choice)
        )
        here = self._in_sight().tolist()
        for one, choice in zip(wanted, self.plan.choices, strict=True):
            place = kernel.choose(self.table, self.holds, choice)
            if one.which is not None and place in here:
                called.setdefault(here.index(place), []).append(one.which)
        return called

    def _in_sight(self) -> np.ndarray:
        known = self.table[:, kernel.AGE] >= 0
        return np.flatnonzero(known & (self.table[:, kernel.UNSEEN] == 0))

    def place(self, objects: np.ndarray) -> np.ndarray:
        """The features of objects that were found elsewhere, OBJECT (n,) -> float64 (f,).

        Of these only the present velocity is known, which stands for that over several steps.
        """
        table = empty_table(len(self.table))
        for one in objects:
            entry = table[self._places[one["track"]]]
            entry[kernel.AGE] = 0
            for name in ("x", "y", "w", "h", "vx", "vy"):
                entry[features_.QUANTITIES[name]] = one[name]
            entry[kernel.DRIFT_X], entry[kernel.DRIFT_Y] = one["vx"], one["vy"]
        return self._tell(table, np.zeros(len(self.row)))


def turn_to(
    detector: Memory | ObjectDetector, frame: int, starts: np.ndarray, action_tm1: np.ndarray
) -> None:
    """Before a frame of a recording is looked at: begins its episode, or tells the action that led
    to it, as `detector.look` does of a console at play.

    Args:
        starts: bool (frames,), where an episode begins.
        action_tm1: int (frames,), the action that led to each frame.
    """
    if frame == 0 or starts[frame]:
        detector.reset()
    else:
        detector.acted(int(action_tm1[frame]))


class Tracking:
    """What detectors that remember objects have in common; how boxes are found is their own.

    Not safe to share between threads: one for each game that is being played.
    """

    sees_ram = False
    looks_back = False

    def __init__(self, cast: Cast) -> None:
        self.memory = Memory(cast)
        self.features: tuple[str, ...] = tuple(feature.name for feature in cast.features)
        self.units: dict[str, str] = {f.name: f.unit for f in cast.features}

    @property
    def tracks(self) -> tuple[str, ...]:
        """The names of the slots, by the number of their track."""
        return self.memory.tracks

    @property
    def objects(self) -> np.ndarray:
        """The objects in sight now, OBJECT (n,), by type."""
        return self.memory.objects

    def reset(self) -> None:
        """An episode begins: nothing is known of where things were."""
        self.memory.reset()

    def acted(self, action: int | None) -> None:
        """Before a step is looked at: the action, by its index, that led to it; None where none
        did."""
        self.memory.acted(action)

"""Multi-object tracking at play time, and the features of the tracked objects.

Every detector that finds boxes of several types owns a `Tracker`: `Tracker.update` takes the boxes
of a step and returns the features; `objects` lists what was detected.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, Self

import numpy as np

from diffses.config import HARM, OTHERS, PRIZE, TARGET
from diffses.detector import concept_kernel, kernel
from diffses.detector import features as features_
from diffses.detector.concepts import CONCEPTS
from diffses.detector.contact_value import UNKNOWN, TypeContact, read_type_contact
from diffses.detector.dynamics import Dynamics, read_dynamics
from diffses.detector.features import Feature, GroupMember, ObjectGroup, Slot
from diffses.detector.labels import slot_names
from diffses.detector.segmentation import TrackerParams, boxes_as_blobs, empty_table

# a detected object: index of its type, its track (one with features of its own where that is below
# the number of `Tracker.track_names`), centre and size in px, velocity in px per step
OBJECT = np.dtype(
    [("type", "<i2"), ("track", "<i2")]
    + [(name, "<f4") for name in ("x", "y", "w", "h", "vx", "vy")]
)


@dataclass(frozen=True)
class TypeInfo:
    """An object type, for people to read."""

    name: str
    width: float  # px, unoccluded
    height: float
    colours: tuple[int, ...]  # palette indices; empty if the detector does not use them
    slots: int  # objects with features of their own
    mean_count: float  # objects per screen
    speed: float  # mean, px per step
    control: float | None  # velocity variance explained by actions, 0 to 1; None: unknown
    contact: TypeContact = UNKNOWN  # what follows where the player touches or shoots it

    @property
    def size(self) -> tuple[float, float]:
        return self.width, self.height


@dataclass(frozen=True)
class ObjectSchema:
    """A game's object types, the tracker's parameters, and the features that are offered."""

    params: TrackerParams
    types: tuple[TypeInfo, ...]
    player: str | None  # name of the type that the actions control
    features: tuple[Feature, ...]
    # effect of each action, by index: pushes the player right (1) or left (-1), down (1) or up
    # (-1); presses the button (1). Actions beyond the last have none.
    pushes: tuple[tuple[float, float, float], ...] = ()
    dynamics: Dynamics | None = None  # measured for the concepts; None: it offers no concepts

    @property
    def axes(self) -> tuple[int, ...]:
        """The axes along which the actions push the player, 0 for x and 1 for y."""
        return tuple(axis for axis in (0, 1) if any(push[axis] for push in self.pushes))

    def describe(self) -> dict[str, Any]:
        """The part of `detector.json` that `read_schema` reads."""
        measured = {} if self.dynamics is None else self._describe_concepts(self.dynamics)
        return measured | {
            "player": self.player,
            "pushes_of_actions": [list(push) for push in self.pushes],
            "types": [
                {
                    "name": kind.name,
                    "width_px": kind.width,
                    "height_px": kind.height,
                    "colours": list(kind.colours),
                    "slots": kind.slots,
                    "seen_per_screen": kind.mean_count,
                    "speed_px_per_step": kind.speed,
                    "motion_explained_by_actions": kind.control,
                    **kind.contact.describe(),
                }
                for kind in self.types
            ],
            "features": [feature.name for feature in self.features],
            "units": {feature.name: feature.unit for feature in self.features},
            "patience_steps": self.params.patience,
        }

    def _describe_concepts(self, dynamics: Dynamics) -> dict[str, Any]:
        """What was measured, and the definition of each concept that is offered."""
        used = {f.quantity for f in self.features if f.is_concept}
        return {
            "dynamics": dynamics.describe([kind.name for kind in self.types]),
            "concepts": {
                name: {"formula": one.formula, "unit": one.unit, "missing": one.missing}
                for name, one in CONCEPTS.items()
                if name in used
            },
        }


def read_schema(words: dict[str, Any], arrays: Mapping[str, np.ndarray]) -> ObjectSchema:
    """The schema that `describe` wrote; arrays: of `TrackerParams.arrays`."""
    params = TrackerParams.from_arrays(arrays, int(words["patience_steps"]))
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
            read_type_contact(kind),
        )
        for kind in words["types"]
    )
    slots = {slot.name: slot for slot in named_slots(types, params)}
    player = player_slot(types, params, words["player"])
    groups = all_groups(types, params, player)
    members = {one.name: one for one in features_.group_members(groups, player)}
    if player is not None:
        every = features_.concept_members(concept_groups(types, params, player), player)
        members = {one.name: one for one in every} | members
    found = tuple(_feature(name, slots, members) for name in words["features"])
    pushes = tuple(
        (float(x), float(y), float(button[0]) if button else 0.0)
        for x, y, *button in words["pushes_of_actions"]
    )
    dynamics = read_dynamics(words["dynamics"]) if "dynamics" in words else None
    return ObjectSchema(params, types, words["player"], found, pushes, dynamics)


def _feature(name: str, slots: dict[str, Slot], members: dict[str, GroupMember]) -> Feature:
    own, *rest = name.split("-")
    whose, quantity = own.rsplit(".", 1)
    other = slots[rest[0].rsplit(".", 1)[0]] if rest else None
    return Feature(slots[whose] if whose in slots else members[whose], quantity, other)


def candidate_features(
    types: Sequence[TypeInfo],
    params: TrackerParams,
    player: str | None,
    pushes: Sequence[tuple[float, float, float]],
    *,
    differences: bool,
) -> list[Feature]:
    """All features that the types allow; pushes: of `ObjectSchema`."""
    slot = player_slot(types, params, player)
    return features_.candidate_features(
        named_slots(types, params),
        all_groups(types, params, slot),
        slot,
        differences=differences,
        axes=[axis for axis in (0, 1) if any(push[axis] for push in pushes)],
    )


def candidate_concepts(schema: ObjectSchema) -> list[Feature]:
    """All concepts that the types allow, given the measured dynamics."""
    player = player_slot(schema.types, schema.params, schema.player)
    if player is None or schema.dynamics is None:
        return []
    return features_.concept_features(
        named_slots(schema.types, schema.params),
        concept_groups(schema.types, schema.params, player),
        player,
        schema.axes,
        schema.dynamics.lead_speed,
    )


def named_slots(types: Sequence[TypeInfo], params: TrackerParams) -> list[Slot]:
    """The places of the track table with features of their own: the first ones of each type."""
    slots = []
    for number, kind in enumerate(types):
        first = int(params.type_params[number, kernel.FIRST_PLACE])
        for place, name in enumerate(slot_names(kind.name, kind.slots)):
            slots.append(Slot(name, first + place, kind.name))
    return slots


def all_groups(
    types: Sequence[TypeInfo], params: TrackerParams, player: Slot | None
) -> list[ObjectGroup]:
    """The types with several objects; and, with more than MAX_PAIRED_SLOTS slots besides the
    player's, the group OTHERS of all objects but the player."""
    ranges = params.type_params[:, [kernel.FIRST_PLACE, kernel.END_PLACE]].astype(int).tolist()
    others = sum(kind.slots for kind in types if player is None or kind.name != player.of)
    many = player is not None and others > features_.MAX_PAIRED_SLOTS
    return [ObjectGroup(OTHERS, 0, params.places)] * many + [
        ObjectGroup(kind.name, first, end, few=end - first <= kind.slots)
        for kind, (first, end) in zip(types, ranges, strict=True)
        if end - first > min(kind.slots, 1)
    ]


def concept_groups(
    types: Sequence[TypeInfo], params: TrackerParams, player: Slot
) -> list[ObjectGroup]:
    """Each type, unless the player is all of it; and OTHERS, all objects but the player, if there
    are two other types."""
    ranges = params.type_params[:, [kernel.FIRST_PLACE, kernel.END_PLACE]].astype(int).tolist()
    groups = [
        ObjectGroup(kind.name, first, end, few=end - first <= kind.slots)
        for kind, (first, end) in zip(types, ranges, strict=True)
        if (first, end) != (player.place, player.place + 1)
    ]
    if len(groups) < 2:
        return groups
    few = params.places - 1 <= features_.MAX_PAIRED_SLOTS
    whole = ObjectGroup(OTHERS, 0, params.places, few=few)
    return [whole, *value_groups(types, params), *groups]


def value_groups(types: Sequence[TypeInfo], params: TrackerParams) -> list[ObjectGroup]:
    """All objects that pay where the player touches them (PRIZE), that pay where it shoots them
    (TARGET), and that harm where it touches them (HARM), as far as the recording tells.

    A group is left out where its types have no places side by side; see `contact_rank`.
    """
    ranges = params.type_params[:, [kernel.FIRST_PLACE, kernel.END_PLACE]].astype(int)
    groups = []
    for name, chosen in (
        (PRIZE, [kind.contact.value > 0 for kind in types]),
        (TARGET, [kind.contact.target for kind in types]),
        (HARM, [kind.contact.value < 0 for kind in types]),
    ):
        mine = ranges[chosen]
        if len(mine) and (mine[1:, 0] == mine[:-1, 1]).all():
            groups.append(ObjectGroup(name, int(mine[0, 0]), int(mine[-1, 1]), few=True))
    return groups


def player_slot(
    types: Sequence[TypeInfo], params: TrackerParams, player: str | None
) -> Slot | None:
    """The player's slot, the first one if its type has several."""
    for number, kind in enumerate(types):
        if kind.name == player:
            first = int(params.type_params[number, kernel.FIRST_PLACE])
            return Slot(slot_names(kind.name, kind.slots)[0], first, kind.name)
    return None


class ObjectDetector(Protocol):
    """A detector that finds boxes of several types, step after step."""

    tracker: Tracker
    sees_ram: bool  # an oracle: `observe` is given the RAM
    looks_back: bool  # `observe` is given the previous frame, too

    def reset(self) -> None:
        """Starts an episode."""

    def set_last_action(self, action: int | None) -> None:
        """Sets the action, by index, that led to the step observed next; None if no action did."""

    def observe(self, screen: np.ndarray, before: np.ndarray | None = None) -> np.ndarray:
        """The features of this step, float64 (f,), from palette indices, uint8 (h, w)."""


class Tracker:
    """The track table of one game, and its features."""

    def __init__(self, schema: ObjectSchema) -> None:
        params = schema.params
        self.schema = schema
        slots = named_slots(schema.types, params)
        self.track_names: tuple[str, ...] = tuple(slot.name for slot in slots)
        self.plan = features_.feature_plan(schema.features)
        self.max_coast_steps = params.type_params[
            params.type_of_place(), kernel.COAST_LIMIT
        ].astype(np.int64)
        self.assigned = np.zeros(kernel.MAX_BLOBS, np.int64)
        self.sprite_ids = np.zeros((kernel.MAX_BLOBS, 2), np.int64)
        self.table = empty_table(params.places)
        self.chosen = np.zeros(len(self.plan.members), np.int64)
        self.row = np.zeros(len(schema.features))
        count = len(self.plan.scales)
        self.plain_row, self.concept_row = self.row[:count], self.row[count:]  # parts of it
        self._type_of_place = params.type_of_place()
        # tracks are numbered by place, those with features of their own first
        own = [slot.place for slot in slots]
        self._places = np.array(
            own + sorted(set(range(len(self._type_of_place))) - set(own)), np.int64
        )
        self._track_of = np.argsort(self._places)
        player = player_slot(schema.types, params, schema.player)
        self.player_place = -1 if player is None else player.place  # -1: there is no player
        self.pushes = np.array(schema.pushes).reshape(-1, 3)
        self.dynamics = None if schema.dynamics is None else schema.dynamics.arrays(params)

    def reset(self) -> None:
        """Starts an episode: deletes all tracks."""
        kernel.reset_table(self.table)

    def set_last_action(self, action: int | None) -> None:
        """Sets the action, by index, that led to the step observed next; None if no action did."""
        if self.player_place >= 0:
            known = action is not None and action < len(self.pushes)
            push = self.pushes[action] if known else np.zeros(3)
            kernel.set_last_action(self.table, self.player_place, push)

    def clone_state(self) -> tuple[np.ndarray, np.ndarray]:
        """Copies of the track table, with the last action, and of the last features."""
        return self.table.copy(), self.row.copy()

    def restore_state(self, state: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        """Goes back to a state of `clone_state`; returns its features, float64 (f,)."""
        self.table[:], self.row[:] = state
        return self.row

    def update(self, boxes: np.ndarray) -> np.ndarray:
        """One step: associates boxes with tracks, and returns the features, float64 (f,).

        The next call overwrites the returned array.

        Args:
            boxes: int32 (n, 6), n <= MAX_BLOBS, columns COLOUR to AREA of the kernel: colour
                number, left, top, right, bottom (inclusive) and area in px.
        """
        params = self.schema.params
        kernel.update_tracks(
            self.table,
            boxes_as_blobs(boxes),
            len(boxes),
            params.type_params,
            params.type_colours,
            params.patience,
            self.assigned,
        )
        self._write_features(self.table, self.plain_row)
        self.write_concepts(self.table, self.concept_row)
        return self.row

    def _write_features(self, table: np.ndarray, row: np.ndarray) -> None:
        plan = self.plan
        kernel.compute_features(
            table,
            self.max_coast_steps,
            plan.members,
            plan.places,
            plan.columns,
            plan.scales,
            self.chosen,
            row,
        )

    def write_concepts(self, table: np.ndarray, row: np.ndarray) -> None:
        """Writes the concepts of a track table, float64 (c,), for which `chosen` is up to date."""
        if len(row) and self.dynamics is not None:
            concept_kernel.compute_concepts(
                table,
                self.max_coast_steps,
                self.plan.members,
                self.chosen,
                self.player_place,
                self.plan.concept_places,
                self.plan.concept_codes,
                *self.dynamics,
                row,
            )

    @property
    def objects(self) -> np.ndarray:
        """The objects detected in this step, OBJECT (n,), by type."""
        table = self.table
        here = self._detected_places()
        found = np.zeros(len(here), OBJECT)
        found["type"], found["track"] = self._type_of_place[here], self._track_of[here]
        for name in ("x", "y", "w", "h", "vx", "vy"):
            found[name] = table[here, features_.QUANTITIES[name].column]
        return found

    @property
    def ages(self) -> np.ndarray:
        """The age of each of `objects` in steps, float64 (n,): 0 for one that is first seen now."""
        return np.asarray(self.table[self._detected_places(), kernel.AGE])

    def member_labels(self) -> dict[int, list[str]]:
        """Which criteria each of `objects` meets, by its row: e.g. {3: ["nearest", "lowest"]}.

        Those that only concepts name are left out, but for PRIZE, TARGET and HARM, which are named
        in full: "prize.nearest".
        """
        labels: dict[int, list[str]] = {}
        wanted = dict.fromkeys(
            feature.slot
            for feature in self.schema.features
            if isinstance(feature.slot, GroupMember)
        )
        plain = {feature.slot for feature in self.schema.features if not feature.is_concept}
        here = self._detected_places().tolist()
        for one, row in zip(wanted, self.plan.members, strict=True):
            by_value = one.of in (PRIZE, TARGET, HARM)
            if one.which is None or not (by_value or one in plain):
                continue
            place = kernel.choose_member(self.table, self.max_coast_steps, row)
            name = one.name if by_value else one.which
            if place in here and name not in labels.setdefault(here.index(place), []):
                labels[here.index(place)].append(name)
        return labels

    def distance_to_player(self, place: int) -> float:
        """From the player's centre to that of a track, px; infinite if one of them is not there."""
        if min(place, self.player_place) < 0:
            return float("inf")
        both = self.table[[place, self.player_place]]
        limits = self.max_coast_steps[[place, self.player_place]]
        there = (both[:, kernel.AGE] >= 0) & (both[:, kernel.UNSEEN] <= limits)
        x, y = both[0, [kernel.X, kernel.Y]] - both[1, [kernel.X, kernel.Y]]
        return float(np.hypot(x, y)) if there.all() else float("inf")

    def _detected_places(self) -> np.ndarray:
        """Places of the tracks detected in this step; coasting ones are left out."""
        known = self.table[:, kernel.AGE] >= 0
        return np.flatnonzero(known & (self.table[:, kernel.UNSEEN] == 0))

    def features_of(self, objects: np.ndarray) -> np.ndarray:
        """The features of objects from another source, OBJECT (n,) -> float64 (f,).

        Only their present velocity is known; it also stands for the mean velocity.
        """
        table = empty_table(len(self.table))
        for one in objects:
            entry = table[self._places[one["track"]]]
            entry[kernel.AGE] = 0
            for name in ("x", "y", "w", "h", "vx", "vy"):
                entry[features_.QUANTITIES[name].column] = one[name]
            entry[kernel.DRIFT_X], entry[kernel.DRIFT_Y] = one["vx"], one["vy"]
        row = np.zeros(len(self.row))
        self._write_features(table, row[: len(self.plain_row)])
        self.write_concepts(table, row[len(self.plain_row) :])
        return row


def replay_action(
    detector: Tracker | ObjectDetector, frame: int, starts: np.ndarray, action_tm1: np.ndarray
) -> None:
    """Prepares a detector for a frame of a recording: resets it, or sets the action that led there.

    It does what `detector.base.observe_env` does at play.

    Args:
        starts: bool (frames,), where an episode begins.
        action_tm1: int (frames,), the action that led to each frame.
    """
    if frame == 0 or starts[frame]:
        detector.reset()
    else:
        detector.set_last_action(int(action_tm1[frame]))


class TrackingDetector(ABC):
    """What detectors with a tracker share; subclasses define how boxes are found.

    Not thread-safe: use one instance per game that is being played (`fresh`).
    """

    sees_ram = False
    looks_back = False

    def __init__(self, schema: ObjectSchema) -> None:
        self.tracker = Tracker(schema)
        self.features: tuple[str, ...] = tuple(feature.name for feature in schema.features)
        self.units: dict[str, str] = {f.name: f.unit for f in schema.features}

    @abstractmethod
    def with_schema(self, schema: ObjectSchema) -> Self:
        """A new instance with another schema."""

    def with_features(self, names: Collection[str]) -> Self:
        """A new instance that computes these features alone, in the order of `features`."""
        schema, wanted = self.tracker.schema, set(names)
        pairs = zip(schema.features, self.features, strict=True)
        kept = tuple(feature for feature, name in pairs if name in wanted)
        return self.with_schema(replace(schema, features=kept))

    @property
    def track_names(self) -> tuple[str, ...]:
        """Names of the tracks with features of their own, by track number."""
        return self.tracker.track_names

    @property
    def objects(self) -> np.ndarray:
        """The objects detected in this step, OBJECT (n,), by type."""
        return self.tracker.objects

    def reset(self) -> None:
        """Starts an episode: deletes all tracks."""
        self.tracker.reset()

    def set_last_action(self, action: int | None) -> None:
        """Sets the action, by index, that led to the step observed next; None if no action did."""
        self.tracker.set_last_action(action)

    def clone_state(self) -> Any:
        """What it remembers of the episode, the last features included."""
        return self.tracker.clone_state()

    def restore_state(self, state: Any) -> np.ndarray:
        """Goes back to a state of `clone_state`; returns its features, float64 (f,)."""
        return self.tracker.restore_state(state)

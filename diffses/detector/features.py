"""Features: named scalars that are computed from the track table, with their scales and units."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from diffses.config import OTHERS
from diffses.detector.concepts import (
    CONCEPTS,
    concept_code,
    group_concepts,
    object_concepts,
    player_concepts,
)
from diffses.detector.kernel import (
    BUTTON,
    COUNT,
    DRIFT_X,
    DRIFT_Y,
    HIGHEST,
    LEFTMOST,
    LOWEST,
    NEAREST,
    NEXT_ABOVE,
    NEXT_BELOW,
    NEXT_COLLIDER,
    NEXT_LEFT,
    NEXT_RIGHT,
    PRESENT,
    PUSH_X,
    PUSH_Y,
    REST,
    RIGHTMOST,
    ROW_LEFT,
    SECOND_LEFT,
    VX,
    VY,
    H,
    W,
    X,
    Y,
)


class Quantity(NamedTuple):
    """A scalar of one object, as a feature shows it."""

    column: int  # of the track table, or PRESENT or COUNT
    scale: float  # px, px per step, steps or objects per unit of the feature
    unit: str


QUANTITIES = {
    "x": Quantity(X, 100.0, "100 px from the left edge"),
    "y": Quantity(Y, 100.0, "100 px from the top edge"),
    "vx": Quantity(VX, 10.0, "10 px per step, to the right"),
    "vy": Quantity(VY, 10.0, "10 px per step, down"),
    "driftx": Quantity(
        DRIFT_X, 10.0, "10 px per step, to the right, over the last ten steps or so"
    ),
    "drifty": Quantity(DRIFT_Y, 10.0, "10 px per step, down, over the last ten steps or so"),
    "w": Quantity(W, 100.0, "100 px wide"),
    "h": Quantity(H, 100.0, "100 px high"),
    "present": Quantity(PRESENT, 1.0, "1 if it is there, else 0"),
    "pushx": Quantity(PUSH_X, 1.0, "1 if the last action pushes it right, -1 left, else 0"),
    "pushy": Quantity(PUSH_Y, 1.0, "1 if the last action pushes it down, -1 up, else 0"),
    "button": Quantity(BUTTON, 1.0, "1 if the last action pressed the button, else 0"),
    "rest": Quantity(REST, 10.0, "10 steps since the button was last pressed, 1 at the most"),
    "count": Quantity(COUNT, 10.0, "10 of them"),
}
SLOT_QUANTITIES = ("x", "y", "vx", "vy", "w", "h", "present")
PLAYER_QUANTITIES = ("pushx", "pushy")  # direction of the last action
DRIFTS = {"driftx": "vx", "drifty": "vy"}  # mean velocity: the velocity that it averages
MEMBER_CHOICES = {  # a group's chosen members: the criterion, and the quantities offered
    "nearest": (NEAREST, ("x", "y", "vx", "vy", "present")),
    "leftmost": (LEFTMOST, ("x",)),
    "rightmost": (RIGHTMOST, ("x",)),
    "highest": (HIGHEST, ("y",)),
    "lowest": (LOWEST, ("y",)),
    "left": (NEXT_LEFT, ("x", "y", "vx", "vy", "present")),
    "right": (NEXT_RIGHT, ("x", "y", "vx", "vy", "present")),
    "above": (NEXT_ABOVE, ("x", "y", "vx", "vy", "present")),
    "below": (NEXT_BELOW, ("x", "y", "vx", "vy", "present")),
    "coming": (NEXT_COLLIDER, ("x", "y", "vx", "vy", "present")),
}
SECONDS = ("left2", "right2", "above2", "below2")  # the second nearest each way
MEMBER_CHOICES |= {
    name: (SECOND_LEFT + number, ("x", "y", "vx", "vy", "present"))
    for number, name in enumerate(SECONDS)
}
IN_LINE = ("row_left", "row_right", "column_above", "column_below")  # the nearest in line each way
MEMBER_CHOICES |= {name: (ROW_LEFT + number, ()) for number, name in enumerate(IN_LINE)}
SIDES = {"left": (0, -1), "right": (0, 1), "above": (1, -1), "below": (1, 1)}  # axis, direction
SIDE_OF = SIDES | {  # of every choice that names one
    name: side
    for names in (SECONDS, IN_LINE)
    for name, side in zip(names, SIDES.values(), strict=True)
}
MAX_PAIRED_SLOTS = 4  # with more slots, only differences to the player are offered
AXIS_OF_SIZE = {"w": "x", "h": "y"}  # the position along the same axis
MIN_REST_SHARE = 0.5  # of the steps after a moving one are at rest: the object moves in jumps
# share of the moving steps in which the velocity differs by 1 px from the one before: pixels are
# too coarse (0.8 px per step appears as 1, 1, 0, 1)
MIN_ROUNDING_SHARE = 0.15
MAX_SIZE_SPREAD = 1.0  # px; interquartile range up to which a size counts as constant


@dataclass(frozen=True)
class Slot:
    """A place of the track table whose object has features of its own."""

    name: str  # e.g. "ball", or "car_2" where there are several of a type
    place: int
    of: str  # name of the type


@dataclass(frozen=True)
class ObjectGroup:
    """The places of a type with several objects, or of all types together."""

    name: str  # of the type
    first: int
    end: int
    few: bool = False  # each member also has a slot of its own


@dataclass(frozen=True)
class GroupMember:
    """The member of a group that meets a criterion (nearest to the player, leftmost, ...)."""

    group: ObjectGroup
    which: str | None  # a key of MEMBER_CHOICES; None: all members, for their number
    player: int = -1  # the player's place; -1: there is none

    @property
    def of(self) -> str:
        """Name of the type."""
        return self.group.name

    @property
    def name(self) -> str:
        return self.group.name if self.which is None else f"{self.group.name}.{self.which}"


@dataclass(frozen=True)
class Feature:
    """A quantity of a slot or a group member, or its difference to the same quantity of `other`."""

    slot: Slot | GroupMember
    quantity: str
    other: Slot | None = None

    @property
    def of(self) -> str:
        """Name of the type that it describes."""
        return self.slot.of

    @property
    def name(self) -> str:
        own = f"{self.slot.name}.{self.quantity}"
        return own if self.other is None else f"{own}-{self.other.name}.{self.quantity}"

    @property
    def is_concept(self) -> bool:
        """Whether it relates the object to the player, see `concepts`."""
        return self.quantity in CONCEPTS

    @property
    def unit(self) -> str:
        if self.is_concept:
            concept = CONCEPTS[self.quantity]
            return f"{concept.unit}; missing: {concept.missing}"
        if self.other is None:
            return QUANTITIES[self.quantity].unit
        where = "right of" if self.quantity == "x" else "below"
        return f"100 px {where} {self.other.name}; 0 if one of them is missing"


def candidate_features(
    slots: Sequence[Slot],
    groups: Sequence[ObjectGroup],
    player: Slot | None,
    *,
    differences: bool,
    axes: Collection[int] = (0, 1),
) -> list[Feature]:
    """All features that the types allow; `varying_features` drops those that are constant.

    Slots: position, velocity, size, presence. The player: direction of the last action (its
    effect is delayed by momentum and sticky actions, Machado et al. 2018); all other types with
    a single slot: mean velocity. Pairs of slots: position differences; with more than
    MAX_PAIRED_SLOTS slots only those to the player. Groups: count, nearest member, extremes, and
    the next collider, i.e. the member with the smallest time to contact among those passing
    within COLLISION_CORRIDOR px of the player's centre. All types together (OTHERS): the nearest
    object, and the nearest and second nearest in each direction along the axes on which the
    actions push the player.

    Args:
        axes: those along which the actions push the player, 0 for x and 1 for y.
    """
    members = group_members(groups, player, axes)
    found = [*_slot_features(slots, player), *_member_features(members)]
    return [*found, *_differences(slots, members, player)] if differences else found


def _slot_features(slots: Sequence[Slot], player: Slot | None) -> list[Feature]:
    types = [slot.of for slot in slots]
    found = []
    for slot in slots:
        alone: Collection[str] = DRIFTS if types.count(slot.of) == 1 else ()
        more = PLAYER_QUANTITIES if slot == player else alone
        found += [Feature(slot, quantity) for quantity in (*SLOT_QUANTITIES, *more)]
    return found


def _member_features(members: Sequence[GroupMember]) -> list[Feature]:
    found = []
    for member in members:
        quantities = ("count",) if member.which is None else MEMBER_CHOICES[member.which][1]
        if "vx" in quantities and member.which != "coming":
            quantities = (*quantities, *DRIFTS)
        found += [Feature(member, quantity) for quantity in quantities]
    return found


def _differences(
    slots: Sequence[Slot], members: Sequence[GroupMember], player: Slot | None
) -> list[Feature]:
    """Differences of x and of y: between slots, and of group members to the player."""
    pairs: list[tuple[Slot | GroupMember, Slot | None]] = [
        (one, other)
        for i, one in enumerate(slots)
        for other in slots[:i]
        if len(slots) <= MAX_PAIRED_SLOTS or player in (one, other)
    ]
    relative = ("nearest", "coming", *SIDES, *SECONDS)
    pairs += [(member, player) for member in members if member.which in relative]
    return [Feature(one, quantity, other) for one, other in pairs for quantity in ("x", "y")]


def group_members(
    groups: Sequence[ObjectGroup], player: Slot | None, axes: Collection[int] = (0, 1)
) -> list[GroupMember]:
    """The chosen members of each group; without a player none that depend on it.

    Args:
        axes: those along which the actions push the player, 0 for x and 1 for y: the neighbours of
            OTHERS are offered along these only.
    """
    place = -1 if player is None else player.place
    sides = [which for which, (axis, _) in SIDES.items() if axis in axes]
    sides += [f"{which}2" for which in sides]
    of_one = [None, *(which for which in MEMBER_CHOICES if which not in SIDE_OF)]
    made = []
    for group in groups:
        wanted = ["nearest", *sides] if group.name == OTHERS else of_one
        if group.few:
            wanted = ["coming"]
        alone = player is None
        made += [
            GroupMember(group, w, place)
            for w in wanted
            if not (alone and w in ("nearest", "coming"))
        ]
    return made


def concept_features(
    slots: Sequence[Slot],
    groups: Sequence[ObjectGroup],
    player: Slot | None,
    axes: Collection[int],
    lead_speed: tuple[float, float],
) -> list[Feature]:
    """All concepts that the types allow.

    Objects: every slot but the player's; of a type with several objects, and of all types together,
    the nearest, the next on each side, the second one beyond it, the next in the row and in the
    column of the player, and the next collider.

    Args:
        groups: of `tracker.concept_groups`.
        axes: those along which the actions push the player.
        lead_speed: of `Dynamics`.
    """
    if player is None or not axes:
        return []
    found = [Feature(player, quantity) for quantity in player_concepts(axes)]
    things = [slot for slot in slots if slot != player]
    names = {slot.name for slot in things}
    members = [one for one in concept_members(groups, player) if one.name not in names]
    chosen: list[Slot | GroupMember] = [*things, *(one for one in members if one.which)]
    for thing in chosen:
        side = _side(thing)
        found += [
            Feature(thing, quantity)
            for quantity in object_concepts(axes, lead_speed, None if side is None else side[0])
        ]
    whole: list[Slot | GroupMember] = [slot for slot in things if _is_whole(slot, groups)]
    whole += [one for one in members if one.which is None]
    found += [Feature(thing, quantity) for thing in whole for quantity in group_concepts(axes)]
    return found


def _is_whole(slot: Slot, groups: Sequence[ObjectGroup]) -> bool:
    """Whether the slot is the only place of its type."""
    return any((group.first, group.end) == (slot.place, slot.place + 1) for group in groups)


def concept_members(groups: Sequence[ObjectGroup], player: Slot) -> list[GroupMember]:
    """The members of each group that concepts describe, and each whole group.

    Of a type with few objects, which have slots of their own, the nearest and the next collider; of
    OTHERS with as few none.
    """
    found = []
    for group in groups:
        wanted: tuple[str, ...] = ("nearest", *SIDES, *SECONDS, *IN_LINE, "coming")
        if group.few:
            alone = group.name == OTHERS or group.end - group.first == 1
            wanted = () if alone else ("nearest", "coming")
        found += [GroupMember(group, which, player.place) for which in (*wanted, None)]
    return found


@dataclass(frozen=True)
class FeaturePlan:
    """Features as the arrays that `kernel.compute_features` reads."""

    # int64 (m, 4): criterion, the group's first place and the one after its last, the player's
    members: np.ndarray
    # int64 (f, 2): places of the slot and of the other one, -1 for none, or -2 - m for member m
    places: np.ndarray
    columns: np.ndarray  # int64 (f,)
    scales: np.ndarray  # float64 (f,): px, or px per step, per unit of the feature
    concept_places: np.ndarray  # int64 (c,): as `places`, of the concepts
    concept_codes: np.ndarray  # int64 (c, 4): of `concept_kernel.compute_concepts`


def feature_plan(features: Sequence[Feature]) -> FeaturePlan:
    """The arrays for these features, in their order: first the others, then the concepts.

    Raises:
        ValueError: if a concept comes before another feature.
    """
    if sorted(features, key=lambda f: f.is_concept) != list(features):
        raise ValueError("the concepts must come after the other features")
    plain = sum(not f.is_concept for f in features)
    members = list(dict.fromkeys(f.slot for f in features if isinstance(f.slot, GroupMember)))
    number = {member: i for i, member in enumerate(members)}
    own = [
        -2 - number[f.slot] if isinstance(f.slot, GroupMember) else f.slot.place for f in features
    ]
    other = [-1 if f.other is None else f.other.place for f in features]
    quantities = [QUANTITIES[f.quantity] for f in features[:plain]]
    codes = [concept_code(f.quantity, _side(f.slot)) for f in features[plain:]]
    return FeaturePlan(
        np.array([_member_row(one) for one in members], np.int64).reshape(-1, 4),
        np.array([own[:plain], other[:plain]], np.int64).T.reshape(-1, 2).copy(),
        np.array([quantity.column for quantity in quantities], np.int64),
        np.array([quantity.scale for quantity in quantities], np.float64),
        np.array(own[plain:], np.int64),
        np.array(codes, np.int64).reshape(-1, 4),
    )


def _side(slot: Slot | GroupMember) -> tuple[int, int] | None:
    """The axis and direction in which a member is chosen; None if it may be on either side."""
    return SIDE_OF.get(slot.which or "") if isinstance(slot, GroupMember) else None


def _member_row(one: GroupMember) -> tuple[int, int, int, int]:
    which = COUNT if one.which is None else MEMBER_CHOICES[one.which][0]
    return which, one.group.first, one.group.end, one.player


def varying_features(features: Sequence[Feature], rows: np.ndarray) -> list[Feature]:
    """The features that carry information: those that varied in a recording.

    A size is kept only if it varies away from the borders, where the object may be cut off; its
    position says that already. A difference is kept only if both its parts are. A mean velocity is
    kept only if the object moves in jumps (mostly rests in the step after a move), or, for group
    members, if whole pixels per step are too coarse for its speed.

    Args:
        rows: float64 (n, f).
    """
    columns = {f.name: column for f, column in zip(features, rows.T, strict=True)}
    kept: dict[str, Feature] = {}
    for feature in features:
        if feature.other is None:
            varies = _varies(feature, columns)
        else:
            parts = [f"{slot.name}.{feature.quantity}" for slot in (feature.slot, feature.other)]
            varies = all(part in kept for part in parts)
        if varies:
            kept[feature.name] = feature
    return list(kept.values())


def distinct_features(
    features: Sequence[Feature], rows: np.ndarray, chosen: Sequence[Feature]
) -> list[Feature]:
    """The chosen concepts that were not equal to an earlier one in every step of a recording.

    A velocity is also left out where it equals another feature of the same object.

    Args:
        features: of the rows. rows: float64 (n, f).
        chosen: concepts among them.
    """
    columns = {f.name: column.tobytes() for f, column in zip(features, rows.T, strict=True)}
    plain = {(f.slot.name, columns[f.name]) for f in features if not f.is_concept}
    seen: set[bytes] = set()
    kept = []
    for feature in chosen:
        column = columns[feature.name]
        is_velocity = feature.quantity.startswith("velocity_")
        if column in seen or (is_velocity and (feature.slot.name, column) in plain):
            continue
        seen.add(column)
        kept.append(feature)
    return kept


def _varies(feature: Feature, columns: Mapping[str, np.ndarray]) -> bool:
    """Whether a feature that is no difference is kept; columns: float64 (n,) of each feature."""
    column = columns[feature.name]
    if feature.is_concept:
        return bool(len(column)) and float(np.ptp(column)) > 0
    if feature.quantity in DRIFTS:
        speed = columns[f"{feature.slot.name}.{DRIFTS[feature.quantity]}"]
        of_member = isinstance(feature.slot, GroupMember)
        return _moves_in_jumps(speed) or (of_member and _is_coarse(speed))
    if feature.quantity in AXIS_OF_SIZE:
        along = columns[f"{feature.slot.name}.{AXIS_OF_SIZE[feature.quantity]}"]
        return _changes_size(along, column)
    if feature.quantity in ("x", "y"):
        column = column[column != 0]  # in the steps in which the object is present
    return bool(len(column)) and float(np.ptp(column)) > 0


def _moves_in_jumps(speed: np.ndarray) -> bool:
    """Whether velocities, float64 (n,), are mostly 0 in the step after a move."""
    after = speed[1:][speed[:-1] != 0]
    return bool(len(after)) and float((after == 0).mean()) > MIN_REST_SHARE


def _is_coarse(speed: np.ndarray) -> bool:
    """Whether velocities, float64 (n,) in 10 px per step, often change by 1 px per step."""
    moving = speed[:-1] != 0
    px = np.abs(np.diff(speed))[moving] * QUANTITIES["vx"].scale
    return bool(len(px)) and float(((px > 0.25) & (px < 1.25)).mean()) > MIN_ROUNDING_SHARE


def _changes_size(along: np.ndarray, size: np.ndarray) -> bool:
    """Whether a size varies away from the borders; both arguments float64 (n,) in 100 px."""
    there = size != 0
    if not there.any():
        return False
    px, middle = size[there] * QUANTITIES["w"].scale, along[there] * QUANTITIES["x"].scale
    low, high = np.round(middle - px / 2), np.round(middle + px / 2)
    inner = px[(low > low.min()) & (high < high.max())]
    return bool(len(inner)) and float(np.ptp(np.quantile(inner, [0.25, 0.75]))) > MAX_SIZE_SPREAD

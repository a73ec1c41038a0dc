"""Named numbers for a policy, from the tracker's table."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from diffses.config import OTHERS
from diffses.detector.kernel import (
    ABOVE,
    BELOW,
    BUTTON,
    COMING,
    COUNT,
    DRIFT_X,
    DRIFT_Y,
    HIGHEST,
    LEFT_OF,
    LEFTMOST,
    LOWEST,
    NEAREST,
    PRESENT,
    PUSH_X,
    PUSH_Y,
    REST,
    RIGHT_OF,
    RIGHTMOST,
    SECOND,
    VX,
    VY,
    H,
    W,
    X,
    Y,
)

QUANTITIES = {
    "x": X,
    "y": Y,
    "vx": VX,
    "vy": VY,
    "driftx": DRIFT_X,
    "drifty": DRIFT_Y,
    "w": W,
    "h": H,
    "present": PRESENT,
    "pushx": PUSH_X,
    "pushy": PUSH_Y,
    "button": BUTTON,
    "rest": REST,
    "count": COUNT,
}
SCALES = {
    "x": 100.0,
    "y": 100.0,
    "vx": 10.0,
    "vy": 10.0,
    "driftx": 10.0,
    "drifty": 10.0,
    "w": 100.0,
    "h": 100.0,
    "present": 1.0,
    "pushx": 1.0,
    "pushy": 1.0,
    "button": 1.0,
    "rest": 10.0,
    "count": 10.0,
}
UNITS = {
    "x": "100 px from the left edge",
    "y": "100 px from the top edge",
    "vx": "10 px per step, to the right",
    "vy": "10 px per step, down",
    "driftx": "10 px per step, to the right, over the last ten steps or so",
    "drifty": "10 px per step, down, over the last ten steps or so",
    "w": "100 px wide",
    "h": "100 px high",
    "present": "1 if it is there, else 0",
    "pushx": "1 if the last action pushes it right, -1 left, else 0",
    "pushy": "1 if the last action pushes it down, -1 up, else 0",
    "button": "1 if the last action pressed the button, else 0",
    "rest": "10 steps since the button was last pressed, 1 at the most",
    "count": "10 of them",
}
OF_A_SLOT = ("x", "y", "vx", "vy", "w", "h", "present")
PUSHES = ("pushx", "pushy")  # of the player besides
DRIFTS = {"driftx": "vx", "drifty": "vy"}  # the velocity that each smooths
CHOICES = {  # what is told of the one of a crowd that is ..., and how it is chosen
    "nearest": (NEAREST, ("x", "y", "vx", "vy", "present")),
    "leftmost": (LEFTMOST, ("x",)),
    "rightmost": (RIGHTMOST, ("x",)),
    "highest": (HIGHEST, ("y",)),
    "lowest": (LOWEST, ("y",)),
    "left": (LEFT_OF, ("x", "y", "vx", "vy", "present")),
    "right": (RIGHT_OF, ("x", "y", "vx", "vy", "present")),
    "above": (ABOVE, ("x", "y", "vx", "vy", "present")),
    "below": (BELOW, ("x", "y", "vx", "vy", "present")),
    "coming": (COMING, ("x", "y", "vx", "vy", "present")),
}
SECONDS = ("left2", "right2", "above2", "below2")  # the one after the next each way
CHOICES |= {
    name: (SECOND + number, ("x", "y", "vx", "vy", "present"))
    for number, name in enumerate(SECONDS)
}
SIDES = {"left": (0, -1), "right": (0, 1), "above": (1, -1), "below": (1, 1)}  # axis, direction
FEW = 4  # slots: with more, only differences to the player are offered
EDGES = {"w": "x", "h": "y"}  # the position along which a size lies
JUMPY = 0.5  # share of the steps after one in motion without any: it moves in jumps
COARSE = 0.15  # share of the steps in motion in which a velocity is a px off the last one: 0.8 px a
# step shows as 1, 1, 0, 1
SAME = 1.0  # px: sizes whose middle half spans no more count as unchanging


@dataclass(frozen=True)
class Slot:
    """A place in the tracker's table with features of its own."""

    name: str  # e.g. "ball", or "car_2" where there are several of a type
    place: int
    of: str  # the type's name


@dataclass(frozen=True)
class Crowd:
    """A type with several objects: its places in the tracker's table."""

    name: str  # of the type
    first: int
    end: int
    few: bool = False  # so that each has features of its own, too


@dataclass(frozen=True)
class Choice:
    """The one of a crowd that is nearest to the player, leftmost, ..., or all of it, to count."""

    crowd: Crowd
    which: str | None  # a key of CHOICES; None: all
    player: int = -1  # the player's place; -1: there is none

    @property
    def of(self) -> str:
        """The type's name."""
        return self.crowd.name

    @property
    def name(self) -> str:
        return self.crowd.name if self.which is None else f"{self.crowd.name}.{self.which}"


@dataclass(frozen=True)
class Feature:
    """`quantity` of `slot`, or that minus the same of `other`."""

    slot: Slot | Choice
    quantity: str
    other: Slot | None = None

    @property
    def of(self) -> str:
        """The name of the type that it is told of."""
        return self.slot.of

    @property
    def name(self) -> str:
        own = f"{self.slot.name}.{self.quantity}"
        return own if self.other is None else f"{own}-{self.other.name}.{self.quantity}"

    @property
    def unit(self) -> str:
        if self.other is None:
            return UNITS[self.quantity]
        where = "right of" if self.quantity == "x" else "below"
        return f"100 px {where} {self.other.name}; 0 if one of them is missing"


def every_feature(
    slots: Sequence[Slot],
    crowds: Sequence[Crowd],
    player: Slot | None,
    *,
    differences: bool,
    axes: Collection[int] = (0, 1),
) -> list[Feature]:
    """All features there could be; which of them vary is for the recording to say.

    Of the player it is told where the last action pushes it, since what an action does shows later:
    a paddle has momentum, and a sticky console may repeat the action (Machado et al. 2018). Of two
    objects the difference of their positions is offered, of more than FEW that to the player
    alone. Of a crowd it is told how many there are, which is nearest to the player, and how far it
    reaches; of many types together, which object is nearest, and along the `axes` (0 and 1 for x
    and y) on which the actions push the player, which are next and which come after these. Of any
    type of which there are several it is told which of them comes: would pass the player within
    COURSE px and is there first. How fast things go over several steps is told of what is alone of
    its type, and of the nearest and the next.
    """
    types = [slot.of for slot in slots]
    every = [
        Feature(slot, quantity)
        for slot in slots
        for quantity in (
            *OF_A_SLOT,
            *(PUSHES if slot == player else DRIFTS if types.count(slot.of) == 1 else ()),
        )
    ]
    chosen = choices(crowds, player, axes)
    for choice in chosen:
        told = ("count",) if choice.which is None else CHOICES[choice.which][1]
        told = (*told, *(DRIFTS if "vx" in told and choice.which != "coming" else ()))
        every += [Feature(choice, quantity) for quantity in told]
    if not differences:
        return every
    pairs = [
        (one, other)
        for i, one in enumerate(slots)
        for other in slots[:i]
        if len(slots) <= FEW or player in (one, other)
    ]
    every += [Feature(one, quantity, other) for one, other in pairs for quantity in ("x", "y")]
    near = [one for one in chosen if one.which in ("nearest", "coming", *SIDES, *SECONDS)]
    return every + [Feature(one, quantity, player) for one in near for quantity in ("x", "y")]


def choices(
    crowds: Sequence[Crowd], player: Slot | None, axes: Collection[int] = (0, 1)
) -> list[Choice]:
    """What is told of crowds; without a player none is nearest to it.

    Args:
        axes: 0 or 1, along which of x and y the actions push the player: of the others the next one
            each way is told, where it could run into them.
    """
    place = -1 if player is None else player.place
    sides = [which for which, (axis, _) in SIDES.items() if axis in axes]
    sides += [f"{which}2" for which in sides]
    of_one = [None, *(which for which in CHOICES if which not in (*SIDES, *SECONDS))]
    made = []
    for crowd in crowds:
        wanted = ["nearest", *sides] if crowd.name == OTHERS else of_one
        if crowd.few:
            wanted = ["coming"]
        alone = player is None
        made += [
            Choice(crowd, w, place) for w in wanted if not (alone and w in ("nearest", "coming"))
        ]
    return made


@dataclass(frozen=True)
class Plan:
    """`Feature`s in the form `fill` reads."""

    choices: np.ndarray  # int64 (c, 4): which, the crowd's first place and its end, the player's
    # int64 (f, 2): the slot's place and the other's, -1 for none, or -2 - c for choice c
    places: np.ndarray
    columns: np.ndarray  # int64 (f,)
    scales: np.ndarray  # float64 (f,): px, or px per step, in one unit of the feature


def plan(features: Sequence[Feature]) -> Plan:
    chosen = list(dict.fromkeys(f.slot for f in features if isinstance(f.slot, Choice)))
    own = [
        -2 - chosen.index(f.slot) if isinstance(f.slot, Choice) else f.slot.place for f in features
    ]
    other = [-1 if f.other is None else f.other.place for f in features]
    return Plan(
        np.array([_choice(one) for one in chosen], np.int64).reshape(-1, 4),
        np.array([own, other], np.int64).T.reshape(-1, 2).copy(),
        np.array([QUANTITIES[f.quantity] for f in features], np.int64),
        np.array([SCALES[f.quantity] for f in features], np.float64),
    )


def _choice(one: Choice) -> tuple[int, int, int, int]:
    which = COUNT if one.which is None else CHOICES[one.which][0]
    return which, one.crowd.first, one.crowd.end, one.player


def varying(features: Sequence[Feature], rows: np.ndarray) -> list[Feature]:
    """The features that tell something: those that were not always the same in a recording.

    A width or height counts only where the object is not at the end of its way, where it may be cut
    off: that is in its position already. A difference counts only where both its parts vary. A
    drift counts only where the velocity comes in jumps: is 0 again in most of the steps after one
    in which it was not; of what is nearest or next also where whole px a step are too coarse.

    Args:
        rows: float64 (n, f).
    """
    names = [feature.name for feature in features]
    kept: dict[str, Feature] = {}
    for feature, column in zip(features, rows.T, strict=True):
        if feature.other is not None:
            parts = [f"{slot.name}.{feature.quantity}" for slot in (feature.slot, feature.other)]
            wanted = all(part in kept for part in parts)
        elif feature.quantity in DRIFTS:
            speed = rows[:, names.index(f"{feature.slot.name}.{DRIFTS[feature.quantity]}")]
            wanted = _jumps(speed) or (isinstance(feature.slot, Choice) and _coarse(speed))
        elif feature.quantity in ("w", "h"):
            along = rows[:, names.index(f"{feature.slot.name}.{EDGES[feature.quantity]}")]
            wanted = _changes_size(along, column)
        elif feature.quantity in ("x", "y"):
            seen = column[column != 0]  # where it is there
            wanted = bool(len(seen)) and float(np.ptp(seen)) > 0
        else:
            wanted = float(np.ptp(column)) > 0
        if wanted:
            kept[feature.name] = feature
    return list(kept.values())


def _jumps(speed: np.ndarray) -> bool:
    """Whether velocities, float64 (n,), are of something that moves in jumps."""
    after = speed[1:][speed[:-1] != 0]
    return bool(len(after)) and float((after == 0).mean()) > JUMPY


def _coarse(speed: np.ndarray) -> bool:
    """Whether velocities, float64 (n,) in 10 px a step, often change by a px a step and back."""
    moving = speed[:-1] != 0
    px = np.abs(np.diff(speed))[moving] * SCALES["vx"]
    return bool(len(px)) and float(((px > 0.25) & (px < 1.25)).mean()) > COARSE


def _changes_size(along: np.ndarray, size: np.ndarray) -> bool:
    """Whether a size varies away from the ends of the way, both float64 (n,) in 100 px."""
    there = size != 0
    if not there.any():
        return False
    px, middle = size[there] * SCALES["w"], along[there] * SCALES["x"]
    low, high = np.round(middle - px / 2), np.round(middle + px / 2)
    inner = px[(low > low.min()) & (high < high.max())]
    return bool(len(inner)) and float(np.ptp(np.quantile(inner, [0.25, 0.75]))) > SAME

"""The concepts of a track table in plain Python: slow, written apart from the compiled ones."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from diffses.detector import kernel
from diffses.detector.dynamics import Dynamics, TypeDynamics
from diffses.detector.features import SECONDS, SIDES, Feature, GroupMember
from diffses.detector.motion import MotionObjectDetector
from diffses.detector.tracker import ObjectSchema, candidate_concepts

FAR = 3.0  # 100 px
OPPOSITE = {"x": "y", "y": "x"}
STEPS_OF = {
    "left": ("x", -1, 0),
    "right": ("x", 1, 1),
    "up": ("y", -1, 2),
    "down": ("y", 1, 3),
    "stay": (None, 0, 0),
}
ROWS = {
    "row_left": ("x", -1),
    "row_right": ("x", 1),
    "column_above": ("y", -1),
    "column_below": ("y", 1),
}


def with_concepts(detector: MotionObjectDetector) -> MotionObjectDetector:
    """The detector with all concepts that its types allow, and made-up dynamics."""
    schema = detector.tracker.schema
    dynamics = Dynamics(
        tuple(
            TypeDynamics((10.5, 140.0, None, 150.0 + number), (number % 2 == 1, number % 3 == 1))
            for number in range(len(schema.types))
        ),
        coast=(0.3, 0.6),
        lag=(2.5, 11.0),
        speed=(3.5, 4.0, 12.0, 11.0),
        range=(20.0, None, 38.5, 190.0),
        projectile=schema.types[-1].name,
        projectile_speed=(0.0, 7.5),
    )
    schema = replace(schema, dynamics=dynamics)
    concepts = tuple(candidate_concepts(schema))
    return detector.with_schema(replace(schema, features=(*schema.features, *concepts)))


class PlainConcepts:
    """Computes the concepts of a schema, one at a time."""

    def __init__(self, schema: ObjectSchema, player: int) -> None:
        assert schema.dynamics is not None
        self._dynamics = schema.dynamics
        self._kinds = schema.params.type_of_place()
        self._coast = schema.params.type_params[:, kernel.COAST_LIMIT]
        self._player = player

    def row(self, features: list[Feature], table: np.ndarray) -> np.ndarray:
        """The concepts among the features of a track table, float64 (c,)."""
        self._table = table
        return np.array([self._value(feature) for feature in features if feature.is_concept])

    def _there(self, place: int) -> bool:
        entry = self._table[place]
        limit = self._coast[self._kinds[place]]
        return bool(entry[kernel.AGE] >= 0 and entry[kernel.UNSEEN] <= limit)

    def _at(self, place: int, axis: str) -> float:
        entry = self._table[place]
        position, velocity = ("xy".index(axis), kernel.VX + "xy".index(axis))
        return float(entry[position] + entry[velocity] * entry[kernel.UNSEEN])

    def _velocity(self, place: int, axis: str) -> float:
        number = "xy".index(axis)
        averaged = self._dynamics.types[self._kinds[place]].averaged[number]
        column = kernel.DRIFT_X if averaged else kernel.VX
        return float(self._table[place, column + number])

    def _size(self, place: int, axis: str) -> float:
        return float(self._table[place, kernel.W + "xy".index(axis)])

    def _stop(self, axis: str) -> float:
        number, entry = "xy".index(axis), self._table[self._player]
        coasts = self._dynamics.coast[number] * entry[kernel.VX + number]
        lags = self._dynamics.lag[number] * entry[kernel.PUSH_X + number]
        return float(self._at(self._player, axis) + coasts + lags)

    def _distance(self, place: int, axis: str) -> float:
        return self._at(place, axis) - self._at(self._player, axis)

    def _contact(self, place: int, axis: str) -> float | None:
        distance, velocity = self._distance(place, axis), self._velocity(place, axis)
        if distance == 0:
            return 0.0
        if distance * velocity >= 0:
            return None
        steps = -distance / velocity
        return None if steps > 50 else steps

    def _crossing(self, place: int, axis: str) -> float | None:
        steps = self._contact(place, OPPOSITE[axis])
        if steps is None:
            return None
        number = 2 * "xy".index(axis)
        low, high = self._dynamics.types[self._kinds[place]].walls[number : number + 2]
        at = self._at(place, axis) + self._velocity(place, axis) * steps
        if low is not None and high is not None:
            # the remainder by floor, as the compiled code takes it
            along = (at - low) - 2 * (high - low) * math.floor((at - low) / (2 * (high - low)))
            return low + (2 * (high - low) - along if along > high - low else along)
        if high is not None and at > high:
            return 2 * high - at
        if low is not None and at < low:
            return 2 * low - at
        return at

    def _value(self, feature: Feature) -> float:
        quantity = feature.quantity
        if quantity.startswith("hit_"):
            return self._hit(feature, *STEPS_OF[quantity.removeprefix("hit_")]) / 10
        absolute = quantity.startswith(("abs_", "speed_"))
        signed = quantity.removeprefix("abs_").replace("speed_", "velocity_")
        axis, name = signed[-1], signed[:-1].removesuffix("_")
        place = self._place(feature)
        value = None
        if place is not None and self._there(place) and self._there(self._player):
            value = self._relation(name, place, axis)
        if value is None:
            value = self._missing(name, feature, axis, absolute)
        if absolute:
            value = abs(value)
        if name == "velocity":
            return value / 10
        if name == "ttc":
            return value / 10
        return min(max(value, -100 * FAR), 100 * FAR) / 100

    def _relation(self, name: str, place: int, axis: str) -> float | None:
        across = OPPOSITE[axis]
        if name == "ttc":
            return self._contact(place, axis)
        if name == "cross":
            return self._crossing(place, axis)
        if name == "miss":
            crossing = self._crossing(place, axis)
            return None if crossing is None else crossing - self._stop(axis)
        if name == "lead":
            speed = self._dynamics.lead_speed["xy".index(across)]
            aside = self._velocity(place, axis) * (abs(self._distance(place, across)) / speed)
            return self._distance(place, axis) + aside
        if name == "d":
            return self._distance(place, axis)
        if name == "stop_d":
            return self._at(place, axis) - self._stop(axis)
        return {"velocity": self._velocity, "stop": lambda _, a: self._stop(a)}[name](place, axis)

    def _missing(self, name: str, feature: Feature, axis: str, absolute: bool) -> float:
        if name == "ttc":
            return 50.0
        if absolute:
            return 0.0 if name == "velocity" else 100 * FAR
        if name in ("d", "stop_d") and isinstance(feature.slot, GroupMember):
            which = feature.slot.which or ""
            sides = {n: ("xy"[a], sign) for n, (a, sign) in SIDES.items()}
            side = (sides | ROWS).get(which.removesuffix("2"))
            if side is not None and side[0] == axis:
                return side[1] * 100 * FAR
        return 0.0

    def _place(self, feature: Feature) -> int | None:
        if not isinstance(feature.slot, GroupMember):
            return feature.slot.place
        if not self._there(self._player):
            return None
        group, which = feature.slot.group, feature.slot.which or ""
        places = [p for p in range(group.first, group.end) if p != self._player and self._there(p)]
        if which == "nearest":
            cost = {
                p: self._distance(p, "x") * self._distance(p, "x")
                + self._distance(p, "y") * self._distance(p, "y")
                for p in places
            }
            return min(places, key=lambda p: cost[p], default=None)
        if which == "coming":
            return self._coming(places)
        if which in ROWS:
            axis, sign = ROWS[which]
            across = OPPOSITE[axis]
            places = [p for p in places if self._beside(p, across)]
        else:
            number, sign = SIDES[which.removesuffix("2")]
            axis = "xy"[number]
        ahead = {p: sign * self._distance(p, axis) for p in places}
        before = [p for p in places if ahead[p] > 0]
        first = min(before, key=lambda p: ahead[p], default=None)
        if which not in SECONDS or first is None:
            return first
        beyond = ahead[first] + self._size(first, axis)
        return min((p for p in before if ahead[p] > beyond), key=lambda p: ahead[p], default=None)

    def _beside(self, place: int, axis: str) -> bool:
        both = self._size(place, axis) + self._size(self._player, axis)
        return abs(self._distance(place, axis)) < both / 2

    def _coming(self, places: list[int]) -> int | None:
        steps: dict[int, float] = {}
        for place in places:
            entry = self._table[place]
            dx, dy = -self._distance(place, "x"), -self._distance(place, "y")
            vx, vy = float(entry[kernel.VX]), float(entry[kernel.VY])
            ahead, aside, square = dx * vx + dy * vy, dx * vy - dy * vx, vx * vx + vy * vy
            if ahead > 0 and aside * aside <= kernel.COLLISION_CORRIDOR**2 * square:
                steps[place] = ahead / square
        return min(steps, key=lambda place: steps[place], default=None)

    def _hit(self, feature: Feature, axis: str | None, sign: int, number: int) -> float:
        slot, me = feature.slot, self._player
        if isinstance(slot, GroupMember):
            places = list(range(slot.group.first, slot.group.end))
        else:
            places = [slot.place]
        if not self._there(me):
            return 30.0
        speed = self._dynamics.speed[number] if axis else 0.0
        way = math.inf  # px to the end of the range
        if axis and speed:
            end = self._dynamics.range[2 * "xy".index(axis) + (sign > 0)]
            last = sign * 1e9 if end is None else end
            way = max(0.0, sign * (last - self._at(me, axis)))
        arrives = way / speed if speed else 0.0
        there = [place for place in places if place != me and self._there(place)]
        return min((self._meets(place, axis, sign * speed, arrives) for place in there), default=30)

    def _meets(self, place: int, axis: str | None, speed: float, arrives: float) -> float:
        """Steps until the boxes overlap, in one of two phases: on the way, and at its end."""
        off = {a: self._distance(place, a) for a in "xy"}
        velocity = {a: self._velocity(place, a) for a in "xy"}
        relative = {a: velocity[a] - (speed if a == axis else 0.0) for a in "xy"}
        spans = [self._span(place, a, off[a], relative[a]) for a in "xy"]
        begin = max(0.0, *(low for low, _ in spans))
        if begin < min(arrives, *(high for _, high in spans)):
            return min(begin, 30.0)
        if arrives >= 30:
            return 30.0
        spans = [self._span(place, a, off[a] + relative[a] * arrives, velocity[a]) for a in "xy"]
        begin = max(0.0, *(low for low, _ in spans))
        return min(arrives + begin, 30.0) if begin < min(high for _, high in spans) else 30.0

    def _span(self, place: int, axis: str, off: float, speed: float) -> tuple[float, float]:
        """From when to when the boxes overlap along an axis, steps."""
        half = (self._size(place, axis) + self._size(self._player, axis)) / 2
        if speed == 0:
            return (-math.inf, math.inf) if abs(off) < half else (math.inf, -math.inf)
        return -off / speed - abs(half / speed), -off / speed + abs(half / speed)

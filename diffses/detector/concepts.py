"""Concepts: named numbers that relate the motion of an object to the player's.

A concept is a quantity of one object or group on one axis, such as `ball.miss_y`; it never speaks
of an action to take. `CONCEPTS` holds the definition of each quantity, `offered_concepts` says
which of them an object has, and `concept_kernel` computes them. The player's and the objects' own
measured quantities (walls, speeds, momentum) are those of `dynamics.Dynamics`.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from diffses.detector import concept_kernel as ck
from diffses.detector.concept_expansion import Formula, expand

DIRECTIONS = ("left", "right", "up", "down", "stay")
AXIS_OF_DIRECTION = (0, 0, 1, 1)


class Concept(NamedTuple):
    """The definition of a quantity that relates an object to the player.

    In the formulas t is the object, p the player, a the axis and b the other one; v is the object's
    velocity, averaged over ten steps where single steps are too coarse.
    """

    kind: int  # of `concept_kernel`
    axis: int  # 0: x, 1: y; of `hit_*` the direction, an index of DIRECTIONS
    absolute: bool
    unit: str
    formula: str
    missing: str  # the value where the object is not there or does not come

    @property
    def expansion(self) -> Formula:
        """Its formula written out, of a hit time for one object."""
        return expand(self.kind, self.axis, self.absolute)

    @property
    def nodes(self) -> int:
        """Nodes of its expansion."""
        return len(self.expansion)

    @property
    def drive_axis(self) -> int | None:
        """The axis along which its sign is a direction; None: it has no sign."""
        signed = self.kind in SIGNED and not self.absolute
        return self.axis if signed else None


SIGNED = (ck.DISTANCE, ck.VELOCITY, ck.STOP_DISTANCE, ck.MISS, ck.LEAD)
WAYS = (("right of", "to the right"), ("below", "down"))  # by axis: where is positive
FAR = ck.FAR_PX / ck.POSITION_SCALE
LATEST = ck.MAX_CONTACT_STEPS / ck.TIME_SCALE
UNHIT = ck.MAX_HIT_STEPS / ck.TIME_SCALE


def absolute_name(name: str) -> str:
    """The name of the absolute value of a signed concept."""
    return name.replace("velocity_", "speed_") if "velocity_" in name else f"abs_{name}"


def _concepts() -> dict[str, Concept]:
    found: dict[str, Concept] = {}
    for axis, (a, b) in enumerate((("x", "y"), ("y", "x"))):
        where, way = WAYS[axis]
        from_player, from_stop = f"100 px {where} the player", f"100 px {where} its stop"
        far = f"0; on a given side {FAR:g} to that side"
        lead = f"d{a} + v{a} |d{b}| / s{b}; s: speed of its projectile, else of the player"
        signed = (
            (f"d{a}", ck.DISTANCE, from_player, f"t.{a} - p.{a}", far),
            (f"velocity_{a}", ck.VELOCITY, f"10 px per step, {way}", f"v{a}", "0"),
            (f"stop_d{a}", ck.STOP_DISTANCE, from_stop, f"t.{a} - p.stop_{a}", far),
            (f"miss_{a}", ck.MISS, from_stop, f"t.cross_{a} - p.stop_{a}", "0"),
            (f"lead_{a}", ck.LEAD, from_player, lead, "0"),
        )
        for name, kind, unit, formula, missing in signed:
            found[name] = Concept(kind, axis, False, unit, formula, missing)
            size = unit.partition(", ")[0].replace(f" {where}", " from")
            absent = missing if kind == ck.VELOCITY else f"{FAR:g}"
            found[absolute_name(name)] = Concept(kind, axis, True, size, f"|{name}|", absent)
        contact = f"-d{a} / v{a} if it comes nearer; at most {LATEST:g}"
        resting = f"p.{a} + coast v{a} + lag push{a}"
        crossing = f"reflect(t.{a} + v{a} ttc_{b}, walls of t's type)"
        edge = "100 px from the " + ("left edge", "top edge")[axis]
        late = f"{LATEST:g}"
        found[f"ttc_{a}"] = Concept(ck.CONTACT_TIME, axis, False, "10 steps", contact, late)
        found[f"stop_{a}"] = Concept(ck.STOP, axis, False, edge, resting, "0")
        found[f"cross_{a}"] = Concept(ck.CROSSING, axis, False, edge, crossing, "0")
    for number, name in enumerate(DIRECTIONS):
        goes = "stays" if name == "stay" else f"goes {name} at its speed, within its range"
        formula = f"time until a box overlaps the player's if it {goes}; at most {UNHIT:g}"
        unhit = f"{UNHIT:g}"
        found[f"hit_{name}"] = Concept(ck.HIT_TIME, number, False, "10 steps", formula, unhit)
    return found


CONCEPTS = _concepts()


def object_concepts(
    axes: Collection[int], lead_speed: tuple[float, float], side: int | None = None
) -> list[str]:
    """The concepts of one object that is not the player.

    Args:
        axes: those along which the actions push the player, 0 for x and 1 for y.
        lead_speed: of `Dynamics`; there is no lead along an axis across which it is 0.
        side: the axis on whose one side of the player the object is chosen; None: on any side.
    """
    found = []
    for axis, a in enumerate("xy"):
        found += [f"d{a}", f"velocity_{a}", f"speed_{a}", f"ttc_{a}"]
        found += [f"abs_d{a}"] * (side != axis)
        if axis in axes:
            found += [f"stop_d{a}", f"abs_stop_d{a}", f"cross_{a}", f"miss_{a}", f"abs_miss_{a}"]
        if lead_speed[1 - axis] > 0:
            found += [f"lead_{a}", f"abs_lead_{a}"]
    return found


def player_concepts(axes: Collection[int]) -> list[str]:
    """The concepts of the player itself."""
    return [f"stop_{a}" for axis, a in enumerate("xy") if axis in axes]


def group_concepts(axes: Collection[int]) -> list[str]:
    """The concepts of all objects of a type, or of all types: the times until one is hit."""
    ways = [name for name, axis in zip(DIRECTIONS, AXIS_OF_DIRECTION, strict=False) if axis in axes]
    return [f"hit_{name}" for name in (*ways, "stay")]


def concept_code(quantity: str, side: tuple[int, int] | None) -> tuple[int, int, int, int]:
    """A row of the codes of `compute_concepts`.

    Args:
        side: the axis and the direction along it (-1, 1) in which the object is chosen, if any.
    """
    one = CONCEPTS[quantity]
    given = side is not None and side[0] == one.axis
    return one.kind, one.axis, int(one.absolute), side[1] if side is not None and given else 0

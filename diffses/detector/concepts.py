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
    nodes: int  # of the formula written out in positions, velocities and measured constants

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

# Nodes of the formulas, by the number of operators, features and constants; a position or velocity
# of a chosen object (`others.nearest`) counts as one feature, as it is offered as one.
_DISTANCE_NODES = 3  # t - p
_STOP_NODES = 9  # p + coast * v + lag * push
_STOP_DISTANCE_NODES = 2 + _STOP_NODES  # t - stop
# logical(0, d * v, min(cap, -d / v), cap), with -d as p - t
_TIME_NODES = 1 + 1 + (1 + _DISTANCE_NODES + 1) + (1 + 1 + 1 + _DISTANCE_NODES + 1) + 1
# high - abs(high - low - abs(t + v * time - low)), taken where the object comes: logical(time, cap,
# missing, ...)
_CROSSING_NODES = (1 + 1 + 1 + 1 + 1) + (1 + 1 + 1 + 1 + (1 + 1 + 1) + _TIME_NODES + 1)
_CROSSING_NODES += 1 + _TIME_NODES + 1 + 1
_MISS_NODES = _CROSSING_NODES + 1 + _STOP_NODES
_LEAD_NODES = _DISTANCE_NODES + 1 + 1 + 1 + 1 + 1 + _DISTANCE_NODES + 1  # d + v * (abs(d_b) / s)
# of one object: the latest of the steps after which the boxes overlap along x and along y, if that
# is before they part: on each axis (abs(d) - size) / speed and (abs(d) + size) / speed, where the
# speed is the object's less the player's and the size half the sum of both
_ENTER_NODES = 1 + (1 + 1 + _DISTANCE_NODES + _DISTANCE_NODES + 2) + _DISTANCE_NODES
_HIT_NODES = 1 + (1 + 2 * _ENTER_NODES) + (1 + 2 * _ENTER_NODES) + (1 + 2 * _ENTER_NODES) + 1


def _pair(
    found: dict[str, Concept],
    names: tuple[str, str],
    kind: int,
    axis: int,
    unit: str,
    formula: str,
    missing: str,
    nodes: int,
) -> None:
    """Adds a signed concept and its absolute value."""
    name, absolute = names
    size = unit.partition(", ")[0].replace(f" {WAYS[axis][0]}", " from")
    far = "0" if kind == ck.VELOCITY else f"{FAR:g}"
    found[name] = Concept(kind, axis, False, unit, formula, missing, nodes)
    found[absolute] = Concept(kind, axis, True, size, f"|{name}|", far, nodes + 1)


def _concepts() -> dict[str, Concept]:
    found: dict[str, Concept] = {}
    for axis, (a, b) in enumerate((("x", "y"), ("y", "x"))):
        where, way = WAYS[axis]
        from_player, from_stop = f"100 px {where} the player", f"100 px {where} its stop"
        edge = "100 px from the " + ("left edge", "top edge")[axis]
        far = f"0; on a given side {FAR:g} to that side"
        shooter = "s: speed of the player's projectile, else of the player"
        wall = f"reflect(t.{a} + v{a} ttc_{b}, walls of t's type)"
        lead = f"d{a} + v{a} |d{b}| / s{b}; {shooter}"
        resting = f"p.{a} + coast v{a} + lag push{a}"
        contact = f"-d{a} / v{a} if it comes nearer; at most {LATEST:g}"
        _pair(
            found, (f"d{a}", f"abs_d{a}"), ck.DISTANCE, axis,
            from_player, f"t.{a} - p.{a}", far, _DISTANCE_NODES,
        )  # fmt: skip
        _pair(
            found, (f"velocity_{a}", f"speed_{a}"), ck.VELOCITY, axis,
            f"10 px per step, {way}", f"v{a}", "0", 1,
        )  # fmt: skip
        found[f"stop_{a}"] = Concept(ck.STOP, axis, False, edge, resting, "0", _STOP_NODES)
        _pair(
            found, (f"stop_d{a}", f"abs_stop_d{a}"), ck.STOP_DISTANCE, axis,
            from_stop, f"t.{a} - p.stop_{a}", far, _STOP_DISTANCE_NODES,
        )  # fmt: skip
        found[f"ttc_{a}"] = Concept(
            ck.CONTACT_TIME, axis, False, "10 steps", contact, f"{LATEST:g}", _TIME_NODES
        )
        found[f"cross_{a}"] = Concept(ck.CROSSING, axis, False, edge, wall, "0", _CROSSING_NODES)
        _pair(
            found, (f"miss_{a}", f"abs_miss_{a}"), ck.MISS, axis,
            from_stop, f"t.cross_{a} - p.stop_{a}", "0", _MISS_NODES,
        )  # fmt: skip
        _pair(
            found, (f"lead_{a}", f"abs_lead_{a}"), ck.LEAD, axis,
            from_player, lead, "0", _LEAD_NODES,
        )  # fmt: skip
    for number, name in enumerate(DIRECTIONS):
        goes = "stays" if name == "stay" else f"goes {name} at its speed, within its range"
        formula = f"time until a box overlaps the player's if it {goes}; at most {UNHIT:g}"
        found[f"hit_{name}"] = Concept(
            ck.HIT_TIME, number, False, "10 steps", formula, f"{UNHIT:g}", _HIT_NODES
        )
    return found


CONCEPTS = _concepts()


def object_concepts(
    axes: Collection[int], lead_speed: tuple[float, float], side: int | None = None
) -> list[str]:
    """The concepts of one object that is not the player.

    Args:
        axes: those along which the actions push the player, 0 for x and 1 for y.
        lead_speed: of `Dynamics.lead_speed`; no lead is offered where it is 0.
        side: the axis on whose one side of the player the object is chosen; None: on any side.
    """
    found = []
    for axis, (a, b) in enumerate((("x", "y"), ("y", "x"))):
        found += [f"d{a}", f"velocity_{a}", f"speed_{a}", f"ttc_{a}"]
        found += [f"abs_d{a}"] * (side != axis)
        if axis in axes:
            found += [f"stop_d{a}", f"abs_stop_d{a}", f"cross_{a}", f"miss_{a}", f"abs_miss_{a}"]
            found += [f"lead_{a}", f"abs_lead_{a}"] * (lead_speed["xy".index(b)] > 0)
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

"""Concepts written out in positions, velocities, box sizes and measured constants."""

from __future__ import annotations

from diffses.detector import concept_kernel as ck

# A formula in prefix notation, as in `policy.expression`: operators, constants, and names. `t` is
# the object, `p` the player; names of measured constants have no dot.
Formula = tuple[str, ...]

CONTACT_CAP, HIT_CAP = str(ck.MAX_CONTACT_STEPS), str(ck.MAX_HIT_STEPS)
PLAYERS_WAY = {  # by direction: the axis, and how the player's speed changes the relative velocity
    ck.LEFTWARDS: ("x", "add", "speed_left"),
    ck.RIGHTWARDS: ("x", "sub", "speed_right"),
    ck.UPWARDS: ("y", "add", "speed_up"),
    ck.DOWNWARDS: ("y", "sub", "speed_down"),
    ck.NOWHERE: (None, "", ""),
}


def expand(kind: int, axis: int, absolute: bool) -> Formula:
    """A concept written out, in px, px per step and steps; of a hit time, for one object.

    A crossing is turned back once at each of two walls, and the range of the player is left out of
    the hit times; the detector computes both in full.

    Args:
        kind, axis, absolute: of `concepts.Concept`.
    """
    if kind == ck.HIT_TIME:
        return _hit(axis)
    made = _relation(kind, "xy"[axis], "yx"[axis])
    return ("abs", *made) if absolute else made


def _relation(kind: int, a: str, b: str) -> Formula:
    if kind == ck.VELOCITY:
        return (f"t.v{a}",)
    if kind == ck.STOP:
        return _stop(a)
    if kind == ck.DISTANCE:
        return _distance(a)
    if kind == ck.STOP_DISTANCE:
        return ("sub", f"t.{a}", *_stop(a))
    if kind == ck.CONTACT_TIME:
        return _contact_time(a)
    if kind == ck.LEAD:
        steps = ("div", "abs", *_distance(b), f"lead_speed_{b}")
        return ("add", *_distance(a), "mul", f"t.v{a}", *steps)
    comes = ("logical", CONTACT_CAP, *_contact_time(b))
    crossing = _crossing(a, b)
    if kind == ck.CROSSING:
        return (*comes, *crossing, "0")
    return (*comes, "sub", *crossing, *_stop(a), "0")


def _distance(a: str) -> Formula:
    return ("sub", f"t.{a}", f"p.{a}")


def _stop(a: str) -> Formula:
    coasted: Formula = ("add", f"p.{a}", "mul", f"coast_{a}", f"p.v{a}")
    return ("add", *coasted, "mul", f"lag_{a}", f"p.push{a}")


def _contact_time(a: str) -> Formula:
    """(d v < 0) ? min(cap, -d / v) : cap."""
    steps: Formula = ("min", CONTACT_CAP, "div", "sub", f"p.{a}", f"t.{a}", f"t.v{a}")
    return ("logical", "0", "mul", *_distance(a), f"t.v{a}", *steps, CONTACT_CAP)


def _crossing(a: str, b: str) -> Formula:
    """high - |way - |t + v time - low||, with the way between the walls."""
    at: Formula = ("add", f"t.{a}", "mul", f"t.v{a}", *_contact_time(b))
    return ("sub", f"high_{a}", "abs", "sub", f"way_{a}", "abs", "sub", *at, f"low_{a}")


def _hit(direction: int) -> Formula:
    """(latest begin < first end of the overlaps along x and y, from now on) ? begin : cap."""
    along, change, own = PLAYERS_WAY[direction]
    begins, ends = [], []
    for a, size in (("x", "w"), ("y", "h")):
        speed: Formula = (change, f"t.v{a}", own) if a == along else (f"t.v{a}",)
        middle: Formula = ("div", "sub", f"p.{a}", f"t.{a}", *speed)
        both: Formula = ("mul", "0.5", "add", f"t.{size}", f"p.{size}")
        half: Formula = ("abs", "div", *both, *speed)
        begins.append(("sub", *middle, *half))
        ends.append(("add", *middle, *half))
    begin: Formula = ("max", "0", "max", *begins[0], *begins[1])
    end: Formula = ("min", *ends[0], *ends[1])
    return ("logical", *end, *begin, "min", HIT_CAP, *begin, HIT_CAP)

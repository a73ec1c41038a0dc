"""The size of a policy, compact and written out.

Compact, every feature is one node. Expanded, each concept is replaced by its formula in positions,
velocities, sizes and measured constants (`expansion`), and a position difference by a subtraction.
What a tracker tells of one object is one node: `nearest.x` is one, as `ball.x` is. So are a count
and a mean velocity.
"""

from __future__ import annotations

from typing import NamedTuple

from diffses.detector import concept_kernel as ck
from diffses.detector.concepts import CONCEPTS, DIRECTIONS
from diffses.detector.features import Feature, GroupMember
from diffses.detector.tracker import ObjectSchema
from diffses.policy.forest import Forest

# A formula in prefix notation, as in `policy.expression`: operators, constants, and names. `t` is
# the object, `p` the player; names of measured constants have no dot.
Formula = tuple[str, ...]

CONTACT_CAP, HIT_CAP = str(ck.MAX_CONTACT_STEPS), str(ck.MAX_HIT_STEPS)
STEP_X = {"left": "speed_left", "right": "speed_right"}
STEP_Y = {"up": "speed_up", "down": "speed_down"}


class FormulaSize(NamedTuple):
    """Nodes of all trees of a policy."""

    compact: int  # a feature counts one
    expanded: int  # features are written out


def formula_size(forest: Forest, schema: ObjectSchema | None) -> FormulaSize:
    """Both sizes of a policy.

    Args:
        schema: of its detector; None: its features are no concepts, but observations.
    """
    known = {} if schema is None else {feature.name: feature for feature in schema.features}
    nodes = [feature_nodes(known[name]) if name in known else 1 for name in forest.features]
    used = [leaf for tree in forest.trees for leaf in tree if isinstance(leaf, int)]
    return FormulaSize(forest.size, forest.size + sum(nodes[leaf] - 1 for leaf in used))


def feature_nodes(feature: Feature) -> int:
    """Nodes of a feature written out.

    A hit time of a group is the minimum over its places in the track table.
    """
    if not feature.is_concept:
        return 1 if feature.other is None else 3
    nodes = len(expansion(feature.quantity))
    if CONCEPTS[feature.quantity].kind == ck.HIT_TIME and isinstance(feature.slot, GroupMember):
        group = feature.slot.group
        places = group.end - group.first - int(group.first <= feature.slot.player < group.end)
        return places * nodes + max(0, places - 1)
    return nodes


def expansion(quantity: str) -> Formula:
    """A concept written out, in px, px per step and steps; of a hit time, for one object.

    A crossing is turned back once at each of two walls, and the range of the player is left out of
    the hit times; the detector computes both in full.
    """
    concept = CONCEPTS[quantity]
    if concept.kind == ck.HIT_TIME:
        return _hit(DIRECTIONS[concept.axis])
    a, b = "xy"[concept.axis], "yx"[concept.axis]
    made = _relation(concept.kind, a, b)
    return ("abs", *made) if concept.absolute else made


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


def _hit(direction: str) -> Formula:
    """(latest begin < first end of the overlaps along x and y, from now on) ? begin : cap."""
    begins, ends = [], []
    for a, sizes, steps in (("x", "w", STEP_X), ("y", "h", STEP_Y)):
        speed: Formula = (f"t.v{a}",)
        if direction in steps:
            forth = direction in ("right", "down")
            speed = ("sub" if forth else "add", *speed, steps[direction])
        middle: Formula = ("div", "sub", f"p.{a}", f"t.{a}", *speed)
        both: Formula = ("mul", "0.5", "add", f"t.{sizes}", f"p.{sizes}")
        half: Formula = ("abs", "div", *both, *speed)
        begins.append(("sub", *middle, *half))
        ends.append(("add", *middle, *half))
    begin: Formula = ("max", "0", "max", *begins[0], *begins[1])
    end: Formula = ("min", *ends[0], *ends[1])
    return ("logical", *end, *begin, "min", HIT_CAP, *begin, HIT_CAP)

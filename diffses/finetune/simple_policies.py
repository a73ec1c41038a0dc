"""The simple policies that a search tries first: constants, single features, one condition."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product, zip_longest
from typing import TypeVar

import numpy as np

from diffses.finetune.action_head import AXES, BUTTON, ActionHead
from diffses.finetune.drives import Drive, DrivePolicy, Rule, Sum, Term, rounded
from diffses.finetune.vocabulary import Vocabulary

PUSH = 1.0  # a constant drive
ANY_CONDITION = "one condition"  # the family without an order
PLACES = (0.1, 0.5, 0.9)  # quantiles of the player's position, as places to stay at

T = TypeVar("T")


def constant(value: float) -> Sum:
    return Sum((), value)


def follow(feature: int, sign: float, offset: float = 0.0) -> Sum:
    """A drive along one feature, or against it."""
    return Sum((Term(feature, sign),), offset)


def simple_policies(head: ActionHead, words: Vocabulary) -> list[tuple[str, list[DrivePolicy]]]:
    """Families of simple policies, the plainest first.

    Constants on every axis; one feature along its axis, with either sign; both axes of one thing
    together; the player at a place of its own; going one way unless something would be hit; rules
    of one condition between two constants. Each without the button and with it pressed, where there
    is one. Of a head that is not factored: one drive for one action, or dimension, the others at 0.
    """
    families = _factored(head, words) if head.factored else _per_action(head, words)
    if head.factored and BUTTON in head.channels:
        button = head.channels.index(BUTTON)
        families = {
            name: in_turn([members, [one.put((button,), constant(PUSH)) for one in members]])
            for name, members in families.items()
        }
    return [(name, members) for name, members in families.items() if members]


def _factored(head: ActionHead, words: Vocabulary) -> dict[str, list[DrivePolicy]]:
    axes = {axis: head.channels.index(axis) for axis in AXES if axis in head.channels}

    def policy(drives: dict[str, Drive]) -> DrivePolicy:
        made = head.empty
        for axis, drive in drives.items():
            made = made.put((axes[axis],), drive)
        return made

    signs = (PUSH, 0.0, -PUSH)
    ways = [dict(zip(axes, way, strict=True)) for way in product(signs, repeat=len(axes))]
    along = [(a, follow(f, sign)) for a in axes for f in words.aims(a) for sign in (1.0, -1.0)]
    pairs = words.pairs() if len(axes) == len(AXES) else []
    return {
        "constant": [
            policy({a: constant(s) for a, s in way.items() if s or not any(way.values())})
            for way in ways
        ],
        "one feature": [policy({axis: drive}) for axis, drive in along],
        "both axes of one thing": [
            policy({"x": follow(i, sign), "y": follow(j, sign)})
            for i, j in pairs
            for sign in (1.0, -1.0)
        ],
        "a place": [policy({a: drive}) for a in axes for drive in _places(words, a)],
        "unless it is hit": [policy({a: drive}) for a in axes for drive in _unless_hit(words, a)],
        ANY_CONDITION: [policy({a: drive}) for a in axes for drive in _rules(words)],
    }


def _places(words: Vocabulary, axis: str) -> list[Drive]:
    """Towards places of the player's own along the axis."""
    return [
        follow(feature, -1.0, rounded(float(np.quantile(words.rows[:, feature], share))))
        for feature in words.places_of_player(axis)
        for share in PLACES
    ]


def _unless_hit(words: Vocabulary, axis: str) -> list[Drive]:
    """Going one way along the axis unless something would soon be hit there: then staying, or going
    the other way. The conditions that hold in about half of the states come first."""
    conditions = [
        (feature, sign, threshold)
        for feature, sign in words.hits(axis)
        for threshold in words.thresholds(Term(feature))
    ]
    conditions.sort(key=lambda one: abs(words.share_above(Term(one[0]), one[2]) - 0.5))
    return [
        Rule(Term(feature), threshold, constant(sign * PUSH), constant(other * sign * PUSH + 0.0))
        for feature, sign, threshold in conditions
        for other in (0.0, -1.0)
    ]


def _rules(words: Vocabulary) -> list[Drive]:
    """Rules of one condition between two constants."""
    ways = ((PUSH, 0.0), (-PUSH, 0.0), (PUSH, -PUSH))
    return [
        Rule(term, threshold, constant(above), constant(below))
        for term, threshold in words.conditions()
        for one, other in ways
        for above, below in ((one, other), (other, one))
    ]


def _per_action(head: ActionHead, words: Vocabulary) -> dict[str, list[DrivePolicy]]:
    count = range(len(head.channels))
    scale = {i: rounded(1 / words.deviation(i)) for i in words.varying}
    constants = [head.empty.put((c,), constant(s)) for c in count for s in (PUSH, -PUSH)]
    aims = [
        head.empty.put((c,), Sum((Term(i, sign * scale[i]),)))
        for c in count
        for i in words.varying
        for sign in (1.0, -1.0)
    ]
    rules = [
        head.empty.put((c,), Rule(term, threshold, constant(PUSH), constant(-PUSH)))
        for c in count
        for term, threshold in words.conditions()
    ]
    return {
        "constant": [head.empty, *constants],
        "one feature": aims,
        ANY_CONDITION: rules,
    }


def in_turn(rows: Iterable[Sequence[T]]) -> list[T]:
    """The first of each row, then the second of each, and so on."""
    return [one for turn in zip_longest(*rows) for one in turn if one is not None]

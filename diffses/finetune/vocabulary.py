"""What the features mean to the search, and how their values are spread in the states of play."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from diffses.detector import concept_kernel as ck
from diffses.detector.concepts import CONCEPTS, DIRECTIONS
from diffses.detector.features import DRIFTS, Feature
from diffses.detector.loading import open_detector
from diffses.finetune.drives import DrivePolicy, Rule, Sum, Term, rounded

AXIS_OF = {
    **{name: name for name in "xy"},
    **{f"{kind}{name}": name for name in "xy" for kind in ("v", "drift", "push")},
}
PLACES = {ck.STOP: "stop", ck.CROSSING: "cross"}  # concepts that are positions along their axis
QUANTILES = (0.5, 0.2, 0.8)  # of a feature, as thresholds, the first to try first
OFTEN = 0.2  # share of the states in which a feature has one value, e.g. that of a missing object


@dataclass(frozen=True)
class Meaning:
    """What one feature is about.

    thing: the object, or pair of objects, that it describes.
    group: the type of the thing.
    quantity: of the thing, e.g. "vx".
    axis: along which it is measured, "x" or "y"; None: along none.
    aim: whether it is a signed distance along the axis, so that moving by its sign means something.
    of_player: whether it describes the player alone.
    way: of a time until something is hit, the axis and the direction (-1, 1) in which one goes.
    concept: whether it relates the thing to the player; its absolute value is then a feature too.
    """

    thing: str
    quantity: str
    axis: str | None = None
    aim: bool = False
    of_player: bool = False
    way: tuple[str, int] | None = None
    concept: bool = False
    group: str = ""


def meanings(detector: Path, features: Sequence[str]) -> tuple[Meaning, ...]:
    """Of each of the features, from the detector's schema; for observations that are no frames a
    feature means itself alone."""
    opened = open_detector(detector)
    tracker = getattr(opened, "tracker", None)
    known = {} if tracker is None else {f.name: f for f in tracker.schema.features}
    player = None if tracker is None else tracker.schema.player
    found = [
        _meaning(known[name], player) if name in known else Meaning(name, name) for name in features
    ]
    return tuple(_without_lesser_aims(found))


def _meaning(feature: Feature, player: str | None) -> Meaning:
    of_player = feature.other is None and feature.of == player
    if feature.is_concept:
        return _concept(feature, of_player)
    other = feature.other
    thing = feature.slot.name if other is None or other.of == player else feature.name
    quantity = feature.quantity if other is None else f"difference in {feature.quantity}"
    axis = AXIS_OF.get(feature.quantity)
    aim = other is not None
    return Meaning(thing, quantity, axis, aim, of_player, group=feature.of)


def _concept(feature: Feature, of_player: bool) -> Meaning:
    one, thing = CONCEPTS[feature.quantity], feature.slot.name
    way = None
    if one.kind == ck.HIT_TIME and DIRECTIONS[one.axis] != "stay":
        way = ("xxyy"[one.axis], (-1, 1, -1, 1)[one.axis])
    drive = one.drive_axis
    axis = "xy"[one.axis] if drive is not None or one.kind in PLACES else None
    aim = drive is not None and one.kind != ck.VELOCITY
    return Meaning(thing, feature.quantity, axis, aim, of_player, way, True, feature.of)


def _without_lesser_aims(found: Sequence[Meaning]) -> list[Meaning]:
    """A distance to the player is no aim where the distance to the place it will come to rest at is
    a feature too."""
    better = {(one.thing, one.axis) for one in found if one.quantity.startswith("stop_d")}
    return [
        replace(one, aim=False)
        if (one.thing, one.axis) in better
        and one.quantity in (f"d{one.axis}", f"difference in {one.axis}")
        else one
        for one in found
    ]


class Vocabulary:
    """The features with their meanings, and statistics of sampled states.

    Args:
        meanings: of each feature.
        rows: the states, float64 (n, features).
    """

    def __init__(self, meanings: Sequence[Meaning], rows: np.ndarray) -> None:
        self.meanings, self.rows = tuple(meanings), rows
        self.varying = [i for i in range(len(meanings)) if float(np.ptp(rows[:, i])) > 0]

    def with_rows(self, rows: np.ndarray) -> Vocabulary:
        """The same features in other states."""
        return Vocabulary(self.meanings, rows)

    def aims(self, axis: str | None) -> list[int]:
        """The features that say where to go along the axis, the plainest first; all that vary where
        there is none.

        Plain is the first quantity of a thing, and the first thing of a type: the one nearest to
        the player comes before those on each side.
        """
        if axis is None:
            return self.varying
        found = [i for i in self.varying if self.meanings[i].axis == axis and self.meanings[i].aim]
        things: dict[str, dict[str, list[int]]] = {}
        for i in found:
            group = things.setdefault(self.meanings[i].group, {})
            group.setdefault(self.meanings[i].thing, []).append(i)
        rank = {
            i: number + place
            for group in things.values()
            for number, members in enumerate(group.values())
            for place, i in enumerate(members)
        }
        return sorted(found, key=lambda i: rank[i])

    def along(self, axis: str | None) -> list[int]:
        """The features measured along the axis; all that vary where there is none."""
        if axis is None:
            return self.varying
        return [i for i in self.varying if self.meanings[i].axis == axis]

    def places_of_player(self, axis: str) -> list[int]:
        """The player's own position along the axis; if known, where it will come to rest."""
        mine = {self.meanings[i].quantity: i for i in self.varying if self.meanings[i].of_player}
        found = [mine[name] for name in (f"stop_{axis}", axis) if name in mine]
        return found[:1]

    def hits(self, axis: str) -> list[tuple[int, int]]:
        """The times until a hit if one goes along the axis, each with the direction."""
        ways = [(i, self.meanings[i].way) for i in self.varying]
        return [(i, way[1]) for i, way in ways if way is not None and way[0] == axis]

    def pairs(self) -> list[tuple[int, int]]:
        """Aims along x and along y at the same thing in the same sense."""
        found = []
        for i in self.aims("x"):
            own = self.meanings[i]
            for j in self.aims("y"):
                other = self.meanings[j]
                if own.thing == other.thing and _bare(own.quantity) == _bare(other.quantity):
                    found.append((i, j))
        return found

    def conditions(self) -> list[tuple[Term, float]]:
        """Every varying feature against 0 if it is of both signs, and against its quantiles; its
        absolute value likewise, unless that is a feature too."""
        found: list[tuple[Term, float]] = []
        for i in self.varying:
            column, meaning = self.rows[:, i], self.meanings[i]
            signed = float(column.min()) < 0 < float(column.max())
            thresholds = [0.0] if signed else []
            thresholds += self.thresholds(Term(i))
            found += [(Term(i), value) for value in dict.fromkeys(thresholds)]
            if signed and not meaning.concept and meaning.quantity not in DRIFTS:
                bare = Term(i, absolute=True)
                found += [(bare, value) for value in self.thresholds(bare)]
        return found

    def thresholds(self, term: Term) -> list[float]:
        """Quantiles of the term, each different one once, where some states are on either side.

        A value that it often has, such as that of a missing object, is set apart: quantiles are
        those of the other values, and one more threshold lies between the two.
        """
        values = self.values(term)
        each, counts = np.unique(values, return_counts=True)
        if len(each) < 2:
            return []
        usual = each[counts.argmax()]
        apart = []
        if counts.max() >= OFTEN * len(values):
            values = values[values != usual]
            nearest = values[np.abs(values - usual).argmin()]
            apart = [float(usual + nearest) / 2]
        quantiles = [float(np.quantile(values, q)) for q in QUANTILES]
        found = dict.fromkeys(rounded(value) for value in [*quantiles, *apart])
        return [value for value in found if 0 < self.share_above(term, value) < 1]

    def share_above(self, term: Term, threshold: float) -> float:
        """The share of the states in which the term is above the threshold."""
        return float((self.values(term) > threshold).mean())

    def values(self, term: Term) -> np.ndarray:
        """The term in each state, (n,)."""
        column = self.rows[:, term.feature]
        return term.weight * (np.abs(column) if term.absolute else column)

    def spread(self, drive: Sum) -> float:
        """The standard deviation of a sum, 0 where it is constant."""
        if not drive.terms:
            return 0.0
        return float(np.std(np.sum([self.values(term) for term in drive.terms], axis=0)))

    def deviation(self, feature: int) -> float:
        """The standard deviation of a feature."""
        return float(np.std(self.rows[:, feature]))


def features_of(policy: DrivePolicy) -> set[int]:
    """The features that a policy uses."""
    found: set[int] = set()
    for _, drive in policy.places():
        if isinstance(drive, Rule):
            found.add(drive.condition.feature)
        elif drive is not None:
            found |= {term.feature for term in drive.terms}
    return found


def _bare(quantity: str) -> str:
    """A quantity's name without its axis."""
    return quantity[:-1] if quantity[-1:] in ("x", "y") else quantity

"""What the features mean to the search, and how their values are spread in the states of play."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from diffses.detector.features import DRIFTS, Feature
from diffses.detector.loading import open_detector
from diffses.finetune.drives import DrivePolicy, Rule, Sum, Term, rounded

AXIS_OF = {
    **{name: name for name in "xy"},
    **{f"{kind}{name}": name for name in "xy" for kind in ("v", "drift", "push")},
}
QUANTILES = (0.5, 0.2, 0.8)  # of a feature, as thresholds, the first to try first


@dataclass(frozen=True)
class Meaning:
    """What one feature is about.

    axis: along which it is measured, "x" or "y"; None: along none.
    aim: whether it is a signed distance along the axis, so that moving by its sign means something.
    thing: the object, or pair of objects, that it describes; the player's position has the
        player's name.
    """

    thing: str
    quantity: str
    axis: str | None
    aim: bool
    of_player: bool


def meanings(detector: Path, features: Sequence[str]) -> tuple[Meaning, ...]:
    """Of each of the features, from the detector's schema; for observations that are no frames a
    feature means itself alone."""
    opened = open_detector(detector)
    tracker = getattr(opened, "tracker", None)
    known = {} if tracker is None else {f.name: f for f in tracker.schema.features}
    player = None if tracker is None else tracker.schema.player
    return tuple(
        _meaning(known[name], player) if name in known else Meaning(name, name, None, False, False)
        for name in features
    )


def _meaning(feature: Feature, player: str | None) -> Meaning:
    other = feature.other
    thing = feature.slot.name if other is None or other.of == player else feature.name
    axis = AXIS_OF.get(feature.quantity)
    quantity = feature.quantity if other is None else f"difference in {feature.quantity}"
    of_player = other is None and feature.of == player
    return Meaning(thing, quantity, axis, other is not None, of_player)


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
        """The features that say where to go along the axis; all that vary where there is none."""
        if axis is None:
            return self.varying
        return [i for i in self.varying if self.meanings[i].axis == axis and self.meanings[i].aim]

    def along(self, axis: str | None) -> list[int]:
        """The features measured along the axis; all that vary where there is none."""
        if axis is None:
            return self.varying
        return [i for i in self.varying if self.meanings[i].axis == axis]

    def places_of_player(self, axis: str) -> list[int]:
        """The player's own position along the axis."""
        wanted = [self.meanings[i] for i in self.varying]
        return [
            i
            for i, meaning in zip(self.varying, wanted, strict=True)
            if meaning.of_player and meaning.quantity == axis
        ]

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
        absolute value likewise."""
        found: list[tuple[Term, float]] = []
        for i in self.varying:
            column = self.rows[:, i]
            signed = float(column.min()) < 0 < float(column.max())
            thresholds = [0.0] if signed else []
            thresholds += self.thresholds(Term(i))
            found += [(Term(i), value) for value in dict.fromkeys(thresholds)]
            if signed and self.meanings[i].quantity not in DRIFTS:
                bare = Term(i, absolute=True)
                found += [(bare, value) for value in self.thresholds(bare)]
        return found

    def thresholds(self, term: Term) -> list[float]:
        """Quantiles of the term between its extremes, each different one once, where some states
        are on either side."""
        values = self.values(term)
        if len(np.unique(values)) == 2:
            return [rounded(float(np.mean(np.unique(values))))]
        found = dict.fromkeys(rounded(float(np.quantile(values, q))) for q in QUANTILES)
        return [value for value in found if 0 < float((values > value).mean()) < 1]

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

"""Policies as few readable drives, one a channel, which the search varies.

A channel is an axis of movement, the button, standing still, or one action (`action_head.py`). Its
drive is a weighted sum of few features with an offset and a dead zone, or a rule: one drive where a
condition holds, another where it does not. A channel without a drive is None.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from diffses.policy.expression import Expression

DIGITS = 3  # significant digits of the constants that a search makes: what is printed is played
LEAST = 1e-3  # of a dead zone


@dataclass(frozen=True)
class Term:
    """A feature, by index, times a weight; of its absolute value, if asked."""

    feature: int
    weight: float = 1.0
    absolute: bool = False


@dataclass(frozen=True)
class Sum:
    """terms + offset. An axis is not pushed along where |sum| is at most the dead zone."""

    terms: tuple[Term, ...] = ()
    offset: float = 0.0
    dead_zone: float = 0.0


@dataclass(frozen=True)
class Rule:
    """`above` where the condition's value is above the threshold, else `below`."""

    condition: Term  # of weight 1
    threshold: float
    above: Drive
    below: Drive


Drive = Sum | Rule
Path = tuple[int | str, ...]  # a channel's index, then "above" or "below" for each rule passed


@dataclass(frozen=True)
class DrivePolicy:
    """A drive, or None, for each channel of an action head."""

    drives: tuple[Drive | None, ...]

    def at(self, path: Path) -> Drive | None:
        """The drive in this place.

        Raises:
            KeyError: if there is no rule where the path passes through one.
        """
        found = self.drives[int(path[0])]
        for side in path[1:]:
            if not isinstance(found, Rule):
                raise KeyError(path)
            found = found.above if side == "above" else found.below
        return found

    def put(self, path: Path, drive: Drive | None) -> DrivePolicy:
        """The policy with another drive in this place."""
        channel = int(path[0])
        new = _put(self.drives[channel], path[1:], drive)
        return DrivePolicy((*self.drives[:channel], new, *self.drives[channel + 1 :]))

    def places(self) -> Iterator[tuple[Path, Drive | None]]:
        """All drives, those within rules too, each with its path."""
        for channel, drive in enumerate(self.drives):
            yield from _places((channel,), drive)

    @property
    def size(self) -> int:
        """Compact size: a feature counts one, as do an operator, a constant, a condition's
        comparison and a dead zone."""
        return sum(size(drive) for drive in self.drives if drive is not None)

    def to_json(self) -> list[Any]:
        return [None if drive is None else _stored(drive) for drive in self.drives]

    @classmethod
    def from_json(cls, stored: Sequence[Any]) -> DrivePolicy:
        return cls(tuple(None if one is None else _read(one) for one in stored))

    def text(self, channels: Sequence[str], features: Sequence[str]) -> str:
        """One line a channel that has a drive, `y = ball.y-player.y, dead zone 0.03`."""
        lines = [
            f"{channel} = {drive_text(drive, features)}"
            for channel, drive in zip(channels, self.drives, strict=True)
            if drive is not None
        ]
        return "\n".join(lines) or "nothing"


def _put(drive: Drive | None, rest: Path, new: Drive | None) -> Drive | None:
    if not rest:
        return new
    if not isinstance(drive, Rule) or new is None:
        raise KeyError(rest)
    inner = _put(drive.above if rest[0] == "above" else drive.below, rest[1:], new)
    assert inner is not None
    return replace(drive, above=inner) if rest[0] == "above" else replace(drive, below=inner)


def _places(path: Path, drive: Drive | None) -> Iterator[tuple[Path, Drive | None]]:
    yield path, drive
    if isinstance(drive, Rule):
        yield from _places((*path, "above"), drive.above)
        yield from _places((*path, "below"), drive.below)


def rounded(value: float) -> float:
    """The value with `DIGITS` significant digits."""
    return float(f"{value:.{DIGITS}g}")


def size(drive: Drive) -> int:
    """Compact size of a drive, as `DrivePolicy.size`."""
    if isinstance(drive, Rule):
        return 3 + drive.condition.absolute + size(drive.above) + size(drive.below)
    if not drive.terms:
        return 1 + (drive.dead_zone != 0)
    weights = sum(2 * (abs(t.weight) != 1) + t.absolute for t in drive.terms)
    sign = int(all(term.weight == -1 for term in drive.terms))
    joined = 2 * len(drive.terms) - 1
    return joined + weights + sign + 2 * (drive.offset != 0) + (drive.dead_zone != 0)


# --- as expressions -------------------------------------------------------------------------------


def expression(drive: Drive, sign: float = 1.0) -> Expression:
    """sign * drive - dead zone, as a tree over the features; sign: 1 or -1."""
    if isinstance(drive, Rule):
        above, below = expression(drive.above, sign), expression(drive.below, sign)
        if repr(above) == repr(below):
            return above
        return ("logical", *_term(drive.condition), drive.threshold, *above, *below)
    constant = sign * drive.offset - drive.dead_zone
    terms = [replace(term, weight=sign * term.weight) for term in drive.terms if term.weight != 0]
    terms.sort(key=lambda term: term.weight < 0)  # stable: a sum that begins with a sign is longer
    if not terms:
        return (float(constant),)
    first, *rest = terms
    if first.weight < 0 and constant > 0:  # c - x, not -x + c
        tree: Expression = (constant,)
        rest, constant = terms, 0.0
    else:
        tree = _term(first)
    for term in rest:
        name = "add" if term.weight > 0 else "sub"
        tree = (name, *tree, *_term(replace(term, weight=abs(term.weight))))
    if constant != 0:
        tree = ("add" if constant > 0 else "sub", *tree, abs(constant))
    return tree


def _term(term: Term) -> Expression:
    bare: Expression = ("abs", term.feature) if term.absolute else (term.feature,)
    if term.weight == 1:
        return bare
    return ("neg", *bare) if term.weight == -1 else ("mul", float(term.weight), *bare)


# --- constants ------------------------------------------------------------------------------------


def constants(policy: DrivePolicy) -> list[float]:
    """The constants that decide something: thresholds, offsets, dead zones, weights of sums of
    several terms; channel after channel."""
    return [value for drive in policy.drives if drive is not None for value in _constants(drive)]


def _constants(drive: Drive) -> list[float]:
    if isinstance(drive, Rule):
        return [drive.threshold, *_constants(drive.above), *_constants(drive.below)]
    if not drive.terms:
        return []
    weights = [term.weight for term in drive.terms] if len(drive.terms) > 1 else []
    return [*weights, *([drive.offset] * (drive.offset != 0)), *_dead_zone(drive)]


def _dead_zone(drive: Sum) -> list[float]:
    return [drive.dead_zone] if drive.dead_zone != 0 else []


def with_constants(policy: DrivePolicy, values: Sequence[float]) -> DrivePolicy:
    """The same policy with other constants, in the order of `constants`, rounded. A dead zone stays
    above 0.

    Raises:
        ValueError: for another number of values.
    """
    count = len(constants(policy))
    if len(values) != count:
        raise ValueError(f"want {count} constants, got {len(values)}")
    each = iter([rounded(value) for value in values])
    return DrivePolicy(
        tuple(None if one is None else _refilled(one, each) for one in policy.drives)
    )


def _refilled(drive: Drive, values: Iterator[float]) -> Drive:
    if isinstance(drive, Rule):
        threshold = next(values)
        above = _refilled(drive.above, values)
        return Rule(drive.condition, threshold, above, _refilled(drive.below, values))
    if not drive.terms:
        return drive
    terms = drive.terms
    if len(terms) > 1:
        terms = tuple(replace(term, weight=next(values)) for term in terms)
    offset = next(values) if drive.offset != 0 else 0.0
    dead_zone = max(LEAST, next(values)) if drive.dead_zone != 0 else 0.0
    return Sum(terms, offset, dead_zone)


# --- stored and printed ---------------------------------------------------------------------------


def _stored(drive: Drive) -> dict[str, Any]:
    if isinstance(drive, Rule):
        return {
            "if": [drive.condition.feature, drive.condition.absolute],
            "above": drive.threshold,
            "then": _stored(drive.above),
            "else": _stored(drive.below),
        }
    terms = [[term.weight, term.feature, term.absolute] for term in drive.terms]
    return {"terms": terms, "offset": drive.offset, "dead_zone": drive.dead_zone}


def _read(stored: dict[str, Any]) -> Drive:
    if "if" in stored:
        feature, absolute = stored["if"]
        condition = Term(int(feature), 1.0, bool(absolute))
        above, below = _read(stored["then"]), _read(stored["else"])
        return Rule(condition, float(stored["above"]), above, below)
    terms = tuple(Term(int(f), float(weight), bool(a)) for weight, f, a in stored["terms"])
    return Sum(terms, float(stored["offset"]), float(stored["dead_zone"]))


def drive_text(drive: Drive, features: Sequence[str]) -> str:
    """A drive for people to read: `(ball.x > 0.5 ? ball.y-player.y : 0)`."""
    if isinstance(drive, Rule):
        condition = f"{_named(drive.condition, features)} > {drive.threshold:.3g}"
        above, below = drive_text(drive.above, features), drive_text(drive.below, features)
        return f"({condition} ? {above} : {below})"
    parts = [(term.weight, _named(term, features)) for term in drive.terms]
    text = ""
    for weight, name in parts:
        sign = "-" if weight < 0 else "+" if text else ""
        spelled = name if abs(weight) == 1 else f"{abs(weight):.3g}*{name}"
        text += f" {sign} {spelled}" if text else f"{sign}{spelled}"
    if drive.offset != 0 or not text:
        sign = "-" if drive.offset < 0 else "+"
        text = f"{text} {sign} {abs(drive.offset):.3g}" if text else f"{drive.offset:.3g}"
    return f"{text}, dead zone {drive.dead_zone:.3g}" if drive.dead_zone else text


def _named(term: Term, features: Sequence[str]) -> str:
    name = features[term.feature]
    if term.absolute:
        return f"|{name}|"
    return f"({name})" if "-" in name else name

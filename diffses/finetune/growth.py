"""All one-step changes of a policy of drives, the proposals of a search's growth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from diffses.finetune.action_head import ActionHead
from diffses.finetune.drives import Drive, DrivePolicy, Path, Rule, Sum, Term, rounded
from diffses.finetune.simple_policies import PUSH, constant, follow, in_turn
from diffses.finetune.vocabulary import Vocabulary, features_of
from diffses.policy.compiled import Compiled
from diffses.policy.forest import Forest

WEIGHTS = (0.3, 1.0)  # spread of an added term, in spreads of the drive it is added to
SHIFTS = (0.1, 0.5)  # of an offset or a dead zone, in spreads of the drive
FORK = 0.3  # offset on either side of a fork, in spreads of the drive
FACTORS = (0.5, 2.0)  # of a weight or a dead zone
NUDGES = (0.7, 1.4)  # of a threshold
OTHERS = 4  # simple drives that stand on the other side of a new condition
LEAST_CHANGE = 0.01  # share of the states in which a change has to change the action
MOST_DEPTH = 4  # rules within rules
ODDS = {"replace": 1.0, "split": 2.0, "fork": 1.0, "add": 2.0, "shift": 1.5, "prune": 0.5}
KINDS = tuple(ODDS)  # of changes; the odds are shares of those that play


@dataclass(frozen=True)
class Change:
    """Another drive at one place of a policy.

    kind: one of KINDS.
    path: the place.
    drive: what stands there afterwards.
    """

    kind: str
    path: Path
    drive: Drive | None

    def applied(self, policy: DrivePolicy) -> DrivePolicy:
        return policy.put(self.path, self.drive)

    def disjoint(self, other: Change) -> bool:
        """Whether neither place is within the other, so that both can be applied."""
        shorter = min(len(self.path), len(other.path))
        return self.path[:shorter] != other.path[:shorter]


class Growth:
    """Proposes changes of one policy.

    Args:
        head: of the policy.
        policy: to be changed.
        words: the features, with the states that the policy itself meets.
        random: draws what stands on the other side of a new condition.
    """

    def __init__(
        self,
        head: ActionHead,
        policy: DrivePolicy,
        words: Vocabulary,
        random: np.random.Generator,
    ) -> None:
        self._head, self._policy, self._words, self._random = head, policy, words, random
        self._conditions = words.conditions()

    def changes(self) -> dict[str, list[Change]]:
        """The one-step changes by kind: all of them, but for the drives on the other side of a new
        condition, of which each condition gets `OTHERS` at random."""
        found: dict[str, list[Change]] = {kind: [] for kind in KINDS}
        for path, drive in self._policy.places():
            channel = int(path[0])
            ways: dict[str, Iterator[Drive]] = {"replace": self._simple(channel)}
            if drive is not None and len(path) <= MOST_DEPTH:
                ways["split"] = self._split(channel, drive)
            if isinstance(drive, Rule):
                ways["shift"] = self._shifted_rule(drive)
            elif drive is not None and self._words.spread(drive) > 0:
                ways["shift"] = self._shifted(channel, drive)
                ways["add"] = self._added(channel, drive)
                ways["fork"] = self._forked(drive)
            for kind, drives in ways.items():
                found[kind] += [Change(kind, path, new) for new in drives]
        found["prune"] = self.removals()
        return found

    def removals(self) -> list[Change]:
        """All changes that take something away."""
        found = []
        for path, drive in self._policy.places():
            if drive is None:
                continue
            less = list(_less(drive))
            found += [Change("prune", path, new) for new in less]
            if len(path) == 1:
                found.append(Change("prune", path, None))
        return found

    def _simple(self, channel: int) -> Iterator[Drive]:
        """Constants, and single features that say where to go."""
        axis = self._head.axis(channel)
        yield from (constant(value) for value in (PUSH, 0.0, -PUSH))
        if self._head.factored and axis is None:  # the button, or standing still: a threshold
            for term, threshold in self._conditions:
                yield Sum((term,), rounded(-threshold))
                yield Sum((replace(term, weight=-1.0),), rounded(threshold))
            return
        for feature in self._words.aims(axis):
            scale = 1.0 if self._head.factored else rounded(1 / self._words.deviation(feature))
            yield from (follow(feature, sign * scale) for sign in (1.0, -1.0))
        if axis is not None:
            for feature in self._words.places_of_player(axis):
                middle = rounded(float(np.median(self._words.rows[:, feature])))
                yield follow(feature, -1.0, middle)

    def _split(self, channel: int, drive: Drive) -> Iterator[Drive]:
        """The drive under a condition; where that does not hold, something simple."""
        simple = list(self._simple(channel))
        opposite = [negated(drive)] if isinstance(drive, Sum) and drive.terms else []
        for term, threshold in self._conditions:
            drawn = self._random.integers(len(simple), size=OTHERS).tolist()
            for other in [*opposite, *(simple[i] for i in dict.fromkeys(drawn))]:
                yield Rule(term, threshold, drive, other)
                yield Rule(term, threshold, other, drive)

    def _shifted_rule(self, rule: Rule) -> Iterator[Drive]:
        """Other thresholds, and the two sides exchanged."""
        for threshold in self._words.thresholds(rule.condition):
            yield replace(rule, threshold=threshold)
        for factor in NUDGES:
            yield replace(rule, threshold=rounded(factor * rule.threshold))
        yield replace(rule, above=rule.below, below=rule.above)

    def _shifted(self, channel: int, drive: Sum) -> Iterator[Drive]:
        """Other offsets, dead zones and weights."""
        spread = self._words.spread(drive)
        for share in SHIFTS:
            for sign in (1.0, -1.0):
                yield replace(drive, offset=rounded(drive.offset + sign * share * spread))
            if self._head.axis(channel) is not None:
                yield replace(drive, dead_zone=rounded(share * spread))
        for factor in FACTORS:
            if drive.dead_zone:
                yield replace(drive, dead_zone=rounded(factor * drive.dead_zone))
            for number, term in enumerate(drive.terms):
                if len(drive.terms) > 1:
                    weighed = replace(term, weight=rounded(factor * term.weight))
                    terms = (*drive.terms[:number], weighed, *drive.terms[number + 1 :])
                    yield replace(drive, terms=terms)

    def _added(self, channel: int, drive: Sum) -> Iterator[Drive]:
        """One more term, of a feature along the same axis."""
        known = {term.feature for term in drive.terms}
        spread = self._words.spread(drive)
        for feature in self._words.along(self._head.axis(channel)):
            if feature in known:
                continue
            for share in WEIGHTS:
                weight = rounded(share * spread / self._words.deviation(feature))
                for sign in (1.0, -1.0):
                    yield replace(drive, terms=(*drive.terms, Term(feature, sign * weight)))

    def _forked(self, drive: Sum) -> Iterator[Drive]:
        """A little more where a condition holds, a little less where it does not."""
        delta = FORK * self._words.spread(drive)
        for term, threshold in self._conditions:
            for sign in (1.0, -1.0):
                above = replace(drive, offset=rounded(drive.offset + sign * delta))
                below = replace(drive, offset=rounded(drive.offset - sign * delta))
                yield Rule(term, threshold, above, below)


def _less(drive: Drive) -> Iterator[Drive]:
    """The drive without a rule, an offset, a dead zone or a term."""
    if isinstance(drive, Rule):
        yield from (drive.above, drive.below)
        return
    if drive.offset and drive.terms:
        yield replace(drive, offset=0.0)
    if drive.dead_zone:
        yield replace(drive, dead_zone=0.0)
    if len(drive.terms) > 1:
        for number in range(len(drive.terms)):
            yield replace(drive, terms=(*drive.terms[:number], *drive.terms[number + 1 :]))


def negated(drive: Sum) -> Sum:
    """The sum with all signs turned, its dead zone kept."""
    terms = tuple(replace(term, weight=-term.weight) for term in drive.terms)
    return Sum(terms, -drive.offset, drive.dead_zone)


class Distinct:
    """Keeps policies that decide differently in sampled states.

    Args:
        rows: the states, float64 (n, features).
    """

    def __init__(self, rows: np.ndarray) -> None:
        self._rows = rows
        self._seen: set[bytes] = set()

    def decisions(self, forest: Forest) -> np.ndarray:
        """The action in each state, (n,); Box actions to a percent of their range, (n, d)."""
        compiled = Compiled(forest)
        if forest.bounds is None:
            ids: np.ndarray = np.array(forest.action_ids)[compiled.choose(self._rows)]
            return ids
        low, high = np.array(forest.bounds).T
        share = (forest.squash(compiled.scores(self._rows)) - low) / (high - low)
        hundredths: np.ndarray = np.round(100 * share).astype(np.int64)
        return hundredths

    def difference(self, one: Forest, other: Forest) -> float:
        """The share of the states in which two policies act differently."""
        return float((self.decisions(one) != self.decisions(other)).mean())

    def new(self, forest: Forest, base: np.ndarray | None = None, least: float = 0.0) -> bool:
        """Whether no policy before decided alike in all states; with `base`, the decisions of the
        policy that was changed, whether at least a share `least` of them is changed too."""
        found = self.decisions(forest)
        if base is not None and float((found != base).mean()) < max(least, 1e-12):
            return False
        key = found.tobytes()
        if key in self._seen:
            return False
        self._seen.add(key)
        return True


def sample_changes(
    head: ActionHead,
    policy: DrivePolicy,
    words: Vocabulary,
    count: int,
    odds: dict[str, float],
    random: np.random.Generator,
    most_size: int,
    weights: np.ndarray | None = None,
) -> list[Change]:
    """Up to `count` changes that decide differently, from each other and from the policy.

    All of them where there are fewer; else each kind has a share by its odds, and within a kind
    the features that changes bring in have their turns, however many changes they have a part in.

    Args:
        most_size: of the changed policy, compact.
        weights: of each feature, float64 (features,): the odds that its turn comes early.
    """
    every = Growth(head, policy, words, random).changes()
    distinct = Distinct(words.rows)
    base = distinct.decisions(head.forest(policy))
    old = features_of(policy)
    kept: list[Change] = []
    even = np.ones(words.rows.shape[1]) if weights is None else weights
    early = random.exponential(1 / even)
    queues = {
        kind: _shuffled(changes, old, early, random) for kind, changes in every.items() if changes
    }
    credit = dict.fromkeys(queues, 0.0)
    while queues and len(kept) < count:
        for kind in queues:
            credit[kind] += odds.get(kind, 1.0)
        kind = max(queues, key=lambda one: credit[one])
        change = next(queues[kind], None)
        if change is None:
            del queues[kind]
            continue
        changed = change.applied(policy)
        if changed.size > max(most_size, policy.size):
            continue
        if distinct.new(head.forest(changed), base, LEAST_CHANGE):
            kept.append(change)
            credit[kind] -= sum(odds.get(one, 1.0) for one in queues)
    return kept


def _shuffled(
    changes: Sequence[Change], old: set[int], early: np.ndarray, random: np.random.Generator
) -> Iterator[Change]:
    """The changes in random order, but each feature that they bring in has its turn, in the order
    of `early`; a change that brings in several counts for one of them, and one that brings in none
    has its turn first."""
    by_new: dict[int, list[Change]] = {}
    for number in random.permutation(len(changes)).tolist():
        change = changes[number]
        drive = change.drive
        used = features_of(DrivePolicy((drive,))) if drive is not None else set()
        new = sorted(used - old) or [-1]
        by_new.setdefault(new[random.integers(len(new))], []).append(change)
    ordered = sorted(by_new, key=lambda new: -1.0 if new < 0 else float(early[new]))
    return iter(in_turn([by_new[new] for new in ordered]))


def pruned(
    head: ActionHead, policy: DrivePolicy, words: Vocabulary, tolerance: float
) -> DrivePolicy:
    """The smallest policy that greedy removal of terms, rules, offsets and dead zones leads to,
    with the actions changed in at most a share `tolerance` of the states."""
    distinct = Distinct(words.rows)
    whole = head.forest(policy)
    while True:
        random = np.random.default_rng(0)  # the removals are not random
        found = [
            change.applied(policy) for change in Growth(head, policy, words, random).removals()
        ]
        close = [
            (one.size, distinct.difference(head.forest(one), whole), number)
            for number, one in enumerate(found)
            if one.size < policy.size
        ]
        kept = [item for item in close if item[1] <= tolerance]
        if not kept:
            return policy
        policy = found[min(kept)[2]]

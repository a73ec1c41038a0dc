"""The search that discovers: simple policies first, grown step by step, confirmed by games."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import numpy as np

from diffses.config import DiscoverFinetune
from diffses.finetune.action_head import ActionHead
from diffses.finetune.credit import Credit
from diffses.finetune.drive_constants import DriveConstants, with_all_constants
from diffses.finetune.drives import DrivePolicy
from diffses.finetune.games import Games
from diffses.finetune.growth import Distinct, Growth, sample_changes
from diffses.finetune.labels import Labeller, Labels, best_changes
from diffses.finetune.lineage import Kind, Lineage
from diffses.finetune.race import Entrant, Rung, ordered, paired, play_more, run_race
from diffses.finetune.simple_policies import ANY_CONDITION, in_turn, simple_policies
from diffses.finetune.vocabulary import Vocabulary, features_of
from diffses.seeds import seed_for

STARTS = 6  # simple policies that play whole games
SIFTING = 0.6  # share of the steps for simple policies that their first two games may take
DIFFERENT = 0.1  # share of the states in which two lines' starts act differently
MAX_STATES = 2_000  # of a policy's own play, and
OTHER_STATES = 500  # of recorded play, that changes are compared on
ODDS = {"replace": 1.0, "split": 2.0, "fork": 1.0, "add": 2.0, "shift": 1.5, "prune": 0.5}
LATE = 3  # best changes of a round that play whole games, alone and two at a time
LEAST_GAIN, SURE_GAIN = 0.5, 2.0  # standard errors by which a change has to be better, in the
# end or before all fresh games are played
CLEAR = 2.0  # standard errors
BLOCKS = 4  # of fresh games, at the most
PATIENCE = 3  # rounds without a gain that end a line
PROBE = 0.4  # share of the states whose labels are to tell whether labels tell anything
SILENT = 2  # policies whose labels told nothing, after which there are no more labels
SCORED = 1_000  # changes whose gain is estimated from labels
TOLERANCES = (0.0, 0.01, 0.03)  # share of the states in which pruning may change the action
CONSTANT_EPISODES = 1  # of each point and generation of CMA-ES

Row = dict[str, Any]


@dataclass(eq=False)
class Line:
    """A policy that is grown from one start.

    Args:
        present: the policy, with its returns in fresh whole games.
        lineage: of the policy.
        story: how it came about, one entry a step.
        words: the features, with the states that the policy meets.
        labels: of these states; None: there are none that tell anything.
        labelled: whether that was found out.
        spent: environment steps of its rounds.
        rounds: of growth.
        barren: the last rounds that brought no gain.
    """

    name: str
    present: Entrant
    lineage: Lineage
    story: list[Row]
    words: Vocabulary
    labels: Labels | None = None
    labelled: bool = False
    spent: int = 0
    cost: int = 0  # of the last round
    rounds: int = 0
    barren: int = 0


@dataclass
class Tally:
    """What a proposer's candidates cost and brought."""

    played: int = 0
    confirmed: int = 0
    accepted: int = 0
    gain: float = 0.0
    steps: float = 0.0


@dataclass
class Finalist:
    """A policy for validation."""

    policy: DrivePolicy
    lineage: Lineage
    story: list[Row] = field(default_factory=list)


class Discovery:
    """One search.

    Args:
        head: scores the actions.
        words: the features, with recorded states.
        games: plays and counts.
        seed: of every draw and every game.
        labeller: measures advantages for proposals; None: none are measured.
        notify: called with each row of the curve.
    """

    def __init__(
        self,
        head: ActionHead,
        words: Vocabulary,
        games: Games,
        settings: DiscoverFinetune,
        seed: int,
        labeller: Labeller | None = None,
        notify: Callable[[Row], object] = lambda row: None,
    ) -> None:
        self.head, self.words, self.games = head, words, games
        self._settings, self._seed, self._notify = settings, seed, notify
        self._labeller, self._silent = labeller, 0
        self._credit = Credit(words.meanings)
        self.lines: list[Line] = []
        self.tallies: dict[str, Tally] = {}
        self.curve: list[Row] = []
        self.finalists: list[Finalist] = []
        self.untuned: Row = {}  # the best simple policy
        self.labelled: list[Row] = []  # what the labels of each policy were like

    def run(self) -> None:
        """The whole search."""
        settings = self._settings
        with self.games.activity("enumeration"):
            self._enumerate()
        constants = settings.constants_share * settings.steps
        begin, end = self.games.spent, settings.steps - constants
        with self.games.activity("growth"):
            for lines, share in _schedule(settings.lines):
                self._choose_lines(lines)
                self._grow(begin + share * (end - begin))
        with self.games.activity("constants"):
            self._choose_lines(1)
            self._tune_constants(self.lines[0], min(constants, settings.steps - self.games.spent))
        with self.games.activity("growth"):
            self._grow(settings.steps)
        for line in self.lines:
            self._add_pruned(line)

    # --- simple policies --------------------------------------------------------------------------

    def _enumerate(self) -> None:
        """Races the simple policies, and begins a line from each of the best different ones."""
        settings = self._settings
        random = np.random.default_rng(seed_for(self._seed, "discover", "simple"))
        short = settings.short_steps
        affordable = int(SIFTING * settings.enumeration_share * settings.steps / (1.5 * short))
        entrants = self._simple_entrants(max(STARTS, affordable), random)
        n = len(entrants)
        rungs = [
            Rung(1, short, max(STARTS, n // 2)),
            Rung(1, short, max(STARTS, n // 4)),
            Rung(2, short, 2 * STARTS),
            Rung(1, settings.middle_steps, STARTS),
        ]
        best = run_race(self.games, entrants, rungs, self._seeds("simple"))
        self._credit.learn((features_of(one.policy), one.first) for one in entrants)
        for one in best:
            one.returns, one.discounted = [], []
        play_more(self.games, best, self._fresh("starts", 0)[:1], settings.whole_steps)
        play_more(self.games, best, self._fresh("starts", 0)[1:], settings.whole_steps)
        best = ordered(best)
        for one in entrants:
            self._tally(one.origin, one.cost)
        self._begin_lines(best, n)
        top = self.lines[0].present
        self._note(f"{n} simple policies", 0, top.mean, float(np.mean([o.mean for o in best])))

    def _simple_entrants(self, most: int, random: np.random.Generator) -> list[Entrant]:
        """At most so many simple policies that decide differently, of each family in turn; rules of
        any condition at random."""
        distinct = Distinct(self.words.rows[:MAX_STATES])
        families = []
        for name, members in simple_policies(self.head, self.words):
            if name == ANY_CONDITION:
                members = [members[i] for i in random.permutation(len(members)).tolist()]
            families.append([(name, policy) for policy in members])
        found: list[Entrant] = []
        for name, policy in in_turn(families):
            forest = self.head.forest(policy)
            if distinct.new(forest):
                found.append(Entrant(policy, forest, name))
                if len(found) == most:
                    break
        return found

    def _begin_lines(self, best: Sequence[Entrant], tried: int) -> None:
        """The best, and then the best of those that act differently from all lines so far."""
        distinct = Distinct(self.words.rows[:MAX_STATES])
        chosen: list[Entrant] = []
        for one in best:
            apart = [distinct.difference(one.forest, other.forest) for other in chosen]
            if min(apart, default=1.0) >= DIFFERENT and len(chosen) < self._settings.lines:
                chosen.append(one)
        for number, one in enumerate(chosen):
            lineage = Lineage.start(one.origin, number)
            step = self._step(one, one.origin, tried, self.games.spent)
            line = Line(lineage.label, one, lineage, [step], self.words)
            line.words = self._own_states(one)
            self.lines.append(line)
            self.finalists.append(Finalist(one.policy, lineage, list(line.story)))
        self.untuned = self.lines[0].story[0]

    # --- growth -----------------------------------------------------------------------------------

    def _choose_lines(self, number: int) -> None:
        """Keeps the best lines, without those that are clearly worse than the best."""
        self.lines.sort(key=lambda line: -line.present.mean)
        best = self.lines[0].present
        spread = pooled_spread([line.present for line in self.lines])
        self.lines = [
            line for line in self.lines[:number] if not _clearly_worse(line.present, best, spread)
        ]

    def _grow(self, until: float) -> None:
        """Rounds of the lines in turn, until about so many steps are spent or none gains."""
        while going := [line for line in self.lines if line.barren < PATIENCE]:
            line = min(going, key=lambda one: one.spent)
            cost = line.cost or max(one.cost for one in self.lines)
            if cost > 2 * (until - self.games.spent):
                return
            before = self.games.spent
            self._round(line)
            line.cost = self.games.spent - before
            line.spent += line.cost

    def _round(self, line: Line) -> None:
        """Tries changes of a line's policy, and accepts one that is better in fresh games."""
        settings, games = self._settings, self.games
        line.rounds += 1
        begin = games.spent
        name = f"{line.name}, round {line.rounds}"
        seed = seed_for(self._seed, "discover", name)
        changes = sample_changes(
            self.head,
            line.present.policy,
            line.words,
            settings.proposals,
            ODDS,
            np.random.default_rng(seed),
            settings.max_size,
            self._credit.odds(),
        )
        entrants = [self._entrant(line, (change,)) for change in changes]
        entrants += self._labelled(line, name, entrants)
        seeds = self._seeds(name)
        n, short = len(entrants), settings.short_steps
        sifted = run_race(
            games,
            entrants,
            [Rung(1, short, max(8, n // 2)), Rung(2, short, max(8, n // 6))],
            seeds,
        )
        known = features_of(line.present.policy)
        self._credit.learn((features_of(one.policy) - known, one.first) for one in entrants)
        as_it_is = Entrant(line.present.policy, line.present.forest, "as it is")
        middle = Rung(2, settings.middle_steps, 1 + LATE)
        late = run_race(games, [*sifted, as_it_is], [middle], seeds)
        late = [one for one in late if one is not as_it_is][:LATE]
        together = self._combined(line, late)
        late = [*late, *together, as_it_is]
        whole = Rung(games.affordable(2), settings.whole_steps, len(late))
        best = run_race(games, late, [whole], seeds)
        accepted = False
        if best[0].mean > as_it_is.mean:
            accepted = self._confirm(line, best[0], name, n + len(together), begin)
        for one in [*entrants, *together]:
            self._tally(one.origin, one.cost)
        line.barren = 0 if accepted else line.barren + 1
        mean = float(np.mean([one.mean for one in best]))
        self._note(line.name, line.rounds, best[0].mean, mean)

    def _labelled(self, line: Line, name: str, others: Sequence[Entrant]) -> list[Entrant]:
        """Changes that measured advantages propose, as far as they are not among the others. The
        states of each policy are labelled once, first a part of them; where labels told nothing
        for `SILENT` policies in a row, no more are made."""
        if not line.labelled and self._labeller is not None and self._silent < SILENT:
            line.labelled = True
            line.labels = self._label(line, name, self._labeller)
        if line.labels is None:
            return []
        policy = line.present.policy
        random = np.random.default_rng(seed_for(self._seed, "discover", name, "labels"))
        changes = sample_changes(
            self.head,
            policy,
            line.words,
            SCORED,
            ODDS,
            random,
            self._settings.max_size,
            self._credit.odds(),
        )
        known = features_of(policy)
        changed = []
        for change in changes:
            made = change.applied(policy)
            new = tuple(sorted(features_of(made) - known))
            changed.append((change, self.head.forest(made), new))
        best = best_changes(line.labels, changed, self._settings.proposals // 4)
        found = [self._entrant(line, (change,)) for change in best]
        for one in found:
            one.origin = f"labels: {one.origin}"
        present = {one.forest for one in others}
        return [one for one in found if one.forest not in present]

    def _label(self, line: Line, name: str, labeller: Labeller) -> Labels | None:
        """The labels of a line's policy; None where they tell nothing."""
        seed = seed_for(self._seed, "train", "labels", name)
        forest, states = line.present.forest, self._settings.label_states
        labels, steps = labeller.label(forest, seed, math.ceil(PROBE * states))
        if labels is not None and labels.tell:
            labels, steps = labeller.label(forest, seed, states)
        with self.games.activity("labels"):
            self.games.spend(steps)
        self._tallies("labels").steps += steps
        told = {"policy": line.lineage.label, "steps": steps}
        if labels is not None:
            told |= {"states": len(labels), "agreement": labels.agreement}
            told |= {"share": labels.share, "mean_gap": labels.mean_gap}
        self.labelled.append(told)
        tell = labels is not None and labels.tell
        self._silent = 0 if tell else self._silent + 1
        return labels if tell else None

    def _entrant(self, line: Line, changes: tuple[Any, ...]) -> Entrant:
        policy = line.present.policy
        for change in changes:
            policy = change.applied(policy)
        origin = " + ".join(change.kind for change in changes)
        return Entrant(policy, self.head.forest(policy), origin, changes)

    def _combined(self, line: Line, best: Sequence[Entrant]) -> list[Entrant]:
        """The best changes two at a time, where they are at different places."""
        found = []
        for number, one in enumerate(best):
            for other in best[:number]:
                if one.changes[0].disjoint(other.changes[0]):
                    made = self._entrant(line, (other.changes[0], one.changes[0]))
                    if made.policy.size <= self._settings.max_size:
                        found.append(made)
        return found

    def _confirm(self, line: Line, best: Entrant, name: str, tried: int, begin: int) -> bool:
        """Fresh games decide, since the best of many on its own games is overrated: a block of
        them, and up to `BLOCKS` while the difference is in doubt.

        Args:
            tried: candidates of this step.
            begin: environment steps spent before it.
        """
        steps = self._settings.whole_steps
        base = Entrant(line.present.policy, line.present.forest, "as it is")
        best.returns, best.discounted = [], []
        self._tallies(best.origin).confirmed += 1
        for block in range(BLOCKS):
            play_more(self.games, [best, base], self._fresh(name, block), steps)
            gain, error = paired(best.returns, base.returns)
            if gain < -error or gain > SURE_GAIN * error:
                break
        if gain <= LEAST_GAIN * error:
            line.present.returns += base.returns
            line.present.discounted += base.discounted
            return False
        tally = self._tallies(best.origin)
        tally.accepted += 1
        tally.gain += gain
        number = len(line.story)
        label = line.lineage.label
        line.lineage = Lineage(
            Kind.child,
            generation=line.rounds,
            number=number,
            operator=f"{line.name}: {best.origin}",
            parents=(label, label),
        )
        line.present, line.labels, line.labelled = best, None, False
        line.words = self._own_states(best)
        told = self._step(best, best.origin, tried, self.games.spent - begin)
        line.story.append(told | {"gain": gain, "gain_error": error})
        self.finalists.append(Finalist(best.policy, line.lineage, list(line.story)))
        return True

    # --- constants --------------------------------------------------------------------------------

    def _tune_constants(self, line: Line, budget: float) -> None:
        """CMA-ES on the constants of a line's policy; its mean, or the best point of its last
        generation, is accepted where it is better in fresh games."""
        games, settings = self.games, self._settings
        name = f"{line.name}, constants"
        widened = with_all_constants(line.present.policy, self.head)
        seed = seed_for(self._seed, "discover", name)
        search = DriveConstants(self.head, widened, line.words, seed)
        if not search.possible:
            return
        begin, seeds, tried = games.spent, self._seeds(name), 0
        confirming = 3 * settings.confirmations * self._mean_length(line)  # blocks of two policies
        cost = 0
        while games.spent - begin + cost < budget - confirming:
            before = games.spent
            best, top, mean = search.generation(
                games, seeds, CONSTANT_EPISODES, settings.middle_steps
            )
            cost = games.spent - before
            tried += search.strategy.population
            self._note(name, search.strategy.generation, top, mean)
        if tried == 0:
            return
        candidates = [
            Entrant(policy, self.head.forest(policy), "constants")
            for policy in dict.fromkeys([search.mean, best])
        ]
        tally = self._tallies("constants")
        tally.played += tried
        tally.steps += games.spent - begin
        for one in candidates:
            self.finalists.append(
                Finalist(
                    one.policy,
                    Lineage(Kind.mean, parent=line.lineage, generation=search.strategy.generation),
                    list(line.story),
                )
            )
        whole = Rung(games.affordable(2), settings.whole_steps, 2)
        best_of = run_race(games, candidates, [whole], seeds)
        self._confirm(line, best_of[0], name, tried, begin)

    def _mean_length(self, line: Line) -> float:
        """Steps of a whole game, about."""
        return min(self._settings.whole_steps, len(line.words.rows) if line.rounds else math.inf)

    def _add_pruned(self, line: Line) -> None:
        """Smaller versions of a line's policy that act nearly alike."""
        for tolerance in TOLERANCES:
            smaller = pruned(self.head, line.present.policy, line.words, tolerance)
            if smaller.size < line.present.policy.size:
                lineage = Lineage(Kind.pruned, parent=line.lineage, tolerance=tolerance)
                self.finalists.append(Finalist(smaller, lineage, list(line.story)))

    # --- helpers ----------------------------------------------------------------------------------

    def _seeds(self, purpose: str) -> Iterator[int]:
        """Seeds of games, without end."""
        return (seed_for(self._seed, "train", "discover", purpose, i) for i in count())

    def _fresh(self, purpose: str, block: int) -> list[int]:
        """Seeds of a block of games that no race plays."""
        games = range(self.games.affordable(self._settings.confirmations))
        return [seed_for(self._seed, "train", "confirm", purpose, block, i) for i in games]

    def _own_states(self, one: Entrant) -> Vocabulary:
        """The features with the states of a whole game of the policy, and some recorded ones."""
        seed = seed_for(self._seed, "train", "states")
        rows = self.games.states(one.forest, seed, self._settings.whole_steps)
        every = max(1, math.ceil(len(rows) / MAX_STATES))
        recorded = self.words.rows[:OTHER_STATES]
        return self.words.with_rows(np.concatenate([rows[::every], recorded]))

    def _tallies(self, origin: str) -> Tally:
        return self.tallies.setdefault(origin, Tally())

    def _tally(self, origin: str, steps: float) -> None:
        tally = self._tallies(origin)
        tally.played += 1
        tally.steps += steps

    def _step(self, one: Entrant, origin: str, tried: int, cost: int) -> Row:
        """An entry of the story."""
        return {
            "step": origin,
            "policy": one.policy.text(self.head.channels, self.head.template.features),
            "size": one.policy.size,
            "return": one.mean,
            "standard_error": one.standard_error,
            "games": len(one.returns),
            "tried": tried,
            "cost": cost,
            "steps": self.games.spent,
        }

    def _note(self, name: str, generation: int, best: float, mean: float) -> None:
        leader = max(line.present.mean for line in self.lines)
        row = {
            "start": name,
            "generation": generation,
            "steps": self.games.spent,
            "leader": leader,
            "best": best,
            "mean": mean,
        }
        self.curve.append(row)
        self._notify(row)


def pooled_spread(entrants: Sequence[Entrant]) -> float:
    """Root of the mean variance of the returns; all have played two games or more."""
    return math.sqrt(np.mean([np.var(one.returns, ddof=1) for one in entrants]))


def _clearly_worse(one: Entrant, best: Entrant, spread: float) -> bool:
    """Whether a policy is behind another one by more than `CLEAR` standard errors of the
    difference. The variance of few games says little, so the pooled one stands for it."""
    error = spread * math.sqrt(1 / len(one.returns) + 1 / len(best.returns))
    return one.mean + CLEAR * error < best.mean


def _schedule(lines: int) -> list[tuple[int, float]]:
    """How many lines grow until which share of the steps for growth: all for a half, the best two
    up to three quarters, then the best alone."""
    return [(lines, 0.5), (min(2, lines), 0.75), (1, 1.0)]


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

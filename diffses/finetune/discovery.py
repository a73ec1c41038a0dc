"""The search that discovers: simple policies first, grown step by step, confirmed by games."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Any

import numpy as np

from diffses.config import DiscoverFinetune
from diffses.finetune.action_head import ActionHead
from diffses.finetune.credit import Credit
from diffses.finetune.drive_constants import DriveConstants, with_all_constants
from diffses.finetune.enumeration import different, simple_entrants
from diffses.finetune.games import Games
from diffses.finetune.growth import ODDS, pruned, sample_changes
from diffses.finetune.label_proposer import LabelProposer
from diffses.finetune.labels import Labeller
from diffses.finetune.line import Finalist, Line, Row, Tally, best_lines, schedule
from diffses.finetune.lineage import Kind, Lineage
from diffses.finetune.race import Entrant, Rung, ordered, paired, play_more, run_race
from diffses.finetune.vocabulary import Vocabulary, features_of
from diffses.seeds import seed_for

STARTS = 6  # simple policies that play whole games
SIFTING = 0.6  # share of the steps for simple policies that their first two games may take
MAX_STATES = 2_000  # of a policy's own play, and
OTHER_STATES = 500  # of recorded play, that changes are compared on
LATE = 3  # best changes of a round that play whole games, alone and two at a time
LEAST_GAIN, SURE_GAIN = 0.5, 2.0  # standard errors by which a change has to be better, in the
# end or before all fresh games are played
BLOCKS = 4  # of fresh games, at the most
PATIENCE = 3  # rounds without a gain that end a line
TOLERANCES = (0.0, 0.01, 0.03)  # share of the states in which pruning may change the action
CONSTANT_EPISODES = 1  # of each point and generation of CMA-ES


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
        self._proposer = None
        if labeller is not None:
            self._proposer = LabelProposer(head, games, settings, labeller, seed)
        self._credit = Credit(words.meanings)
        self.lines: list[Line] = []
        self.tallies: dict[str, Tally] = {}
        self.curve: list[Row] = []
        self.finalists: list[Finalist] = []
        self.untuned: Row = {}  # the best simple policy

    @property
    def labelled(self) -> list[Row]:
        """What the labels of each policy were like."""
        return [] if self._proposer is None else self._proposer.labelled

    def run(self) -> None:
        """The whole search."""
        settings = self._settings
        with self.games.activity("enumeration"):
            self._enumerate()
        constants = settings.constants_share * settings.steps
        begin, end = self.games.spent, settings.steps - constants
        with self.games.activity("growth"):
            for lines, share in schedule(settings.lines):
                self.lines = best_lines(self.lines, lines)
                self._grow(begin + share * (end - begin))
        with self.games.activity("constants"):
            self.lines = best_lines(self.lines, 1)
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
        entrants = simple_entrants(self.head, self.words, max(STARTS, affordable), random)
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

    def _begin_lines(self, best: Sequence[Entrant], tried: int) -> None:
        """The best, and then the best of those that act differently from all lines so far."""
        chosen = different(best, self.words, self._settings.lines)
        for number, one in enumerate(chosen):
            lineage = Lineage.start(one.origin, number)
            step = self._step(one, one.origin, tried, self.games.spent)
            line = Line(lineage.label, one, lineage, [step], self.words)
            line.words = self._own_states(one)
            self.lines.append(line)
            self.finalists.append(Finalist(one.policy, lineage, list(line.story)))
        self.untuned = self.lines[0].story[0]

    # --- growth -----------------------------------------------------------------------------------

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
        entrants += self._from_labels(line, name, entrants)
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

    def _from_labels(self, line: Line, name: str, others: Sequence[Entrant]) -> list[Entrant]:
        """Changes that measured advantages propose, as far as they are not among the others."""
        if self._proposer is None:
            return []
        before = self.games.spent
        with self.games.activity("labels"):
            changes = self._proposer.propose(line, name, self._credit.odds())
        self._tallies("labels").steps += self.games.spent - before
        found = [self._entrant(line, (change,)) for change in changes]
        for one in found:
            one.origin = f"labels: {one.origin}"
        present = {one.forest for one in others}
        return [one for one in found if one.forest not in present]

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
        line.present = best
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

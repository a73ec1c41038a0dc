"""Search on the return: structure by evolution, constants by CMA-ES, within one budget of steps.

Candidates that are compared play the same episodes, new ones each generation, and the best
individuals replay them too, so that a lucky return does not last.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from itertools import zip_longest
from typing import Any

import numpy as np

from diffses.config import LEAST_STEPS, SearchFinetune
from diffses.dataset.data import Dataset
from diffses.finetune.constant_search import ConstantSearch
from diffses.finetune.evaluator import (
    MAX_PROBES,
    FirstToN,
    FitnessEvaluator,
    Individual,
    pooled_std,
    ranked,
)
from diffses.finetune.lineage import Kind, Lineage
from diffses.finetune.selection import select, unique
from diffses.finetune.variation import PrimitiveSet, vary
from diffses.policy.forest import Forest
from diffses.seeds import seed_for

MIN_EVALUATIONS = 8  # episodes that an individual plays before its constants are searched
SHORTER = 2  # the episodes of the first rung of screening are this many times shorter
SCREEN_EPISODES = 5  # full-length episodes that the best of the starts play
BLOCK = 32  # starts that play before it is asked whether there are steps for more
# shares of the steps that probes, these with the first rung, and the whole screening may take
PROBE_SHARE, FIRST_RUNG_SHARE, SCREEN_SHARE = 0.2, 1 / 3, 0.6
CHILD_EPISODES = 2  # that the best of a generation's children play
ELITES = 3  # individuals that replay the children's episodes
TOURNAMENT = 3  # individuals that compete to be a parent
PPO_RUNS = 3  # individuals whose constants PPO trains, within its share of the steps

Tuner = Callable[[Forest, int, int], Forest]  # (forest, environment steps, seed) -> forest


def _family(individual: Individual) -> str:
    return individual.lineage.family


def _in_turn(rows: Iterable[Sequence[Individual]]) -> list[Individual]:
    """The first of each row, then the second of each, and so on."""
    return [one for turn in zip_longest(*rows) for one in turn if one is not None]


class Search:
    """One search: its population, its constant searches, and the steps spent on each activity.

    Args:
        data: the recorded play.
        primitives: what random trees are made of.
        evaluator: plays the episodes and counts their steps.
        seed: of every draw and every episode.
        tuner: trains a forest's constants by PPO; None: that has no share.
    """

    def __init__(
        self,
        data: Dataset,
        primitives: PrimitiveSet,
        evaluator: FitnessEvaluator,
        settings: SearchFinetune,
        seed: int,
        tuner: Tuner | None = None,
    ) -> None:
        self._data, self._primitives, self._evaluator = data, primitives, evaluator
        self._tuner = tuner
        self._settings, self._seed = settings, seed
        self.population: list[Individual] = []
        self.constant_searches: list[ConstantSearch] = []
        self._searched: set[Lineage] = set()  # whose constants were searched, or decide nothing
        self._tuned: set[Lineage] = set()  # whose constants PPO trained
        self.best_start: Individual | None = None  # as it was screened
        self.spent: dict[str, int] = {}  # environment steps by activity
        self._cost: dict[str, int] = {}  # what each activity took the last time
        self.generation = 0  # of children
        self.curve: list[dict[str, Any]] = []

    @property
    def steps(self) -> int:
        """Environment steps spent."""
        return self._evaluator.spent

    def watch(self, on_steps: Callable[[int], object]) -> None:
        """Has `on_steps` be called with environment steps as they are spent."""
        self._evaluator.on_steps = on_steps

    @property
    def size(self) -> int:
        """Of the population."""
        return max(self._settings.population, self._settings.n_constant_searches)

    # --- the initial population -----------------------------------------------------------------

    def screen(self, starts: Sequence[Individual]) -> None:
        """Selects the population among the starts by successive halving.

        In the first rung all play one short episode; the better half of each family of starts plays
        full-length ones, up to `SCREEN_EPISODES`. The best of each family is never eliminated, so
        that none is lost by bad luck.

        Where there are few steps, fewer starts play (of each family the first do), fewer of them
        full-length episodes, and fewer of these, so that steps are left to search with.
        """
        seeds = [seed_for(self._seed, "train", "screen", i) for i in range(SCREEN_EPISODES + 1)]
        budget, evaluator = self._settings.steps, self._evaluator
        every = max(1, len(starts) // MAX_PROBES)
        probes = [start.forest for start in starts[::every]][:MAX_PROBES]
        evaluator.probe(probes, seeds[0], PROBE_SHARE * budget)
        with _shorter_episodes(evaluator):
            better = self._first_rung(starts, seeds[0], FIRST_RUNG_SHARE * budget)
        enough = evaluator.affordable_episodes(SCREEN_SHARE * budget - self.steps)
        passed = {one.forest for one in better[: max(enough, self._settings.n_constant_searches)]}
        through = [start for start in starts if start.forest in passed]
        evaluator.successive_halving(
            through, seeds[1:], self._settings.n_constant_searches, _family, SCREEN_SHARE * budget
        )
        self.population = select(through, self.size)
        self.best_start = ranked(through)[0]
        self.spent["screen"] = evaluator.spent

    def _first_rung(
        self, starts: Sequence[Individual], seed: int, budget: float
    ) -> list[Individual]:
        """The better half of each family after one episode, in turn, the best first.

        The families' starts play in turn, in blocks, until `budget` steps are spent; one block
        plays in any case. These returns are not kept: the episode is shorter than others.
        """
        families: dict[str, list[Individual]] = {}
        for start in starts:
            copy = Individual(start.forest, start.lineage)
            families.setdefault(_family(start), []).append(copy)
        turns = _in_turn(families.values())
        affordable = self._evaluator.affordable_episodes(budget - self.steps)
        block = max(1, self._settings.n_constant_searches, min(BLOCK, affordable))
        for begin in range(0, len(turns), block):
            if begin > 0 and self._evaluator.affordable_episodes(budget - self.steps) < 1:
                break
            self._evaluator.evaluate(turns[begin : begin + block], [seed])
        keep = math.ceil(self.size / max(1, len(families)))
        better = []
        for family in families.values():
            played = ranked([one for one in family if one.returns])
            better.append(played[: max(keep, math.ceil(len(played) / 2))])
        return _in_turn(better)

    # --- the search -----------------------------------------------------------------------------

    def step(self) -> dict[str, Any] | None:
        """Runs one generation of the activity that has had least of its share of the steps.

        Returns:
            A row of the curve; None where nothing is left to do, or where doing it, if it costs
            what it did last time, would take the search farther from its budget than it is.
        """
        activities = {
            "climb": self._search_constants,
            "breed": self._reproduce,
            "tune": self._train_constants,
        }
        shares = self._shares()
        for name in sorted(shares, key=lambda name: self.spent.get(name, 0) / shares[name]):
            before = self._evaluator.spent
            if self._cost.get(name, 0) > 2 * (self._settings.steps - before):
                return None
            row = activities[name]()
            self._cost[name] = self._evaluator.spent - before
            self.spent[name] = self.spent.get(name, 0) + self._cost[name]
            if row is not None:
                leader = ranked(self.population)[0].mean
                self.curve.append(row | {"steps": self._evaluator.spent, "leader": leader})
                return self.curve[-1]
        return None

    def _shares(self) -> dict[str, float]:
        """Each activity's share of the steps, where it has any."""
        breed, tune = self._settings.evolution_share, self._settings.gradient
        tune = tune if self._tuner is not None else 0.0
        shares = {"climb": 1 - breed - tune, "breed": breed, "tune": tune}
        return {name: share for name, share in shares.items() if share > 1e-9}

    def _search_constants(self) -> dict[str, Any] | None:
        """One generation of a constant search.

        The distribution's mean and the generation's best candidate compete for a place in the
        population. The candidate first plays episodes other than those it was the best in: where
        luck is small, it is better than the mean.
        """
        search = self._next_constant_search()
        if search is None:
            return None
        fading = max(0.0, 1 - 2 * self._evaluator.spent / self._settings.steps)
        row = search.generation(self._evaluator, self._settings.guidance * fading)
        best, name = search.current_best(), search.lineage.key
        again = [
            seed_for(self._seed, "train", name, search.strategy.generation, i)
            for i in range(MIN_EVALUATIONS // 2)
        ]
        self._evaluator.evaluate([best], again)
        others = [one for one in self.population if not search.is_own_mean(one.lineage)]
        self.population = select([*others, search.current_mean(), best], self.size)
        return row

    def _next_constant_search(self) -> ConstantSearch | None:
        """The one whose turn it is: each is tried for a share of the steps, then the one with the
        best incumbent goes on. An individual that is better than that gets a search of its own.
        """
        settings = self._settings
        trial = settings.screening_share * settings.steps / settings.n_constant_searches
        going = [search for search in self.constant_searches if not search.stalled]
        if fresh := [search for search in going if search.spent < trial]:
            return fresh[0]
        while (one := self._promising(going)) is not None:
            search = ConstantSearch(one.forest, one.lineage, self._data, settings, self._seed)
            self._searched.add(one.lineage)
            if search.possible:
                self.constant_searches.append(search)
                return search
        std = pooled_std(self.population)
        return max(going, key=lambda s: s.incumbent.lower_confidence_bound(std), default=None)

    def _promising(self, going: Sequence[ConstantSearch]) -> Individual | None:
        """The individual whose constants to search next, None where none has a lower confidence
        bound above the mean return of every search that is going.

        The best are evaluated on more episodes first, until each has `MIN_EVALUATIONS`.
        """
        free = [
            one
            for one in self.population
            if one.lineage not in self._searched
            and not any(search.is_own_mean(one.lineage) for search in self.constant_searches)
        ]
        std = pooled_std(self.population)
        best = max((search.incumbent.mean for search in going), default=-math.inf)
        if len(self.constant_searches) < self._settings.n_constant_searches:
            best = -math.inf
        for _ in range(len(free)):
            free = ranked(free)
            top = free[: self._settings.n_constant_searches]
            hopeful = [one for one in top if len(one.returns) < MIN_EVALUATIONS]
            if free[0].lower_confidence_bound(std) <= best:
                return None
            if not hopeful:
                return free[0]
            number = max(len(one.returns) for one in hopeful)
            seeds = [
                seed_for(self._seed, "train", "look", number, i)
                for i in range(MIN_EVALUATIONS // 2)
            ]
            self._evaluator.evaluate(hopeful, seeds)
        return None

    def _reproduce(self) -> dict[str, Any] | None:
        """One generation of children, by successive halving; the fittest survive."""
        number = self.generation
        self.generation += 1
        children = self._children(np.random.default_rng(seed_for(self._seed, "breed", number)))
        if not children:
            return None
        seeds = [seed_for(self._seed, "train", "breed", number, i) for i in range(CHILD_EPISODES)]
        self._evaluator.evaluate(ranked(self.population)[:ELITES], seeds)
        self._evaluator.successive_halving(children, seeds, ELITES)
        self.population = select([*self.population, *children], self.size)
        means = [child.mean for child in children]
        return {
            "start": "children",
            "generation": self.generation,
            "best": max(means),
            "mean": float(np.mean(means)),
        }

    def _train_constants(self) -> dict[str, Any] | None:
        """PPO on the constants of the best individual that it has not trained yet: a new one."""
        assert self._tuner is not None
        steps = int(self._settings.gradient * self._settings.steps / PPO_RUNS)
        chosen = [
            one
            for one in ranked(self.population)
            if one.lineage not in self._tuned and len(one.forest.constants())
        ]
        if not chosen or steps < LEAST_STEPS:
            return None
        number = len(self._tuned)
        self._tuned.add(chosen[0].lineage)
        forest = self._tuner(chosen[0].forest, steps, seed_for(self._seed, "tune", number))
        self._evaluator.spend(steps)
        made = Individual(forest, Lineage(Kind.ppo, parent=chosen[0].lineage))
        seeds = [seed_for(self._seed, "train", "tune", number, i) for i in range(MIN_EVALUATIONS)]
        self._evaluator.evaluate([made], seeds)
        self.population = select([*self.population, made], self.size)
        label = made.lineage.label
        return {"start": label, "generation": number, "best": made.mean, "mean": made.mean}

    def _children(self, random: np.random.Generator) -> list[Individual]:
        """As many different new forests as the population is large, or fewer."""
        known = {one.forest for one in self.population}
        made: dict[Forest, Individual] = {}
        for number in range(self._settings.population):
            mother, father = self._parent(random), self._parent(random)
            found = vary(
                self._settings.variation, mother.forest, father.forest, self._primitives, random
            )
            if found is not None and found[0] not in known:
                lineage = Lineage(
                    Kind.child,
                    generation=self.generation,
                    number=number,
                    operator=found[1],
                    parents=(mother.lineage.label, father.lineage.label),
                )
                made.setdefault(found[0], Individual(found[0], lineage))
        return list(made.values())

    def _parent(self, random: np.random.Generator) -> Individual:
        """The winner of a tournament."""
        places = random.integers(len(self.population), size=TOURNAMENT)
        return ranked([self.population[place] for place in places])[0]

    # --- results and checkpoints ----------------------------------------------------------------

    def finalists(self) -> list[Individual]:
        """The means of the constant searches, the best first, then the population, likewise."""
        means = [search.current_mean() for search in self.constant_searches]
        return unique([*ranked(means), *ranked(self.population)])

    def state(self) -> dict[str, Any]:
        """All that `restore` needs, as JSON."""
        return {
            "population": [one.state() for one in self.population],
            "best_start": None if self.best_start is None else self.best_start.state(),
            "constant_searches": [search.state() for search in self.constant_searches],
            "spent": self.spent,
            "cost": self._cost,
            "steps": self._evaluator.spent,
            "first_to_n": asdict(self._evaluator.first_to_n),
            "generation": self.generation,
            "searched": [lineage.to_json() for lineage in _in_order(self._searched)],
            "tuned": [lineage.to_json() for lineage in _in_order(self._tuned)],
            "curve": self.curve,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state`."""
        self.population = [Individual.restore(one) for one in state["population"]]
        self.constant_searches = [
            ConstantSearch.restore(search, self._data, self._settings, self._seed)
            for search in state["constant_searches"]
        ]
        best_start = state["best_start"]
        self.best_start = None if best_start is None else Individual.restore(best_start)
        self.spent, self._cost = state["spent"], state["cost"]
        self.generation = state["generation"]
        self._searched = {Lineage.from_json(one) for one in state["searched"]}
        self._tuned = {Lineage.from_json(one) for one in state["tuned"]}
        self.curve, self._evaluator.spent = state["curve"], state["steps"]
        self._evaluator.first_to_n = FirstToN(**state["first_to_n"])


def _in_order(lineages: Iterable[Lineage]) -> list[Lineage]:
    return sorted(lineages, key=lambda lineage: lineage.key)


@contextmanager
def _shorter_episodes(evaluator: FitnessEvaluator) -> Iterator[None]:
    """Within it episodes are cut `SHORTER` times sooner."""
    limit = evaluator.max_steps
    evaluator.max_steps = None if limit is None else max(1, limit // SHORTER)
    try:
        yield
    finally:
        evaluator.max_steps = limit

"""Search on the return: structure by evolution, constants by CMA-ES, within one budget of steps.

All candidates that are compared play the same episodes, new ones each generation, and the best
replay them too, so that luck does not last.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from itertools import zip_longest
from typing import Any

import numpy as np

from diffses.config import LEAST_STEPS, SearchFinetune
from diffses.dataset.data import Dataset
from diffses.finetune.constant_search import Climb
from diffses.finetune.evaluator import PROBES, Arena, Match, Member, ranked, spread
from diffses.finetune.selection import select, unique
from diffses.finetune.variation import Material, child
from diffses.policy.forest import Forest
from diffses.seeds import seed_for

LOOK = 8  # episodes that a member has played before its constants are climbed on
SHORT = 2  # the first heat of the starts is this many times shorter than other episodes
SCREENED = 5  # whole episodes that the best of the starts play
BLOCK = 32  # starts that play before it is asked whether there are steps for more
# shares of the steps that probes, these with the first heat, and the whole screening may take
PROBED, STARTED, HEATED = 0.2, 1 / 3, 0.6
HEATS = 2  # that the best of a generation's children play
ELITES = 3  # members that replay the children's episodes
TOURNAMENT = 3  # members that compete to be a parent
TUNINGS = 3  # members whose constants a gradient moves, if all goes by share

Tuner = Callable[[Forest, int, int], Forest]  # (forest, environment steps, seed) -> forest


def kind_of(member: Member) -> str:
    """What kind of start it is, as its source says: "pursuit/12" is a pursuit."""
    return member.source.partition("/")[0]


def _in_turn(rows: Iterable[Sequence[Member]]) -> list[Member]:
    """The first of each row, then the second of each, and so on."""
    return [member for turn in zip_longest(*rows) for member in turn if member is not None]


class Search:
    """One search: its members, the climbs of their constants, and what was spent on each."""

    def __init__(
        self,
        data: Dataset,
        material: Material,
        arena: Arena,
        settings: SearchFinetune,
        seed: int,
        tuner: Tuner | None = None,
    ) -> None:
        self._data, self._material, self._arena = data, material, arena
        self._tuner = tuner
        self._settings, self._seed = settings, seed
        self.members: list[Member] = []
        self.climbs: list[Climb] = []
        self._begun: set[str] = set()  # sources that were climbed on, or could not be
        self._tuned: set[str] = set()  # sources whose constants a gradient moved
        self.screened: Member | None = None  # the best of the starts, as it was screened
        self.spent: dict[str, int] = {}  # environment steps by activity
        self._cost: dict[str, int] = {}  # what each took the last time
        self.generation = 0  # of children
        self.curve: list[dict[str, Any]] = []

    @property
    def steps(self) -> int:
        """Environment steps spent."""
        return self._arena.spent

    def watch(self, told: Callable[[int], object]) -> None:
        """Has `told` be called with environment steps as they are spent."""
        self._arena.watch = told

    @property
    def size(self) -> int:
        """How many members live on."""
        return max(self._settings.population, self._settings.n_constant_searches)

    # --- what it does ---------------------------------------------------------------------------

    def screen(self, starts: Sequence[Member]) -> None:
        """Chooses among the starts: a short episode for all, whole ones for the better half of
        each kind (copies of the teacher, pursuits, random ones) and then of all; the best of each
        kind plays to the end, so that none is lost by luck.

        Where there are few steps, not all starts play (of each kind the first do), fewer of them
        whole episodes, and fewer of these, so that some steps are left to search with.
        """
        seeds = [seed_for(self._seed, "train", "screen", i) for i in range(SCREENED + 1)]
        budget, limit = self._settings.steps, self._arena.limit
        every = max(1, len(starts) // PROBES)
        probes = [start.forest for start in starts[::every]][:PROBES]
        self._arena.probe(probes, seeds[0], PROBED * budget)
        self._arena.limit = None if limit is None else max(1, limit // SHORT)
        better = self._first_heat(starts, seeds[0], STARTED * budget)
        self._arena.limit = limit
        enough = self._arena.affordable(HEATED * budget - self.steps)
        passed = {
            member.forest for member in better[: max(enough, self._settings.n_constant_searches)]
        }
        through = [start for start in starts if start.forest in passed]
        self._arena.race(
            through, seeds[1:], self._settings.n_constant_searches, kind_of, HEATED * budget
        )
        self.members = select(through, self.size)
        self.screened = ranked(through)[0]
        self.spent["screen"] = self._arena.spent

    def _first_heat(self, starts: Sequence[Member], seed: int, budget: float) -> list[Member]:
        """Has the starts play an episode, those of the kinds in turn, as long as less than `budget`
        steps are spent, but some in any case. The better half of each kind, in turn, the best
        first."""
        kinds: dict[str, list[Member]] = {}
        for start in starts:
            kinds.setdefault(kind_of(start), []).append(Member(start.forest, start.source))
        turns = _in_turn(kinds.values())
        block = max(
            1,
            self._settings.n_constant_searches,
            min(BLOCK, self._arena.affordable(budget - self.steps)),
        )
        for begin in range(0, len(turns), block):
            if begin > 0 and self._arena.affordable(budget - self.steps) < 1:
                break
            self._arena.add(turns[begin : begin + block], [seed])
        keep = math.ceil(self.size / max(1, len(kinds)))
        better = []
        for kind in kinds.values():
            played = ranked([member for member in kind if member.returns])
            better.append(played[: max(keep, math.ceil(len(played) / 2))])
        return _in_turn(better)

    def step(self) -> dict[str, Any] | None:
        """Does what has had least of its share so far, and says how it went.

        Returns:
            A row of the curve; None where nothing is left to do, or where doing it, if it costs
            what it did last time, would take the search farther from its budget than it is.
        """
        ways = {"climb": self._climb, "breed": self._breed, "tune": self._tune}
        shares = self._shares()
        for name in sorted(shares, key=lambda name: self.spent.get(name, 0) / shares[name]):
            before = self._arena.spent
            if self._cost.get(name, 0) > 2 * (self._settings.steps - before):
                return None
            row = ways[name]()
            self._cost[name] = self._arena.spent - before
            self.spent[name] = self.spent.get(name, 0) + self._cost[name]
            if row is not None:
                leader = ranked(self.members)[0].mean
                self.curve.append(row | {"steps": self._arena.spent, "leader": leader})
                return self.curve[-1]
        return None

    def _shares(self) -> dict[str, float]:
        """What may be done, with its share of the steps."""
        breed, tune = self._settings.evolution_share, self._settings.gradient
        tune = tune if self._tuner is not None else 0.0
        shares = {"climb": 1 - breed - tune, "breed": breed, "tune": tune}
        return {name: share for name, share in shares.items() if share > 1e-9}

    def _climb(self) -> dict[str, Any] | None:
        """One generation of the climb whose turn it is.

        Its best candidate plays again, other episodes than those that it was the best in, and lives
        on if it is as good there: where there is little luck it is better than the middle.
        """
        climb = self._next_climb()
        if climb is None:
            return None
        fading = max(0.0, 1 - 2 * self._arena.spent / self._settings.steps)
        row = climb.generation(self._arena, self._settings.guidance * fading)
        number = climb.strategy.generation
        best = Member(climb.best, f"{climb.stem}{number}, best")
        again = [seed_for(self._seed, "train", climb.source, number, i) for i in range(LOOK // 2)]
        self._arena.add([best], again)
        others = [m for m in self.members if not climb.made(m.source)]
        self.members = select([*others, climb.centre(), best], self.size)
        return row

    def _next_climb(self) -> Climb | None:
        """Every climb is tried for a share of the steps; then the best goes on.

        A member that is better than the best climb gets a climb of its own.
        """
        settings = self._settings
        trial = settings.screening_share * settings.steps / settings.n_constant_searches
        going = [climb for climb in self.climbs if not climb.stalled]
        if fresh := [climb for climb in going if climb.spent < trial]:
            return fresh[0]
        while (member := self._promising(going)) is not None:
            climb = Climb(member.forest, member.source, self._data, settings, self._seed)
            self._begun.add(member.source)
            if climb.possible:
                self.climbs.append(climb)
                return climb
        typical = spread(self.members)
        return max(going, key=lambda climb: climb.own.cautious(typical), default=None)

    def _promising(self, going: Sequence[Climb]) -> Member | None:
        """The member whose constants to climb on next, after a longer look at the best; None
        where none is surely better than what climbs already."""
        free = [
            member
            for member in self.members
            if member.source not in self._begun
            and not any(climb.made(member.source) for climb in self.climbs)
        ]
        typical = spread(self.members)
        best = max((climb.own.mean for climb in going), default=-math.inf)
        if len(self.climbs) < self._settings.n_constant_searches:
            best = -math.inf
        for _ in range(len(free)):
            free = ranked(free)
            hopeful = [
                m for m in free[: self._settings.n_constant_searches] if len(m.returns) < LOOK
            ]
            if free[0].cautious(typical) <= best:
                return None
            if not hopeful:
                return free[0]
            number = max(len(m.returns) for m in hopeful)
            seeds = [seed_for(self._seed, "train", "look", number, i) for i in range(LOOK // 2)]
            self._arena.add(hopeful, seeds)
        return None

    def _breed(self) -> dict[str, Any] | None:
        """One generation of children, raced against each other; the fittest live on."""
        number = self.generation
        self.generation += 1
        children = self._children(np.random.default_rng(seed_for(self._seed, "breed", number)))
        if not children:
            return None
        block = [seed_for(self._seed, "train", "breed", number, heat) for heat in range(HEATS)]
        self._arena.add(ranked(self.members)[:ELITES], block)
        self._arena.race(children, block, ELITES)
        self.members = select([*self.members, *children], self.size)
        means = [member.mean for member in children]
        return {
            "start": "children",
            "generation": self.generation,
            "best": max(means),
            "mean": float(np.mean(means)),
        }

    def _tune(self) -> dict[str, Any] | None:
        """Moves the constants of the best member not tuned yet by gradient: a new member."""
        assert self._tuner is not None
        steps = int(self._settings.gradient * self._settings.steps / TUNINGS)
        chosen = [
            member
            for member in ranked(self.members)
            if member.source not in self._tuned and len(member.forest.constants())
        ]
        if not chosen or steps < LEAST_STEPS:
            return None
        number = len(self._tuned)
        self._tuned.add(chosen[0].source)
        forest = self._tuner(chosen[0].forest, steps, seed_for(self._seed, "tune", number))
        self._arena.spend(steps)
        made = Member(forest, f"{chosen[0].source}, tuned")
        seeds = [seed_for(self._seed, "train", "tune", number, i) for i in range(LOOK)]
        self._arena.add([made], seeds)
        self.members = select([*self.members, made], self.size)
        return {"start": made.source, "generation": number, "best": made.mean, "mean": made.mean}

    def _children(self, random: np.random.Generator) -> list[Member]:
        """As many different new forests as the population is large, or fewer."""
        known = {member.forest for member in self.members}
        made: dict[Any, Member] = {}
        for number in range(self._settings.population):
            mother, father = self._parent(random), self._parent(random)
            found = child(
                self._settings.variation, mother.forest, father.forest, self._material, random
            )
            if found is not None and found[0] not in known:
                source = f"child {self.generation}.{number}"
                made.setdefault(found[0], Member(found[0], f"{source} ({found[1]})"))
        return list(made.values())

    def _parent(self, random: np.random.Generator) -> Member:
        """The best of a few by return."""
        places = random.integers(len(self.members), size=TOURNAMENT)
        return ranked([self.members[place] for place in places])[0]

    # --- results and checkpoints ----------------------------------------------------------------

    def finalists(self) -> list[Member]:
        """The centres of the climbs, the best first, then the members."""
        return unique([*ranked([climb.centre() for climb in self.climbs]), *ranked(self.members)])

    def state(self) -> dict[str, Any]:
        """All that `restore` needs, as JSON."""
        return {
            "members": [member.state() for member in self.members],
            "screened": None if self.screened is None else self.screened.state(),
            "climbs": [climb.state() for climb in self.climbs],
            "spent": self.spent,
            "cost": self._cost,
            "steps": self._arena.spent,
            "match": asdict(self._arena.match),
            "generation": self.generation,
            "begun": sorted(self._begun),
            "tuned": sorted(self._tuned),
            "curve": self.curve,
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.members = [Member.restore(member) for member in state["members"]]
        self.climbs = [
            Climb.restore(climb, self._data, self._settings, self._seed)
            for climb in state["climbs"]
        ]
        screened = state["screened"]
        self.screened = None if screened is None else Member.restore(screened)
        self.spent, self._cost = state["spent"], state["cost"]
        self.generation = state["generation"]
        self._begun, self._tuned = set(state["begun"]), set(state["tuned"])
        self.curve, self._arena.spent = state["curve"], state["steps"]
        self._arena.match = Match(**state["match"])

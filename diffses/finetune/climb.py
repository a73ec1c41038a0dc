"""Constants on the return: CMA-ES in the metric of the forest's own decisions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from diffses.config import SearchFinetune
from diffses.dataset.data import Dataset
from diffses.finetune.arena import Arena, Member, places
from diffses.finetune.metric import Guide
from diffses.finetune.strategy import CMAES
from diffses.finetune.ties import mirror
from diffses.policy.forest import Forest
from diffses.seeds import seed_for

FORM = 4  # generations that say how good the middle of the distribution is
OWN = 2  # episodes a generation that the middle of the distribution plays itself
STALLED = 3  # generations in which all candidates returned as much as the middle end a search
SUCCESS = 0.2  # share of the candidates as good as the middle: with fewer, steps are too long
FIRST = 0.25  # share of the candidates that play first: if none is as good, that is told already


class Climb:
    """One search: a start, and the strategy that moves its constants.

    Fitness = return, in standard deviations of the generation's returns, less
    guidance * KL(teacher || forest). All candidates of a generation play the same episodes, new
    each generation. Where hardly a candidate is as good as the middle of the distribution, that
    stays, and steps are made shorter (the success rule of Rechenberg, 1973); where none of the
    first few is, the others do not play.
    """

    def __init__(
        self, start: Forest, source: str, data: Dataset, settings: SearchFinetune, seed: int
    ) -> None:
        self.start, self.source, self._settings, self._seed = start, source, settings, seed
        self.guide = Guide(start, data, seed_for(seed, "finetune", "rows"), mirror(start))
        axes = self.guide.axes.shape[1]
        self.possible = axes > 0  # whether there is a constant that decides anything
        self.strategy = CMAES(
            max(1, axes),
            settings.population,
            settings.step_size,
            seed_for(seed, "finetune", source),
        )
        self.spent = 0
        self.curve: list[dict[str, Any]] = []
        self.own = Member(start, self.stem)  # the middle, in the last generations
        self.best = start  # of the candidates of the last generation
        self._same = 0  # generations in a row in which all candidates returned the same

    @property
    def stem(self) -> str:
        """What the sources of its centres begin with."""
        return f"{self.source}, climb "

    def made(self, source: str) -> bool:
        """Whether a source is that of one of its centres, and not of what was made of one."""
        return source.startswith(self.stem) and source[len(self.stem) :].isdigit()

    def generation(self, arena: Arena, guidance: float) -> dict[str, Any]:
        """Plays one generation, and moves. Returns a row of the curve."""
        before = arena.spent
        points = self.strategy.ask()
        forests = [self.guide.forest(point) for point in points]
        number, settings = self.strategy.generation, self._settings
        episodes = range(max(settings.episodes, OWN))
        seeds = [seed_for(self._seed, "train", number, episode) for episode in episodes]
        self._play_middle(arena, seeds[:OWN])
        returns, paces = self._played(arena, forests, seeds[: settings.episodes])
        points, forests = points[: len(returns)], forests[: len(returns)]
        divergence = np.zeros(len(forests))
        if guidance > 0:
            divergence = np.array([self.guide.divergence(forest) for forest in forests])
        fitness = standardised(returns.mean(axis=1)) - guidance * divergence
        order = places(fitness, paces.mean(axis=1))
        self.best = forests[int(order.argmax())]
        success = self._success(returns)
        if success < SUCCESS:
            self.strategy.halve_sigma()
        else:
            self.strategy.tell(points, order)
        self.spent += arena.spent - before
        self._same = self._same + 1 if np.ptp(returns) == 0 and success > 0 else 0
        self.curve.append(
            {
                "start": self.source,
                "generation": self.strategy.generation,
                "steps": self.spent,
                "best": float(returns.mean(axis=1).max()),
                "mean": float(returns.mean()),
                "divergence": float(divergence.mean()),
                "step_size": self.strategy.sigma,
            }
        )
        return self.curve[-1]

    def _played(
        self, arena: Arena, forests: list[Forest], seeds: list[int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns and paces of the candidates, or of the first of them, each (forests, seeds)."""
        first = math.ceil(FIRST * len(forests))
        returns, paces = arena.play(forests[:first], seeds)
        if self._success(returns) == 0:
            return returns, paces
        more, faster = arena.play(forests[first:], seeds)
        return np.concatenate([returns, more]), np.concatenate([paces, faster])

    def _success(self, returns: np.ndarray) -> float:
        """The share of the candidates that returned no less than the middle of the distribution
        surely does. returns: (candidates, episodes)."""
        sure = self.own.cautious(float(returns.std()))
        return float((returns.mean(axis=1) >= sure).mean())

    def _play_middle(self, arena: Arena, seeds: list[int]) -> None:
        """Notes what the middle of the distribution returns; older notes are of another forest."""
        number = self.strategy.generation
        forest = self.guide.forest(self.strategy.mean)
        kept = FORM * len(seeds) - len(seeds)
        own = self.own
        self.own = Member(forest, f"{self.stem}{number}", own.returns[-kept:], own.paces[-kept:])
        arena.add([self.own], seeds)

    @property
    def stalled(self) -> bool:
        """Whether the last generations gave nothing to choose by."""
        return self._same >= STALLED

    def centre(self) -> Member:
        """The middle of the distribution, with what it returned in the last generations."""
        return Member(
            self.guide.forest(self.strategy.mean),
            f"{self.stem}{self.strategy.generation}",
            list(self.own.returns),
            list(self.own.paces),
        )

    def state(self) -> dict[str, Any]:
        return {
            "start": self.start.to_json(),
            "source": self.source,
            "strategy": self.strategy.state(),
            "spent": self.spent,
            "curve": self.curve,
            "own": self.own.state(),
            "same": self._same,
        }

    @classmethod
    def restore(
        cls, state: dict[str, Any], data: Dataset, settings: SearchFinetune, seed: int
    ) -> Climb:
        start = Forest.from_json(state["start"])
        climb = cls(start, state["source"], data, settings, seed)
        climb.strategy.restore(state["strategy"])
        climb.spent, climb.curve = state["spent"], state["curve"]
        climb.own, climb._same = Member.restore(state["own"]), state["same"]
        return climb


def standardised(values: np.ndarray) -> np.ndarray:
    """Less their mean, in standard deviations; 0 where all are the same. (n,)."""
    deviation = float(values.std())
    moved: np.ndarray = (values - values.mean()) / deviation if deviation > 0 else 0 * values
    return moved

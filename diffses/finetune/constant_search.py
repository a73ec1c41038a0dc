"""Search for a forest's constants: CMA-ES in the natural metric of its decisions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from diffses.config import SearchFinetune
from diffses.dataset.data import Dataset
from diffses.finetune.cmaes import CMAES
from diffses.finetune.evaluator import FitnessEvaluator, Individual, ranks
from diffses.finetune.fisher import TeacherKL, natural_gradient_basis
from diffses.finetune.lineage import Kind, Lineage
from diffses.finetune.weight_sharing import mirror
from diffses.policy.forest import Forest
from diffses.seeds import seed_for

WINDOW = 4  # generations whose episodes of the mean estimate its return
MEAN_EPISODES = 2  # that the distribution's mean itself plays in a generation
PATIENCE = 3  # generations in which all candidates return as much as the mean that end a search
MIN_SUCCESS = 0.2  # share of the candidates as good as the mean, below which sigma is halved
FIRST_SHARE = 0.25  # of the candidates, that play first: if none succeeds, the rest does not play


class ConstantSearch:
    """One CMA-ES run on the constants of one forest.

    A point z of the search space stands for the constants c + A z, with A of
    `natural_gradient_basis`. Fitness = return, in standard deviations of the generation's returns,
    less guidance * KL(teacher || forest). All candidates of a generation play the same episodes,
    new ones each generation.

    If fewer than `MIN_SUCCESS` of the candidates match the lower confidence bound of the mean's
    return, the mean is kept and sigma is halved (1/5 success rule, Rechenberg 1973). If none of the
    first quarter does, the rest of the generation is skipped.

    Args:
        start: the forest.
        lineage: of the start; it seeds the draws.
        data: the recorded play.
        seed: of the search.
    """

    def __init__(
        self, start: Forest, lineage: Lineage, data: Dataset, settings: SearchFinetune, seed: int
    ) -> None:
        self.start, self.lineage, self._settings, self._seed = start, lineage, settings, seed
        self.teacher = TeacherKL(data, seed_for(seed, "finetune", "rows"))
        self.axes = natural_gradient_basis(start, self.teacher.rows, mirror(start))
        self.possible = self.axes.shape[1] > 0  # whether a constant decides anything
        self.strategy = CMAES(
            max(1, self.axes.shape[1]),
            settings.population,
            settings.sigma0,
            seed_for(seed, "finetune", lineage.key),
        )
        self.spent = 0  # environment steps
        self.curve: list[dict[str, Any]] = []
        # the distribution's mean before the last update, with its episodes of WINDOW generations
        self.incumbent = Individual(start, self._lineage(Kind.mean))
        self.best = start  # of the candidates of the last generation
        self._equal = 0  # generations in a row in which all candidates returned the same

    def forest(self, point: np.ndarray) -> Forest:
        """The start with its constants moved by `point`, (axes,)."""
        return self.start.with_constants(self.start.constants() + self.axes @ point)

    def _lineage(self, kind: Kind) -> Lineage:
        return Lineage(kind, parent=self.lineage, generation=self.strategy.generation)

    def is_own_mean(self, lineage: Lineage) -> bool:
        """Whether a lineage is that of this distribution's mean, in whichever generation."""
        return lineage.kind is Kind.mean and lineage.parent == self.lineage

    def generation(self, evaluator: FitnessEvaluator, guidance: float) -> dict[str, Any]:
        """Plays one generation, and updates the distribution.

        Args:
            guidance: standard deviations of return given up for a nat of KL(teacher || forest).

        Returns:
            A row of the curve.
        """
        before = evaluator.spent
        points = self.strategy.ask()
        forests = [self.forest(point) for point in points]
        number, settings = self.strategy.generation, self._settings
        episodes = range(max(settings.episodes, MEAN_EPISODES))
        seeds = [seed_for(self._seed, "train", number, episode) for episode in episodes]
        self._evaluate_mean(evaluator, seeds[:MEAN_EPISODES])
        returns, discounted = self._played(evaluator, forests, seeds[: settings.episodes])
        points, forests = points[: len(returns)], forests[: len(returns)]
        divergence = np.zeros(len(forests))
        if guidance > 0:
            divergence = np.array([self.teacher.divergence(forest) for forest in forests])
        fitness = standardised(returns.mean(axis=1)) - guidance * divergence
        order = ranks(fitness, discounted.mean(axis=1))
        self.best = forests[int(order.argmax())]
        success = self._success_rate(returns)
        if success < MIN_SUCCESS:
            self.strategy.halve_sigma()
        else:
            self.strategy.tell(points, order)
        self.spent += evaluator.spent - before
        self._equal = self._equal + 1 if np.ptp(returns) == 0 and success > 0 else 0
        self.curve.append(
            {
                "start": self.lineage.label,
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
        self, evaluator: FitnessEvaluator, forests: list[Forest], seeds: list[int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns and discounted returns, each (forests, seeds), of all candidates; of the first
        `FIRST_SHARE` alone where none of these succeeds."""
        first = math.ceil(FIRST_SHARE * len(forests))
        returns, discounted = evaluator.play(forests[:first], seeds)
        if self._success_rate(returns) == 0:
            return returns, discounted
        more, more_discounted = evaluator.play(forests[first:], seeds)
        return np.concatenate([returns, more]), np.concatenate([discounted, more_discounted])

    def _success_rate(self, returns: np.ndarray) -> float:
        """The share of the candidates whose mean return is at least the lower confidence bound of
        the incumbent's. returns: (candidates, episodes)."""
        bound = self.incumbent.lower_confidence_bound(float(returns.std()))
        return float((returns.mean(axis=1) >= bound).mean())

    def _evaluate_mean(self, evaluator: FitnessEvaluator, seeds: list[int]) -> None:
        """Plays the distribution's mean, which becomes the incumbent; the episodes of the means of
        the generations before count for it too, up to `WINDOW` generations."""
        kept = (WINDOW - 1) * len(seeds)
        before = self.incumbent
        self.incumbent = Individual(
            self.forest(self.strategy.mean),
            self._lineage(Kind.mean),
            before.returns[-kept:],
            before.discounted_returns[-kept:],
        )
        evaluator.evaluate([self.incumbent], seeds)

    @property
    def stalled(self) -> bool:
        """Whether the last `PATIENCE` generations gave nothing to select by."""
        return self._equal >= PATIENCE

    def current_mean(self) -> Individual:
        """The distribution's mean as it is now, with the incumbent's returns."""
        return Individual(
            self.forest(self.strategy.mean),
            self._lineage(Kind.mean),
            list(self.incumbent.returns),
            list(self.incumbent.discounted_returns),
        )

    def current_best(self) -> Individual:
        """The best candidate of the last generation, without the returns it was the best by."""
        return Individual(self.best, self._lineage(Kind.best))

    def state(self) -> dict[str, Any]:
        """All that `restore` needs, as JSON."""
        return {
            "start": self.start.to_json(),
            "lineage": self.lineage.to_json(),
            "strategy": self.strategy.state(),
            "spent": self.spent,
            "curve": self.curve,
            "incumbent": self.incumbent.state(),
            "equal": self._equal,
        }

    @classmethod
    def restore(
        cls, state: dict[str, Any], data: Dataset, settings: SearchFinetune, seed: int
    ) -> ConstantSearch:
        start, lineage = Forest.from_json(state["start"]), Lineage.from_json(state["lineage"])
        search = cls(start, lineage, data, settings, seed)
        search.strategy.restore(state["strategy"])
        search.spent, search.curve = state["spent"], state["curve"]
        search.incumbent = Individual.restore(state["incumbent"])
        search._equal = state["equal"]
        return search


def standardised(values: np.ndarray) -> np.ndarray:
    """Values less their mean, in standard deviations; 0 where all are the same. (n,)."""
    deviation = float(values.std())
    moved: np.ndarray = (values - values.mean()) / deviation if deviation > 0 else 0 * values
    return moved

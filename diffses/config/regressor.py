"""Settings of the `regressor` group."""

from __future__ import annotations

from dataclasses import dataclass, field

from diffses.config.base import require, require_names
from diffses.errors import ConfigError
from diffses.store.keys import unkeyed


@dataclass
class RegressorConfig:
    """What all regressors have. The linear fit is always in the hall of fame."""

    restarts: int = 1  # number of independent searches
    hall_of_fame: int = 8  # maximum forests kept: the Pareto front of agreement and size
    # of the expressions
    operators: list[str] = field(default_factory=lambda: ["add", "sub", "mul", "div"])
    linear_leaf: bool = True  # search once more with the linear fit as an additional leaf
    constant_steps: int = (
        40  # gradient steps on the constants, towards the teacher's action distribution
    )
    workers: int = unkeyed(0)  # number of processes; 0: one per core

    def __post_init__(self) -> None:
        require("regressor.restarts", self.restarts, 1)
        require("regressor.hall_of_fame", self.hall_of_fame, 1)
        require("regressor.constant_steps", self.constant_steps, 0)
        from diffses.policy.operators import OPERATORS  # needs numpy, which this module does not

        self._require_operators(list(OPERATORS))
        require("regressor.workers", self.workers, 0)

    def _require_operators(self, known: list[str]) -> None:
        require_names("regressor.operators", self.operators, known)


@dataclass
class GplearnRegressor(RegressorConfig):
    """Genetic programming (Koza 1992) by gplearn, one run per action."""

    population: int = 1000  # programs per generation
    generations: int = 20
    tournament: int = 20  # programs per tournament selection
    parsimony: float = 1e-3  # fitness penalty per node
    constants: float = 3.0  # initial constants are drawn from -constants to +constants
    depth_min: int = 2  # minimum depth of the first generation's trees
    depth_max: int = 6  # maximum depth of these
    crossover: float = 0.7  # probability; with the mutations at most 1, the rest is copied
    subtree_mutation: float = 0.1  # probability
    hoist_mutation: float = 0.05  # probability
    point_mutation: float = 0.1  # probability
    point_replace: float = 0.05  # probability per node, in point mutation
    rows: int = 5_000  # states on which fitness is computed

    def __post_init__(self) -> None:
        super().__post_init__()
        require("regressor.population", self.population, 2)
        require("regressor.generations", self.generations, 1)
        require("regressor.tournament", self.tournament, 1, self.population)
        require("regressor.depth_min", self.depth_min, 0)
        require("regressor.depth_max", self.depth_max, self.depth_min)
        for name in ("crossover", "subtree_mutation", "hoist_mutation", "point_mutation"):
            require(f"regressor.{name}", getattr(self, name), 0, 1)
        require("regressor.point_replace", self.point_replace, 0, 1)
        require("regressor.rows", self.rows, 10)
        ways = self.crossover + self.subtree_mutation + self.hoist_mutation + self.point_mutation
        if ways > 1 + 1e-9:
            raise ConfigError(
                f"the probabilities of crossover and mutations add up to {ways:g}",
                fix="regressor.crossover and the three mutations so that they add up to 1 or less",
            )


OPERON = [
    "add",
    "sub",
    "mul",
    "div",
    "min",
    "max",
    "abs",
    "sqrt",
    "log",
    "tanh",
]  # it has no others


@dataclass
class OperonRegressor(RegressorConfig):
    """Genetic programming with local search of constants, by Operon (Burlacu et al. 2020)."""

    population: int = 1000
    evaluations: int = 40_000  # program evaluations per run
    max_length: int = 30  # maximum nodes per tree
    max_depth: int = 8  # maximum depth of a tree
    local_search: int = 5  # Levenberg-Marquardt iterations per program
    rows: int = 5_000

    def __post_init__(self) -> None:
        super().__post_init__()
        require("regressor.population", self.population, 2)
        require("regressor.evaluations", self.evaluations, self.population)
        require("regressor.max_length", self.max_length, 1)
        require("regressor.rows", self.rows, 10)
        self._require_operators(OPERON)


@dataclass
class LinearRegressor(RegressorConfig):
    """Only the linear fit, by least squares."""

    constant_steps: int = 0

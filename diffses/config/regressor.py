"""Settings of the `regressor` group."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from diffses.config.base import MAX_THREADS, Section, number, require, require_names
from diffses.errors import ConfigError


@dataclass
class RegressorConfig(Section):
    """What all regressors have. The linear fit is always in the hall of fame."""

    GROUP: ClassVar[str] = "regressor"

    restarts: int = number(1, 1)  # number of independent searches
    hall_of_fame: int = number(8, 1)  # maximum forests kept: the Pareto front of agreement and size
    # of the expressions
    operators: list[str] = field(default_factory=lambda: ["add", "sub", "mul", "div"])
    linear_leaf: bool = True  # search once more with the linear fit as an additional leaf
    # gradient steps on the constants, towards the teacher's action distribution
    constant_steps: int = number(40, 0)
    workers: int = number(0, 0, MAX_THREADS, keyed=False)  # number of processes; 0: one per core

    def __post_init__(self) -> None:
        super().__post_init__()
        from diffses.policy.operators import OPERATORS  # needs numpy, which this module does not

        self._require_operators(list(OPERATORS))

    def _require_operators(self, known: list[str]) -> None:
        require_names("regressor.operators", self.operators, known)


@dataclass
class GplearnRegressor(RegressorConfig):
    """Genetic programming (Koza 1992) by gplearn, one run per action."""

    population: int = number(1000, 2)  # programs per generation
    generations: int = number(20, 1)
    tournament: int = number(20, 1)  # programs per tournament selection
    parsimony: float = number(1e-3, 0)  # fitness penalty per node
    constants: float = number(3.0, 0)  # initial constants are drawn from -constants to +constants
    depth_min: int = number(2, 0, 17)  # minimum depth of the first generation's trees
    depth_max: int = number(6, 0, 17)  # maximum depth of these
    # probability; with the mutations at most 1, the rest is copied
    crossover: float = number(0.7, 0, 1)
    subtree_mutation: float = number(0.1, 0, 1)  # probability
    hoist_mutation: float = number(0.05, 0, 1)  # probability
    point_mutation: float = number(0.1, 0, 1)  # probability
    point_replace: float = number(0.05, 0, 1)  # probability per node, in point mutation
    rows: int = number(5_000, 10)  # states on which fitness is computed

    def __post_init__(self) -> None:
        super().__post_init__()
        require("regressor.tournament", self.tournament, 1, self.population)
        require("regressor.depth_max", self.depth_max, self.depth_min)
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

    population: int = number(1000, 2)
    evaluations: int = number(40_000, 2)  # program evaluations per run
    max_length: int = number(30, 1)  # maximum nodes per tree
    max_depth: int = number(8, 1)  # maximum depth of a tree
    local_search: int = number(5, 0)  # Levenberg-Marquardt iterations per program
    rows: int = number(5_000, 10)

    def __post_init__(self) -> None:
        super().__post_init__()
        require("regressor.evaluations", self.evaluations, self.population)
        self._require_operators(OPERON)


@dataclass
class LinearRegressor(RegressorConfig):
    """Only the linear fit, by least squares."""

    constant_steps: int = 0

"""Settings of the `regressor` group."""

from __future__ import annotations

from dataclasses import dataclass, field

from diffses.config.base import require, require_names
from diffses.errors import ConfigError
from diffses.store.keys import unkeyed

# --- regressor ------------------------------------------------------------------------------------


@dataclass
class RegressorConfig:
    """The linear fit is always made, and is in the hall of fame."""

    restarts: int = 1  # independent searches; the hall of fame keeps the best of all
    hall_of_fame: int = 8  # forests kept, on the front of agreement against size
    operators: list[str] = field(default_factory=lambda: ["add", "sub", "mul", "div"])
    linear_leaf: bool = True  # search a second time, with the linear fit as one more leaf
    constant_steps: int = 40  # steps that train the constants on the teacher's action distribution
    workers: int = unkeyed(0)  # processes; 0: one for each core

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
    """Genetic programming (Koza 1992) as gplearn does it, one run for each action."""

    population: int = 1000  # programs in a generation
    generations: int = 20
    tournament: int = 20  # programs that compete to have a child
    parsimony: float = 1e-3  # fitness lost for each node
    constants: float = 3.0  # constants are drawn from -this to this
    depth_min: int = 2  # of the first generation's trees
    depth_max: int = 6
    crossover: float = 0.7  # shares of the ways a child comes about
    subtree_mutation: float = 0.1
    hoist_mutation: float = 0.05
    point_mutation: float = 0.1
    point_replace: float = 0.05  # chance of each node under point mutation
    rows: int = 5_000  # states a fitness is measured on

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
                f"the shares of crossover and mutations add up to {ways:g}",
                fix="regressor.crossover and the three mutations so that they add up to 1 or less",
            )


OPERON = ["add", "sub", "mul", "div", "min", "max", "abs", "sqrt", "log", "tanh"]  # what it has


@dataclass
class OperonRegressor(RegressorConfig):
    """Genetic programming with local search of the constants (Burlacu et al. 2020)."""

    population: int = 1000
    evaluations: int = 40_000  # programs measured in one run
    max_length: int = 30  # nodes of a tree
    max_depth: int = 8
    local_search: int = 5  # steps of the optimiser of constants, for each program
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
    """Least squares alone."""

    constant_steps: int = 0

"""CMA-ES, the evolution strategy that adapts its covariance."""

from __future__ import annotations

from typing import Any

import numpy as np


class Strategy:
    """CMA-ES with default parameters, maximising. Source: Hansen 2016, arXiv:1604.00772, table 1.

    Args:
        size: dimensions.
        population: points a generation.
        sigma: first step size.
        seed: of every draw.
    """

    def __init__(self, size: int, population: int, sigma: float, seed: int) -> None:
        self.size, self.population, self.sigma, self.seed = size, population, sigma, seed
        self.generation = 0
        self.mean = np.zeros(size)
        self._covariance = np.eye(size)
        self._path_c, self._path_s = np.zeros(size), np.zeros(size)
        parents = population // 2
        raw = np.log((population + 1) / 2) - np.log(np.arange(1, parents + 1))
        self._weights = raw / raw.sum()
        mass = self._mass = 1 / (self._weights**2).sum()
        self._c_s = (mass + 2) / (size + mass + 5)
        self._damping = 1 + 2 * max(0.0, np.sqrt((mass - 1) / (size + 1)) - 1) + self._c_s
        self._c_c = (4 + mass / size) / (size + 4 + 2 * mass / size)
        self._c_1 = 2 / ((size + 1.3) ** 2 + mass)
        self._c_mu = min(1 - self._c_1, 2 * (mass - 2 + 1 / mass) / ((size + 2) ** 2 + mass))
        self._length = np.sqrt(size) * (1 - 1 / (4 * size) + 1 / (21 * size**2))  # of N(0, I)

    def ask(self) -> np.ndarray:
        """The points of the next generation, (population, size)."""
        random = np.random.default_rng([self.seed, self.generation])
        values, vectors = np.linalg.eigh(self._covariance)
        root = vectors * np.sqrt(np.maximum(values, 1e-20))
        draws: np.ndarray = random.standard_normal((self.population, self.size)) @ root.T
        return self.mean + self.sigma * draws

    def tell(self, points: np.ndarray, fitness: np.ndarray) -> None:
        """Moves towards the better half. fitness: (population,), higher is better."""
        order = np.argsort(-fitness, kind="stable")[: len(self._weights)]
        steps = (points[order] - self.mean) / self.sigma
        step = self._weights @ steps
        values, vectors = np.linalg.eigh(self._covariance)
        white = vectors @ ((vectors.T @ step) / np.sqrt(np.maximum(values, 1e-20)))
        self.mean = self.mean + self.sigma * step
        c_s, c_c = self._c_s, self._c_c
        self._path_s = (1 - c_s) * self._path_s + np.sqrt(c_s * (2 - c_s) * self._mass) * white
        self.generation += 1
        norm = np.linalg.norm(self._path_s)
        decay = np.sqrt(1 - (1 - c_s) ** (2 * self.generation))
        stalled = norm / decay < (1.4 + 2 / (self.size + 1)) * self._length
        self._path_c = (1 - c_c) * self._path_c
        if stalled:
            self._path_c += np.sqrt(c_c * (2 - c_c) * self._mass) * step
        rank_one = np.outer(self._path_c, self._path_c)
        rank_mu = (steps * self._weights[:, None]).T @ steps
        lost = 0.0 if stalled else c_c * (2 - c_c)
        keep = 1 - self._c_1 - self._c_mu + self._c_1 * lost
        self._covariance = keep * self._covariance + self._c_1 * rank_one + self._c_mu * rank_mu
        self.sigma *= float(np.exp(min(1.0, (c_s / self._damping) * (norm / self._length - 1))))

    def shorten(self) -> None:
        """Stays where it is, and makes shorter steps: for a generation that is hardly ever better.

        Adapting the step size by paths alone takes many generations where it began too long.
        """
        self.sigma /= 2
        self.generation += 1

    def state(self) -> dict[str, Any]:
        """All that `restore` needs, as JSON."""
        return {
            "generation": self.generation,
            "sigma": self.sigma,
            "mean": self.mean.tolist(),
            "covariance": self._covariance.tolist(),
            "path_c": self._path_c.tolist(),
            "path_s": self._path_s.tolist(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.generation, self.sigma = state["generation"], state["sigma"]
        self.mean = np.array(state["mean"])
        self._covariance = np.array(state["covariance"])
        self._path_c, self._path_s = np.array(state["path_c"]), np.array(state["path_s"])

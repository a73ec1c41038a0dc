"""CMA-ES, the evolution strategy that adapts its covariance matrix.

Source: N. Hansen, The CMA Evolution Strategy: A Tutorial, arXiv:1604.00772. Symbols are the
tutorial's; the numbers in parentheses are those of its equations.
"""

from __future__ import annotations

from typing import Any

import numpy as np

MIN_EIGENVALUE = 1e-20  # of the covariance matrix, so that its root and its inverse exist


class CMAES:
    """CMA-ES with the tutorial's default parameters, maximising.

    With n dimensions, lambda points a generation, and mu = lambda // 2 of them selected:

        w_i     = ln((lambda + 1) / 2) - ln(i), i = 1..mu, divided by their sum              (49)
        mu_eff  = 1 / sum w_i^2                                                               (8)
        c_sigma = (mu_eff + 2) / (n + mu_eff + 5)                                            (55)
        d_sigma = 1 + 2 max(0, sqrt((mu_eff - 1) / (n + 1)) - 1) + c_sigma                   (55)
        c_c     = (4 + mu_eff / n) / (n + 4 + 2 mu_eff / n)                                  (56)
        c_1     = 2 / ((n + 1.3)^2 + mu_eff)                                                 (57)
        c_mu    = min(1 - c_1, 2 (mu_eff - 2 + 1 / mu_eff) / ((n + 2)^2 + mu_eff))           (58)
        chi_n   = sqrt(n) (1 - 1 / (4 n) + 1 / (21 n^2)), about E||N(0, I)||

    Unlike the tutorial's, the weights of the worse half are 0: no active covariance update.

    Args:
        n: dimensions.
        population: lambda, points a generation, 4 or more.
        sigma: first step size, in units of the search space.
        seed: of every draw.
    """

    def __init__(self, n: int, population: int, sigma: float, seed: int) -> None:
        self.n, self.population, self.sigma, self.seed = n, population, sigma, seed
        self.generation = 0
        self.mean = np.zeros(n)
        self._covariance = np.eye(n)  # C
        self._p_c, self._p_sigma = np.zeros(n), np.zeros(n)
        mu = population // 2
        raw = np.log((population + 1) / 2) - np.log(np.arange(1, mu + 1))
        self._weights = raw / raw.sum()
        mu_eff = self._mu_eff = 1 / (self._weights**2).sum()
        self._c_sigma = (mu_eff + 2) / (n + mu_eff + 5)
        self._d_sigma = 1 + 2 * max(0.0, np.sqrt((mu_eff - 1) / (n + 1)) - 1) + self._c_sigma
        self._c_c = (4 + mu_eff / n) / (n + 4 + 2 * mu_eff / n)
        self._c_1 = 2 / ((n + 1.3) ** 2 + mu_eff)
        self._c_mu = min(1 - self._c_1, 2 * (mu_eff - 2 + 1 / mu_eff) / ((n + 2) ** 2 + mu_eff))
        self._chi_n = np.sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n**2))

    def ask(self) -> np.ndarray:
        """The points of the next generation, (population, n).

        x_k = m + sigma y_k with y_k from N(0, C) (38-40). The draws depend on the seed and the
        generation alone, so that asking twice gives the same points.
        """
        random = np.random.default_rng([self.seed, self.generation])
        values, vectors = np.linalg.eigh(self._covariance)
        root = vectors * np.sqrt(np.maximum(values, MIN_EIGENVALUE))
        draws: np.ndarray = random.standard_normal((self.population, self.n)) @ root.T
        return self.mean + self.sigma * draws

    def tell(self, points: np.ndarray, fitness: np.ndarray) -> None:
        """Updates the distribution. With y_i = (x_i - m) / sigma, the best first:

            y_w     = sum w_i y_i                                                            (41)
            m       = m + sigma y_w                                                          (42)
            p_sigma = (1 - c_sigma) p_sigma + sqrt(c_sigma (2 - c_sigma) mu_eff) C^(-1/2) y_w (43)
            sigma   = sigma exp(c_sigma / d_sigma (||p_sigma|| / chi_n - 1))                 (44)
            p_c     = (1 - c_c) p_c + h_sigma sqrt(c_c (2 - c_c) mu_eff) y_w                 (45)
            C       = (1 + c_1 (1 - h_sigma) c_c (2 - c_c) - c_1 - c_mu) C
                      + c_1 p_c p_c' + c_mu sum w_i y_i y_i'                                 (47)

        h_sigma is 0, which stalls p_c, where ||p_sigma|| is long: the step size is about to grow
        much, and p_c would make C grow in its place. sigma grows at most e-fold a generation.

        Args:
            points: of `ask`, (population, n).
            fitness: (population,), higher is better.
        """
        order = np.argsort(-fitness, kind="stable")[: len(self._weights)]
        y = (points[order] - self.mean) / self.sigma
        y_w = self._weights @ y
        self.mean = self.mean + self.sigma * y_w
        c_sigma, c_c = self._c_sigma, self._c_c
        self._p_sigma = (1 - c_sigma) * self._p_sigma + np.sqrt(
            c_sigma * (2 - c_sigma) * self._mu_eff
        ) * self._whitened(y_w)
        self.generation += 1
        h_sigma = self._h_sigma()
        self._p_c = (1 - c_c) * self._p_c
        if h_sigma:
            self._p_c += np.sqrt(c_c * (2 - c_c) * self._mu_eff) * y_w
        rank_one = np.outer(self._p_c, self._p_c)
        rank_mu = (y * self._weights[:, None]).T @ y
        missing = 0.0 if h_sigma else c_c * (2 - c_c)  # variance that the stalled p_c lacks
        keep = 1 - self._c_1 - self._c_mu + self._c_1 * missing
        self._covariance = keep * self._covariance + self._c_1 * rank_one + self._c_mu * rank_mu
        length = np.linalg.norm(self._p_sigma) / self._chi_n
        self.sigma *= float(np.exp(min(1.0, (c_sigma / self._d_sigma) * (length - 1))))

    def _whitened(self, y: np.ndarray) -> np.ndarray:
        """C^(-1/2) y, (n,)."""
        values, vectors = np.linalg.eigh(self._covariance)
        roots = np.sqrt(np.maximum(values, MIN_EIGENVALUE))
        white: np.ndarray = vectors @ ((vectors.T @ y) / roots)
        return white

    def _h_sigma(self) -> bool:
        """Whether p_sigma is short enough for p_c to take the step:
        ||p_sigma|| / sqrt(1 - (1 - c_sigma)^(2 (g + 1))) < (1.4 + 2 / (n + 1)) chi_n."""
        variance = 1 - (1 - self._c_sigma) ** (2 * self.generation)
        normalised = np.linalg.norm(self._p_sigma) / np.sqrt(variance)
        return bool(normalised < (1.4 + 2 / (self.n + 1)) * self._chi_n)

    def halve_sigma(self) -> None:
        """Keeps the mean and halves the step size: for a generation in which hardly a point is as
        good as the mean. From a step size that is far too long, (44) alone takes many generations.
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
            "p_c": self._p_c.tolist(),
            "p_sigma": self._p_sigma.tolist(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state`."""
        self.generation, self.sigma = state["generation"], state["sigma"]
        self.mean = np.array(state["mean"])
        self._covariance = np.array(state["covariance"])
        self._p_c, self._p_sigma = np.array(state["p_c"]), np.array(state["p_sigma"])

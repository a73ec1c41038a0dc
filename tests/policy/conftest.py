"""Random trees over every operator, and the rows that break evaluators."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from diffses.policy.operators import EPS, OPERATORS

EDGES = (-160.0, -1.0, -EPS, -EPS / 2, -1e-300, -0.0, 0.0, 1e-300, EPS / 2, EPS, 0.3, 1.0, 160.0)
HUGE = (-1e308, 1e200, np.inf, -np.inf, np.nan)
WIDTH = 5


def random_tree(rng, names, width, depth):
    """Half-and-half: operators down to `depth`, a leaf now and then before."""
    if depth == 0 or rng.random() < 0.15:
        if rng.random() < 0.3:
            return (float(rng.choice([rng.normal(), *EDGES])),)
        return (int(rng.integers(width)),)
    name = str(rng.choice(names))
    below = [random_tree(rng, names, width, depth - 1) for _ in range(OPERATORS[name].arity)]
    return (name, *itertools.chain(*below))


@pytest.fixture(scope="session")
def trees():
    """120 trees of depth 0 to 5 in which every operator occurs."""
    rng = np.random.default_rng(0)
    made = [random_tree(rng, list(OPERATORS), WIDTH, i % 6) for i in range(120)]
    assert {token for tree in made for token in tree if isinstance(token, str)} == set(OPERATORS)
    return made


@pytest.fixture(scope="session")
def finite_rows():
    """2,000 rows of normal numbers and edge values."""
    rng = np.random.default_rng(1)
    normal = rng.normal(size=(2000, WIDTH))
    return np.where(rng.random(normal.shape) < 0.4, rng.choice(EDGES, normal.shape), normal)


@pytest.fixture(scope="session")
def wild_rows():
    """1,000 rows of edge values, values near overflow, infinities and NaN."""
    rng = np.random.default_rng(2)
    return rng.choice(EDGES + HUGE, (1000, WIDTH))

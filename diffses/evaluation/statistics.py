"""Aggregate metrics of returns, and their bootstrap confidence intervals.

Source: Agarwal et al. 2021, Deep Reinforcement Learning at the Edge of the Statistical Precipice,
arXiv:2108.13264, and its library rliable: interquartile mean and percentile bootstrap intervals.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import bootstrap, trim_mean

RESAMPLES = 10_000
LEVEL = 0.95  # of every interval

Statistic = Callable[[NDArray[np.float64]], NDArray[np.float64]]  # (..., n) -> (...)


def mean(returns: ArrayLike) -> NDArray[np.float64]:
    """The mean over the last axis, (..., n) -> (...)."""
    return np.asarray(np.mean(_floats(returns), axis=-1))


def iqm(returns: ArrayLike) -> NDArray[np.float64]:
    """The interquartile mean (IQM) over the last axis: without the lowest and highest quarter.

    Of n returns, floor(n / 4) are dropped at each end, as in rliable; of fewer than four, none.

    Args:
        returns: (..., n), n >= 1.

    Returns:
        (...), in the unit of the returns.
    """
    return np.asarray(trim_mean(_floats(returns), 0.25, axis=-1))


def interval(
    returns: ArrayLike, *, seed: int, statistic: Statistic = mean, resamples: int = RESAMPLES
) -> tuple[float, float] | None:
    """The 95 % percentile bootstrap interval of a statistic of returns (Efron 1979).

    The n returns are resampled with replacement `resamples` times; the interval is from the 2.5th
    to the 97.5th percentile of the statistic.

    Args:
        returns: (n,), of independent episodes or runs.
        seed: of the resampling; the same seed gives the same interval.
        statistic: reduces the last axis.

    Returns:
        (low, high) in the unit of the returns; None for fewer than two returns.
    """
    vector = _vector(returns)
    if len(vector) < 2:
        return None
    return _bootstrap([vector], statistic, seed, resamples)


def stratified_interval(
    strata: Sequence[ArrayLike],
    *,
    seed: int,
    statistic: Statistic = mean,
    resamples: int = RESAMPLES,
) -> tuple[float, float] | None:
    """The 95 % stratified bootstrap interval of a statistic over several policies' returns.

    The strata are the policies of several search seeds. Each is resampled separately; the statistic
    is that of all returns together. Strata with identical returns are the same episodes (of a
    teacher that all seeds share) and are resampled together; otherwise the interval would count
    these episodes several times.

    The interval covers the variation of episodes for these policies, not that between searches:
    report the spread of the means as well.

    Args:
        strata: the returns of each stratum, (n_i,).
        seed: of the resampling; the same seed gives the same interval.
        statistic: reduces the last axis.

    Returns:
        (low, high) in the unit of the returns; None if a stratum has fewer than two returns.
    """
    vectors = [_vector(stratum) for stratum in strata]
    if not vectors or min(len(vector) for vector in vectors) < 2:
        return None
    rng = np.random.default_rng(seed)
    drawn: dict[bytes, NDArray[np.float64]] = {}
    for vector in vectors:
        if vector.tobytes() not in drawn:
            picks = rng.integers(len(vector), size=(resamples, len(vector)))
            drawn[vector.tobytes()] = vector[picks]
    together = np.concatenate([drawn[vector.tobytes()] for vector in vectors], axis=1)
    return _percentiles(statistic(together))


def probability_of_improvement(first: ArrayLike, second: ArrayLike) -> NDArray[np.float64]:
    """How probable it is that a run of the first does better than a run of the second.

    The share of all pairs in which it does, equal ones counting half: the Mann-Whitney U statistic
    over the number of pairs. Source: Agarwal et al. 2021, section 4.3.

    Args:
        first: (..., n), what each run came to, n >= 1.
        second: (..., m), m >= 1.

    Returns:
        (...), from 0 to 1.
    """
    one, other = _floats(first)[..., :, None], _floats(second)[..., None, :]
    return np.asarray(np.mean((one > other) + 0.5 * (one == other), axis=(-2, -1)))


def improvement_interval(
    first: ArrayLike, second: ArrayLike, *, seed: int, resamples: int = RESAMPLES
) -> tuple[float, float] | None:
    """The 95 % percentile bootstrap interval of `probability_of_improvement`.

    The runs of each side are resampled separately.

    Args:
        first: (n,). second: (m,).
        seed: of the resampling; the same seed gives the same interval.

    Returns:
        (low, high); None if a side has fewer than two runs.
    """
    sides = [_vector(first), _vector(second)]
    if min(len(side) for side in sides) < 2:
        return None
    return _bootstrap(sides, probability_of_improvement, seed, resamples)


def describe(returns: ArrayLike, *, seed: int, exhaustive: bool = False) -> dict[str, Any]:
    """The columns of a row of `results.json` that are computed from returns.

    Args:
        returns: (n,), n >= 1.
        seed: of the bootstrap.
        exhaustive: whether these are all existing episodes (protocol v4): then without interval.

    Returns:
        {"episodes", "mean", "iqm", "ci95": [low, high] or None}.
    """
    values = _floats(returns)
    bounds = None if exhaustive else interval(values, seed=seed)
    return {
        "episodes": len(values),
        "mean": float(mean(values)),
        "iqm": float(iqm(values)),
        "ci95": None if bounds is None else list(bounds),
    }


def _bootstrap(
    samples: Sequence[NDArray[np.float64]],
    statistic: Callable[..., NDArray[np.float64]],
    seed: int,
    resamples: int,
) -> tuple[float, float]:
    """The percentile interval of a statistic of independent samples, each resampled separately."""
    drawn = bootstrap(
        samples,
        lambda *resampled, axis: statistic(*resampled),
        n_resamples=resamples,
        vectorized=True,
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    return _percentiles(drawn.bootstrap_distribution)


def _percentiles(values: NDArray[np.float64]) -> tuple[float, float]:
    """The interval that contains the central `LEVEL` of the resampled values."""
    tail = 50 * (1 - LEVEL)
    low, high = np.percentile(values, [tail, 100 - tail])
    return float(low), float(high)


def _vector(values: ArrayLike) -> NDArray[np.float64]:
    vector = _floats(values)
    if vector.ndim != 1:
        raise ValueError(f"want a vector of returns, got an array of shape {vector.shape}")
    return vector


def _floats(values: ArrayLike) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim == 0 or array.shape[-1] == 0:
        raise ValueError("no returns: a statistic needs at least one")
    if not np.isfinite(array).all():
        raise ValueError("a return is not finite")
    return array

"""What labels tell: where it matters what one does, how much of it is noise, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import f as f_distribution

from diffses.advantages.estimate import Advantages

LEVEL = 0.05  # of the F test: so many states without a gap are taken to have one
ROUNDING = 1e-9  # returns that differ by less are equal


@dataclass(frozen=True)
class LabelStatistics:
    """Of the states of one base policy.

    states, episodes: how many.
    differ: share of the states where arms differ in one rollout each, mean of the replicates.
    gap: share of the states where the arms differ by more than their noise.
    gap_error: its standard error, by episodes; None for a single one.
    signal: standard deviation of what an arm is worth beside the others, without noise.
    noise: standard deviation of one rollout's return beside the other arms' of its replicate.
    reproducible: share of the states in which the best arm of one rollout is also best in another,
        of those where the first tells arms apart; None with a single replicate, or none such.
    by_chance: the same for a best arm drawn at random.
    headroom: what the best arm of some replicates gains on the base policy in the others; it is
        gained once, in one state; None with a single replicate.
    steps: environment steps a label. equal: share of the rollouts that ended as the base's.
    """

    states: int
    episodes: int
    differ: float
    gap: float
    gap_error: float | None
    signal: float
    noise: float
    reproducible: float | None
    by_chance: float | None
    headroom: float | None
    steps: float
    equal: float


def label_statistics(labels: Advantages) -> LabelStatistics:
    """The statistics of at least one labelled state."""
    returns = labels.returns
    gaps = has_gap(returns)
    reproducible, by_chance = _reproducible(returns)
    return LabelStatistics(
        len(labels),
        len(np.unique(labels.episode)),
        float((np.ptp(returns, axis=2) > ROUNDING).mean()),
        float(gaps.mean()),
        clustered_error(gaps, labels.episode),
        signal(returns),
        float(np.sqrt(noise_variance(returns).mean())),
        reproducible,
        by_chance,
        _headroom(returns),
        labels.steps / len(labels),
        labels.equal,
    )


def noise_variance(returns: np.ndarray) -> np.ndarray:
    """Variance of one rollout's return beside the other arms' of its replicate, (n,).

    What is left of the returns, float64 (n, replicates, arms), without the means of arms and of
    replicates, on (replicates - 1)(arms - 1) degrees of freedom: two-way analysis of variance. 0
    for a single replicate.
    """
    replicates, arms = returns.shape[1:]
    if replicates < 2 or arms < 2:
        return np.zeros(len(returns))
    rest = returns - returns.mean(axis=1, keepdims=True) - returns.mean(axis=2, keepdims=True)
    rest += returns.mean(axis=(1, 2), keepdims=True)
    found: np.ndarray = (rest**2).sum(axis=(1, 2)) / ((replicates - 1) * (arms - 1))
    return found


def has_gap(returns: np.ndarray) -> np.ndarray:
    """Whether the arms differ by more than their noise, bool (n,).

    An F test of the arms' means at the level of 5 %; without noise, any difference is a gap. With a
    single replicate nothing is known of the noise, and any difference counts.
    """
    replicates, arms = returns.shape[1:]
    between = replicates * returns.mean(axis=1).var(axis=1, ddof=1)
    noise = noise_variance(returns)
    free = (arms - 1, max(1, (replicates - 1) * (arms - 1)))
    critical = f_distribution.ppf(1 - LEVEL, *free)
    found: np.ndarray = (between > ROUNDING**2) & (between > critical * noise)
    return found


def signal(returns: np.ndarray) -> float:
    """Standard deviation over the arms of what they are worth, less the part that is noise."""
    replicates = returns.shape[1]
    between = returns.mean(axis=1).var(axis=1, ddof=1) - noise_variance(returns) / replicates
    return float(np.sqrt(max(0.0, between.mean())))


def clustered_error(values: np.ndarray, episode: np.ndarray) -> float | None:
    """Standard error of a mean over states, (n,), where states of an episode go together; None for
    a single episode."""
    _, cluster = np.unique(episode, return_inverse=True)
    count = int(cluster.max()) + 1
    if count < 2:
        return None
    sums = np.bincount(cluster, values - values.mean())
    return float(np.sqrt(count / (count - 1) * (sums**2).sum()) / len(values))


def _reproducible(returns: np.ndarray) -> tuple[float | None, float | None]:
    """How often the best arm of a replicate is among the best of another; of several best arms, the
    mean over them. And the same for any arm in its place."""
    best = returns >= returns.max(axis=2, keepdims=True) - ROUNDING
    tells = ~best.all(axis=2)
    replicates, arms = returns.shape[1:]
    found, chance = [], []
    for one in range(replicates):
        for other in range(replicates):
            if one != other:
                mine, theirs = best[tells[:, one], one], best[tells[:, one], other]
                found += ((mine & theirs).sum(axis=1) / mine.sum(axis=1)).tolist()
                chance += (theirs.sum(axis=1) / arms).tolist()
    return (float(np.mean(found)), float(np.mean(chance))) if found else (None, None)


def _headroom(returns: np.ndarray) -> float | None:
    """Each replicate's best arm, measured on the others against the base; the mean."""
    replicates = returns.shape[1]
    if replicates < 2:
        return None
    gained = []
    for one in range(replicates):
        rest = np.delete(returns, one, axis=1).mean(axis=1)
        # of equals the base, so that nothing is changed for nothing: it is the first
        best = (returns[:, one] >= returns[:, one].max(axis=1, keepdims=True) - ROUNDING).argmax(1)
        gained.append(rest[np.arange(len(rest)), best] - rest[:, 0])
    return float(np.mean(gained))

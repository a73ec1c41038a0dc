"""How far two forests are apart in what they decide: a metric on constants, and the teacher's pull.

The metric is the Fisher information of the forest as a random policy on recorded states: a softmax
of its scores, or for Box actions a normal distribution around the squashed action. Coordinates in
which it is the identity make a step size a divergence in nats, the same for a weight on a position
and on a velocity (the natural gradient of Amari, 1998).
"""

from __future__ import annotations

import numpy as np

from diffses.dataset.data import Dataset, merge
from diffses.policy.compiled import Compiled
from diffses.policy.forest import Forest

ROWS = 2_000  # recorded states on which decisions are compared
DAMPING = 1e-3  # of the Fisher information of constants in units of their own
IDLE = 1e-9  # an axis with less than this share of the greatest information changes no decision
SPREAD = 0.25  # standard deviation of a Box action, as a share of half its range


class Guide:
    """The teacher's recorded decisions: a metric on the constants, and how far a forest strays."""

    def __init__(
        self, start: Forest, data: Dataset, seed: int, ties: np.ndarray | None = None
    ) -> None:
        rows = sample_rows(data, seed)
        self._rows = data.train.features[rows]
        self._wanted = wanted(data, rows)
        self._start = start
        self._constants = start.constants()
        self.axes = whitening(start, self._rows, ties)

    def forest(self, point: np.ndarray) -> Forest:
        """The start with its constants moved by `point`, (axes,), in the guide's metric."""
        return self._start.with_constants(self._constants + self.axes @ point)

    def divergence(self, forest: Forest) -> float:
        """Mean KL(teacher || forest) over the recorded states, nats."""
        return divergence(forest, self._rows, self._wanted)


def sample_rows(data: Dataset, seed: int) -> np.ndarray:
    """Numbers of at most `ROWS` recorded training states."""
    random = np.random.default_rng(seed)
    return random.choice(len(data.train), min(ROWS, len(data.train)), replace=False)


def wanted(data: Dataset, rows: np.ndarray) -> np.ndarray:
    """What the teacher does in some recorded states: odds of the groups of actions, (n, groups),
    or its Box actions, from -1 to 1, (n, dimensions)."""
    if data.bounds is None:
        return softmax(merge(data.train.logits[rows], data.groups))
    low, high = np.array(data.bounds).T
    share: np.ndarray = np.clip(2 * (data.train.logits[rows] - low) / (high - low) - 1, -1, 1)
    return share


def divergence(forest: Forest, rows: np.ndarray, teacher: np.ndarray) -> float:
    """Mean KL(teacher || forest) in nats over states (n, features).

    Args:
        teacher: as `wanted` gives it; its Box actions have the forest's `SPREAD`.
    """
    scores = np.nan_to_num(Compiled(forest).scores(rows), posinf=1e9, neginf=-1e9)
    if forest.bounds is not None:
        return float(((np.tanh(scores) - teacher) ** 2).sum(axis=1).mean() / (2 * SPREAD**2))
    log_q = np.maximum(log_softmax(scores), -50)
    return float((teacher * (np.log(teacher + 1e-12) - log_q)).sum(axis=1).mean())


def whitening(
    forest: Forest,
    rows: np.ndarray,
    ties: np.ndarray | None = None,
    temperature: float = 1.0,
) -> np.ndarray:
    """Axes A, (k, r), along which a standard normal step z moves the policy by one nat.

    With F = S V diag(l) V' S the Fisher information in the forest's k constants, averaged over the
    rows, and S its diagonal's root, A = sqrt(2 / r) S^-1 V diag(l + damping)^(-1/2), so that the
    mean of KL, which is z'A'F A z / 2, is about 1. Directions that change no decision (adding the
    same to all trees) are left out: r <= k remain.

    Args:
        rows: float64 (n, features).
        ties: (k, m), how the constants move together: only along these columns do they move.
        temperature: what scores are divided by to be logits.
    """
    basis = np.eye(len(forest.constants())) if ties is None else ties
    fisher = basis.T @ information(forest, rows, temperature) @ basis
    if not fisher.any():
        return np.zeros((len(basis), 0))
    scale = np.sqrt(np.maximum(np.diag(fisher), 1e-300))  # so that units do not matter
    scale[scale < IDLE * scale.max()] = np.inf
    values, vectors = np.linalg.eigh(fisher / np.outer(scale, scale))
    kept = values > IDLE * values.max()
    values, vectors = values[kept], vectors[:, kept]
    lengths = np.sqrt(2 / (max(1, len(values)) * (values + DAMPING)))
    axes: np.ndarray = basis @ (vectors / scale[:, None] * lengths)
    return axes


def information(forest: Forest, rows: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """The Fisher information of the forest's constants, averaged over the rows, (k, k)."""
    base, slopes = slopes_of(forest, rows)
    if forest.bounds is not None:
        slopes = slopes * (1 - np.tanh(base) ** 2) / SPREAD
        return np.asarray(np.einsum("ina,jna->ij", slopes, slopes) / len(rows))
    p, slopes = softmax(base / temperature), slopes / temperature
    centred = slopes - (slopes * p).sum(axis=2, keepdims=True)
    return np.asarray(np.einsum("ina,jna,na->ij", centred, centred, p) / len(rows))


def slopes_of(forest: Forest, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The scores, (n, trees), and how they change with each constant, (k, n, trees); where that
    is not finite, 0."""
    constants = forest.constants()
    base = Compiled(forest).scores(rows)
    slopes = np.zeros((len(constants), *base.shape))
    with np.errstate(all="ignore"):
        for i, constant in enumerate(constants):
            width = 1e-4 * max(1.0, abs(constant))
            moved = constants.copy()
            moved[i] += width
            slopes[i] = (Compiled(forest.with_constants(moved)).scores(rows) - base) / width
    return (
        np.nan_to_num(base, posinf=1e9, neginf=-1e9),
        np.nan_to_num(slopes, nan=0.0, posinf=0.0, neginf=0.0),
    )


def log_softmax(scores: np.ndarray) -> np.ndarray:
    shifted = scores - scores.max(axis=1, keepdims=True)
    normal: np.ndarray = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return normal


def softmax(scores: np.ndarray) -> np.ndarray:
    odds: np.ndarray = np.exp(log_softmax(scores))
    return odds

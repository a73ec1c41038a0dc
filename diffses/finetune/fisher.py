"""Fisher information of a forest's constants, and KL divergence from the teacher.

Both are of the forest as a random policy on recorded states: a softmax of its scores, or for Box
actions a normal distribution around the squashed action. In coordinates in which the Fisher
information is the identity a step's squared length is a divergence in nats, the same for a weight
on a position and on a velocity (natural gradient, Amari 1998).
"""

from __future__ import annotations

import numpy as np

from diffses.dataset.data import Dataset, merge
from diffses.policy.compiled import Compiled
from diffses.policy.forest import Forest

MAX_ROWS = 2_000  # recorded states on which decisions are compared
DAMPING = 1e-3  # added to the eigenvalues of the Fisher information scaled to a unit diagonal
MIN_INFORMATION = 1e-9  # an axis with less than this share of the greatest changes no decision
ACTION_STD = 0.25  # standard deviation of a Box action, as a share of half its range


class TeacherKL:
    """KL(teacher || forest) on a sample of the recorded states.

    rows: the states, float64 (n, features).
    """

    def __init__(self, data: Dataset, seed: int) -> None:
        sample = sample_rows(data, seed)
        self.rows = data.train.features[sample]
        self._targets = teacher_targets(data, sample)

    def divergence(self, forest: Forest) -> float:
        """Its mean over the states, in nats."""
        return kl_divergence(forest, self.rows, self._targets)


def sample_rows(data: Dataset, seed: int) -> np.ndarray:
    """Indices of at most `MAX_ROWS` recorded training states, drawn without replacement."""
    random = np.random.default_rng(seed)
    return random.choice(len(data.train), min(MAX_ROWS, len(data.train)), replace=False)


def teacher_targets(data: Dataset, rows: np.ndarray) -> np.ndarray:
    """The teacher's policy in recorded training states: probabilities of the groups of actions,
    (n, groups), or its Box actions, from -1 to 1, (n, dimensions).

    Args:
        rows: indices of the states, int (n,).
    """
    if data.bounds is None:
        return softmax(merge(data.train.logits[rows], data.groups))
    low, high = np.array(data.bounds).T
    share: np.ndarray = np.clip(2 * (data.train.logits[rows] - low) / (high - low) - 1, -1, 1)
    return share


def kl_divergence(forest: Forest, rows: np.ndarray, teacher: np.ndarray) -> float:
    """Mean KL(teacher || forest) in nats over states (n, features).

    Args:
        teacher: of `teacher_targets`; its Box actions have the forest's `ACTION_STD`.
    """
    scores = np.nan_to_num(Compiled(forest).scores(rows), posinf=1e9, neginf=-1e9)
    if forest.bounds is not None:
        return float(((np.tanh(scores) - teacher) ** 2).sum(axis=1).mean() / (2 * ACTION_STD**2))
    log_q = np.maximum(log_softmax(scores), -50)
    return float((teacher * (np.log(teacher + 1e-12) - log_q)).sum(axis=1).mean())


def natural_gradient_basis(
    forest: Forest,
    rows: np.ndarray,
    ties: np.ndarray | None = None,
    temperature: float = 1.0,
) -> np.ndarray:
    """A basis A, (k, r), in which a standard normal step z moves the policy by about one nat.

    With F = S V diag(l) V' S the Fisher information of the forest's k constants, averaged over the
    rows, and S the root of its diagonal, A = sqrt(2 / r) S^-1 V diag(l + DAMPING)^(-1/2), so that
    the expected KL divergence, which is E[z'A'F A z] / 2 to second order, is about 1. Directions
    that change no decision (adding the same to all trees) are left out: r <= k remain, or none.

    Args:
        rows: float64 (n, features).
        ties: (k, m), a basis of the directions in which the constants may move; None: all.
        temperature: what scores are divided by to be logits.
    """
    basis = np.eye(len(forest.constants())) if ties is None else ties
    fisher = basis.T @ fisher_information(forest, rows, temperature) @ basis
    if not fisher.any():
        return np.zeros((len(basis), 0))
    scale = np.sqrt(np.maximum(np.diag(fisher), 1e-300))  # so that units do not matter
    scale[scale < MIN_INFORMATION * scale.max()] = np.inf
    values, vectors = np.linalg.eigh(fisher / np.outer(scale, scale))
    kept = values > MIN_INFORMATION * values.max()
    values, vectors = values[kept], vectors[:, kept]
    lengths = np.sqrt(2 / (max(1, len(values)) * (values + DAMPING)))
    axes: np.ndarray = basis @ (vectors / scale[:, None] * lengths)
    return axes


def fisher_information(forest: Forest, rows: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """The Fisher information of the forest's constants, averaged over the rows, (k, k)."""
    base, slopes = score_gradients(forest, rows)
    if forest.bounds is not None:
        slopes = slopes * (1 - np.tanh(base) ** 2) / ACTION_STD
        return np.asarray(np.einsum("ina,jna->ij", slopes, slopes) / len(rows))
    p, slopes = softmax(base / temperature), slopes / temperature
    centred = slopes - (slopes * p).sum(axis=2, keepdims=True)
    return np.asarray(np.einsum("ina,jna,na->ij", centred, centred, p) / len(rows))


def score_gradients(forest: Forest, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The scores, (n, trees), and their derivatives by each constant, (k, n, trees), by forward
    differences; 0 where these are not finite."""
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
    """Over the last axis of (n, trees)."""
    shifted = scores - scores.max(axis=1, keepdims=True)
    normal: np.ndarray = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return normal


def softmax(scores: np.ndarray) -> np.ndarray:
    """Over the last axis of (n, trees)."""
    odds: np.ndarray = np.exp(log_softmax(scores))
    return odds

"""Types of objects from what SPACE says they look like: clusters of z_what, joined where one object
is now in one and now in another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.cluster.vq import kmeans2
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import cdist

from diffses.detector.offline_tracks import first_rules, follow_boxes
from diffses.detector.segmentation import Rules

MOST = 12  # types
SAMPLE = 800  # codes the number of types is chosen on
CLEAR = 0.25  # mean silhouette that more than one type needs
STARTS = 4  # of k-means, of which the best is taken
SWITCHES = 0.1  # share of a cluster's sights next to one of another's, of the same object: one type


@dataclass(frozen=True)
class Clusters:
    """Types, by the middles of their clusters; a code is of the type of the nearest one."""

    centres: np.ndarray  # float64 (clusters, CODE), in units of `scale`
    scale: np.ndarray  # float64 (CODE,)
    type_of: np.ndarray  # int64 (clusters,): numbered from 0

    @property
    def count(self) -> int:
        """How many types there are."""
        return int(self.type_of.max()) + 1

    def of(self, codes: np.ndarray) -> np.ndarray:
        """The type of each code, (n, CODE) -> int64 (n,)."""
        nearest = cdist(codes / self.scale, self.centres).argmin(axis=1)
        return np.asarray(self.type_of[nearest])


def joined(clusters: Clusters, boxes: Sequence[np.ndarray], starts: np.ndarray) -> Clusters:
    """Types that follow each other in one place are one: an object that is drawn anew each step
    looks a little different each time.

    Args:
        boxes: of each frame, int32 (n, 6), as `Memory.follow` takes them; with their types.
        starts: bool (frames,), where an episode begins.
    """
    rules = first_rules(1)  # everything there is, whatever its type
    anything = Rules(rules.sizes, np.ones_like(rules.colours), rules.patience)
    tracks = follow_boxes(boxes, starts, anything)
    before = tracks.before()
    follows = before >= 0
    count = clusters.count
    next_to = np.zeros((count, count))
    np.add.at(next_to, (tracks.colour[before[follows]], tracks.colour[follows]), 1)
    sights = np.maximum(1, np.bincount(tracks.colour, minlength=count))
    often = next_to + next_to.T >= SWITCHES * np.minimum.outer(sights, sights)
    _, label = connected_components(often, directed=False)
    return replace(clusters, type_of=label[clusters.type_of].astype(np.int64))


def cluster(codes: np.ndarray, seed: int) -> Clusters:
    """Finds types by k-means; as many as give the highest mean silhouette (Rousseeuw 1987).

    Args:
        codes: float64 (n, CODE), n >= 1.
    """
    random = np.random.default_rng(seed)
    scale = np.maximum(codes.std(axis=0), 1e-3)
    sample = codes[random.permutation(len(codes))[:SAMPLE]] / scale
    best, choice = CLEAR, sample.mean(axis=0, keepdims=True)
    apart = cdist(sample, sample)
    for count in range(2, min(MOST, len(sample) - 1) + 1):
        centres, labels = _means(sample, count, random)
        clear = silhouette(apart, labels)
        if clear > best:
            best, choice = clear, centres
    return Clusters(choice, scale, np.arange(len(choice)))


def _means(
    sample: np.ndarray, count: int, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Centres and labels of the best of several starts of k-means; empty clusters are left out."""
    least, best = np.inf, None
    for _ in range(STARTS):
        centres, labels = kmeans2(sample, count, minit="++", missing="warn", rng=random)
        spread = float(((sample - centres[labels]) ** 2).sum())
        if spread < least:
            least, best = spread, (centres, labels)
    assert best is not None
    centres, labels = best
    used, labels = np.unique(labels, return_inverse=True)
    return centres[used], labels


def silhouette(apart: np.ndarray, labels: np.ndarray) -> float:
    """The mean silhouette of a clustering, -1 to 1; -1 for a single cluster.

    Args:
        apart: float64 (n, n), distances. labels: int (n,), numbered from 0.
    """
    members = np.eye(labels.max() + 1)[labels]  # (n, clusters)
    sizes = members.sum(axis=0)
    if len(sizes) < 2:
        return -1.0
    total = apart @ members
    own = sizes[labels]
    within = total[np.arange(len(labels)), labels] / np.maximum(own - 1, 1)
    others = np.where(members > 0, np.inf, total / sizes)
    nearest = others.min(axis=1)
    score = (nearest - within) / np.maximum(np.maximum(nearest, within), 1e-12)
    return float(np.where(own > 1, score, 0.0).mean())

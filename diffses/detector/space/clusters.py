"""Object types by clustering SPACE's appearance codes, z_what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.cluster.vq import kmeans2
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import cdist

from diffses.detector.offline_tracks import initial_params, track_boxes
from diffses.detector.segmentation import TrackerParams

MAX_TYPES = 12
SAMPLE = 800  # codes on which the number of types is chosen
MIN_SILHOUETTE = 0.25  # mean, for more than one type
KMEANS_STARTS = 4  # the best is taken
MIN_SWITCH_SHARE = 0.1  # of the detections follow one of another cluster on a track: one type


@dataclass(frozen=True)
class Clusters:
    """Cluster centres and the type of each; a code has the type of the nearest centre."""

    centres: np.ndarray  # float64 (clusters, CODE), in units of `scale`
    scale: np.ndarray  # float64 (CODE,)
    type_of: np.ndarray  # int64 (clusters,): numbered from 0

    @property
    def count(self) -> int:
        """The number of types."""
        return int(self.type_of.max()) + 1

    def assign(self, codes: np.ndarray) -> np.ndarray:
        """The type of each code, (n, CODE) -> int64 (n,)."""
        nearest = cdist(codes / self.scale, self.centres).argmin(axis=1)
        return np.asarray(self.type_of[nearest])


def merge_clusters(clusters: Clusters, boxes: Sequence[np.ndarray], starts: np.ndarray) -> Clusters:
    """Merges types that follow each other on one track: an object whose appearance varies.

    Args:
        boxes: of each frame, int32 (n, 6), as `Tracker.update` takes them, with their types.
        starts: bool (frames,), where an episode begins.
    """
    params = initial_params(1)  # one type for all boxes
    anything = TrackerParams(params.type_params, np.ones_like(params.type_colours), params.patience)
    tracks = track_boxes(boxes, starts, anything)
    before = tracks.previous_rows()
    follows = before >= 0
    count = clusters.count
    next_to = np.zeros((count, count))
    np.add.at(next_to, (tracks.colour[before[follows]], tracks.colour[follows]), 1)
    detections = np.maximum(1, np.bincount(tracks.colour, minlength=count))
    often = next_to + next_to.T >= MIN_SWITCH_SHARE * np.minimum.outer(detections, detections)
    _, label = connected_components(often, directed=False)
    return replace(clusters, type_of=label[clusters.type_of].astype(np.int64))


def fit_clusters(codes: np.ndarray, seed: int) -> Clusters:
    """Clusters codes by k-means; their number has the highest mean silhouette (Rousseeuw 1987).

    Args:
        codes: float64 (n, CODE), n >= 1.
    """
    random = np.random.default_rng(seed)
    scale = np.maximum(codes.std(axis=0), 1e-3)
    sample = codes[random.permutation(len(codes))[:SAMPLE]] / scale
    best, choice = MIN_SILHOUETTE, sample.mean(axis=0, keepdims=True)
    distances = cdist(sample, sample)
    for count in range(2, min(MAX_TYPES, len(sample) - 1) + 1):
        centres, labels = _best_kmeans(sample, count, random)
        mean = silhouette(distances, labels)
        if mean > best:
            best, choice = mean, centres
    return Clusters(choice, scale, np.arange(len(choice)))


def _best_kmeans(
    sample: np.ndarray, count: int, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Centres and labels of the best of several k-means runs; empty clusters are left out."""
    least, best = np.inf, None
    for _ in range(KMEANS_STARTS):
        centres, labels = kmeans2(sample, count, minit="++", missing="warn", rng=random)
        spread = float(((sample - centres[labels]) ** 2).sum())
        if spread < least:
            least, best = spread, (centres, labels)
    assert best is not None
    centres, labels = best
    used, labels = np.unique(labels, return_inverse=True)
    return centres[used], labels


def silhouette(distances: np.ndarray, labels: np.ndarray) -> float:
    """The mean silhouette of a clustering, -1 to 1; -1 for a single cluster.

    Args:
        distances: float64 (n, n). labels: int (n,), numbered from 0.
    """
    members = np.eye(labels.max() + 1)[labels]  # (n, clusters)
    sizes = members.sum(axis=0)
    if len(sizes) < 2:
        return -1.0
    total = distances @ members
    own = sizes[labels]
    within = total[np.arange(len(labels)), labels] / np.maximum(own - 1, 1)
    others = np.where(members > 0, np.inf, total / sizes)
    nearest = others.min(axis=1)
    score = (nearest - within) / np.maximum(np.maximum(nearest, within), 1e-12)
    return float(np.where(own > 1, score, 0.0).mean())

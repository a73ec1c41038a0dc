"""Geometry of boxes, float64 (n, 4): left, top, right, bottom, px; pixel i covers i to i + 1."""

from __future__ import annotations

import numpy as np


def areas(boxes: np.ndarray) -> np.ndarray:
    """Areas, px^2, (n,)."""
    return np.asarray((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]))


def intersections(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """Areas of the pairwise intersections, px^2, (n, m)."""
    low = np.maximum(one[:, None, :2], two[None, :, :2])
    high = np.minimum(one[:, None, 2:], two[None, :, 2:])
    return np.asarray(np.clip(high - low, 0, None).prod(axis=2))


def iou(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """Pairwise intersection over union, (n, m)."""
    common = intersections(one, two)
    union = areas(one)[:, None] + areas(two)[None, :] - common
    return np.asarray(common / np.maximum(union, 1e-9))


def distance(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """Pairwise distances of the centres, px, (n, m)."""
    apart = (one[:, None, :2] + one[:, None, 2:] - two[None, :, :2] - two[None, :, 2:]) / 2
    return np.asarray(np.hypot(apart[..., 0], apart[..., 1]))

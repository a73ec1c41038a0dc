"""Geometry of boxes: left, top, right, bottom in px, float64 (n, 4); pixel i covers i to i + 1."""

from __future__ import annotations

import numpy as np


def areas(boxes: np.ndarray) -> np.ndarray:
    """In px^2, (n,)."""
    return np.asarray((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]))


def shared(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """The area two boxes share, px^2, (n, m)."""
    low = np.maximum(one[:, None, :2], two[None, :, :2])
    high = np.minimum(one[:, None, 2:], two[None, :, 2:])
    return np.asarray(np.clip(high - low, 0, None).prod(axis=2))


def iou(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """Intersection over union, (n, m)."""
    common = shared(one, two)
    union = areas(one)[:, None] + areas(two)[None, :] - common
    return np.asarray(common / np.maximum(union, 1e-9))


def distance(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """Between the centres, px, (n, m)."""
    apart = (one[:, None, :2] + one[:, None, 2:] - two[None, :, :2] - two[None, :, 2:]) / 2
    return np.asarray(np.hypot(apart[..., 0], apart[..., 1]))

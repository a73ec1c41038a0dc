"""Detection and tracking metrics against true boxes.

Detections and true boxes are matched one-to-one in each frame (Hungarian method), at IoU >= 0.5,
or with centres at most 2 px apart if the true box has 16 px^2 or less. Ignored boxes are no
misses, and a detection at least half inside one is no false alarm.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from diffses.detector import geometry
from diffses.detector.ground_truth import (
    GroundTruth,
    candidate_boxes,
    moving_categories,
    visible_boxes,
)
from diffses.detector.tracker import ObjectDetector

MIN_IOU = 0.5
SMALL_AREA = 16.0  # px^2; up to this a true box is small
SMALL_BOX_DISTANCE = 2.0  # px between the centres, enough for small boxes
MIN_IGNORED_SHARE = 0.5  # of a detection inside an ignored box: no false alarm
SWITCH_RADIUS = 24.0  # px; up to this, boxes in consecutive frames may be the same object


@dataclass(frozen=True)
class Detections:
    """The detections of one frame."""

    types: np.ndarray  # int64 (n,)
    tracks: np.ndarray  # int64 (n,)
    boxes: np.ndarray  # float64 (n, 4)


@dataclass(frozen=True)
class FrameMatches:
    """Matched pairs, false alarms and misses of one frame."""

    types: np.ndarray  # int64 (p,), of the pairs
    tracks: np.ndarray
    rows: np.ndarray  # int64 (p,): rows of the true boxes of the pairs
    iou: np.ndarray
    distance: np.ndarray  # px
    false: np.ndarray  # int64: types of the false alarms
    missed: np.ndarray  # int64: rows of the misses


def run_detector(detector: ObjectDetector, truth: GroundTruth) -> list[Detections]:
    """The detections of every frame, tracked from the start as at play."""
    per_frame = []
    height, width = truth.screens.shape[1:]
    for frame, screen in enumerate(truth.screens):
        if frame == 0 or truth.starts[frame]:
            detector.reset()
        detector.observe(screen)
        found = detector.tracker.objects
        half_w, half_h = found["w"] / 2, found["h"] / 2
        x, y = found["x"], found["y"]
        corners = np.stack([x - half_w, y - half_h, x + half_w, y + half_h], axis=1)
        corners[:, 0::2] = corners[:, 0::2].clip(0, width)
        corners[:, 1::2] = corners[:, 1::2].clip(0, height)
        per_frame.append(
            Detections(found["type"].astype(np.int64), found["track"].astype(np.int64), corners)
        )
    return per_frame


def match_frame(
    detections: Detections, truth: GroundTruth, matters: np.ndarray, frame: int
) -> FrameMatches:
    """Matches the detections of a frame with its true boxes; `matters`: bool (m,), boxes not
    ignored."""
    here = np.flatnonzero(truth.frame == frame)
    rows, ignored = here[matters[here]], here[~matters[here]]
    true = truth.boxes[rows]
    overlap, apart = geometry.iou(detections.boxes, true), geometry.distance(detections.boxes, true)
    near = (geometry.areas(true) <= SMALL_AREA)[None, :] & (apart <= SMALL_BOX_DISTANCE)
    good = (overlap >= MIN_IOU) | near
    one, two = linear_sum_assignment(-np.where(good, 1 + overlap + 1 / (1 + apart), 0))
    fits = good[one, two]
    one, two = one[fits], two[fits]
    loose = np.setdiff1d(np.arange(len(detections.boxes)), one)
    inside = geometry.intersections(detections.boxes[loose], truth.boxes[ignored])
    excused = (inside >= MIN_IGNORED_SHARE * geometry.areas(detections.boxes[loose])[:, None]).any(
        axis=1
    )
    return FrameMatches(
        detections.types[one],
        detections.tracks[one],
        rows[two],
        overlap[one, two],
        apart[one, two],
        detections.types[loose[~excused]],
        np.delete(rows, two),
    )


def evaluate_detector(
    detector: ObjectDetector, truth: GroundTruth, split: int
) -> tuple[dict[str, Any], list[FrameMatches]]:
    """Evaluates a detector on the frames from `split` on.

    The frames before decide which category each type stands for; all of them where split is 0.

    Returns:
        The metrics, as `python -m diffses score-detector` prints them, and the evaluated frames.
    """
    names = moving_categories(truth)
    matters = np.isin(truth.category, names) & visible_boxes(truth)
    per_frame = run_detector(detector, truth)
    matches = [match_frame(one, truth, matters, frame) for frame, one in enumerate(per_frame)]
    category_of = majority_categories(matches[:split] or matches, truth)
    scored = matches[split:]
    candidates = candidate_boxes(truth.screens)
    changes = identity_switches(matches, truth, split)
    frames = len(scored)
    overall = totals(scored) | {
        "switches_per_100_frames": 100 * sum(changes.values()) / frames,
        "type_purity": type_purity(scored, truth),
    }
    categories = {
        truth.names[category]: totals(
            [restrict_to_category(m, truth, category, category_of) for m in scored]
        )
        | {"switches_per_100_frames": 100 * changes.get(category, 0) / frames}
        for category in names
    }
    schema = detector.tracker.schema
    player, names_of = schema.player, [kind.name for kind in schema.types]
    stands_for = None if player is None else category_of.get(names_of.index(player))
    result = {
        "overall": overall,
        "categories": categories,
        "counted": [truth.names[category] for category in names],
        "ignored": [name for n, name in enumerate(truth.names) if n not in names],
        "ceiling": recall_upper_bounds(truth, candidates, matters, names, split),
        "still_or_hidden": still_or_hidden(per_frame, truth, candidates, ~matters, split),
        "split": split,
        "types": {
            kind: truth.names[category_of[number]] if number in category_of else None
            for number, kind in enumerate(names_of)
        },
        "player": {
            "type": player,
            "category": None if stands_for is None else truth.names[stands_for],
        },
    }
    return result, scored


def still_or_hidden(
    per_frame: Sequence[Detections],
    truth: GroundTruth,
    candidates: Sequence[np.ndarray],
    rows: np.ndarray,
    split: int,
) -> dict[str, dict[str, float]]:
    """The recall of the boxes that the other metrics ignore: of categories that hardly move, and
    boxes that look like the background. There is no precision: it is not known what else is still.

    Args:
        candidates: of `candidate_boxes`.
        rows: bool (m,), these boxes.

    Returns:
        By category: boxes, how many there are from frame `split` on; recall, the share that a
        detection of any type is matched with; ceiling, as of `recall_upper_bounds`.
    """
    scored = [match_frame(per_frame[n], truth, rows, n) for n in range(split, len(per_frame))]
    there: Counter[int] = Counter()
    hits: Counter[int] = Counter()
    for one in scored:
        hits.update(truth.category[one.rows].tolist())
        there.update(truth.category[one.rows].tolist() + truth.category[one.missed].tolist())
    ceiling = recall_upper_bounds(truth, candidates, rows, sorted(there), split)
    return {
        truth.names[category]: {
            "boxes": there[category],
            "recall": hits[category] / there[category],
            "ceiling": ceiling[truth.names[category]],
        }
        for category in sorted(there)
    }


def totals(matches: Sequence[FrameMatches]) -> dict[str, float]:
    """Precision, recall, F1, and the means over all pairs."""
    hits = sum(len(m.rows) for m in matches)
    false = sum(len(m.false) for m in matches)
    missed = sum(len(m.missed) for m in matches)
    iou = np.concatenate([m.iou for m in matches]) if matches else np.zeros(0)
    apart = np.concatenate([m.distance for m in matches]) if matches else np.zeros(0)
    return {
        "precision": hits / max(1, hits + false),
        "recall": hits / max(1, hits + missed),
        "f1": 2 * hits / max(1, 2 * hits + false + missed),
        "centre_error_px": float(apart.mean()) if hits else 0.0,
        "iou": float(iou.mean()) if hits else 0.0,
    }


def restrict_to_category(
    one: FrameMatches, truth: GroundTruth, category: int, category_of: dict[int, int]
) -> FrameMatches:
    """A frame as one category sees it: a pair counts only if its type stands for the category."""
    is_ours = truth.category[one.rows] == category
    stands = np.array([category_of.get(int(kind)) == category for kind in one.types], dtype=bool)
    right, wrong = is_ours & stands, is_ours & ~stands
    alarms = [category_of.get(int(kind)) == category for kind in one.false]
    elsewhere = one.types[~is_ours & stands]
    return FrameMatches(
        one.types[right],
        one.tracks[right],
        one.rows[right],
        one.iou[right],
        one.distance[right],
        np.concatenate([one.false[np.array(alarms, dtype=bool)], elsewhere]),
        np.concatenate([one.missed[truth.category[one.missed] == category], one.rows[wrong]]),
    )


def majority_categories(matches: Sequence[FrameMatches], truth: GroundTruth) -> dict[int, int]:
    """The category that each type is matched with most often, the lowest of equals."""
    met: dict[int, Counter[int]] = {}
    for one in matches:
        for kind, row in zip(one.types, one.rows, strict=True):
            met.setdefault(int(kind), Counter())[int(truth.category[row])] += 1
    return {kind: max(sorted(mine), key=lambda c: mine[c]) for kind, mine in met.items()}


def type_purity(matches: Sequence[FrameMatches], truth: GroundTruth) -> float:
    """The share of pairs in which a type is matched with its majority category."""
    best = majority_categories(matches, truth)
    same = sum(
        best[int(kind)] == truth.category[row]
        for one in matches
        for kind, row in zip(one.types, one.rows, strict=True)
    )
    return float(same / max(1, sum(len(one.rows) for one in matches)))


def identity_switches(
    matches: Sequence[FrameMatches], truth: GroundTruth, split: int
) -> Counter[int]:
    """The number of identity switches (IDSW in MOT) of each category.

    True boxes have no identity: those of one category in consecutive frames are taken for the same
    object if they are nearest to each other (Hungarian method) and at most SWITCH_RADIUS px apart.
    """
    found: Counter[int] = Counter()
    for frame in range(max(split, 1), len(matches)):
        if truth.starts[frame]:
            continue
        before, now = matches[frame - 1], matches[frame]
        for category in np.unique(truth.category[now.rows]):
            a = np.flatnonzero(truth.category[before.rows] == category)
            b = np.flatnonzero(truth.category[now.rows] == category)
            apart = geometry.distance(truth.boxes[before.rows[a]], truth.boxes[now.rows[b]])
            one, two = linear_sum_assignment(apart)
            same = apart[one, two] <= SWITCH_RADIUS
            other = before.tracks[a[one]] != now.tracks[b[two]]
            found[int(category)] += int((same & other).sum())
    return found


def recall_upper_bounds(
    truth: GroundTruth,
    candidates: Sequence[np.ndarray],
    matters: np.ndarray,
    names: Sequence[int],
    split: int,
) -> dict[str, float]:
    """The recall that the best-fitting blob of foreground or of one colour would have, by
    category.

    Args:
        candidates: of `candidate_boxes`: these blobs, by frame.
        matters: bool (m,), the boxes that count.
    """
    hits: Counter[int] = Counter()
    there: Counter[int] = Counter()
    for frame in range(split, len(truth.screens)):
        rows = np.flatnonzero((truth.frame == frame) & matters)
        if not len(rows):
            continue
        true = truth.boxes[rows]
        overlap = geometry.iou(candidates[frame], true).max(axis=0, initial=0)
        near = (
            geometry.distance(candidates[frame], true).min(axis=0, initial=np.inf)
            <= SMALL_BOX_DISTANCE
        )
        good = (overlap >= MIN_IOU) | (near & (geometry.areas(true) <= SMALL_AREA))
        there.update(truth.category[rows].tolist())
        hits.update(truth.category[rows[good]].tolist())
    return {truth.names[c]: hits[c] / there[c] for c in names if there[c]}

"""How well a detector finds what is there: precision, recall and F1 against true boxes.

Boxes are clipped to the screen. Counted are categories whose box moved in at least 2 % of their
consecutive-frame boxes; a box of which no pixel differs from the scene's most frequent colours is
not drawn, and is ignored like the categories that are not counted: no miss, and a prediction at
least half inside it no false alarm. Pairs are one-to-one a frame (Hungarian method), at IoU >= 0.5,
or with centres at most 2 px apart where the true box is 16 px^2 or less.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from diffses.detector.learning import most_frequent
from diffses.detector.motion import Detector

MOVED = 0.02  # share of consecutive boxes in which a counted category moves
SMALL = 16  # pixels squared
NEAR = 2.0  # pixels
OVERLAP = 0.5
MOVING_SCENE = 0.5  # a background that is right for fewer pixels than this is none


@dataclass(frozen=True)
class Truth:
    """A recording with true boxes.

    screens: uint8 (n, 210, 160), palette indices; starts: bool (n,); actions: (n,);
    boxes: float (m, 6), frame, category, x0, y0, x1, y1, clipped; categories: names.
    """

    screens: np.ndarray
    starts: np.ndarray
    actions: np.ndarray
    boxes: np.ndarray
    categories: tuple[str, ...]


def counted(truth: Truth) -> list[int]:
    """The categories that move."""
    found = []
    for category in range(len(truth.categories)):
        mine = truth.boxes[truth.boxes[:, 1] == category]
        places = [
            {tuple(box) for box in mine[mine[:, 0] == frame][:, 2:]}
            for frame in range(len(truth.screens))
        ]
        pairs = moved = 0
        for before, now in pairwise(places):
            if before and now:
                pairs += len(now)
                moved += len(now - before)
        if pairs and moved >= MOVED * pairs:
            found.append(category)
    return found


def drawn(truth: Truth) -> np.ndarray:
    """Which boxes have a pixel unlike the background, bool (m,)."""
    background = most_frequent(truth.screens)
    if (truth.screens == background).mean() < MOVING_SCENE:
        return np.ones(len(truth.boxes), bool)
    visible = []
    for frame, _, x0, y0, x1, y1 in truth.boxes.astype(int):
        patch = np.s_[y0:y1, x0:x1]
        visible.append(bool((truth.screens[frame][patch] != background[patch]).any()))
    return np.array(visible, bool)


def watch(detector: Detector, truth: Truth, first: int) -> list[np.ndarray]:
    """What the detector sees in every frame from `first` on: arrays of type, track, x0, y0, x1, y1.

    It has watched what came before, so that its tracks are those of a detector at work.
    """
    seen = []
    detector.reset()
    for frame, screen in enumerate(truth.screens):
        if truth.starts[frame]:
            detector.reset()
        detector.observe(screen)
        if frame >= first:
            o = detector.objects
            seen.append(
                np.stack(
                    [o["type"], o["track"], o["x"] - o["w"] / 2, o["y"] - o["h"] / 2,
                     o["x"] + o["w"] / 2, o["y"] + o["h"] / 2],
                    axis=1,
                )
            )  # fmt: skip
    return seen


def score(detector: Detector, truth: Truth, first: int) -> dict[str, Any]:
    """Scores the frames from `first` on; the frames before say which type stands for what.

    Returns:
        {"overall", "categories", "counted", "ignored", "split"}; see the module's text.
    """
    names = counted(truth)
    visible = drawn(truth)
    matter = np.isin(truth.boxes[:, 1], names) & visible
    everything = watch(detector, truth, 0)
    matches = [
        match(everything[frame], *_of_frame(truth, matter, frame))
        for frame in range(len(truth.screens))
    ]
    meaning = _meaning(matches[:first])
    rows = matches[first:]
    overall = _totals(rows)
    overall |= _identity(rows, truth.starts[first:])
    categories = {}
    for category in names:
        mine = [
            {
                "pairs": [p for p in row["pairs"] if p["category"] == category],
                "false": [t for t in row["false"] if meaning.get(t) == category],
                "missed": [c for c in row["missed"] if c == category],
            }
            for row in rows
        ]
        wrong = sum(meaning.get(p["type"]) != category for row in mine for p in row["pairs"])
        categories[truth.categories[category]] = _totals(mine) | {"mistaken": wrong}
    return {
        "overall": overall,
        "categories": categories,
        "counted": [truth.categories[c] for c in names],
        "ignored": [n for i, n in enumerate(truth.categories) if i not in names],
        "split": first,
    }


def _of_frame(truth: Truth, matter: np.ndarray, frame: int) -> tuple[np.ndarray, np.ndarray]:
    here = truth.boxes[:, 0] == frame
    return truth.boxes[here & matter], truth.boxes[here & ~matter]


def match(seen: np.ndarray, true: np.ndarray, ignored: np.ndarray) -> dict[str, list[Any]]:
    """The pairs of one frame, the types of false alarms, and the categories of misses."""
    pairs: list[dict[str, Any]] = []
    used, hit = set(), set()
    if len(seen) and len(true):
        iou, distance = overlaps(seen[:, 2:], true[:, 2:]), distances(seen[:, 2:], true[:, 2:])
        areas = (true[:, 4] - true[:, 2]) * (true[:, 5] - true[:, 3])
        good = (iou >= OVERLAP) | ((areas <= SMALL)[None, :] & (distance <= NEAR))
        worth = np.where(good, 1 + iou + 1 / (1 + distance), 0)
        for i, j in zip(*linear_sum_assignment(-worth), strict=True):
            if good[i, j]:
                used.add(i)
                hit.add(j)
                pairs.append(
                    {"type": int(seen[i, 0]), "track": int(seen[i, 1]),
                     "category": int(true[j, 1]), "iou": float(iou[i, j]),
                     "distance": float(distance[i, j])}
                )  # fmt: skip
    false = []
    for i in range(len(seen)):
        if i in used:
            continue
        if len(ignored):
            area = max(1e-9, float(np.prod(seen[i, 4:] - seen[i, 2:4])))
            if (intersections(seen[i : i + 1, 2:], ignored[:, 2:])[0] >= 0.5 * area).any():
                continue
        false.append(int(seen[i, 0]))
    missed = [int(true[j, 1]) for j in range(len(true)) if j not in hit]
    return {"pairs": pairs, "false": false, "missed": missed}


def intersections(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Shared area of boxes x0, y0, x1, y1: (n, 4) and (m, 4) to (n, m), pixels squared."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    area: np.ndarray = np.clip(high - low, 0, None).prod(axis=2)
    return area


def overlaps(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union of boxes, (n, m)."""
    shared = intersections(a, b)
    own_a, own_b = (a[:, 2:] - a[:, :2]).prod(axis=1), (b[:, 2:] - b[:, :2]).prod(axis=1)
    iou: np.ndarray = shared / np.maximum(own_a[:, None] + own_b[None, :] - shared, 1e-9)
    return iou


def distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Between the centres of boxes, (n, m), pixels."""
    away = (a[:, None, :2] + a[:, None, 2:] - b[None, :, :2] - b[None, :, 2:]) / 2
    apart: np.ndarray = np.sqrt((away**2).sum(axis=2))
    return apart


def _totals(rows: list[dict[str, list[Any]]]) -> dict[str, float]:
    hits = sum(len(row["pairs"]) for row in rows)
    false = sum(len(row["false"]) for row in rows)
    missed = sum(len(row["missed"]) for row in rows)
    pairs = [pair for row in rows for pair in row["pairs"]]
    return {
        "precision": hits / max(1, hits + false),
        "recall": hits / max(1, hits + missed),
        "f1": 2 * hits / max(1, 2 * hits + false + missed),
        "centre_error_px": float(np.mean([p["distance"] for p in pairs])) if pairs else 0.0,
        "iou": float(np.mean([p["iou"] for p in pairs])) if pairs else 0.0,
    }


def _meaning(rows: list[dict[str, list[Any]]]) -> dict[int, int]:
    """type -> the category it meets most."""
    counts: dict[int, dict[int, int]] = {}
    for pair in (pair for row in rows for pair in row["pairs"]):
        mine = counts.setdefault(pair["type"], {})
        mine[pair["category"]] = mine.get(pair["category"], 0) + 1
    return {kind: max(mine, key=lambda c: mine[c]) for kind, mine in counts.items()}


def _identity(rows: list[dict[str, list[Any]]], starts: np.ndarray) -> dict[str, float]:
    """How often the track of a category's only object changes, and how pure the types are."""
    switches = 0
    last: dict[int, int] = {}
    for row, start in zip(rows, starts, strict=True):
        if start:
            last = {}
        for category in {pair["category"] for pair in row["pairs"]}:
            mine = [pair for pair in row["pairs"] if pair["category"] == category]
            if len(mine) == 1:
                switches += last.get(category, mine[0]["track"]) != mine[0]["track"]
                last[category] = mine[0]["track"]
    meaning = _meaning(rows)
    pairs = [pair for row in rows for pair in row["pairs"]]
    pure = sum(meaning[pair["type"]] == pair["category"] for pair in pairs)
    return {
        "switches_per_100_frames": 100 * switches / max(1, len(rows)),
        "type_purity": pure / max(1, len(pairs)),
    }

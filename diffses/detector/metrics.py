"""How well a detector finds what is there: against true boxes, frame by frame.

An ignored box is no miss, and a prediction at least half inside one is no false alarm. All others
are paired one-to-one in each frame (Hungarian method), at IoU >= 0.5, or with centres at most 2 px
apart where the true box has 16 px^2 or less.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from diffses.detector import geometry
from diffses.detector.ground_truth import Truth, counted, drawn, pieces
from diffses.detector.tracker import ObjectDetector

OVERLAP = 0.5  # IoU
SMALL = 16.0  # px^2
NEAR = 2.0  # px
INSIDE = 0.5  # share of a prediction that must lie in an ignored box
REACH = 24.0  # px: a true box this near to one in the frame before may be the same thing


@dataclass(frozen=True)
class Seen:
    """What a detector says of one frame."""

    types: np.ndarray  # int64 (n,)
    tracks: np.ndarray  # int64 (n,): who is who
    boxes: np.ndarray  # float64 (n, 4)


@dataclass(frozen=True)
class Match:
    """One frame: what was paired, and what was not."""

    types: np.ndarray  # int64 (p,), of the pairs
    tracks: np.ndarray
    rows: np.ndarray  # int64 (p,): the true boxes of the pairs
    iou: np.ndarray
    distance: np.ndarray  # px
    false: np.ndarray  # int64: types of the false alarms
    missed: np.ndarray  # int64: rows of the true boxes that were missed


def watch(detector: ObjectDetector, truth: Truth) -> list[Seen]:
    """What the detector says of every frame, watching from the start as in play."""
    seen = []
    height, width = truth.screens.shape[1:]
    for frame, screen in enumerate(truth.screens):
        if frame == 0 or truth.starts[frame]:
            detector.reset()
        detector.observe(screen)
        found = detector.memory.objects
        half_w, half_h = found["w"] / 2, found["h"] / 2
        x, y = found["x"], found["y"]
        corners = np.stack([x - half_w, y - half_h, x + half_w, y + half_h], axis=1)
        corners[:, 0::2] = corners[:, 0::2].clip(0, width)
        corners[:, 1::2] = corners[:, 1::2].clip(0, height)
        seen.append(Seen(found["type"].astype(np.int64), found["track"].astype(np.int64), corners))
    return seen


def match(seen: Seen, truth: Truth, matters: np.ndarray, frame: int) -> Match:
    """Pairs what was seen in a frame with what was there."""
    here = np.flatnonzero(truth.frame == frame)
    rows, ignored = here[matters[here]], here[~matters[here]]
    true = truth.boxes[rows]
    overlap, apart = geometry.iou(seen.boxes, true), geometry.distance(seen.boxes, true)
    near = (geometry.areas(true) <= SMALL)[None, :] & (apart <= NEAR)
    good = (overlap >= OVERLAP) | near
    one, two = linear_sum_assignment(-np.where(good, 1 + overlap + 1 / (1 + apart), 0))
    fits = good[one, two]
    one, two = one[fits], two[fits]
    loose = np.setdiff1d(np.arange(len(seen.boxes)), one)
    inside = geometry.shared(seen.boxes[loose], truth.boxes[ignored])
    excused = (inside >= INSIDE * geometry.areas(seen.boxes[loose])[:, None]).any(axis=1)
    return Match(
        seen.types[one],
        seen.tracks[one],
        rows[two],
        overlap[one, two],
        apart[one, two],
        seen.types[loose[~excused]],
        np.delete(rows, two),
    )


def score(detector: ObjectDetector, truth: Truth, split: int) -> tuple[dict[str, Any], list[Match]]:
    """Scores the frames from `split` on.

    The frames before say which category each type stands for.

    Returns:
        The scores, as `python -m diffses score-detector` prints them, and the scored frames.
    """
    names = counted(truth)
    matters = np.isin(truth.category, names) & drawn(truth)
    seen = watch(detector, truth)
    matches = [match(seen[frame], truth, matters, frame) for frame in range(len(seen))]
    meaning = meanings(matches[:split], truth)
    scored = matches[split:]
    changes = switches(matches, truth, split)
    frames = len(scored)
    overall = totals(scored) | {
        "switches_per_100_frames": 100 * sum(changes.values()) / frames,
        "type_purity": purity(scored, truth),
    }
    categories = {
        truth.names[category]: totals([of_category(m, truth, category, meaning) for m in scored])
        | {"switches_per_100_frames": 100 * changes.get(category, 0) / frames}
        for category in names
    }
    cast = detector.memory.cast
    player, names_of = cast.player, [kind.name for kind in cast.types]
    stands_for = None if player is None else meaning.get(names_of.index(player))
    result = {
        "overall": overall,
        "categories": categories,
        "counted": [truth.names[category] for category in names],
        "ignored": [name for n, name in enumerate(truth.names) if n not in names],
        "ceiling": ceilings(truth, matters, names, split),
        "split": split,
        "types": {
            kind: truth.names[meaning[number]] if number in meaning else None
            for number, kind in enumerate(names_of)
        },
        "player": {
            "type": player,
            "category": None if stands_for is None else truth.names[stands_for],
        },
    }
    return result, scored


def totals(matches: Sequence[Match]) -> dict[str, float]:
    """Precision, recall, F1 and the means over all pairs."""
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


def of_category(one: Match, truth: Truth, category: int, meaning: dict[int, int]) -> Match:
    """A frame as this category sees it: a pair counts where the type stands for it as well."""
    is_ours = truth.category[one.rows] == category
    stands = np.array([meaning.get(int(kind)) == category for kind in one.types], dtype=bool)
    right, wrong = is_ours & stands, is_ours & ~stands
    alarms = [meaning.get(int(kind)) == category for kind in one.false]
    elsewhere = one.types[~is_ours & stands]
    return Match(
        one.types[right],
        one.tracks[right],
        one.rows[right],
        one.iou[right],
        one.distance[right],
        np.concatenate([one.false[np.array(alarms, dtype=bool)], elsewhere]),
        np.concatenate([one.missed[truth.category[one.missed] == category], one.rows[wrong]]),
    )


def meanings(matches: Sequence[Match], truth: Truth) -> dict[int, int]:
    """The category each type meets most, the lowest of equals."""
    met: dict[int, Counter[int]] = {}
    for one in matches:
        for kind, row in zip(one.types, one.rows, strict=True):
            met.setdefault(int(kind), Counter())[int(truth.category[row])] += 1
    return {kind: max(sorted(mine), key=lambda c: mine[c]) for kind, mine in met.items()}


def purity(matches: Sequence[Match], truth: Truth) -> float:
    """The share of pairs in which a type meets the category it meets most here."""
    best = meanings(matches, truth)
    same = sum(
        best[int(kind)] == truth.category[row]
        for one in matches
        for kind, row in zip(one.types, one.rows, strict=True)
    )
    return float(same / max(1, sum(len(one.rows) for one in matches)))


def switches(matches: Sequence[Match], truth: Truth, split: int) -> Counter[int]:
    """How often one and the same thing was taken for another, by category.

    The true boxes have no identity: those of one category in consecutive frames are taken for the
    same thing where they are nearest to each other (Hungarian method) and at most REACH px apart.
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
            same = apart[one, two] <= REACH
            other = before.tracks[a[one]] != now.tracks[b[two]]
            found[int(category)] += int((same & other).sum())
    return found


def ceilings(
    truth: Truth, matters: np.ndarray, names: Sequence[int], split: int
) -> dict[str, float]:
    """The recall that the best-fitting blob of foreground or of one colour would have."""
    hits: Counter[int] = Counter()
    there: Counter[int] = Counter()
    found = pieces(truth.screens)
    for frame in range(split, len(truth.screens)):
        rows = np.flatnonzero((truth.frame == frame) & matters)
        if not len(rows):
            continue
        true = truth.boxes[rows]
        overlap = geometry.iou(found[frame], true).max(axis=0, initial=0)
        near = geometry.distance(found[frame], true).min(axis=0, initial=np.inf) <= NEAR
        good = (overlap >= OVERLAP) | (near & (geometry.areas(true) <= SMALL))
        there.update(truth.category[rows].tolist())
        hits.update(truth.category[rows[good]].tolist())
    return {truth.names[c]: hits[c] / there[c] for c in names if there[c]}

"""Which colours objects have, and which of them are parts of one object."""

from __future__ import annotations

import numba
import numpy as np

from diffses.detector import kernel
from diffses.detector.segmentation import SegmentationModel, scratch

MIN_TOUCHING_SHARE = 0.75  # of a colour's pixels touch another colour, if they are linked
MIN_FIXED_SHARE = 0.5  # of those contacts are at the commonest few offsets


def find_colours(
    screens: np.ndarray, background: np.ndarray, search_mask: np.ndarray, free: np.ndarray
) -> np.ndarray:
    """Numbers the foreground colours, uint8 (2, 256): outside and inside the search mask.

    Colours that the recording never shows have the number OTHER_COLOUR inside the mask: a new level
    may draw known outlines in them.

    Args:
        search_mask: bool (h, w), where objects of every colour are searched.
        free: bool (256,), palette indices that are searched everywhere.
    """
    counts, everywhere = _count_colours(screens, background, search_mask, free)
    order = np.argsort(-counts, kind="stable")[: kernel.OTHER_COLOUR]
    colours = np.where(everywhere > 0, kernel.NO_COLOUR, kernel.OTHER_COLOUR).astype(np.uint8)
    chosen = np.sort(order[counts[order] > 0])
    colours[chosen] = np.arange(len(chosen))
    return np.stack([np.where(free, colours, kernel.NO_COLOUR), colours]).astype(np.uint8)


@numba.njit(cache=True, nogil=True)
def _count_colours(
    screens: np.ndarray, background: np.ndarray, search_mask: np.ndarray, free: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Pixels of each colour, int64 (256,): those in the foreground, and all."""
    foreground, everywhere = np.zeros(256, np.int64), np.zeros(256, np.int64)
    for screen in screens:
        for y in range(screen.shape[0]):
            for x in range(screen.shape[1]):
                colour = screen[y, x]
                everywhere[colour] += 1
                if colour != background[y, x] and (search_mask[y, x] or free[colour]):
                    foreground[colour] += 1
    return foreground, everywhere


def find_links(screens: np.ndarray, segmentation: SegmentationModel) -> np.ndarray:
    """Which colours belong to one object, bool (MAX_COLOURS, MAX_COLOURS).

    Two colours are linked if nearly all of one touches the other, at a few fixed offsets; two
    objects that meet now and then are not.
    """
    areas, touching, offsets = _touches(screens, segmentation)
    links = np.eye(kernel.MAX_COLOURS, dtype=bool)
    for one in range(len(areas)):
        if areas[one] == 0:
            continue
        partners = [two for two in range(len(areas)) if touching[one, two] > 0]
        for two in partners:
            places = np.array(sorted(offsets[one, two].values(), reverse=True))
            fixed = places[:12].sum() / places.sum()
            other = touching[two, one] / max(areas[two], 1)
            if (
                max(touching[one, two] / areas[one], other) >= MIN_TOUCHING_SHARE
                and fixed >= MIN_FIXED_SHARE
            ):
                links[one, two] = links[two, one] = True
    return links


def _touches(
    screens: np.ndarray, segmentation: SegmentationModel
) -> tuple[np.ndarray, np.ndarray, dict[tuple[int, int], dict[tuple[int, int], int]]]:
    """For colours: their area, the area of the parts that touch each other colour, and at which
    offsets."""
    count = len(segmentation.palette())
    alone = np.eye(kernel.MAX_COLOURS, dtype=bool)
    areas, touching = np.zeros(count), np.zeros((count, count))
    offsets: dict[tuple[int, int], dict[tuple[int, int], int]] = {}
    runs, parts, part_areas = scratch()
    for screen in screens:
        n_runs, n_parts = kernel.connected_components(
            screen,
            segmentation.background,
            segmentation.search_mask,
            segmentation.colours,
            alone,
            runs,
            parts,
            part_areas,
        )
        found = parts[:n_parts].astype(np.int64)
        np.add.at(areas, found[:, 0], found[:, 5])
        pairs = touching_parts(runs[:n_runs])
        pairs = np.concatenate([pairs, pairs[:, ::-1]])
        toward = np.unique(np.column_stack([pairs[:, 0], found[pairs[:, 1], 0]]), axis=0)
        np.add.at(touching, (found[toward[:, 0], 0], toward[:, 1]), found[toward[:, 0], 5])
        for one, two in pairs:
            a, b = found[one], found[two]
            places = offsets.setdefault((int(a[0]), int(b[0])), {})
            place = (
                int(a[1] + a[3] - b[1] - b[3]) // 4,
                int(a[2] + a[4] - b[2] - b[4]) // 4,
            )
            places[place] = places.get(place, 0) + int(a[5])
    return areas, touching, offsets


def touching_parts(runs: np.ndarray) -> np.ndarray:
    """Pairs of blobs that touch, int64 (n, 2), each once, from the runs of
    `connected_components`."""
    pairs = _touching_runs(runs)
    return np.unique(pairs, axis=0) if len(pairs) else np.zeros((0, 2), np.int64)


@numba.njit(cache=True, nogil=True)
def _touching_runs(runs: np.ndarray) -> np.ndarray:
    """The blobs of runs that touch and are of two blobs, the lower first, int64 (n, 2)."""
    pairs = np.zeros((4 * len(runs) + 1, 2), np.int64)
    count = above_first = row_first = 0
    for run in range(len(runs)):
        row, left, right, blob = runs[run, 3], runs[run, 1], runs[run, 2], runs[run, 5]
        if run > 0 and row != runs[run - 1, 3]:
            above_first, row_first = row_first, run
        for other in range(above_first, run):
            touches = runs[other, 1] <= right + 1 and runs[other, 2] >= left - 1
            touches &= runs[other, 3] + 1 == row or runs[other, 3] == row
            two = runs[other, 5]
            if touches and blob >= 0 and two >= 0 and two != blob and count < len(pairs):
                pairs[count, 0], pairs[count, 1] = min(blob, two), max(blob, two)
                count += 1
    return pairs[:count]

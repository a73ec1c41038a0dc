"""Which colours objects have, and which of them are parts of one object."""

from __future__ import annotations

import numpy as np

from diffses.detector import kernel
from diffses.detector.segmentation import SegmentationModel, scratch

MIN_TOUCHING_SHARE = 0.6  # of a colour's pixels touch another colour, if they are linked
MIN_FIXED_SHARE = 0.5  # of those contacts are at the commonest few offsets


def find_colours(
    screens: np.ndarray, background: np.ndarray, search_mask: np.ndarray, free: np.ndarray
) -> np.ndarray:
    """Numbers the foreground colours, uint8 (2, 256): outside and inside the search mask.

    Args:
        search_mask: bool (h, w), where objects of every colour are searched.
        free: bool (256,), palette indices that are searched everywhere.
    """
    foreground = (screens != background) & (search_mask | free[screens])
    counts = np.bincount(screens[foreground], minlength=256)
    order = np.argsort(-counts, kind="stable")[: kernel.MAX_COLOURS]
    colours = np.full(256, kernel.NO_COLOUR, np.uint8)
    chosen = np.sort(order[counts[order] > 0])
    colours[chosen] = np.arange(len(chosen))
    return np.stack([np.where(free, colours, kernel.NO_COLOUR), colours]).astype(np.uint8)


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
    if len(runs) == 0:
        return np.zeros((0, 2), np.int64)
    rows = runs[:, 3]
    pairs = []
    for y in np.unique(rows):
        here = runs[rows == y]
        if len(here) > 1:
            beside = here[1:, 1] == here[:-1, 2] + 1
            pairs.append(np.column_stack([here[:-1][beside, 5], here[1:][beside, 5]]))
        below = runs[rows == y + 1]
        if len(below):
            meet = (here[:, None, 1] <= below[None, :, 2] + 1) & (
                here[:, None, 2] >= below[None, :, 1] - 1
            )
            one, two = np.nonzero(meet)
            pairs.append(np.column_stack([here[one, 5], below[two, 5]]))
    if not pairs:
        return np.zeros((0, 2), np.int64)
    joined = np.sort(np.concatenate(pairs), axis=1).astype(np.int64)
    joined = joined[(joined[:, 0] != joined[:, 1]) & (joined[:, 0] >= 0)]
    return np.unique(joined, axis=0)

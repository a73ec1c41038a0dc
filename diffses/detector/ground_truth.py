"""Recordings with true boxes, and which of the boxes count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from diffses.detector import kernel
from diffses.detector.background import mode_background
from diffses.detector.colour_links import find_colours
from diffses.detector.palette import recording_indices
from diffses.detector.recording_file import read_arrays, refusal
from diffses.detector.segmentation import scratch
from diffses.errors import ConfigError, DiffsesError

GIVEN = "--frames "  # by score-detector
BOX_FIELDS = ("frame", "category", "x", "y", "w", "h")
MIN_MOVED_SHARE = 0.02  # of its consecutive boxes must have moved for a category to count
MIN_BACKGROUND_SHARE = 0.5  # of all pixels show the background, unless the background moves


@dataclass(frozen=True)
class GroundTruth:
    """A recording with true boxes."""

    frames: np.ndarray  # uint8 (n, h, w, 3), RGB
    screens: np.ndarray  # uint8 (n, h, w), one index a colour
    starts: np.ndarray  # bool (n,), where an episode begins
    action_tm1: np.ndarray  # int (n,), the action that led to each frame
    frame: np.ndarray  # int64 (m,), of each box
    category: np.ndarray  # int64 (m,), an index into `names`
    boxes: np.ndarray  # float64 (m, 4), left, top, right, bottom in px, clipped to the screen
    names: tuple[str, ...]
    game: str | None = None  # the ROM's name; None for a file that does not say


def read_ground_truth(path: Path) -> GroundTruth:
    """Reads a recording with true boxes; boxes off the screen are dropped.

    The file holds frames, actions, episode_start, boxes and categories, and optionally the palette
    indices of the frames (screens).

    Raises:
        ConfigError: if the file is missing, damaged or lacks an array, or if an array has another
            shape or type.
    """
    arrays = read_arrays(path, ("boxes", "categories"), GIVEN)
    if problem := _problem(arrays):
        raise ConfigError(
            f"{path} has no true boxes to score against: {problem}",
            fix="a recording with true boxes: see python -m diffses score-detector --help",
        )
    screens = arrays.get("screens")
    rows = arrays["boxes"]
    height, width = arrays["frames"].shape[1:3]
    corners = [rows["x"], rows["y"], rows["x"] + rows["w"], rows["y"] + rows["h"]]
    boxes = np.stack(corners, axis=1).astype(float)
    boxes[:, 0::2] = boxes[:, 0::2].clip(0, width)
    boxes[:, 1::2] = boxes[:, 1::2].clip(0, height)
    there = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    return GroundTruth(
        arrays["frames"],
        _indices(path, arrays["frames"]) if screens is None else screens,
        arrays["episode_start"].astype(bool),
        arrays["actions"],
        rows["frame"][there].astype(np.int64),
        rows["category"][there].astype(np.int64),
        boxes[there],
        tuple(str(name) for name in arrays["categories"]),
        str(arrays["game"]) if "game" in arrays else None,
    )


def _indices(path: Path, frames: np.ndarray) -> np.ndarray:
    try:
        return recording_indices(frames)
    except DiffsesError as error:
        raise refusal(path, error.problem, GIVEN) from error


def _problem(arrays: Mapping[str, np.ndarray]) -> str | None:
    """What is wrong with the true boxes; None if nothing is."""
    if missing := {"boxes", "categories"} - set(arrays):
        return f"it lacks {', '.join(sorted(missing))}"
    boxes, names = arrays["boxes"], arrays["categories"]
    if names.ndim != 1 or names.dtype.kind != "U":
        return f"categories is {names.dtype} {names.shape}, want texts (c,)"
    if boxes.ndim != 1 or not set(BOX_FIELDS) <= set(boxes.dtype.names or ()):
        return f"boxes is {boxes.dtype} {boxes.shape}, want records of {', '.join(BOX_FIELDS)}"
    for field, limit in (("frame", len(arrays["frames"])), ("category", len(names))):
        if len(boxes) and not (boxes[field].min() >= 0 and boxes[field].max() < limit):
            return f"the {field} of a box is not in 0 to {limit - 1}"
    if not all(np.isfinite(boxes[field]).all() for field in BOX_FIELDS):
        return "a box is not finite"
    return None


def moving_categories(truth: GroundTruth) -> list[int]:
    """The categories whose boxes moved in at least MIN_MOVED_SHARE of consecutive frames.

    A box has moved if its category had boxes in the previous frame and none of them was the same.
    """
    found = []
    for category in range(len(truth.names)):
        mine = truth.category == category
        at: list[set[tuple[float, ...]]] = [set() for _ in truth.screens]
        for frame, box in zip(truth.frame[mine], truth.boxes[mine], strict=True):
            at[frame].add(tuple(box))
        pairs = moved = 0
        for before, now in pairwise(at):
            if before and now:
                pairs += len(now)
                moved += len(now - before)
        if pairs and moved >= MIN_MOVED_SHARE * pairs:
            found.append(category)
    return found


def visible_boxes(truth: GroundTruth) -> np.ndarray:
    """Which boxes have a foreground pixel, bool (m,); all of them if the background moves."""
    background = mode_background(truth.screens)
    if (truth.screens == background).mean() < MIN_BACKGROUND_SHARE:
        return np.ones(len(truth.boxes), dtype=bool)
    return np.array(
        [
            (truth.screens[frame, y0:y1, x0:x1] != background[y0:y1, x0:x1]).any()
            for frame, (x0, y0, x1, y1) in zip(truth.frame, truth.boxes.astype(int), strict=True)
        ],
        dtype=bool,
    )


def candidate_boxes(screens: np.ndarray) -> list[np.ndarray]:
    """Every blob of one colour, and every blob of any colours, in front of the mode background.

    Args:
        screens: uint8 (n, h, w).

    Returns:
        For each screen the boxes left, top, right, bottom, float64 (m, 4), px, right and bottom
        exclusive.
    """
    background = mode_background(screens)
    everywhere = np.ones(background.shape, dtype=bool)
    colours = find_colours(screens, background, everywhere, np.zeros(256, dtype=bool))
    runs, blobs, areas = scratch()
    one_more = np.array([0.0, 0.0, 1.0, 1.0])
    found = []
    for screen in screens:
        boxes = []
        for links in (
            np.eye(kernel.MAX_COLOURS, dtype=bool),
            np.ones((kernel.MAX_COLOURS,) * 2, dtype=bool),
        ):
            _, count = kernel.connected_components(
                screen, background, everywhere, colours, links, runs, blobs, areas
            )
            boxes.append(blobs[:count, kernel.LEFT : kernel.BOTTOM + 1] + one_more)
        found.append(np.concatenate(boxes))
    return found

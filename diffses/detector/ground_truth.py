"""Recordings with true boxes, and which of the boxes count."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from diffses.detector import kernel
from diffses.detector.background import mode_background
from diffses.detector.colour_links import find_colours
from diffses.detector.palette import recording_indices
from diffses.detector.segmentation import scratch
from diffses.errors import ConfigError

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


def read_ground_truth(path: Path) -> GroundTruth:
    """Reads a recording with true boxes; boxes off the screen are dropped.

    The file holds frames, actions, episode_start, boxes and categories, and optionally the palette
    indices of the frames (screens).

    Raises:
        ConfigError: if the file is missing or lacks an array.
    """
    if not zipfile.is_zipfile(path):  # what an .npz file is
        raise ConfigError(f"{path} is not an .npz file", fix="a recording with true boxes (.npz)")
    with np.load(path) as file:
        wanted = {"frames", "actions", "episode_start", "boxes", "categories"}
        if missing := wanted - set(file.files):
            boxless = missing == {"boxes", "categories"}
            why = "no true boxes to score against" if boxless else "not a whole recording"
            raise ConfigError(
                f"{path} has {why}: it lacks {', '.join(sorted(missing))}",
                fix="a recording with true boxes: see python -m diffses score-detector --help",
            )
        arrays = {name: file[name] for name in wanted}
        screens = file["screens"] if "screens" in file.files else None
    rows = arrays["boxes"]
    height, width = arrays["frames"].shape[1:3]
    corners = [rows["x"], rows["y"], rows["x"] + rows["w"], rows["y"] + rows["h"]]
    boxes = np.stack(corners, axis=1).astype(float)
    boxes[:, 0::2] = boxes[:, 0::2].clip(0, width)
    boxes[:, 1::2] = boxes[:, 1::2].clip(0, height)
    there = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    return GroundTruth(
        arrays["frames"],
        recording_indices(arrays["frames"]) if screens is None else screens,
        arrays["episode_start"].astype(bool),
        arrays["actions"],
        rows["frame"][there].astype(np.int64),
        rows["category"][there].astype(np.int64),
        boxes[there],
        tuple(str(name) for name in arrays["categories"]),
    )


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

"""Learns a motion detector from a recording of play."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from diffses.config import Label, MotionDetector
from diffses.detector import background as background_
from diffses.detector import colour_links, grouping, kernel, object_types
from diffses.detector.motion import MotionModel, MotionObjectDetector
from diffses.detector.object_schema import schema_from_types, select_features
from diffses.detector.object_types import ObjectType
from diffses.detector.offline_tracks import (
    Trajectories,
    initial_params,
    stitch_colour_changes,
    track_screens,
)
from diffses.detector.recording import Outcomes, Recording
from diffses.detector.score_displays import find_displays
from diffses.detector.segmentation import SegmentationModel, restore_flickers, scratch
from diffses.detector.tracker import replay_action
from diffses.errors import DiffsesError

log = logging.getLogger("diffses")

LINK_FRAMES = 400  # frames, evenly spaced, from which colour links are learned
MIN_FLICKER_SHARE = 0.05  # of the screens must lack sprites that the previous frame shows
MAX_REVEALS = 3  # times that types are found again after like things were taken off the background


def learn_from_recording(
    play: Recording, settings: MotionDetector, labels: Mapping[str, Label]
) -> MotionObjectDetector:
    """`learn_motion_detector` on all of a recording."""
    return learn_motion_detector(
        play.screens,
        play.starts,
        play.action_tm1,
        settings,
        labels,
        play.before,
        play.outcomes,
    )


def learn_motion_detector(
    screens: np.ndarray,
    starts: np.ndarray,
    action_tm1: np.ndarray,
    settings: MotionDetector,
    labels: Mapping[str, Label],
    before: np.ndarray | None = None,
    outcomes: Outcomes | None = None,
) -> MotionObjectDetector:
    """Learns background, object types, player and features from screens of play.

    Args:
        screens: uint8 (n, h, w), palette indices, one a step.
        starts: bool (n,), where an episode begins.
        action_tm1: int (n,), the action that led to each screen; it only serves to identify the
            player.
        labels: names for types, see `labels.name_types`.
        before: uint8 (n, h, w), the frame before each screen. If more than MIN_FLICKER_SHARE of the
            screens lack sprites that it shows, the detector `looks_back`.
        outcomes: rewards and lost lives, to learn what contact does; None: not known.

    Raises:
        DiffsesError: if nothing moves.
        ConfigError: if a label finds no type.
        ValueError: for arrays of other shapes or types.
    """
    if screens.ndim != 3 or screens.dtype != np.uint8 or screens.shape[2] % 8:
        raise ValueError(f"want uint8 (n, h, w), w a multiple of 8, got {screens.shape}")
    if not len(screens) == len(starts) == len(action_tm1):
        raise ValueError(f"{len(screens)} screens, {len(starts)} starts, {len(action_tm1)} actions")
    screens = np.ascontiguousarray(screens)
    segmentation, kinds, untyped = learn_segmentation(screens, starts, action_tm1)
    flickers = False
    if before is not None and kinds:
        before = np.ascontiguousarray(before)
        restored, found = restore_flickers(screens, before, segmentation)
        flickers = found > MIN_FLICKER_SHARE * len(screens)
        if flickers:
            segmentation, kinds, untyped = learn_segmentation(restored, starts, action_tm1)
            screens, _ = restore_flickers(screens, before, segmentation)
    if not kinds:
        given = settings.recording is not None  # then the other settings have no effect
        raise DiffsesError(
            f"nothing moves on the {len(screens)} screens to learn from",
            fix="detector.recording=<a recording in which things move>, or null"
            if given
            else f"detector.steps={4 * len(screens)}, or detector.frames=teacher",
        )
    schema = schema_from_types(
        kinds,
        lambda params: track_screens(screens, starts, segmentation, params),
        action_tm1,
        settings,
        settings.patience,
        labels,
        lambda kind: tuple(_palette_of(kind, segmentation)),
        untyped=untyped,
        outcomes=outcomes,
    )
    rows = replay_features(
        MotionObjectDetector(MotionModel(segmentation, schema)), screens, starts, action_tm1
    )
    return MotionObjectDetector(
        MotionModel(segmentation, select_features(schema, rows, settings.features), flickers)
    )


def replay_features(
    detector: MotionObjectDetector, screens: np.ndarray, starts: np.ndarray, action_tm1: np.ndarray
) -> np.ndarray:
    """The detector's features of every screen of a recording, float64 (n, f)."""
    rows = np.zeros((len(screens), len(detector.features)))
    for frame, screen in enumerate(screens):
        replay_action(detector, frame, starts, action_tm1)
        rows[frame] = detector.observe(screen)
    return rows


def learn_segmentation(
    screens: np.ndarray, starts: np.ndarray, action_tm1: np.ndarray
) -> tuple[SegmentationModel, list[ObjectType], np.ndarray]:
    """Learns background, search mask, colours, object types, and sprites that are no objects.

    Args:
        screens: uint8 (n, h, w), contiguous, w a multiple of 8. starts: bool (n,).
        action_tm1: int (n,), the action that led to each screen.
    """
    background = background_.learn_background(screens)
    search_mask, free = np.ones(background.shape, dtype=bool), np.zeros(256, dtype=bool)
    segmentation, tracks = _segment(screens, starts, background, search_mask, free)
    stats = object_types.track_stats(tracks)
    kinds, untyped = grouping.find_object_types(tracks, stats, starts, action_tm1)
    if not kinds:
        return segmentation, kinds, untyped
    outside, passing = find_displays(tracks, stats, kinds, background.shape)
    free[segmentation.palette()[passing[: len(segmentation.palette())]]] = True
    for _ in range(MAX_REVEALS):
        segmentation, tracks = _segment(screens, starts, background, outside, free)
        stats = object_types.track_stats(tracks)
        kinds, untyped = grouping.find_object_types(tracks, stats, starts, action_tm1)
        revealed = _reveal(segmentation, kinds)
        if np.array_equal(revealed, background):
            break
        background = revealed
    return segmentation, kinds, untyped


def _segment(
    screens: np.ndarray,
    starts: np.ndarray,
    background: np.ndarray,
    search_mask: np.ndarray,
    free: np.ndarray,
) -> tuple[SegmentationModel, Trajectories]:
    """Colours and links in front of a background, and the tracks of all blobs."""
    alone = np.eye(kernel.MAX_COLOURS, dtype=bool)
    every = max(1, len(screens) // LINK_FRAMES)
    colours = colour_links.find_colours(screens, background, search_mask, free)
    segmentation = SegmentationModel(background, search_mask, colours, alone)
    links = colour_links.find_links(screens[::every], segmentation)
    segmentation = replace(segmentation, links=links)
    params = initial_params(len(segmentation.palette()))
    tracks = track_screens(screens, starts, segmentation, params)
    return segmentation, stitch_colour_changes(tracks)


def _reveal(segmentation: SegmentationModel, kinds: Sequence[ObjectType]) -> np.ndarray:
    """The background without the things that look like those which vanish: no one was there yet.

    Each such picture in the background gives way to the commonest colour around it.
    """
    background = segmentation.background.copy()
    vanishing = [kind for kind in kinds if kind.vanishes]
    if not vanishing:
        return background
    known = np.concatenate([kind.sprites for kind in vanishing])
    shades = [c for kind in vanishing for c in _palette_of(kind, segmentation)]
    colours = np.full_like(segmentation.colours, kernel.NO_COLOUR)
    colours[:, shades] = segmentation.colours[1, shades]
    absent = np.setdiff1d(np.arange(256), background)[0]  # differs from every pixel
    runs, blobs, areas = scratch()
    n_runs, count = kernel.connected_components(
        background,
        np.full_like(background, absent),
        segmentation.search_mask,
        colours,
        segmentation.links,
        runs,
        blobs,
        areas,
    )
    ids = np.zeros((count, 2), np.int64)
    kernel.sprite_ids(runs, n_runs, blobs, count, True, False, ids)
    for blob in np.flatnonzero(np.isin(ids[:, 0], known)):
        left, top, right, bottom = blobs[blob, kernel.LEFT : kernel.AREA]
        around = background[max(0, top - 1) : bottom + 2, max(0, left - 1) : right + 2]
        own = np.isin(around, shades)
        if not own.all():
            target = background[top : bottom + 1, left : right + 1]
            target[np.isin(target, shades)] = np.bincount(around[~own]).argmax()
    return background


def _palette_of(kind: ObjectType, segmentation: SegmentationModel) -> list[int]:
    """The palette indices of a type."""
    palette = segmentation.palette()
    return [int(palette[number]) for number in np.flatnonzero(kind.colours[: len(palette)])]

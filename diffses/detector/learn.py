"""From a recording of play to a detector."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from diffses.config import Label, MotionDetector
from diffses.detector import background as background_
from diffses.detector import kernel
from diffses.detector import object_types as discovery
from diffses.detector.motion import Detector, Model
from diffses.detector.object_schema import cast_of, telling
from diffses.detector.object_types import Kind
from diffses.detector.offline_tracks import first_rules, follow_all
from diffses.detector.score_displays import find_displays
from diffses.detector.segmentation import Scene, whole_screens
from diffses.detector.tracker import turn_to
from diffses.errors import DiffsesError

log = logging.getLogger("diffses")

LINK_FRAMES = 400  # frames that are enough to learn which colours belong together
FLICKERS = 0.05  # share of the screens that lack something the frame before has: things flicker
ROUNDS = 3  # background, displays and types depend on each other: looked at in turn


def learn(
    screens: np.ndarray,
    starts: np.ndarray,
    action_tm1: np.ndarray,
    settings: MotionDetector,
    labels: Mapping[str, Label],
    before: np.ndarray | None = None,
) -> Detector:
    """Learns what there is from screens of play.

    Args:
        screens: uint8 (n, h, w), palette indices, one a step.
        starts: bool (n,), where an episode begins.
        action_tm1: int (n,), the action that led to each screen: tells which type is the player, no
            more.
        labels: names for types, see `naming.name_types`.
        before: uint8 (n, h, w), the frame before each screen. Where it shows what the screen lacks
            in more than FLICKERS of them, the detector `looks_back`.

    Raises:
        DiffsesError: where nothing moves.
        ConfigError: where a label finds no type.
    """
    if screens.ndim != 3 or screens.dtype != np.uint8 or screens.shape[2] % 8:
        raise ValueError(f"want uint8 (n, h, w), w a multiple of 8, got {screens.shape}")
    if not len(screens) == len(starts) == len(action_tm1):
        raise ValueError(f"{len(screens)} screens, {len(starts)} starts, {len(action_tm1)} actions")
    screens = np.ascontiguousarray(screens)
    scene, kinds = look_around(screens, starts)
    flickers = False
    if before is not None and kinds:
        before = np.ascontiguousarray(before)
        whole, found = whole_screens(screens, before, scene)
        flickers = found > FLICKERS * len(screens)
        if flickers:
            scene, kinds = look_around(whole, starts)
            screens, _ = whole_screens(screens, before, scene)
    if not kinds:
        raise DiffsesError(
            f"nothing moves on the {len(screens)} screens to learn from",
            fix=f"detector.steps={4 * len(screens)}, or detector.frames=teacher",
        )
    cast = cast_of(
        kinds,
        lambda rules: follow_all(screens, starts, scene, rules),
        action_tm1,
        settings,
        settings.patience,
        labels,
        lambda kind: tuple(_palette_of(kind, scene)),
    )
    rows = play_back(Detector(Model(scene, cast)), screens, starts, action_tm1)
    return Detector(Model(scene, telling(cast, rows, settings.features), flickers))


def play_back(
    detector: Detector, screens: np.ndarray, starts: np.ndarray, action_tm1: np.ndarray
) -> np.ndarray:
    """The detector's features for every screen of a recording, float64 (n, f)."""
    rows = np.zeros((len(screens), len(detector.features)))
    for frame, screen in enumerate(screens):
        turn_to(detector, frame, starts, action_tm1)
        rows[frame] = detector.observe(screen)
    return rows


def look_around(screens: np.ndarray, starts: np.ndarray) -> tuple[Scene, list[Kind]]:
    """Background, displays, colours and types, each found with the help of the others.

    Args:
        screens: uint8 (n, h, w), contiguous, w a multiple of 8. starts: bool (n,).
    """
    background = background_.most_frequent(screens)
    seen, free = np.ones(background.shape, dtype=bool), np.zeros(256, dtype=bool)
    alone = np.eye(kernel.MAX_COLOURS, dtype=bool)
    every = max(1, len(screens) // LINK_FRAMES)
    kinds: list[Kind] = []
    for turn in range(ROUNDS):
        colours = discovery.find_colours(screens, background, seen, free)
        scene = Scene(background, seen, colours, alone)
        scene = replace(scene, links=discovery.find_links(screens[::every], scene))
        tracks = follow_all(screens, starts, scene, first_rules(len(scene.palette())))
        life = discovery.lives(tracks)
        kinds = discovery.find_kinds(tracks, life, scene.links, len(screens))
        if turn == ROUNDS - 1 or not kinds:
            break
        objects = np.isin(np.arange(256), [c for k in kinds for c in _palette_of(k, scene)])
        background = background_.behind(screens, starts, background, objects)
        if turn > 0:  # what rests leaves false traces until the background behind it is known
            looked, passing = find_displays(tracks, life, kinds, background.shape)
            seen = seen & looked
            free[scene.palette()[passing[: len(scene.palette())]]] = True
    return scene, kinds


def _palette_of(kind: Kind, scene: Scene) -> list[int]:
    palette = scene.palette()
    return [int(palette[number]) for number in np.flatnonzero(kind.colours[: len(palette)])]

"""Runtime of an exported file that plays an Atari game: the detector and the episode loop.

Its source is copied into the file, after that of `detector.kernel` and `detector.concept_kernel`
without numba. Everything
that depends on the policy is passed as arguments.
"""

from __future__ import annotations

import argparse
import base64
import io
from collections.abc import Callable
from typing import Any

import numpy as np
from ale_py import Action, ALEInterface, LoggerMode, roms

from diffses.detector.concept_kernel import compute_concepts
from diffses.detector.kernel import (
    BLOB_COLUMNS,
    COLUMNS,
    MAX_BLOBS,
    MAX_COLOURS,
    MAX_RUNS,
    observe,
    reset_table,
    restore_flicker,
    set_last_action,
)
from diffses.seeds import seed_for


class Detector:
    """Computes features from frames: `reset` starts an episode, `observe` is called once a step.

    Call `set_last_action` before every `observe` but the first of an episode: some features depend
    on the last action.
    """

    def __init__(self, fitted: str) -> None:
        with np.load(io.BytesIO(base64.b64decode(fitted))) as file:
            self.fitted = {name: file[name] for name in file.files}
        self.table = np.zeros((len(self.fitted["max_coast_steps"]), COLUMNS))
        self.reset()

    def reset(self) -> None:
        reset_table(self.table)

    def set_last_action(self, action: int) -> None:
        """Sets the last action, an index into the game's minimal action set."""
        place, pushes = int(self.fitted["player_place"]), self.fitted["pushes"]
        if place >= 0:
            push = pushes[action] if action < len(pushes) else np.zeros(3)
            set_last_action(self.table, place, push)

    def observe(self, frame: np.ndarray, before: np.ndarray | None = None) -> np.ndarray:
        """The features, float64 (f,).

        frame: the raw frame after the step, uint8: ALE's palette indices (210, 160), or RGB
        (210, 160, 3). before: the frame before it, where the detector looks at two.
        """
        f = self.fitted
        screen = self._indices(frame)
        looks = (
            f["background"],
            f["search_mask"],
            f["colours"],
            f["links"],
            np.zeros((MAX_RUNS, 6), np.int32),
            np.zeros((MAX_BLOBS, BLOB_COLUMNS), np.int32),
            np.zeros((MAX_BLOBS, MAX_COLOURS), np.int32),
        )
        if f["looks_back"] and before is not None:
            whole = screen.copy()
            restore_flicker(screen, self._indices(before), *looks, f["background"].copy(), whole)
            screen = whole
        plain, concepts = np.zeros(len(f["scales"])), np.zeros(len(f["concept_places"]))
        chosen = np.zeros(len(f["members"]), np.int64)
        observe(
            screen,
            *looks,
            self.table,
            f["type_params"],
            f["type_colours"],
            f["sprites"],
            f["sprite_types"],
            f["outlines"],
            f["outline_types"],
            f["parts"],
            int(f["patience"]),
            np.zeros(MAX_BLOBS, np.int64),
            np.zeros((MAX_BLOBS, 2), np.int64),
            f["max_coast_steps"],
            f["members"],
            f["places"],
            f["columns"],
            f["scales"],
            chosen,
            plain,
        )
        if len(concepts):
            compute_concepts(
                self.table,
                f["max_coast_steps"],
                f["members"],
                chosen,
                int(f["player_place"]),
                f["concept_places"],
                f["concept_codes"],
                f["velocity_columns"],
                f["walls"],
                f["motion"],
                concepts,
            )
        features: np.ndarray = np.concatenate([plain, concepts])[f["wanted"]]
        return features

    def _indices(self, frame: np.ndarray) -> np.ndarray:
        f = self.fitted
        if frame.ndim == 3:
            parts = frame.astype(np.int64)
            codes = parts[..., 0] << 16 | parts[..., 1] << 8 | parts[..., 2]
            frame = (2 * f["order"][np.searchsorted(f["codes"], codes)]).astype(np.uint8)
        return np.ascontiguousarray(frame)


def begin(rules: dict[str, Any], seed: int) -> tuple[ALEInterface, list[Action]]:
    """The emulator at the start of the episode of `seed`, and the minimal action set."""
    ALEInterface.setLoggerMode(LoggerMode.Error)
    ale = ALEInterface()
    ale.setFloat("repeat_action_probability", rules["sticky"])
    ale.setInt("frame_skip", 1)
    ale.setInt("random_seed", seed)
    rom = roms.get_rom_path(rules["game"])
    assert rom is not None, "ale-py lacks the game"
    ale.loadROM(rom)
    actions = ale.getMinimalActionSet()
    drawn = seed_for(seed, "no-ops") if rules["sticky"] else seed
    for _ in range(drawn % rules["noop_max"]):
        ale.act(Action.NOOP)
        if ale.game_over():
            ale.reset_game()
    if rules["fire_reset"] and Action.FIRE in actions:
        for _ in range(rules["frame_skip"]):
            ale.act(Action.FIRE)
    return ale, actions


def play(
    rules: dict[str, Any], detector: Detector, act: Callable[[np.ndarray], Any], seed: int
) -> tuple[float, int]:
    """Plays one episode; its return and number of steps."""
    ale, actions = begin(rules, seed)
    detector.reset()
    total, steps = 0.0, 0
    before = ale.getScreen()
    while not ale.game_over() and steps * rules["frame_skip"] < rules["max_frames"]:
        action = int(act(detector.observe(ale.getScreen(), before)))
        for frame in range(rules["frame_skip"]):
            if frame == rules["frame_skip"] - 1:
                before = ale.getScreen()
            total += ale.act(actions[action])
        detector.set_last_action(action)
        steps += 1
    return total, steps


def main(rules: dict[str, Any], fitted: str, act: Callable[[np.ndarray], Any]) -> None:
    """Plays the test episodes and prints their returns."""
    parser = argparse.ArgumentParser(description="Plays the game from its frames.")
    parser.add_argument("--episodes", type=int, default=1, help="how many episodes to play")
    parser.add_argument("--seed", type=int, default=0, help="names the episodes: evaluation.seed")
    options = parser.parse_args()
    detector = Detector(fitted)
    returns: list[float] = []
    for episode in range(options.episodes):
        total, steps = play(rules, detector, act, seed_for(options.seed, "test", episode))
        returns.append(total)
        print(f"episode {episode}: return {total:g}, {steps} steps", flush=True)
    print(f"mean {sum(returns) / len(returns):g}")

"""python -m diffses.detector.frames env=GAME steps=3000 out=FILE.npz [play=exploratory] [png=DIR]

Records play: frames for a detector to learn from, or to be scored on once true boxes are added.

  env=GAME           the ROM's name in ale-py, e.g. asterix
  steps=3000         how many steps; each is one frame in the file
  out=FILE.npz       frames, uint8 (n, h, w, 3), RGB; actions, int16 (n,): the action was taken
                     before its frame, and is 0 at a start; episode_start, bool (n,); screens,
                     uint8 (n, h, w), the console's palette indices of the frames; before, the same
                     of the frame before each, where other things may flicker into sight
  play=exploratory   random actions, each held for a while;
       random        a fresh one each step;
       teacher       as the teacher in the artifact teacher=DIR plays;
       forest        as the forest in forest=FILE plays on what the detector in detector=DIR sees
  seed=0             of the play
  png=DIR            write every frame as DIR/000000.png, ... as well

`detector.recording=FILE.npz` has a detector learn from such a file.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from diffses.cli.arguments import parse, whole
from diffses.config import ArcadeEnv, LearnedDetector
from diffses.detector.palette import PALETTE, to_indices
from diffses.envs.ale import Arcade
from diffses.envs.protocol import Protocol, v5
from diffses.envs.rollout import Player, PlayerSpec, RandomSpec
from diffses.errors import ConfigError, DiffsesError
from diffses.logger.progress import bar
from diffses.seeds import seed_for

HELD = 12  # steps an exploring player holds an action, at the most
SETTINGS = {
    "env": "",
    "steps": "3000",
    "out": "",
    "play": "exploratory",
    "teacher": "",
    "forest": "",
    "detector": "",
    "seed": "0",
    "png": "",
}


@dataclass(frozen=True)
class Recording:
    """Play, one row a step."""

    screens: np.ndarray  # uint8 (n, h, w), palette indices
    starts: np.ndarray  # bool (n,): an episode begins
    action_tm1: np.ndarray  # int16 (n,): that led to its screen (rlax: a_tm1); 0 at a start
    ram: np.ndarray | None  # uint8 (n, 128): the console's memory; None for a file
    palette: np.ndarray  # uint8 (256, 3): the RGB colour of each index; NTSC's of one not seen
    before: np.ndarray | None = None  # uint8 (n, h, w): the frame before each screen; None: unknown

    @property
    def frames(self) -> np.ndarray:
        """The screens in colour, uint8 (n, h, w, 3)."""
        return np.asarray(self.palette[self.screens])


class ExplorerSpec:
    """Random actions, each held for 1 to 12 steps: moves about more than a fresh draw a step."""

    def build(self, console: Arcade) -> Player:
        return Explorer()


class Explorer:
    sees_motion = False

    def begin(self, console: Arcade, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self._left = 0

    def act(self, console: Arcade) -> int:
        if self._left == 0:
            self._left = int(self._random.integers(1, HELD + 1))
            self._action = int(self._random.integers(len(console.actions)))
        self._left -= 1
        return self._action

    def record(self) -> None:
        return None


def recording_for(
    rules: Protocol, settings: LearnedDetector, teacher: Path | None = None
) -> Recording:
    """What a detector learns from: a file, or `settings.steps` steps of play, exploring or as the
    teacher of an artifact does.

    Raises:
        ConfigError: for a file that is no recording.
    """
    if settings.recording is not None:
        return read_recording(Path(settings.recording))
    spec: PlayerSpec = ExplorerSpec()
    if teacher is not None:
        from diffses.teacher.agent import TeacherSpec  # loads torch

        spec = TeacherSpec(str(teacher))
    return record(rules, spec, settings.steps, settings.seed)


def record(rules: Protocol, spec: PlayerSpec, steps: int, seed: int) -> Recording:
    """Plays `steps` steps, one episode after the other."""
    console = Arcade(rules)
    player = spec.build(console)
    step = console.step_seen if player.sees_motion else console.step
    screens = np.zeros((steps, *console.screen().shape), np.uint8)
    before = np.zeros_like(screens)
    starts = np.zeros(steps, bool)
    action_tm1 = np.zeros(steps, np.int16)
    ram = np.zeros((steps, len(console.ram())), np.uint8)
    palette, known = PALETTE.copy(), np.zeros(256, bool)
    episode = 0
    with bar(steps, "step", "detector: play") as progress:
        for index in range(steps):
            if index == 0 or console.over:
                begin = seed_for(seed, "detector", episode)
                console.start(begin)
                console.look()
                player.begin(console, begin)
                episode += 1
                starts[index] = True
            else:
                action_tm1[index] = player.act(console)
                step(int(action_tm1[index]))
            screens[index] = screen = console.screen()
            before[index] = console.before()
            ram[index] = console.ram()
            fresh = ~known[screen]
            if fresh.any():
                palette[screen[fresh]] = console.rgb()[fresh]
                known[screen[fresh]] = True
            progress.update(1)
    return Recording(screens, starts, action_tm1, ram, palette, before)


def read_recording(path: Path) -> Recording:
    """Reads a file that `save` wrote; it may lack `screens` where the colours are NTSC's.

    Raises:
        ConfigError: where it is not there or something is missing in it.
        DiffsesError: where its colours are none of ALE's.
    """
    wanted = ("frames", "actions", "episode_start")
    try:
        with np.load(path) as file:
            frames, action_tm1, starts = (file[name] for name in wanted)
            screens = file["screens"] if "screens" in file.files else None
            before = file["before"] if "before" in file.files else None
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(
            f"{path} is no recording: {error}",
            fix="a file of python -m diffses.detector.frames, with " + ", ".join(wanted),
        ) from error
    if screens is None:
        screens = to_indices(frames)
    palette = PALETTE.copy()
    palette[screens] = frames
    starts, action_tm1 = starts.astype(bool), action_tm1.astype(np.int16)
    return Recording(screens, starts, action_tm1, None, palette, before)


def save(recording: Recording, path: Path, pictures: Path | None) -> None:
    """Writes the file, and each frame as a picture where `pictures` names a folder."""
    frames = recording.frames
    path.parent.mkdir(parents=True, exist_ok=True)
    earlier: dict[str, Any] = {} if recording.before is None else {"before": recording.before}
    with path.open("wb") as file:  # under the name that was asked for, whatever its ending
        np.savez_compressed(
            file,
            frames=frames,
            actions=recording.action_tm1,  # the name in files
            episode_start=recording.starts,
            screens=recording.screens,
            **earlier,
        )
    if pictures is not None:
        import cv2

        pictures.mkdir(parents=True, exist_ok=True)
        for number, frame in enumerate(frames):
            cv2.imwrite(str(pictures / f"{number:06d}.png"), frame[:, :, ::-1])


def player_of(settings: dict[str, str]) -> PlayerSpec:
    """Who plays.

    Raises:
        ConfigError: where it is unknown, or a setting that it needs is missing.
    """
    play = settings["play"]
    needs = {"teacher": ("teacher",), "forest": ("forest", "detector")}.get(play, ())
    for name in needs:
        if not Path(settings[name]).exists() or not settings[name]:
            raise ConfigError(
                f"play={play} needs {name}=, and {settings[name] or 'nothing'} is not there",
                fix=" ".join([f"play={play}", *(f"{need}=<its path>" for need in needs)]),
            )
    if play == "exploratory":
        return ExplorerSpec()
    if play == "random":
        return RandomSpec()
    if play == "teacher":
        from diffses.teacher.agent import TeacherSpec  # loads torch

        return TeacherSpec(settings["teacher"], settings["detector"] or None)
    if play == "forest":
        from diffses.agents.forest_agent import ForestSpec
        from diffses.policy.forest import Forest

        return ForestSpec(Forest.load(Path(settings["forest"])), settings["detector"])
    raise ConfigError(f"play={play} is unknown", fix="play=exploratory, or random, teacher, forest")


def main(arguments: list[str]) -> int:
    if not arguments or {"--help", "-h"} & set(arguments):
        print(__doc__)
        return 0
    try:
        settings = parse(arguments, SETTINGS, ("env", "out"), "env=pong out=frames.npz")
        steps = whole("steps", settings["steps"], 1, "3000")
        seed = whole("seed", settings["seed"], 0, "0")
        rules = v5(ArcadeEnv(game=settings["env"]))
        recording = record(rules, player_of(settings), steps, seed)
        save(recording, Path(settings["out"]), Path(settings["png"]) if settings["png"] else None)
    except DiffsesError as error:
        print(f"ERROR {error}", file=sys.stderr)
        return 1
    episodes = int(recording.starts.sum())
    print(f"{settings['out']}: {steps} frames of {settings['env']}, {episodes} episodes")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

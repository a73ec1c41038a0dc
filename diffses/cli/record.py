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
from pathlib import Path

from diffses.agents.forest_agent import ForestSpec
from diffses.cli.arguments import parse, whole
from diffses.config import ArcadeEnv
from diffses.detector.recording import ExplorerSpec, record_play, save_recording
from diffses.envs.ale import v5
from diffses.envs.rollout import PlayerSpec, RandomSpec
from diffses.errors import ConfigError, DiffsesError
from diffses.policy.forest import Forest

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
        recording = record_play(rules, player_of(settings), steps, seed)
        save_recording(
            recording, Path(settings["out"]), Path(settings["png"]) if settings["png"] else None
        )
    except DiffsesError as error:
        print(f"ERROR {error}", file=sys.stderr)
        return 1
    episodes = int(recording.starts.sum())
    print(f"{settings['out']}: {steps} frames of {settings['env']}, {episodes} episodes")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""`python -m diffses record-frames`: frames for a detector to learn from, or to be scored on."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from diffses.agents.forest_agent import ForestSpec
from diffses.cli.arguments import CommandParser, file, game_name, path, whole
from diffses.cli.exit_codes import OK, exit_code
from diffses.config import ArcadeEnv
from diffses.detector.recording import ExplorerSpec, record_play, save_recording
from diffses.envs.ale import v5
from diffses.envs.rollout import AgentSpec, RandomSpec
from diffses.errors import ConfigError
from diffses.policy.forest import Forest

DESCRIPTION = """\
Records play of an Atari game, one frame a step. `detector.recording=FILE.npz` has a detector learn
from the file; with true boxes added, `python -m diffses score-detector` scores one on it.

The file holds
  frames         uint8 (n, h, w, 3), RGB
  actions        int16 (n,): each was taken before its frame; 0 at an episode's start
  episode_start  bool (n,)
  screens        uint8 (n, h, w): the console's palette indices of the frames
  before         uint8 (n, h, w): the same of the frame before each, in which objects may show that
                 are drawn in every other frame only
  game           the ROM's name
  reward         float32 (n,): the reward of the step that led to each frame, unclipped
  life_lost      bool (n,): whether that step lost a life

The policies that can play
  exploratory    random actions, each held for 1 to 12 steps
  random         a new random action each step
  teacher        the teacher in the artifact --teacher; one that plays from objects needs --detector
  forest         the formulas in --forest, on what the detector in --detector sees
"""
EXAMPLE = "python -m diffses record-frames --env pong --steps 3000 --out frames.npz"
PLAYS = ("exploratory", "random", "teacher", "forest")


def make_parser() -> CommandParser:
    parser = CommandParser(
        prog="python -m diffses record-frames", description=DESCRIPTION, example=EXAMPLE
    )
    parser.add_argument(
        "--env", metavar="GAME", type=game_name, required=True, help="the ROM's name in ale-py"
    )
    parser.add_argument("--steps", metavar="N", type=whole(1), default=3000, help="steps of play")
    parser.add_argument("--out", metavar="FILE", type=file, required=True, help="the .npz file")
    parser.add_argument("--play", choices=PLAYS, default=PLAYS[0], help="the policy")
    parser.add_argument("--teacher", metavar="DIR", type=path, help="the artifact of a teacher")
    parser.add_argument("--forest", metavar="FILE", type=path, help="JSON, e.g. finetuned.json")
    parser.add_argument("--detector", metavar="DIR", type=path, help="the artifact of a detector")
    parser.add_argument("--seed", metavar="N", type=whole(0), default=0, help="of the play")
    parser.add_argument("--png", metavar="DIR", type=path, help="also write DIR/000000.png, ...")
    return parser


@exit_code
def main(arguments: Sequence[str]) -> int:
    options = make_parser().parse_args(arguments)
    protocol = v5(ArcadeEnv(game=options.env))
    recording = record_play(protocol, player_of(options), options.steps, options.seed)
    save_recording(recording, options.out, options.png)
    episodes = int(recording.starts.sum())
    print(f"{options.out}: {options.steps} frames of {options.env}, {episodes} episodes")
    return OK


def player_of(options: argparse.Namespace) -> AgentSpec:
    """The policy that `--play` names.

    Raises:
        ConfigError: where an artifact or a file that it needs is missing.
    """
    if options.play == "teacher":
        _require(options, "teacher")
        from diffses.teacher.agent import TeacherSpec  # loads torch

        return TeacherSpec(
            str(options.teacher), None if options.detector is None else str(options.detector)
        )
    if options.play == "forest":
        _require(options, "forest", "detector")
        return ForestSpec(Forest.load(options.forest), str(options.detector))
    return ExplorerSpec() if options.play == "exploratory" else RandomSpec()


def _require(options: argparse.Namespace, *names: str) -> None:
    for name in names:
        found: Path | None = getattr(options, name)
        if found is None or not found.exists():
            what = "is missing" if found is None else f"{found} does not exist"
            raise ConfigError(
                f"--play {options.play}: --{name} {what}",
                fix=" ".join([f"--play {options.play}", *(f"--{need} PATH" for need in names)]),
            )

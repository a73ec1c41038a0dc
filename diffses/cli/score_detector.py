"""`python -m diffses score-detector`: scores a detector against true boxes."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from diffses.cli.arguments import CommandParser, file, path
from diffses.cli.exit_codes import OK, exit_code
from diffses.config import ArcadeEnv, MotionDetector
from diffses.detector.ground_truth import GroundTruth, read_ground_truth
from diffses.detector.identity import Identity
from diffses.detector.learn import learn_from_recording, learn_motion_detector
from diffses.detector.loading import open_detector
from diffses.detector.metrics import FrameMatches, evaluate_detector
from diffses.detector.recording import recording_for
from diffses.detector.tracker import ObjectDetector
from diffses.envs.ale import v5
from diffses.errors import ConfigError
from diffses.store.manifest import Manifest, is_artifact

DRAWN = 6  # worst frames
DESCRIPTION = """\
Scores a detector against true boxes: it learns from the first part of a recording (the frames
alone, and the actions to find out which object is the player) and is scored on the rest; or, with
--play, from steps of the game as a run does, and is scored on the whole recording. The scores are
printed as JSON.

The recording holds
  frames         uint8 (n, 210, 160, 3), RGB
  actions        int (n,): each was taken before its frame
  episode_start  bool (n,)
  boxes          records of frame, category, x, y, w, h in px
  categories     their names
and may hold `screens` and `game`, as record-frames writes them.

Boxes are clipped to the screen. A category is counted if its box moved in 2 % of its
consecutive-frame boxes or more; other categories are ignored, and so is a box with no pixel unlike
the recording's most frequent colours. An ignored box is no miss, and a prediction at least half
inside one is no false alarm. The overall scores do not ask which type was found; those of a
category count the types that stand for it: that met it most in the first part (with --play, in
all of it). still_or_hidden is the recall, by detections of any type, of the boxes that are ignored
otherwise. contact tells, of a detector that was learned with rewards (--play, or a run's), how
often the player touched each type, or hit it with what it shoots, and whether that pays (1), harms
(-1) or does nothing certain (0).
"""
EXAMPLE = "python -m diffses score-detector --detector motion --frames pong.npz"


def evaluate(
    detector_name: str, frames: Path, share: float, play: str | None = None
) -> tuple[dict[str, Any], list[FrameMatches], ObjectDetector, GroundTruth]:
    """Scores a detector on what follows the first `share` of a recording.

    Args:
        detector_name: "motion", or the folder of a detector.
        play: the game of which "motion" learns from the default steps of random play; it is then
            scored on the whole recording.

    Raises:
        ConfigError: for a game that is unknown or not the recording's, or for a detector that is
            not learned here.
    """
    truth = read_ground_truth(frames)
    if play is not None:
        split, detector = 0, _learned_by_play(detector_name, play, truth)
    else:
        split = _split(share, len(truth.screens))
        detector = _detector(detector_name, truth, split)
    result, matches = evaluate_detector(detector, truth, split)
    result["contact"] = contact_signs(detector, result["types"])
    return result, matches, detector, truth


def contact_signs(
    detector: ObjectDetector, categories: Mapping[str, str | None]
) -> dict[str, dict[str, Any]]:
    """What touching and shooting each type does, for the types of which something was seen.

    Args:
        categories: that each type stands for.
    """
    found = {}
    for kind in detector.tracker.schema.types:
        known = {"touched": kind.contact.touched, "hit": kind.contact.hit}
        seen = {
            name: {"n": one.count, "sign": one.sign}
            for name, one in known.items()
            if one is not None
        }
        if seen:
            found[kind.name] = {"category": categories[kind.name], **seen}
    return found


def _learned_by_play(wanted: str, game: str, truth: GroundTruth) -> ObjectDetector:
    """Learns from the default steps of random play of a game."""
    if wanted != "motion":
        raise ConfigError(
            f"--play is for a detector that learns here, not for {wanted}", fix="--detector motion"
        )
    _require_game(f"--play {game}", game, truth)
    settings = MotionDetector()
    return learn_from_recording(recording_for(v5(ArcadeEnv(game=game)), settings), settings, {})


def _require_game(what: str, game: str | None, truth: GroundTruth) -> None:
    """Raises ConfigError where `what` is of another game than the recording; None: not known."""
    if None not in (game, truth.game) and game != truth.game:
        raise ConfigError(
            f"{what} is of {game}, and --frames of {truth.game}",
            fix=f"--frames <a recording of {game}>",
        )


def _detector(wanted: str, truth: GroundTruth, split: int) -> ObjectDetector:
    """Learns from the frames before `split`, or reads a folder."""
    if wanted == "motion":
        part = slice(0, split)
        return learn_motion_detector(
            truth.screens[part], truth.starts[part], truth.action_tm1[part], MotionDetector(), {}
        )
    folder = path(wanted)
    if not (folder / "detector.json").is_file():
        raise ConfigError(
            f"--detector {wanted} is neither motion nor the folder of a detector",
            fix="--detector motion, or --detector outputs/detector/KEY",
        )
    found = open_detector(folder)
    learned = Manifest.read(folder).config["env"].get("game") if is_artifact(folder) else None
    _require_game(f"--detector {wanted}", learned, truth)
    if isinstance(found, Identity):
        raise ConfigError(f"--detector {wanted} sees no objects", fix="--detector motion")
    if found.sees_ram:
        raise ConfigError(
            f"--detector {wanted} reads memory, which a recording does not hold",
            fix="--detector motion; the true boxes of recordings are OCAtari's own",
        )
    return found


def _split(share: float, frames: int) -> int:
    """The first frame that is scored."""
    if not 1 <= round(share * frames) < frames:
        raise ConfigError(f"--split {share} leaves a part empty", fix="--split 0.667")
    return round(share * frames)


def _share(text: str) -> float:
    """The type of `--split`: a number above 0 and below 1."""
    try:
        share = float(text)
    except ValueError:
        share = 0.0
    if not 0 < share < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0 and below 1")
    return share


def make_parser() -> CommandParser:
    parser = CommandParser(
        prog="python -m diffses score-detector", description=DESCRIPTION, example=EXAMPLE
    )
    parser.add_argument(
        "--detector",
        metavar="motion|DIR",
        required=True,
        help="motion: learn from the recording with the default settings; or the artifact of a "
        "detector, which is scored as it is",
    )
    parser.add_argument("--frames", metavar="FILE", type=path, required=True, help="the recording")
    parser.add_argument(
        "--split",
        metavar="SHARE",
        type=_share,
        default=0.667,
        help="of the recording to learn from, above 0 and below 1",
    )
    parser.add_argument(
        "--play",
        metavar="GAME",
        help="learn from detector.steps steps of random play of this game, and score on the whole "
        "recording",
    )
    parser.add_argument("--json", metavar="FILE", type=file, help="write the scores here as well")
    parser.add_argument(
        "--png",
        metavar="DIR",
        type=path,
        help="draw the worst frames here, truth and prediction side by side",
    )
    return parser


@exit_code
def main(arguments: Sequence[str]) -> int:
    options = make_parser().parse_args(arguments)
    result, matches, detector, truth = evaluate(
        options.detector, options.frames, options.split, options.play
    )
    text = json.dumps(result, indent=2)
    print(text)
    if options.json is not None:
        options.json.write_text(text + "\n")
    if options.png is not None:
        from diffses.detector.figures import draw_worst  # loads matplotlib

        options.png.mkdir(parents=True, exist_ok=True)
        draw_worst(detector, truth, matches, result["split"], options.png, DRAWN)
    return OK

"""python -m diffses.detector.score detector=motion frames=FILE.npz [split=0.667] [json=FILE]

Scores a detector against true boxes: it learns from the first part of a recording (the frames
alone, and the actions to find out which object is the player) and is scored on the rest.

  detector=motion    learn from the recording with the default settings, or
  detector=DIR       score the detector in this folder, as the pipeline leaves it, as it is
  frames=FILE.npz    the recording: frames, uint8 (n, 210, 160, 3), RGB; actions, int (n,);
                     episode_start, bool (n,); boxes, records of frame, category, x, y, w, h in px;
                     categories, their names
  split=0.667        the share of the recording to learn from, above 0 and below 1
  json=FILE          write the scores here as well
  png=DIR            draw the worst frames here, truth and prediction side by side

Boxes are clipped to the screen. A category is counted if its box moved in 2 % of its
consecutive-frame boxes or more; other categories are ignored, and so is a box with no pixel unlike
the recording's most frequent colours. An ignored box is no miss, and a prediction at least half
inside one is no false alarm. The overall scores do not ask which type was found; those of a
category count the types that stand for it: that met it most in the first part.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from diffses.cli.arguments import parse
from diffses.config import MotionDetector
from diffses.detector.ground_truth import GroundTruth, read_ground_truth
from diffses.detector.identity import Identity
from diffses.detector.learn import learn_motion_detector
from diffses.detector.loading import open_detector
from diffses.detector.metrics import FrameMatches, evaluate_detector
from diffses.detector.tracker import ObjectDetector
from diffses.errors import ConfigError, DiffsesError

SETTINGS = {"detector": "", "frames": "", "split": "0.667", "json": "", "png": ""}
DRAWN = 6  # worst frames


def evaluate(
    settings: dict[str, str],
) -> tuple[dict[str, Any], list[FrameMatches], ObjectDetector, GroundTruth]:
    """Scores what `settings` name."""
    truth = read_ground_truth(Path(settings["frames"]))
    split = _split(settings["split"], len(truth.screens))
    detector = _detector(settings["detector"], truth, split)
    result, matches = evaluate_detector(detector, truth, split)
    return result, matches, detector, truth


def _detector(wanted: str, truth: GroundTruth, split: int) -> ObjectDetector:
    """Learns from the frames before `split`, or reads a folder."""
    if wanted == "motion":
        part = slice(0, split)
        return learn_motion_detector(
            truth.screens[part], truth.starts[part], truth.action_tm1[part], MotionDetector(), {}
        )
    if not (Path(wanted) / "detector.json").is_file():
        raise ConfigError(
            f"detector={wanted} is neither motion nor the folder of a detector",
            fix="detector=motion, or detector=outputs/detector/KEY",
        )
    found = open_detector(Path(wanted))
    if isinstance(found, Identity):
        raise ConfigError(f"detector={wanted} sees no objects", fix="detector=motion")
    if found.sees_ram:
        raise ConfigError(
            f"detector={wanted} reads memory, which a recording does not hold",
            fix="detector=motion; the true boxes of recordings are OCAtari's own",
        )
    return found


def _split(text: str, frames: int) -> int:
    """The first frame that is scored."""
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 1 <= round(share * frames) < frames:
        raise ConfigError(f"split={text} leaves a part empty", fix="split=0.667")
    return round(share * frames)


def main(arguments: list[str]) -> int:
    if not arguments or {"--help", "-h"} & set(arguments):
        print(__doc__)
        return 0
    try:
        settings = parse(
            arguments, SETTINGS, ("detector", "frames"), "detector=motion frames=FILE.npz"
        )
        result, matches, detector, truth = evaluate(settings)
    except DiffsesError as error:
        print(f"ERROR {error}", file=sys.stderr)
        return 1
    text = json.dumps(result, indent=2)
    print(text)
    if settings["json"]:
        Path(settings["json"]).write_text(text + "\n")
    if settings["png"]:
        from diffses.detector.figures import draw_worst  # loads matplotlib

        folder = Path(settings["png"])
        folder.mkdir(parents=True, exist_ok=True)
        draw_worst(detector, truth, matches, result["split"], folder, DRAWN)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

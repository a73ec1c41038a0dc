"""python -m diffses.detector.score detector=motion frames=FILE.npz [split=0.667] [json=FILE]

Learns from the first part of a recording (frames, and the actions to find the player) and scores
what it finds in the rest. `detector=DIR` scores the detector of an artifact instead.

FILE.npz holds frames, uint8 (n, 210, 160, 3); actions, (n,); episode_start, bool (n,); boxes,
records of frame, category, x, y, w, h; categories, their names.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from diffses.config import MotionDetector
from diffses.detector.learning import learn
from diffses.detector.motion import Detector
from diffses.detector.palette import indices
from diffses.detector.scoring import Truth, score
from diffses.errors import ConfigError, DiffsesError

SETTINGS = {"detector": "motion", "frames": "", "split": "0.667", "json": ""}


def read(path: Path) -> Truth:
    """A recording with true boxes; boxes are clipped to the screen."""
    if not path.is_file():
        raise ConfigError(f"frames={path} does not exist", fix="frames=<a recording, .npz>")
    with np.load(path) as file:
        screens = indices(file["frames"])
        b = file["boxes"]
        boxes = np.stack(
            [b["frame"], b["category"], b["x"], b["y"], b["x"] + b["w"], b["y"] + b["h"]], axis=1
        ).astype(float)
        height, width = screens.shape[1:]
        boxes[:, 2::2] = boxes[:, 2::2].clip(0, width)
        boxes[:, 3::2] = boxes[:, 3::2].clip(0, height)
        boxes = boxes[(boxes[:, 4] > boxes[:, 2]) & (boxes[:, 5] > boxes[:, 3])]
        names = tuple(str(name) for name in file["categories"])
        return Truth(screens, file["episode_start"], file["actions"], boxes, names)


def run(settings: dict[str, str]) -> dict[str, Any]:
    """Scores what `settings` name."""
    truth = read(Path(settings["frames"]))
    first = int(float(settings["split"]) * len(truth.screens))
    if not 0 < first < len(truth.screens):
        raise ConfigError(f"split={settings['split']} leaves nothing", fix="split=0.667")
    if settings["detector"] == "motion":
        detector = learn(
            truth.screens[:first], truth.starts[:first], truth.actions[:first],
            MotionDetector(slots=64), {},
        )  # fmt: skip
    elif (Path(settings["detector"]) / "detector.json").is_file():
        detector = Detector.load(Path(settings["detector"]))
    else:
        raise ConfigError(
            f"detector={settings['detector']} is neither motion nor a detector's folder",
            fix="detector=motion, or detector=outputs/detector/KEY",
        )
    return score(detector, truth, first)


def main(arguments: list[str]) -> int:
    if not arguments or "--help" in arguments or "-h" in arguments:
        print(__doc__)
        return 0
    settings = dict(SETTINGS)
    try:
        for argument in arguments:
            name, _, value = argument.partition("=")
            if name not in settings or not value:
                raise ConfigError(f"{argument} is no setting", fix=f"one of {', '.join(SETTINGS)}")
            settings[name] = value
        result = run(settings)
    except DiffsesError as error:
        print(f"ERROR {error}", file=sys.stderr)
        return 1
    text = json.dumps(result, indent=2)
    print(text)
    if settings["json"]:
        Path(settings["json"]).write_text(text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

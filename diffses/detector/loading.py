"""Opens the detector of an artifact."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from diffses.detector.identity import Identity
from diffses.detector.motion import MotionObjectDetector
from diffses.errors import ArtifactError

if TYPE_CHECKING:
    from diffses.detector.oracle import OracleObjectDetector
    from diffses.detector.space.detector import SpaceObjectDetector


def open_detector(
    folder: Path,
) -> MotionObjectDetector | SpaceObjectDetector | OracleObjectDetector | Identity:
    """Reads the detector in an artifact's folder.

    Raises:
        ArtifactError: if it is missing or not readable.
    """
    try:
        about = json.loads((folder / "detector.json").read_text())
        if about["kind"] == "identity":
            return Identity(about["features"])
        if about["kind"] == "space":
            from diffses.detector.space.detector import SpaceObjectDetector  # loads torch

            return SpaceObjectDetector.load(folder)
        if about["kind"] == "oracle":
            from diffses.detector.oracle import OracleObjectDetector  # loads the emulator

            return OracleObjectDetector.load(folder)
    except (OSError, ValueError, KeyError) as error:
        raise ArtifactError(
            f"{folder} holds no detector that can be read: {error}",
            fix="the folder of a detector artifact, or stage=detector force=[detector]",
        ) from error
    return MotionObjectDetector.load(folder)

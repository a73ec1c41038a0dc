"""Opens the detector of an artifact."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from diffses.detector.identity import Identity
from diffses.detector.motion import Detector
from diffses.errors import ArtifactError

if TYPE_CHECKING:
    from diffses.detector.oracle import Oracle
    from diffses.detector.space.detector import SpaceFinder


def open_detector(folder: Path) -> Detector | SpaceFinder | Oracle | Identity:
    """Reads the detector of an artifact.

    Raises:
        ArtifactError: where it is not there or not readable.
    """
    try:
        about = json.loads((folder / "detector.json").read_text())
        if about["kind"] == "identity":
            return Identity(about["features"])
        if about["kind"] == "space":
            from diffses.detector.space.detector import SpaceFinder  # loads torch

            return SpaceFinder.load(folder)
        if about["kind"] == "oracle":
            from diffses.detector.oracle import Oracle

            return Oracle.load(folder)
    except (OSError, ValueError, KeyError) as error:
        raise ArtifactError(
            f"{folder} holds no detector that can be read: {error}",
            fix="the folder of a detector artifact, or stage=detector force=[detector]",
        ) from error
    return Detector.load(folder)

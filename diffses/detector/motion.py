"""The motion detector: objects are what differs from the static background and moves.

    detector = learn_motion_detector(screens, starts, action_tm1, settings, labels)
    detector.save(folder); detector = MotionObjectDetector.load(folder)
    detector.reset(); row = detector.observe(screen)    # once a step

It learns from screens of play alone; no colours, sizes or facts about a game are given. Actions
only serve to identify the player. Where sprites flicker (are drawn in alternate frames), it needs
the last two frames of a step: `observe(screen, before)`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from diffses.detector import kernel
from diffses.detector.segmentation import SegmentationModel, scratch
from diffses.detector.tracker import ObjectSchema, TrackingDetector, TypeInfo, read_schema
from diffses.errors import ArtifactError

FORMAT = 3  # of the files; raise it when their meaning changes


@dataclass(frozen=True)
class MotionModel:
    """All that was learned: segmentation, and object schema."""

    segmentation: SegmentationModel
    schema: ObjectSchema
    looks_back: bool = False  # sprites flicker: the last two frames of a step are needed


class MotionObjectDetector(TrackingDetector):
    """Extracts features from screens by segmentation and multi-object tracking.

    Not thread-safe: use one instance per game that is being played (`fresh`).
    """

    def __init__(self, model: MotionModel) -> None:
        self.model = model
        super().__init__(model.schema)
        self.background = model.segmentation.background
        self.looks_back = model.looks_back
        self._runs, self._blobs, self._areas = scratch()
        self._vanished, self._restored = self.background.copy(), self.background.copy()

    @property
    def types(self) -> tuple[TypeInfo, ...]:
        return self.model.schema.types

    def observe(self, screen: np.ndarray, before: np.ndarray | None = None) -> np.ndarray:
        """The features of this step, float64 (f,); the next call overwrites them.

        Args:
            screen: uint8 (h, w), palette indices, the raw frame after the step.
            before: the frame before it, if the detector `looks_back`; without it only the sprites
                on `screen` are found.

        Raises:
            ValueError: for a screen of another shape or type.
        """
        segmentation, params, tracker = (
            self.model.segmentation,
            self.model.schema.params,
            self.tracker,
        )
        if screen.shape != segmentation.background.shape or screen.dtype != np.uint8:
            wanted = f"want a uint8 screen of {segmentation.background.shape}"
            raise ValueError(f"{wanted}, got {screen.dtype} {screen.shape}")
        screen = np.ascontiguousarray(screen)
        if self.looks_back and before is not None:
            back = kernel.restore_flicker(
                screen,
                np.ascontiguousarray(before),
                segmentation.background,
                segmentation.search_mask,
                segmentation.colours,
                segmentation.links,
                self._runs,
                self._blobs,
                self._areas,
                self._vanished,
                self._restored,
            )
            screen = self._restored if back else screen
        kernel.observe(
            screen,
            segmentation.background,
            segmentation.search_mask,
            segmentation.colours,
            segmentation.links,
            self._runs,
            self._blobs,
            self._areas,
            tracker.table,
            params.type_params,
            params.type_colours,
            params.sprites,
            params.sprite_types,
            params.outlines,
            params.outline_types,
            params.parts,
            params.patience,
            tracker.assigned,
            tracker.sprite_ids,
            tracker.max_coast_steps,
            tracker.plan.members,
            tracker.plan.places,
            tracker.plan.columns,
            tracker.plan.scales,
            tracker.chosen,
            tracker.plain_row,
        )
        tracker.write_concepts(tracker.table, tracker.concept_row)
        return tracker.row

    def fresh(self) -> MotionObjectDetector:
        """A new instance with its own tracker state; what was learned is shared."""
        return self.with_schema(self.tracker.schema)

    def with_schema(self, schema: ObjectSchema) -> MotionObjectDetector:
        """A new instance with another schema."""
        return MotionObjectDetector(replace(self.model, schema=schema))

    def features_of(self, objects: np.ndarray) -> np.ndarray:
        """The features of objects from another source, OBJECT (n,) -> float64 (f,)."""
        return self.tracker.features_of(objects)

    def describe(self) -> dict[str, Any]:
        """The contents of `detector.json`."""
        frames = 2 if self.looks_back else 1
        about = {"format": FORMAT, "kind": "motion", "frames_looked_at": frames}
        return about | self.model.schema.describe()

    def save(self, folder: Path) -> None:
        """Writes `detector.json` and `detector.npz`."""
        segmentation, params = self.model.segmentation, self.model.schema.params
        (folder / "detector.json").write_text(json.dumps(self.describe(), indent=2) + "\n")
        np.savez_compressed(
            folder / "detector.npz",
            background=segmentation.background,
            seen=segmentation.search_mask,
            colours=segmentation.colours,
            links=segmentation.links,
            **cast("dict[str, Any]", params.arrays()),
        )

    @classmethod
    def load(cls, folder: Path) -> MotionObjectDetector:
        """Reads what `save` wrote.

        Raises:
            ArtifactError: if it is missing or not readable.
        """
        try:
            words = json.loads((folder / "detector.json").read_text())
            with np.load(folder / "detector.npz") as file:
                arrays = {name: file[name] for name in file.files}
            if words["format"] != FORMAT or words["kind"] != "motion":
                raise ValueError(f"format {words['format']} of {words['kind']!r}")
            colours = arrays["colours"]
            if colours.ndim == 1:  # of version 9 and before
                colours = np.stack([np.full_like(colours, kernel.NO_COLOUR), colours])
            segmentation = SegmentationModel(
                arrays["background"], arrays["seen"], colours, arrays["links"]
            )
            schema = read_schema(words, arrays)
            return cls(MotionModel(segmentation, schema, words.get("frames_looked_at", 1) > 1))
        except (OSError, ValueError, KeyError) as error:
            raise ArtifactError(
                f"{folder} holds no detector that can be read: {error}",
                fix="the folder of a detector artifact, or stage=detector force=[detector]",
            ) from error

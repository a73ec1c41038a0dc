"""The motion detector: what differs from the background and moves, as named features.

    detector = learn(screens, starts, action_tm1, settings, labels)
    detector.save(folder); detector = Detector.load(folder)
    detector.reset(); row = detector.observe(screen)    # once a step

Where things flicker, drawn in every other frame alone, it looks at a step's last two frames:
`observe(screen, before)`.

It learns from screens of play alone: no colours, sizes or facts about a game are given. Actions
serve to find out which type the player is, and for nothing else.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from diffses.detector import kernel
from diffses.detector.segmentation import Scene, scratch
from diffses.detector.tracker import Cast, Tracking, TypeInfo, read_cast
from diffses.errors import ArtifactError

FORMAT = 3  # of the files; raised when their meaning changes


@dataclass(frozen=True)
class Model:
    """All that was learned."""

    scene: Scene
    cast: Cast
    looks_back: bool = False  # whether things flicker, so that it takes a step's last two frames


class Detector(Tracking):
    """Screens in, features out; keeps track of the objects from one step to the next.

    Not safe to share between threads: one for each game that is being played.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        super().__init__(model.cast)
        self.background = model.scene.background
        self.looks_back = model.looks_back
        self._runs, self._blobs, self._areas = scratch()
        self._gone, self._whole = self.background.copy(), self.background.copy()

    @property
    def types(self) -> tuple[TypeInfo, ...]:
        return self.model.cast.types

    def observe(self, screen: np.ndarray, before: np.ndarray | None = None) -> np.ndarray:
        """The features of this step, float64 (f,); the next call overwrites them.

        Args:
            screen: uint8 (h, w), palette indices, the raw frame after the step.
            before: the same one frame earlier, for a detector that `looks_back`; without it what
                flickers is seen where the last frame shows it.
        """
        scene, rules, memory = self.model.scene, self.model.cast.rules, self.memory
        if screen.shape != scene.background.shape or screen.dtype != np.uint8:
            wanted = f"want a uint8 screen of {scene.background.shape}"
            raise ValueError(f"{wanted}, got {screen.dtype} {screen.shape}")
        screen = np.ascontiguousarray(screen)
        if self.looks_back and before is not None:
            back = kernel.put_back(
                screen,
                np.ascontiguousarray(before),
                scene.background,
                scene.seen,
                scene.colours,
                scene.links,
                self._runs,
                self._blobs,
                self._areas,
                self._gone,
                self._whole,
            )
            screen = self._whole if back else screen
        kernel.observe(
            screen,
            scene.background,
            scene.seen,
            scene.colours,
            scene.links,
            self._runs,
            self._blobs,
            self._areas,
            memory.table,
            rules.sizes,
            rules.colours,
            rules.patience,
            memory.taken,
            memory.holds,
            memory.plan.choices,
            memory.plan.places,
            memory.plan.columns,
            memory.plan.scales,
            memory.row,
        )
        return memory.row

    def fresh(self) -> Detector:
        """The same at the start of an episode of its own: what was learned is shared."""
        return self.with_cast(self.memory.cast)

    def with_cast(self, cast: Cast) -> Detector:
        """The same with another cast."""
        return Detector(replace(self.model, cast=cast))

    def place(self, objects: np.ndarray) -> np.ndarray:
        """The features of objects that were found elsewhere, OBJECT (n,) -> float64 (f,)."""
        return self.memory.place(objects)

    def describe(self) -> dict[str, Any]:
        """What `detector.json` holds."""
        frames = 2 if self.looks_back else 1
        about = {"format": FORMAT, "kind": "motion", "frames_looked_at": frames}
        return about | self.model.cast.describe()

    def save(self, folder: Path) -> None:
        """Writes `detector.json` and `detector.npz`."""
        scene, rules = self.model.scene, self.model.cast.rules
        (folder / "detector.json").write_text(json.dumps(self.describe(), indent=2) + "\n")
        np.savez_compressed(
            folder / "detector.npz",
            background=scene.background,
            seen=scene.seen,
            colours=scene.colours,
            links=scene.links,
            rules=rules.sizes,
            type_colours=rules.colours,
        )

    @classmethod
    def load(cls, folder: Path) -> Detector:
        """Reads what `save` wrote.

        Raises:
            ArtifactError: where it is not there or not readable.
        """
        try:
            words = json.loads((folder / "detector.json").read_text())
            with np.load(folder / "detector.npz") as file:
                arrays = {name: file[name] for name in file.files}
            if words["format"] != FORMAT or words["kind"] != "motion":
                raise ValueError(f"format {words['format']} of {words['kind']!r}")
            colours = arrays["colours"]
            if colours.ndim == 1:  # of version 9 and before
                colours = np.stack([np.full_like(colours, kernel.NOTHING), colours])
            scene = Scene(arrays["background"], arrays["seen"], colours, arrays["links"])
            cast = read_cast(words, arrays["rules"], arrays["type_colours"])
            return cls(Model(scene, cast, words.get("frames_looked_at", 1) > 1))
        except (OSError, ValueError, KeyError) as error:
            raise ArtifactError(
                f"{folder} holds no detector that can be read: {error}",
                fix="the folder of a detector artifact, or stage=detector force=[detector]",
            ) from error

"""detector=motion at play: what moves against the background, by type and track, as features."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from diffses.detector import kernel
from diffses.errors import ArtifactError

FORMAT = 1
QUANTITIES = ("x", "y", "vx", "vy", "w", "h", "present")
POSITION_SCALE = 100.0  # pixels: a position of 1.05 is 105 px from the left or the top
SPEED_SCALE = 10.0  # pixels per step
OBJECT = np.dtype(
    [("type", "i2"), ("track", "i2"), ("x", "f4"), ("y", "f4"), ("w", "f4"), ("h", "f4"),
     ("vx", "f4"), ("vy", "f4")]
)  # fmt: skip


@dataclass(frozen=True)
class ObjectType:
    """A kind of object that was found.

    name: from `env.labels`, or "object1", "object2", ...; colours: palette indices; region: where
    it moves, x0, y0, x1, y1, pixels; size: greatest width and height, pixels; least: area, pixels;
    reach: how far it may move in a step, pixels; slots: how many have features of their own;
    control: share of its motion's variance that the actions explain; seen: share of the frames.
    """

    name: str
    colours: tuple[int, ...]
    region: tuple[int, int, int, int]
    size: tuple[int, int]
    least: int
    reach: float
    slots: int
    control: float
    seen: float
    area: float
    speed: float
    height_on_screen: float


class Detector:
    """Finds and follows the objects of a game, one screen after the other."""

    def __init__(
        self,
        types: tuple[ObjectType, ...],
        background: np.ndarray,
        recipe: np.ndarray,
        gap: int,
    ) -> None:
        self.types, self.background, self.recipe, self.gap = types, background, recipe, gap
        counts = [kind.slots for kind in types]
        self._starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
        self.tracks = tuple(
            kind.name + ("" if kind.slots == 1 else str(slot + 1))
            for kind in types
            for slot in range(kind.slots)
        )
        self._lookup = np.full(256, -1, np.int16)
        for index, kind in enumerate(types):
            self._lookup[list(kind.colours)] = index
        self._regions = np.array([kind.region for kind in types], np.int32)
        self._limits = np.array([(*kind.size, kind.least) for kind in types], np.int32)
        self._reach = np.array([kind.reach for kind in types])
        self._scale = np.array(
            [
                POSITION_SCALE if q in (0, 1, 4, 5) else SPEED_SCALE if q in (2, 3) else 1.0
                for q, _, _ in recipe
            ]
        )
        self.features = tuple(self._name(*row) for row in recipe)
        self._blobs = np.zeros((kernel.MAX_BLOBS, 6), np.int32)
        self._taken = np.zeros(kernel.MAX_BLOBS, np.int8)
        self._tracks = np.zeros((int(self._starts[-1]), 8))
        self._row = np.zeros(len(recipe))
        self.reset()

    def _name(self, quantity: int, track: int, other: int) -> str:
        name = f"{self.tracks[track]}.{QUANTITIES[quantity]}"
        return name if other < 0 else f"{name}-{self.tracks[other]}.{QUANTITIES[quantity]}"

    def reset(self) -> None:
        """An episode begins: no object has been seen, so none has a velocity."""
        self._tracks[:] = 0
        self._tracks[:, kernel.AGE] = -1

    def observe(self, screen: np.ndarray) -> np.ndarray:
        """The features of the next screen of the episode, float64 (f,); overwritten by the next.

        Args:
            screen: uint8 (210, 160), ALE palette indices.
        """
        self._watch(screen)
        kernel.describe(self._tracks, self.recipe, self._scale, self._row)
        return self._row

    def _watch(self, screen: np.ndarray) -> None:
        count = kernel.look(
            screen, self.background, self._lookup, self._regions, self._limits, self.gap,
            self._blobs,
        )  # fmt: skip
        kernel.follow(self._blobs, count, self._starts, self._reach, self._tracks, self._taken)

    @property
    def objects(self) -> np.ndarray:
        """The objects in sight, of dtype OBJECT: centre, size in pixels, velocity in px a step."""
        here = np.flatnonzero(self._tracks[:, kernel.HERE] > 0)
        found = np.zeros(len(here), OBJECT)
        t = self._tracks[here]
        found["track"] = here
        found["type"] = np.searchsorted(self._starts, here, side="right") - 1
        found["w"], found["h"] = t[:, kernel.WIDTH], t[:, kernel.HEIGHT]
        found["x"] = t[:, kernel.BOX_X] + t[:, kernel.WIDTH] / 2
        found["y"] = t[:, kernel.BOX_Y] + t[:, kernel.HEIGHT] / 2
        found["vx"], found["vy"] = t[:, kernel.SPEED_X], t[:, kernel.SPEED_Y]
        return found

    def place(self, objects: np.ndarray) -> np.ndarray:
        """The features of objects that were found elsewhere (dtype OBJECT), float64 (f,)."""
        tracks = np.zeros_like(self._tracks)
        for one in objects:
            tracks[one["track"]] = (
                1.0, one["x"] - one["w"] / 2, one["y"] - one["h"] / 2, one["w"], one["h"],
                one["vx"], one["vy"], 0.0,
            )  # fmt: skip
        row = np.zeros(len(self.recipe))
        kernel.describe(tracks, self.recipe, self._scale, row)
        return row

    def save(self, folder: Path) -> None:
        """Writes `detector.json` and `background.npz`."""
        about: dict[str, Any] = {
            "format": FORMAT,
            "kind": "motion",
            "gap": self.gap,
            "types": [vars(kind) for kind in self.types],
            "recipe": self.recipe.tolist(),
            "features": list(self.features),
            "units": {name: unit(name) for name in self.features},
        }
        (folder / "detector.json").write_text(json.dumps(about, indent=2) + "\n")
        np.savez_compressed(folder / "background.npz", background=self.background)

    @classmethod
    def load(cls, folder: Path) -> Detector:
        """Reads what `save` wrote."""
        about = json.loads((folder / "detector.json").read_text())
        if about["format"] != FORMAT:
            raise ArtifactError(
                f"{folder} holds a detector of format {about['format']}, not {FORMAT}",
                fix="force=[detector] to make it again",
            )
        with np.load(folder / "background.npz") as file:
            background = file["background"]
        types = tuple(
            ObjectType(**kind | {name: tuple(kind[name]) for name in ("colours", "region", "size")})
            for kind in about["types"]
        )
        recipe = np.array(about["recipe"], np.int32).reshape(-1, 3)
        return cls(types, background, recipe, about["gap"])


def unit(feature: str) -> str:
    """The unit of a feature, from its name."""
    quantity = feature.rsplit(".", 1)[-1]
    if quantity == "present":
        return "1 where it is in sight, else 0"
    return "10 px per step" if quantity in ("vx", "vy") else "100 px"

"""Arrays that the compiled kernel is given: the segmentation model and the tracker's parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from diffses.detector import kernel

SPRITE_ARRAYS = ("sprites", "sprite_types", "outlines", "outline_types", "parts")


@dataclass(frozen=True)
class SegmentationModel:
    """What `connected_components` needs to find blobs on a screen."""

    background: np.ndarray  # uint8 (h, w): the background colour of each pixel
    search_mask: np.ndarray  # bool (h, w): where objects of every colour are searched
    colours: np.ndarray  # uint8 (2, 256): colour number of each index, outside and in the mask
    links: np.ndarray  # bool (MAX_COLOURS, MAX_COLOURS): colours that belong to one object

    def palette(self) -> np.ndarray:
        """The palette index of each colour number but OTHER_COLOUR, int64 (colours,)."""
        everywhere = self.colours[1]
        numbers = np.flatnonzero(everywhere < kernel.OTHER_COLOUR)
        return numbers[np.argsort(everywhere[numbers])]


@dataclass(frozen=True)
class TrackerParams:
    """Per-type gates, sizes and colours, and the patience of the tracker."""

    type_params: np.ndarray  # float64 (types, TYPE_PARAMS), columns MIN_W to CORE_H of the kernel
    type_colours: np.ndarray  # bool (types, MAX_COLOURS): main colours a blob of the type may have
    patience: int  # steps without a detection after which a track is deleted
    # int64 (s,), increasing: ids of known sprites, of `kernel.sprite_ids`; and the type of each, as
    # `kernel.recognise_sprites` takes them
    sprites: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    sprite_types: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    outlines: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))  # likewise
    outline_types: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    # float64 (p, PART_COLUMNS): parts of objects that are blobs of their own
    parts: np.ndarray = field(default_factory=lambda: np.zeros((0, kernel.PART_COLUMNS)))

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays by their names in `detector.npz`; without sprites, if none are known."""
        sizes = {"rules": self.type_params, "type_colours": self.type_colours}
        if not len(self.sprites):
            return sizes
        return sizes | {name: getattr(self, name) for name in SPRITE_ARRAYS}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray], patience: int) -> TrackerParams:
        """What `arrays` wrote; files of detector version 11 and before know no sprites."""
        known = {name: arrays[name] for name in SPRITE_ARRAYS if name in arrays}
        return cls(arrays["rules"], arrays["type_colours"], patience, **known)

    @property
    def places(self) -> int:
        """Rows of the track table, over all types."""
        return int(self.type_params[:, kernel.END_PLACE].max()) if len(self.type_params) else 0

    def type_of_place(self) -> np.ndarray:
        """The type that owns each place, int64 (places,)."""
        counts = (
            self.type_params[:, kernel.END_PLACE] - self.type_params[:, kernel.FIRST_PLACE]
        ).astype(np.int64)
        return np.repeat(np.arange(len(self.type_params)), counts)


def restore_flickers(
    screens: np.ndarray, previous: np.ndarray, segmentation: SegmentationModel
) -> tuple[np.ndarray, int]:
    """Restores flickering sprites in a recording; also counts the screens that lacked some.

    Args:
        screens, previous: uint8 (n, h, w): the last frame of each step, and the frame before it.

    Returns:
        The restored screens, uint8 (n, h, w), and the number of screens that differ.
    """
    runs, blobs, areas = scratch()
    vanished = segmentation.background.copy()
    restored, found = screens.copy(), 0
    for now, was, target in zip(screens, previous, restored, strict=True):
        back = kernel.restore_flicker(
            now,
            was,
            segmentation.background,
            segmentation.search_mask,
            segmentation.colours,
            segmentation.links,
            runs,
            blobs,
            areas,
            vanished,
            target,
        )
        found += int(back > 0)
    return restored, found


def empty_table(places: int) -> np.ndarray:
    """A track table without tracks, float64 (places, COLUMNS)."""
    table = np.zeros((places, kernel.COLUMNS))
    table[:, kernel.AGE] = -1
    return table


def boxes_as_blobs(boxes: np.ndarray) -> np.ndarray:
    """Boxes from another source, int32 (n, 6), columns COLOUR to AREA, as blobs of new sprites,
    int32 (n, BLOB_COLUMNS)."""
    blobs = np.full((len(boxes), kernel.BLOB_COLUMNS), kernel.NEW_SPRITE, np.int32)
    blobs[:, : kernel.SPRITE_TYPE] = boxes
    return blobs


def scratch() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Output buffers for `connected_components`: runs, blobs, and each blob's area by colour."""
    return (
        np.zeros((kernel.MAX_RUNS, 6), np.int32),
        np.zeros((kernel.MAX_BLOBS, kernel.BLOB_COLUMNS), np.int32),
        np.zeros((kernel.MAX_BLOBS, kernel.MAX_COLOURS), np.int32),
    )

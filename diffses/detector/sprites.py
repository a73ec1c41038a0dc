"""The sprites of a recording: the exact pictures of its blobs, and which of them look alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diffses.detector import kernel

MIN_OUTLINE_AREA = 12  # px; smaller sprites have no outline to know them by


@dataclass(frozen=True)
class Sprites:
    """The distinct pictures of blobs; one row holds a picture and its mirror image.

    Consoles draw one picture facing left or right (REFP0 of the TIA chip), so that mirror images
    are one sprite.
    """

    ids: np.ndarray  # int64 (s, 2): `kernel.sprite_ids` of the picture and its mirror image
    outlines: np.ndarray  # int64 (s, 2): likewise, of their outlines, whatever their colours
    width: np.ndarray  # int64 (s,), px
    height: np.ndarray  # int64 (s,), px
    area: np.ndarray  # int64 (s,), px
    colours: np.ndarray  # float64 (s, MAX_COLOURS): the share of each colour number

    def __len__(self) -> int:
        return len(self.width)

    @property
    def telling(self) -> np.ndarray:
        """Whether an outline is one to know an object by, bool (s,): no rectangle, and not tiny."""
        solid = self.area == self.width * self.height
        return np.asarray((self.area >= MIN_OUTLINE_AREA) & ~solid)


class SpriteCollector:
    """Numbers the sprites of the screens that it is shown."""

    def __init__(self) -> None:
        self._ids = np.zeros((kernel.MAX_BLOBS, 2), np.int64)
        self._outlines = np.zeros((kernel.MAX_BLOBS, 2), np.int64)
        self._number: dict[int, int] = {}
        self._rows: list[tuple[int, ...]] = []
        self._areas: list[np.ndarray] = []

    def add(
        self, runs: np.ndarray, n_runs: int, blobs: np.ndarray, count: int, areas: np.ndarray
    ) -> np.ndarray:
        """The number of each blob's sprite, int64 (count,); arguments as `connected_components`
        left them."""
        kernel.sprite_ids(runs, n_runs, blobs, count, True, self._ids)
        kernel.sprite_ids(runs, n_runs, blobs, count, False, self._outlines)
        numbers = np.zeros(count, np.int64)
        for blob, (one, mirrored) in enumerate(self._ids[:count].tolist()):
            key = min(one, mirrored)
            if key not in self._number:
                self._number[key] = len(self._rows)
                _, left, top, right, bottom, area, _ = blobs[blob].tolist()
                size = right - left + 1, bottom - top + 1
                outlines = self._outlines[blob].tolist()
                self._rows.append((one, mirrored, *outlines, *size, area))
                self._areas.append(areas[blob] / area)
            numbers[blob] = self._number[key]
        return numbers

    def sprites(self) -> Sprites:
        """All sprites seen so far, by their numbers."""
        table = np.array(self._rows, np.int64).reshape(-1, 7)
        colours = np.array(self._areas).reshape(-1, kernel.MAX_COLOURS)
        width, height, area = table[:, 4:].T
        return Sprites(table[:, :2], table[:, 2:4], width, height, area, colours)

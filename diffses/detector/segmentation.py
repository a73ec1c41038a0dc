"""What the compiled code is given: how to look at a screen, and the rules for who is who."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diffses.detector import kernel


@dataclass(frozen=True)
class Scene:
    """What is looked at: everything about a screen that `find_blobs` needs."""

    background: np.ndarray  # uint8 (h, w)
    seen: np.ndarray  # bool (h, w)
    colours: np.ndarray  # uint8 (2, 256)
    links: np.ndarray  # bool (MAX_COLOURS, MAX_COLOURS)

    def palette(self) -> np.ndarray:
        """The palette index of each colour number."""
        everywhere = self.colours[1]
        numbers = np.flatnonzero(everywhere != kernel.NOTHING)
        return numbers[np.argsort(everywhere[numbers])]


@dataclass(frozen=True)
class Rules:
    """What the tracker knows about the types."""

    sizes: np.ndarray  # float64 (types, RULES)
    colours: np.ndarray  # bool (types, MAX_COLOURS): colours a blob of the type may mostly have
    patience: int  # steps an object may be unseen and keep its place

    @property
    def places(self) -> int:
        return int(self.sizes[:, kernel.END].max()) if len(self.sizes) else 0

    def type_of_place(self) -> np.ndarray:
        """The type that owns each place, int64 (places,)."""
        counts = (self.sizes[:, kernel.END] - self.sizes[:, kernel.FIRST]).astype(np.int64)
        return np.repeat(np.arange(len(self.sizes)), counts)


def whole_screens(screens: np.ndarray, before: np.ndarray, scene: Scene) -> tuple[np.ndarray, int]:
    """The screens with what flickers put back, and in how many of them there was some.

    Args:
        screens, before: uint8 (n, h, w): of each step the last frame and the one before.
    """
    runs, blobs, areas = scratch()
    gone = scene.background.copy()
    whole, found = screens.copy(), 0
    for now, was, target in zip(screens, before, whole, strict=True):
        back = kernel.put_back(
            now,
            was,
            scene.background,
            scene.seen,
            scene.colours,
            scene.links,
            runs,
            blobs,
            areas,
            gone,
            target,
        )
        found += int(back > 0)
    return whole, found


def empty_table(places: int) -> np.ndarray:
    table = np.zeros((places, kernel.COLUMNS))
    table[:, kernel.AGE] = -1
    return table


def scratch() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Buffers for `find_blobs`: runs, blobs, and the area of each colour in each blob."""
    return (
        np.zeros((kernel.MAX_RUNS, 6), np.int32),
        np.zeros((kernel.MAX_BLOBS, 6), np.int32),
        np.zeros((kernel.MAX_BLOBS, kernel.MAX_COLOURS), np.int32),
    )

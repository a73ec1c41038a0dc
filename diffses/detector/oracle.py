"""The oracle: objects as OCAtari reads them from the console's memory. An upper bound, no detector.

It needs the optional package OCAtari (Delfosse et al. 2023, arXiv:2306.08649) and sees what no
player of pixels does, so results with it say how well a policy plays when detection is perfect.
"""

from __future__ import annotations

import importlib
import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from diffses.config import OracleDetector
from diffses.detector.object_schema import cast_of_boxes
from diffses.detector.recording import Recording
from diffses.detector.tracker import Cast, Tracking, read_cast
from diffses.errors import ArtifactError, ConfigError, DiffsesError

FORMAT = 2  # of the files; raised when their meaning changes


class Reader:
    """Objects of one game from its memory, step after step.

    Raises:
        ConfigError: where OCAtari is missing, or does not know the game.
    """

    def __init__(self, game: str) -> None:
        self.game = game
        self._name = "".join(word.capitalize() for word in game.split("_"))  # OCAtari's
        self._ocatari = _ocatari()
        try:
            self.categories: tuple[str, ...] = tuple(
                dict.fromkeys(self._ocatari.get_max_objects(self._name, False))
            )
        except (KeyError, AttributeError) as error:
            raise ConfigError(
                f"detector=oracle: OCAtari does not read {game} from memory",
                fix="detector=motion, which needs no memory",
            ) from error
        self.reset()

    def reset(self) -> None:
        """An episode begins."""
        self._objects = self._ocatari.init_objects(self._name, False)

    def read(self, ram: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
        """The boxes in sight, int32 (n, 6), as `Memory.follow` takes them; the number of the colour
        is that of the category.

        Args:
            ram: uint8 (128,). shape: height and width of the screen, px.

        Raises:
            DiffsesError: where OCAtari fails.
        """
        try:
            self._ocatari.detect_objects_ram(self._objects, ram, self._name, False)
        except Exception as error:
            raise DiffsesError(
                f"OCAtari cannot read {self.game}: {type(error).__name__}: {error}",
                fix="detector=motion, or OCAtari with a numpy that it was made for (below 2)",
            ) from error
        rows = []
        for thing in self._objects:
            if not thing or thing.category not in self.categories:
                continue
            x, y, w, h = (int(value) for value in thing.xywh)
            left, top = max(x, 0), max(y, 0)
            right, bottom = min(x + w, shape[1]) - 1, min(y + h, shape[0]) - 1
            if right >= left and bottom >= top:
                area = (right - left + 1) * (bottom - top + 1)
                number = self.categories.index(thing.category)
                rows.append((number, left, top, right, bottom, area))
        return np.array(rows, np.int32).reshape(-1, 6)


def _ocatari() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return importlib.import_module("ocatari.ram.extract_ram_info")
    except ImportError as error:
        raise ConfigError(
            f"detector=oracle needs OCAtari: {error}",
            fix="pip install '.[ocatari]', or detector=motion, which sees pixels",
        ) from error


class Oracle(Tracking):
    """Memory in, features out. `observe` is given the console's memory, not its screen."""

    sees_ram = True

    def __init__(self, game: str, shape: tuple[int, int], cast: Cast) -> None:
        self.game, self.shape = game, shape
        super().__init__(cast)
        self._reader = Reader(game)

    def fresh(self) -> Oracle:
        """The same at the start of an episode of its own: what was learned is shared."""
        return self.with_cast(self.memory.cast)

    def with_cast(self, cast: Cast) -> Oracle:
        """The same with another cast."""
        return Oracle(self.game, self.shape, cast)

    def reset(self) -> None:
        """An episode begins: nothing is known of where things were."""
        super().reset()
        self._reader.reset()

    def observe(self, screen: np.ndarray, before: np.ndarray | None = None) -> np.ndarray:
        """The features of this step, float64 (f,); the next call overwrites them.

        Args:
            screen: uint8 (128,), the console's memory.
        """
        return self.memory.follow(self._reader.read(screen, self.shape))

    def save(self, folder: Path) -> None:
        """Writes `detector.json` and `detector.npz`."""
        cast = self.memory.cast
        about = {
            "format": FORMAT,
            "kind": "oracle",
            "note": "an upper bound: objects are read from memory, not seen in pixels",
            "game": self.game,
            "shape": list(self.shape),
        }
        (folder / "detector.json").write_text(json.dumps(about | cast.describe(), indent=2) + "\n")
        np.savez_compressed(
            folder / "detector.npz", rules=cast.rules.sizes, type_colours=cast.rules.colours
        )

    @classmethod
    def load(cls, folder: Path) -> Oracle:
        """Reads what `save` wrote.

        Raises:
            ArtifactError: where it is not there or not readable.
            ConfigError: where OCAtari is missing.
        """
        try:
            words = json.loads((folder / "detector.json").read_text())
            with np.load(folder / "detector.npz") as file:
                arrays = {name: file[name] for name in file.files}
            if words["format"] != FORMAT or words["kind"] != "oracle":
                raise ValueError(f"format {words['format']} of {words['kind']!r}")
            height, width = words["shape"]
            cast = read_cast(words, arrays["rules"], arrays["type_colours"])
        except (OSError, ValueError, KeyError) as error:
            raise ArtifactError(
                f"{folder} holds no detector that can be read: {error}",
                fix="the folder of a detector artifact, or stage=detector force=[detector]",
            ) from error
        return cls(words["game"], (height, width), cast)


def make_oracle(game: str, play: Recording, settings: OracleDetector) -> Oracle:
    """Finds out which features of a game's objects tell something.

    Raises:
        ConfigError: where OCAtari is missing, or does not know the game, or where the recording is
            a file, which holds no memory.
    """
    if play.ram is None:
        raise ConfigError(
            "detector=oracle needs the console's memory, which a recorded file does not hold",
            fix="leave out detector.recording",
        )
    reader = Reader(game)
    height, width = play.screens.shape[1:]
    boxes: list[np.ndarray] = []
    for ram, start in zip(play.ram, play.starts, strict=True):
        if start:
            reader.reset()
        boxes.append(reader.read(ram, (height, width)))
    cast = cast_of_boxes(
        boxes,
        len(reader.categories),
        play.starts,
        play.action_tm1,
        settings,
        settings.patience,
        {},
        _names(reader.categories),
    )
    return Oracle(game, (height, width), cast)


def _names(categories: Sequence[str]) -> list[str]:
    """Names that formulas can hold: `BallShadow` as `ballshadow`."""
    return ["".join(c for c in name.lower() if c.isalnum()) for name in categories]

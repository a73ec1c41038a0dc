"""The oracle: objects that OCAtari reads from the console's RAM; an upper bound, not a detector.

It needs the optional package OCAtari (Delfosse et al. 2023, arXiv:2306.08649). RAM is not visible
to an agent that plays from pixels, so results with the oracle say how well a policy plays if
detection is perfect.
"""

from __future__ import annotations

import copy
import importlib
import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

from diffses.config import OracleDetector
from diffses.detector.object_schema import schema_from_boxes
from diffses.detector.recording import Recording
from diffses.detector.tracker import ObjectSchema, TrackingDetector, read_schema
from diffses.errors import ArtifactError, ConfigError, DiffsesError

FORMAT = 2  # of the files; raise it when their meaning changes


class RamReader:
    """Reads the objects of one game from its RAM, step after step.

    Raises:
        ConfigError: if OCAtari is missing or does not support the game.
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
        """Starts an episode."""
        self._objects: list[Any] = self._ocatari.init_objects(self._name, False)

    def clone_state(self) -> list[Any]:
        """Copies of OCAtari's objects, which remember their last positions."""
        return copy.deepcopy(self._objects)

    def restore_state(self, state: list[Any]) -> None:
        """Goes back to a state of `clone_state`."""
        self._objects = copy.deepcopy(state)

    def read(self, ram: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
        """The visible boxes, int32 (n, 6), as `Tracker.update` takes them, with the category's
        index as the colour number.

        Args:
            ram: uint8 (128,). shape: height and width of the screen, px.

        Raises:
            DiffsesError: if OCAtari fails.
        """
        try:
            self._ocatari.detect_objects_ram(self._objects, ram, self._name, False)
        except Exception as error:
            raise DiffsesError(
                f"OCAtari cannot read {self.game}: {type(error).__name__}: {error}",
                fix="detector=motion, or OCAtari with a numpy that it was made for (below 2)",
            ) from error
        rows = []
        for one in self._objects:
            if not one or one.category not in self.categories:
                continue
            x, y, w, h = (int(value) for value in one.xywh)
            left, top = max(x, 0), max(y, 0)
            right, bottom = min(x + w, shape[1]) - 1, min(y + h, shape[0]) - 1
            if right >= left and bottom >= top:
                area = (right - left + 1) * (bottom - top + 1)
                number = self.categories.index(one.category)
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


class OracleObjectDetector(TrackingDetector):
    """Features from RAM; `observe` is given the RAM, not the screen."""

    sees_ram = True

    def __init__(self, game: str, shape: tuple[int, int], schema: ObjectSchema) -> None:
        self.game, self.shape = game, shape
        super().__init__(schema)
        self._reader = RamReader(game)

    def fresh(self) -> OracleObjectDetector:
        """A new instance with its own tracker state; what was learned is shared."""
        return self.with_schema(self.tracker.schema)

    def with_schema(self, schema: ObjectSchema) -> OracleObjectDetector:
        """A new instance with another schema."""
        return OracleObjectDetector(self.game, self.shape, schema)

    def reset(self) -> None:
        """Starts an episode: deletes all tracks."""
        super().reset()
        self._reader.reset()

    def clone_state(self) -> tuple[Any, list[Any]]:
        """What tracker and reader remember of the episode."""
        return super().clone_state(), self._reader.clone_state()

    def restore_state(self, state: tuple[Any, list[Any]]) -> np.ndarray:
        """Goes back to a state of `clone_state`; returns its features, float64 (f,)."""
        tracked, read = state
        self._reader.restore_state(read)
        return super().restore_state(tracked)

    def observe(self, screen: np.ndarray, before: np.ndarray | None = None) -> np.ndarray:
        """The features of this step, float64 (f,); the next call overwrites them.

        Args:
            screen: uint8 (128,), the RAM.
        """
        return self.tracker.update(self._reader.read(screen, self.shape))

    def save(self, folder: Path) -> None:
        """Writes `detector.json` and `detector.npz`."""
        schema = self.tracker.schema
        about = {
            "format": FORMAT,
            "kind": "oracle",
            "note": "an upper bound: objects are read from memory, not seen in pixels",
            "game": self.game,
            "shape": list(self.shape),
        }
        (folder / "detector.json").write_text(
            json.dumps(about | schema.describe(), indent=2) + "\n"
        )
        np.savez_compressed(
            folder / "detector.npz",
            **cast("dict[str, Any]", schema.params.arrays()),
        )

    @classmethod
    def load(cls, folder: Path) -> OracleObjectDetector:
        """Reads what `save` wrote.

        Raises:
            ArtifactError: if it is missing or not readable.
            ConfigError: if OCAtari is missing.
        """
        try:
            words = json.loads((folder / "detector.json").read_text())
            with np.load(folder / "detector.npz") as file:
                arrays = {name: file[name] for name in file.files}
            if words["format"] != FORMAT or words["kind"] != "oracle":
                raise ValueError(f"format {words['format']} of {words['kind']!r}")
            height, width = words["shape"]
            schema = read_schema(words, arrays)
        except (OSError, ValueError, KeyError) as error:
            raise ArtifactError(
                f"{folder} holds no detector that can be read: {error}",
                fix="the folder of a detector artifact, or stage=detector force=[detector]",
            ) from error
        return cls(words["game"], (height, width), schema)


def learn_oracle(game: str, play: Recording, settings: OracleDetector) -> OracleObjectDetector:
    """The oracle of a game, with the features that vary in a recording.

    Raises:
        ConfigError: if OCAtari is missing or does not support the game, or if the recording
            is a file, which holds no RAM.
    """
    if play.ram is None:
        raise ConfigError(
            "detector=oracle needs the console's memory, which a recorded file does not hold",
            fix="leave out detector.recording",
        )
    reader = RamReader(game)
    height, width = play.screens.shape[1:]
    boxes: list[np.ndarray] = []
    for ram, start in zip(play.ram, play.starts, strict=True):
        if start:
            reader.reset()
        boxes.append(reader.read(ram, (height, width)))
    schema = schema_from_boxes(
        boxes,
        len(reader.categories),
        play.starts,
        play.action_tm1,
        settings,
        settings.patience,
        {},
        _names(reader.categories),
        play.outcomes,
    )
    return OracleObjectDetector(game, (height, width), schema)


def _names(categories: Sequence[str]) -> list[str]:
    """Category names that formulas can hold: `BallShadow` becomes `ballshadow`."""
    return ["".join(c for c in name.lower() if c.isalnum()) for name in categories]

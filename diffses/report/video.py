"""A video of a policy playing: the frame with its boxes, the value of each tree, the action."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import matplotlib as mpl
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from diffses.detector.base import AnyDetector
from diffses.detector.figures import COLOURS
from diffses.detector.palette import to_rgb
from diffses.envs.base import Env
from diffses.errors import ConfigError
from diffses.policy.forest import Forest, highest
from diffses.report.replay import Recording, boxes
from diffses.report.style import POLICY
from diffses.report.wording import MINUS

ZOOM = 3  # picture pixels for one of the console's
PANEL = 400  # px wide: the values, right of the frame
HEIGHT, WIDTH = 210 * ZOOM, 160 * ZOOM  # px of the left half, a frame or the features
FPS = 15  # steps a second: a console's own speed at 4 frames a step
INK, FAINT, BAR, WASH = "#1d2129", "#6a7280", "#c3c8d0", "#ffffff"


class Film:
    """An MP4 file that `add` appends steps to; use as a context manager.

    Raises:
        ConfigError: where the package that writes videos is missing.
    """

    def __init__(self, path: Path, forest: Forest) -> None:
        try:
            from imageio.v2 import get_writer  # of an extra

            path.parent.mkdir(parents=True, exist_ok=True)
            self._writer: Any = get_writer(path, fps=FPS, macro_block_size=2, codec="libx264")
        except (ImportError, ValueError, OSError) as error:
            raise ConfigError(
                f"{path} cannot be written: {error}",
                fix="pip install -e '.[report]', and a file name that ends in .mp4",
            ) from error
        self._forest = forest
        self.frames = 0

    def add(self, env: Env, detector: AnyDetector, row: np.ndarray) -> None:
        """Appends the present step.

        Args:
            detector: that has just observed it.
            row: its features.
        """
        columns = [list(detector.features).index(name) for name in self._forest.features]
        self.append(env.observation(), boxes(detector), np.asarray(row)[columns])

    def append(self, screen: np.ndarray, found: list[list[Any]], features: np.ndarray) -> None:
        """Appends a step: as `draw_step` draws it."""
        self._writer.append_data(draw_step(screen, found, self._forest, features))
        self.frames += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._writer.close()


def film(recording: Recording, forest: Forest, path: Path) -> None:
    """Films what is kept of an episode.

    Raises:
        ConfigError: where the package that writes videos is missing.
    """
    record = recording.record
    rows = np.array(record["rows"], dtype=np.float64)
    with Film(path, forest) as made:
        for screen, found, row in zip(recording.screens, record["boxes"], rows, strict=True):
            made.append(screen, found, row)


def draw_step(
    screen: np.ndarray, found: list[list[Any]], forest: Forest, row: np.ndarray
) -> np.ndarray:
    """One step as a picture, uint8 (630, 880, 3).

    Args:
        screen: of `Env.observation`: palette indices, or numbers, which are then listed.
        found: objects in sight, of `episode.boxes`.
        row: the forest's features, (f,).
    """
    canvas = Image.new("RGB", (WIDTH + PANEL, HEIGHT), WASH)
    pen = ImageDraw.Draw(canvas)
    if screen.ndim == 2:
        _draw_frame(canvas, pen, screen, found)
    else:
        _draw_bars(pen, 24, WIDTH - 24, list(forest.features), row, None, "what it sees")
    scores = forest.scores(row[None])[0]
    if forest.bounds is None:
        chosen = int(highest(scores[None])[0])
        _draw_bars(pen, WIDTH + 24, PANEL - 48, list(forest.actions), scores, chosen, "values")
    else:
        squashed = forest.squash(scores)
        _draw_bars(pen, WIDTH + 24, PANEL - 48, list(forest.actions), squashed, None, "actions")
    return np.asarray(canvas)


def _draw_frame(
    canvas: Image.Image, pen: ImageDraw.ImageDraw, screen: np.ndarray, found: list[list[Any]]
) -> None:
    height, width = screen.shape
    frame = Image.fromarray(to_rgb(screen)).resize((WIDTH, HEIGHT), Image.Resampling.NEAREST)
    canvas.paste(frame, (0, 0))
    sx, sy = WIDTH / width, HEIGHT / height
    for kind, name, left, top, w, h in found:
        colour = COLOURS[kind % len(COLOURS)]
        corner, end = (left * sx, top * sy), ((left + w) * sx, (top + h) * sy)
        pen.rectangle(
            (corner[0] - 2, corner[1] - 2, end[0] + 1, end[1] + 1), outline=colour, width=2
        )
        at = min(corner[0], WIDTH - pen.textlength(name, _font(14)) - 2)
        pen.text((at, max(0, corner[1] - 19)), name, fill=colour, font=_font(14))


def _draw_bars(
    pen: ImageDraw.ImageDraw,
    left: float,
    width: float,
    names: list[str],
    values: np.ndarray,
    chosen: int | None,
    title: str,
) -> None:
    """Names, bars from a common zero, numbers; the chosen one stands out."""
    pen.text((left, 16), title, fill=FAINT, font=_font(15))
    shown = np.nan_to_num(values, nan=0.0, posinf=1e9, neginf=-1e9)
    low, high = min(0.0, float(shown.min())), max(0.0, float(shown.max()))
    scale = width / ((high - low) or 1.0)
    pitch = min(64.0, (HEIGHT - 60) / len(names))
    for index, (name, value) in enumerate(zip(names, shown, strict=True)):
        top = 48 + index * pitch
        own = index == chosen
        size = 17 if pitch > 40 else 12
        text = f"{value:.3g}".replace("-", MINUS)
        pen.text((left, top), name, fill=POLICY["finetuned"] if own else INK, font=_font(size))
        at = left + width - pen.textlength(text, _font(size))
        pen.text((at, top), text, fill=POLICY["finetuned"] if own else INK, font=_font(size))
        ends = sorted((left - low * scale, left + (value - low) * scale))
        bar = (ends[0], top + 0.42 * pitch, max(ends[1], ends[0] + 1), top + 0.72 * pitch)
        pen.rectangle(bar, fill=POLICY["finetuned"] if own else BAR)


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(Path(mpl.get_data_path(), "fonts/ttf/DejaVuSans.ttf")), size)

"""The log of a run: `metrics.jsonl` is the record, Weights & Biases an optional view of it.

Stages log to the logger that is open, without being handed it. Where none is open, messages are
dropped, so that a stage stays a plain function:

    from diffses.logger import log
    log("distill", {"agreement": 0.91}, step=3, step_name="generation")
"""

from __future__ import annotations

import contextlib
import json
import logging
import math
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from diffses.config import LoggerConfig, WandbLogger
from diffses.logger.wandb_view import WandbView, open_view, wandb_folders

RECORD = "metrics.jsonl"

_log = logging.getLogger(__name__)


class Logger:
    """Writes messages to `folder/metrics.jsonl`, one JSON object per line, flushed at once.

    Every line has "time" (seconds since 1970) and "kind". The kinds and their fields: start (name,
    group, job_type, tags, config), metrics (stage, step_name, step, values), summary (values),
    table (stage, name, columns, rows, and x and y if it is a scatter plot), html, image and video
    (stage, name, path), artifact (stage, key, path), end (exit_code). A number that is not finite
    is null. A `WandbView` shows the same messages: it has one method per kind.

    A process forked from the one that opened the logger writes nothing.

    Args:
        folder: of the run; made if it does not exist.
        view: of the same messages in W&B. One that raises is dropped with a warning.
    """

    is_open = True

    def __init__(self, folder: Path, view: WandbView | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.opened = time.time()  # seconds since 1970
        self._file = (folder / RECORD).open("a", encoding="utf-8")
        self._view = view
        self._pid = os.getpid()

    @property
    def has_view(self) -> bool:
        """Whether W&B shows the messages: a video, say, is made for it alone."""
        return self._view is not None

    def log(
        self,
        stage: str,
        metrics: Mapping[str, Any],
        step: float | None = None,
        step_name: str = "step",
    ) -> None:
        """Logs metrics of a stage, at `step` of the axis `step_name` ("generation", "steps")."""
        values = {name: _plain(value) for name, value in metrics.items()}
        self._send("metrics", stage=stage, step_name=step_name, step=_plain(step), values=values)

    def summary(self, values: Mapping[str, Any]) -> None:
        """Logs final results of the run: one value per name, e.g. "evaluate/mean"."""
        self._send("summary", values={name: _plain(value) for name, value in values.items()})

    def table(
        self,
        stage: str,
        name: str,
        columns: Sequence[str],
        rows: Sequence[Sequence[Any]],
        **axes: str,
    ) -> None:
        """Logs a table; with the names of two columns as `x` and `y`, as a scatter plot."""
        cells = [[_plain(cell) for cell in row] for row in rows]
        self._send("table", stage=stage, name=name, columns=list(columns), rows=cells, **axes)

    def html(self, stage: str, name: str, path: Path) -> None:
        """Logs an HTML file."""
        self._send("html", stage=stage, name=name, path=str(path))

    def image(self, stage: str, name: str, path: Path) -> None:
        """Logs a PNG or JPEG file."""
        self._send("image", stage=stage, name=name, path=str(path))

    def video(self, stage: str, name: str, path: Path) -> None:
        """Logs an MP4 file."""
        self._send("video", stage=stage, name=name, path=str(path))

    def artifact(self, stage: str, key: str, path: Path) -> None:
        """Logs an artifact that the run made or used; W&B stores its path, not a copy."""
        self._send("artifact", stage=stage, key=key, path=str(path))

    def close(self, exit_code: int = 0) -> None:
        """Ends the record; later calls do nothing. An `exit_code` other than 0 means failure."""
        self._send("end", exit_code=exit_code)
        if os.getpid() == self._pid:
            self._file.close()

    def _write(self, kind: str, **fields: Any) -> bool:
        """Writes a line, unless the logger is closed or this is a forked process."""
        if os.getpid() != self._pid or self._file.closed:
            return False
        line = json.dumps({"time": time.time(), "kind": kind, **fields}, allow_nan=False)
        self._file.write(line + "\n")
        self._file.flush()
        return True

    def _send(self, kind: str, **fields: Any) -> None:
        """Writes a line and shows it in the view."""
        if self._write(kind, **fields) and self._view is not None:
            try:
                getattr(self._view, kind)(**fields)
            except Exception as error:  # a failing view must not fail the run
                _log.warning("W&B failed and is left out from here on: %s: %s", type(error), error)
                self._view = None


class NullLogger(Logger):
    """Drops all messages."""

    is_open = False

    def __init__(self) -> None:
        self._view = None
        self._pid = -1  # of no process: nothing is written


_null = NullLogger()
_current: Logger | None = None


def current() -> Logger:
    """The logger that is open in this process; one that drops all messages if there is none."""
    return _null if _current is None or _current._pid != os.getpid() else _current


def log(
    stage: str, metrics: Mapping[str, Any], step: float | None = None, step_name: str = "step"
) -> None:
    """`Logger.log` of the current logger."""
    current().log(stage, metrics, step, step_name)


@contextlib.contextmanager
def open_logger(
    settings: LoggerConfig,
    folder: Path,
    *,
    config: Mapping[str, Any],
    name: str,
    group: str | None = None,
    tags: Sequence[str] = (),
    job_type: str = "run",
) -> Iterator[Logger]:
    """Opens the run's logger; within the block it is `current()`.

    A block left by an exception closes the run as failed; a block that catches its exceptions
    calls `close(1)` itself.

    Args:
        settings: `WandbLogger`, or any other for the record alone.
        folder: of this run; W&B's files go to `folder/wandb`.
        config: the whole resolved config, as plain data.
        name: of the run, e.g. "seed=1".
        group: id of the sweep that the run belongs to; None for a single run.
        tags: e.g. the game.
        job_type: what the run does, e.g. "all" or "distill".

    Raises:
        DiffsesError: in mode online, if W&B cannot be reached or rejects the login.
    """
    global _current
    about = {"name": name, "group": group, "job_type": job_type, "tags": list(tags)}
    with wandb_folders(folder):
        view = None
        if isinstance(settings, WandbLogger):
            view = open_view(settings, folder, about | {"config": dict(config)})
        logger = Logger(folder, view)
        logger._write("start", **about, config=json.loads(json.dumps(config, default=str)))
        previous, _current = _current, logger
        exit_code = 1
        try:
            yield logger
            exit_code = 0
        except SystemExit as leaving:
            exit_code = int(leaving.code not in (None, 0))
            raise
        finally:
            _current = previous
            logger.close(exit_code)


def _plain(value: Any) -> Any:
    """A value as JSON: numpy's scalars as Python's, and null for numbers that are not finite."""
    if hasattr(value, "item") and getattr(value, "ndim", 0) == 0:
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"a metric is a number or a text, not {type(value).__name__}: {value!r}")

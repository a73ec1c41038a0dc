"""What a run reports while it works: `metrics.jsonl` is the record, Weights & Biases a view of it.

The one file that imports wandb, and only once a run is opened with it: a view that fails is
dropped with a warning, and never fails the run. Stages report through the functions of this
module, which do nothing where no logger is open, so a stage stays a plain function:

    from diffses import logger
    logger.log("distill", {"agreement": 0.91}, step=3, step_name="generation")
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

from diffses.config import LoggerConfig, Mode, WandbLogger
from diffses.errors import DiffsesError

RECORD = "metrics.jsonl"
INIT_SECONDS = 30  # to wait for W&B's server before going on offline
LOGIN = "`wandb login`, or logger.mode=auto, or logger=none"

_log = logging.getLogger(__name__)
_current: Logger | None = None


class Logger:
    """One run's record, `folder/metrics.jsonl`: a JSON object a line, flushed as it is written.

    Every line has "time" (seconds since 1970) and "kind": start (name, group, job_type, tags,
    config), metrics (stage, step_name, step, values), summary (values), table (stage, name,
    columns, rows, and x and y where it is to be drawn as points), html, image and video (stage,
    name, path), artifact (stage, key, path),
    end (exit_code). A value that is no finite number is null.
    """

    def __init__(self, folder: Path, view: WandbView | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.opened = time.time()  # seconds since 1970
        self._file = (folder / RECORD).open("a", encoding="utf-8")
        self._view = view
        self._pid = os.getpid()

    def log(
        self,
        stage: str,
        metrics: Mapping[str, Any],
        step: float | None = None,
        step_name: str = "step",
    ) -> None:
        """Reports metrics of a stage, at `step` of the axis `step_name` ("generation", "steps")."""
        values = {name: _plain(value) for name, value in metrics.items()}
        self._write("metrics", stage=stage, step_name=step_name, step=_plain(step), values=values)
        self._show("log", stage, values, _plain(step), step_name)

    def summary(self, values: Mapping[str, Any]) -> None:
        """Reports what the run came to: one value for each name, e.g. "evaluate/mean"."""
        plain = {name: _plain(value) for name, value in values.items()}
        self._write("summary", values=plain)
        self._show("summary", plain)

    def table(
        self, stage: str, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]
    ) -> None:
        cells = [[_plain(cell) for cell in row] for row in rows]
        self._write("table", stage=stage, name=name, columns=list(columns), rows=cells)
        self._show("table", stage, name, list(columns), cells)

    def scatter(
        self,
        stage: str,
        name: str,
        columns: Sequence[str],
        rows: Sequence[Sequence[Any]],
        x: str,
        y: str,
    ) -> None:
        """Reports a table whose columns `x` and `y` are to be drawn as points."""
        cells = [[_plain(cell) for cell in row] for row in rows]
        self._write("table", stage=stage, name=name, columns=list(columns), rows=cells, x=x, y=y)
        self._show("scatter", stage, name, list(columns), cells, x, y)

    def html(self, stage: str, name: str, path: Path) -> None:
        """Shows an HTML file, such as the report."""
        self._write("html", stage=stage, name=name, path=str(path))
        self._show("html", stage, name, path)

    def image(self, stage: str, name: str, path: Path) -> None:
        """Shows a picture, PNG or JPEG."""
        self._write("image", stage=stage, name=name, path=str(path))
        self._show("image", stage, name, path)

    def video(self, stage: str, name: str, path: Path) -> None:
        """Shows a video, MP4."""
        self._write("video", stage=stage, name=name, path=str(path))
        self._show("video", stage, name, path)

    @property
    def has_view(self) -> bool:
        """Whether anything but the record is written: what is only to be looked at is for W&B."""
        return self._view is not None

    def artifact(self, stage: str, key: str, path: Path) -> None:
        """Names an artifact the run made or used; W&B is given its place, not a copy."""
        self._write("artifact", stage=stage, key=key, path=str(path))
        self._show("artifact", stage, key, path)

    def close(self, exit_code: int = 0) -> None:
        """Ends the record; the first call counts. Any other code than 0 marks the run failed."""
        if self._file.closed or os.getpid() != self._pid:
            return
        self._write("end", exit_code=exit_code)
        self._file.close()
        self._show("close", exit_code)

    def _write(self, kind: str, **fields: Any) -> None:
        if self._file.closed or os.getpid() != self._pid:  # a forked worker shares the file
            return
        line = json.dumps({"time": time.time(), "kind": kind, **fields}, allow_nan=False)
        self._file.write(line + "\n")
        self._file.flush()

    def _show(self, method: str, *arguments: Any) -> None:
        if self._view is None or os.getpid() != self._pid:
            return
        try:
            getattr(self._view, method)(*arguments)
        except Exception as error:  # whatever goes wrong in a view, the run goes on
            _log.warning("W&B failed and is left out from here on: %s: %s", type(error), error)
            self._view = None


class WandbView:
    """The same run in W&B: metrics named `stage/metric`, each stage with its own step axis."""

    def __init__(self, run: Any) -> None:
        self._run = run
        self._axes: dict[str, str] = {}  # stage -> the step its metrics are drawn against

    def log(self, stage: str, values: dict[str, Any], step: float | None, step_name: str) -> None:
        row = {f"{stage}/{name}": value for name, value in values.items() if value is not None}
        if step is not None:
            if stage not in self._axes:
                self._axes[stage] = step_name
                self._run.define_metric(f"{stage}/{step_name}", hidden=True)
                self._run.define_metric(f"{stage}/*", step_metric=f"{stage}/{step_name}")
            row[f"{stage}/{step_name}"] = step
        if row:
            self._run.log(row)

    def summary(self, values: dict[str, Any]) -> None:
        self._run.summary.update(values)

    def table(self, stage: str, name: str, columns: list[str], rows: list[list[Any]]) -> None:
        import wandb

        # one type a column is W&B's rule, which a null beside a number does not break
        self._run.log({f"{stage}/{name}": wandb.Table(columns=[*columns], data=rows)})

    def scatter(
        self, stage: str, name: str, columns: list[str], rows: list[list[Any]], x: str, y: str
    ) -> None:
        import wandb

        table = wandb.Table(columns=[*columns], data=rows)
        drawn = wandb.plot.scatter(table, x, y, title=f"{stage}: {y} against {x}")
        self._run.log({f"{stage}/{name}": drawn})

    def video(self, stage: str, name: str, path: Path) -> None:
        import wandb

        self._run.log({f"{stage}/{name}": wandb.Video(str(path), format="mp4")})

    def html(self, stage: str, name: str, path: Path) -> None:
        import wandb

        page = wandb.Html(path.read_text(encoding="utf-8"), inject=False)
        self._run.log({f"{stage}/{name}": page})

    def image(self, stage: str, name: str, path: Path) -> None:
        import wandb

        self._run.log({f"{stage}/{name}": wandb.Image(str(path))})

    def artifact(self, stage: str, key: str, path: Path) -> None:
        import wandb

        made = wandb.Artifact(f"{stage}-{key}", type=stage, metadata={"key": key})
        made.add_reference(path.resolve().as_uri(), checksum=False)
        self._run.log_artifact(made)

    def close(self, exit_code: int) -> None:
        import wandb

        self._run.finish(exit_code=exit_code)
        wandb.teardown()  # the next job in this process starts from its own environment


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
    """Opens the run's record in `folder`, with W&B beside it where the settings say so.

    Until the block ends it is what `log`, `summary` … of this module report to. A block left by
    an exception closes the run as failed; one that hides its exceptions calls `close(1)` itself.

    Args:
        settings: `WandbLogger`, or any other for the record alone.
        folder: of this run; W&B's files land in `folder/wandb`.
        config: the whole resolved config, as plain data; W&B shows it only if it is given at once.
        name: of the run, e.g. "seed=1".
        group: of the runs that belong together: the sweep's id; None for a single run.
        tags: e.g. the game.
        job_type: what the run does, e.g. "all" or "distill".

    Raises:
        DiffsesError: mode online, and W&B cannot be reached or does not accept the login.
    """
    global _current
    about = {"name": name, "group": group, "job_type": job_type, "tags": list(tags)}
    with _wandb_folders(folder):
        view = None
        if isinstance(settings, WandbLogger):
            view = _open_view(settings, folder, about | {"config": dict(config)})
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


def current() -> Logger | None:
    """The logger that is open in this process, if any; a worker process has none."""
    return _current if _current is not None and _current._pid == os.getpid() else None


def log(
    stage: str, metrics: Mapping[str, Any], step: float | None = None, step_name: str = "step"
) -> None:
    """`Logger.log` of the open logger; without one, nothing."""
    if logger := current():
        logger.log(stage, metrics, step, step_name)


def summary(values: Mapping[str, Any]) -> None:
    if logger := current():
        logger.summary(values)


def table(stage: str, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    if logger := current():
        logger.table(stage, name, columns, rows)


def html(stage: str, name: str, path: Path) -> None:
    if logger := current():
        logger.html(stage, name, path)


def image(stage: str, name: str, path: Path) -> None:
    if logger := current():
        logger.image(stage, name, path)


def scatter(
    stage: str, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], x: str, y: str
) -> None:
    if logger := current():
        logger.scatter(stage, name, columns, rows, x, y)


def video(stage: str, name: str, path: Path) -> None:
    if logger := current():
        logger.video(stage, name, path)


def artifact(stage: str, key: str, path: Path) -> None:
    if logger := current():
        logger.artifact(stage, key, path)


def _plain(value: Any) -> Any:
    """A JSON value: numpy's numbers as Python's, and null for what is not finite."""
    if hasattr(value, "item") and getattr(value, "ndim", 0) == 0:
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"a metric is a number or a text, not {type(value).__name__}: {value!r}")


@contextlib.contextmanager
def _wandb_folders(folder: Path) -> Iterator[None]:
    """Keeps what W&B would put under the home folder inside the run's, unless the user says else.

    The variables are put back, since a joblib worker is used for one job after another.
    """
    inside = {"WANDB_DATA_DIR": "data", "WANDB_CACHE_DIR": "cache", "WANDB_CONFIG_DIR": "config"}
    ours = {key: folder / "wandb" / name for key, name in inside.items() if key not in os.environ}
    os.environ.update({key: str(path.resolve()) for key, path in ours.items()})
    try:
        yield
    finally:
        for key in ours:
            os.environ.pop(key, None)


def _open_view(settings: WandbLogger, folder: Path, about: dict[str, Any]) -> WandbView | None:
    mode = _mode(settings.mode)
    if mode == "disabled":
        return None
    if settings.mode is Mode.online and not has_login():
        raise DiffsesError("W&B: no key or login for logger.mode=online", fix=LOGIN)
    try:
        return _start(settings, folder, mode, about)
    except Exception as error:
        if settings.mode is Mode.online:
            raise DiffsesError(f"W&B did not start online: {error}", fix=LOGIN) from error
        _log.warning("W&B did not start %s (%s)", mode, error)
    if mode == "offline":
        return None
    return _open_view(WandbLogger(Mode.offline, settings.project, settings.entity), folder, about)


def _start(settings: WandbLogger, folder: Path, mode: str, about: dict[str, Any]) -> WandbView:
    import wandb

    (folder / "wandb").mkdir(parents=True, exist_ok=True)  # or W&B goes to /tmp, with a warning
    light = wandb.Settings(
        console="off",
        disable_git=True,
        init_timeout=INIT_SECONDS,
        save_code=False,
        silent=True,
        x_disable_machine_info=True,
        x_disable_meta=True,
        x_disable_stats=True,
    )
    # `wandb.init` gives back the run that is already open, config and all: a job that crashed in
    # a worker that joblib uses again would swallow the next one's data.
    run = wandb.init(
        dir=str(folder),
        mode=mode,  # type: ignore[arg-type]
        project=settings.project,
        entity=settings.entity,
        reinit="finish_previous",
        settings=light,
        **about,
    )
    where = run.url if mode == "online" else f"offline; upload it with: wandb sync {run.sync_dir}"
    _log.info("W&B: %s", where)
    return WandbView(run)


def _mode(mode: Mode) -> str:
    """online, offline or disabled; auto is online where there is a key or a login."""
    if mode is not Mode.auto:
        return str(mode.value)
    wished = os.environ.get("WANDB_MODE", "")
    if wished in ("online", "offline", "disabled"):
        return wished
    return "online" if has_login() else "offline"


def has_login() -> bool:
    """Whether W&B finds a key or a login for its server; never asks for one."""
    import wandb
    from wandb.sdk.lib import wbauth  # not public; a test knows when it moves

    try:
        found = wbauth.authenticate_session(
            host=wandb.setup().settings.base_url,
            source="diffses",
            prompt=False,
            update_session=False,
        )
    except wandb.Error as error:
        _log.warning("W&B's login cannot be used: %s", error)
        return False
    return found is not None


def default_entity() -> str:
    """Whose W&B projects are used where nobody is named."""
    import wandb

    return str(wandb.Api().default_entity)

"""The view of a run in Weights & Biases. The one file that imports wandb, and only if it is on.

Each function that needs wandb imports it: it takes most of a second to load.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from diffses.config import Mode, WandbLogger
from diffses.errors import DiffsesError

INIT_SECONDS = 30  # timeout for W&B's server; the run then goes on offline
LOGIN = "`wandb login`, or logger.mode=auto, or logger=none"

_log = logging.getLogger(__name__)


class WandbView:
    """Shows messages of `Logger` in W&B: one method per kind, with the fields as arguments.

    Metrics are named `stage/metric`; each stage has its own step axis.

    Args:
        run: an open `wandb.Run`.
    """

    def __init__(self, run: Any) -> None:
        self._run = run
        self._axes: dict[str, str] = {}  # stage -> name of its step axis

    def metrics(
        self, stage: str, values: dict[str, Any], step: float | None, step_name: str
    ) -> None:
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

    def table(
        self, stage: str, name: str, columns: list[str], rows: list[list[Any]], **axes: str
    ) -> None:
        import wandb

        # W&B wants one type per column; a null beside a number is allowed
        shown: Any = wandb.Table(columns=[*columns], data=rows)
        if axes:
            title = f"{stage}: {axes['y']} against {axes['x']}"
            shown = wandb.plot.scatter(shown, axes["x"], axes["y"], title=title)
        self._run.log({f"{stage}/{name}": shown})

    def html(self, stage: str, name: str, path: str) -> None:
        import wandb

        page = wandb.Html(Path(path).read_text(encoding="utf-8"), inject=False)
        self._run.log({f"{stage}/{name}": page})

    def image(self, stage: str, name: str, path: str) -> None:
        import wandb

        self._run.log({f"{stage}/{name}": wandb.Image(path)})

    def video(self, stage: str, name: str, path: str) -> None:
        import wandb

        self._run.log({f"{stage}/{name}": wandb.Video(path, format="mp4")})

    def artifact(self, stage: str, key: str, path: str) -> None:
        import wandb

        made = wandb.Artifact(f"{stage}-{key}", type=stage, metadata={"key": key})
        made.add_reference(Path(path).resolve().as_uri(), checksum=False)
        self._run.log_artifact(made)

    def end(self, exit_code: int) -> None:
        import wandb

        self._run.finish(exit_code=exit_code)
        wandb.teardown()  # the next job in this process starts from its own environment


@contextlib.contextmanager
def wandb_folders(folder: Path) -> Iterator[None]:
    """Keeps what W&B writes to the home folder inside the run's, unless the user set it elsewhere.

    The environment variables are restored, since a joblib worker runs one job after another.
    """
    inside = {"WANDB_DATA_DIR": "data", "WANDB_CACHE_DIR": "cache", "WANDB_CONFIG_DIR": "config"}
    ours = {key: folder / "wandb" / name for key, name in inside.items() if key not in os.environ}
    os.environ.update({key: str(path.resolve()) for key, path in ours.items()})
    try:
        yield
    finally:
        for key in ours:
            os.environ.pop(key, None)


def open_view(settings: WandbLogger, folder: Path, about: dict[str, Any]) -> WandbView | None:
    """Starts a W&B run; None if W&B is disabled or starts not even offline.

    Args:
        settings: the mode "auto" falls back to offline.
        folder: of the run.
        about: arguments of `wandb.init`.

    Raises:
        DiffsesError: in mode online, if W&B cannot be reached or rejects the login.
    """
    mode = resolve_mode(settings.mode)
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
    return open_view(WandbLogger(Mode.offline, settings.project, settings.entity), folder, about)


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
    # By default `wandb.init` returns the run that is already open: after a job that crashed in a
    # reused joblib worker, the next job's data would go to the crashed job's run.
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


def resolve_mode(mode: Mode) -> str:
    """online, offline or disabled; auto is online if there is a key or a login."""
    if mode is not Mode.auto:
        return str(mode.value)
    requested = os.environ.get("WANDB_MODE", "")
    if requested in ("online", "offline", "disabled"):
        return requested
    return "online" if has_login() else "offline"


def has_login() -> bool:
    """Whether W&B finds a key or a login for its server; never asks for one."""
    import wandb
    from wandb.sdk.lib import wbauth  # not public; a test fails if it moves

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
    """The W&B entity whose projects are used if no entity is set."""
    import wandb

    return str(wandb.Api().default_entity)

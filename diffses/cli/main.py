"""The pipeline's command line: `python run.py`, and `python -m diffses run`.

Hydra composes the config, the pipeline runs, and an error is two lines on stderr.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import multiprocessing
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import hydra
from hydra._internal.utils import get_args_parser
from hydra.core.hydra_config import HydraConfig
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from diffses.cli.exit_codes import (
    ERROR,
    INTERRUPTED,
    OK,
    UsageError,
    exit_code,
    print_error,
    traceback_wanted,
)
from diffses.cli.job_status import Status
from diffses.cli.overrides import refuse_mistakes
from diffses.config import ROOT, Config, Verbosity, register, store_folder
from diffses.errors import ConfigError, DiffsesError
from diffses.logger import open_logger
from diffses.pipeline import Step, plan, resolve, run
from diffses.store import Store
from diffses.text_table import aligned

log = logging.getLogger("diffses")


class SweepFolder(Callback):
    """Remembers where the sweep writes, so that its summary can be made even if a job fails.

    Hydra makes the instance, from conf/config.yaml, and keeps it: hence an attribute of the class.
    """

    latest: ClassVar[Path | None] = None  # of the sweep that this process launched

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        SweepFolder.latest = Path(config.hydra.sweep.dir)


@exit_code
def main(arguments: Sequence[str]) -> int:
    """Runs one command line, e.g. ["env=pong", "stage=all"]. Returns the exit code."""
    os.environ["DIFFSES_ROOT"] = str(ROOT)  # conf/config.yaml names folders by it
    register()
    # Hydra 1.3 rejects overrides on both sides of -m (hydra issue 3053): put the flag first
    words = sorted(arguments, key=lambda word: word not in ("-m", "--multirun"))
    refuse_unknown_flags(words)
    refuse_mistakes(get_args_parser().parse_known_args(words)[0].overrides)
    if {"-h", "--help"} & set(words):
        print(help_text([word for word in words if not word.startswith("-")]))
        return OK
    return run_jobs(words)


def run_jobs(words: Sequence[str]) -> int:
    """Runs the job, or the jobs of a sweep, and sums up a sweep. Returns the exit code."""
    failures: list[Exception] = []  # of the jobs in this process

    def task(raw: DictConfig) -> None:
        error = job(raw)
        if error is not None:
            failures.append(error)

    SweepFolder.latest = None
    code = OK
    try:
        with hydra_process(words):
            start = hydra.main(str(ROOT / "conf"), "config", version_base="1.3")
            start(task)()
    except KeyboardInterrupt:
        print("\ninterrupted; the same command goes on from the last checkpoint", file=sys.stderr)
        code = INTERRUPTED
    finally:  # also after an error of Hydra's
        sweep = SweepFolder.latest
        if sweep is not None and any(sweep.glob("*/status.json")):
            code = close_sweep(sweep) or code
    if failures:
        if isinstance(failures[-1], BrokenPipeError):
            raise failures[-1]  # stdout has no reader any more, and an exit code of its own
        if sweep is None:  # a sweep printed each error when it happened
            print_error(failures[-1], traceback_wanted())
        code = ERROR
    return code


@contextlib.contextmanager
def hydra_process(words: Sequence[str]) -> Iterator[None]:
    """Sets what Hydra reads from the process, and restores it: the arguments, and the variable
    with which Hydra raises its errors instead of printing them."""
    arguments, full_error = sys.argv[1:], os.environ.get("HYDRA_FULL_ERROR", "")
    sys.argv[1:] = words
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        yield
    finally:
        sys.argv[1:] = arguments
        os.environ["HYDRA_FULL_ERROR"] = full_error


def refuse_unknown_flags(words: list[str]) -> None:
    """Raises UsageError for a flag that Hydra does not have; it would print its usage alone."""
    for word in get_args_parser().parse_known_args(words)[1]:
        raise UsageError(
            f"there is no flag {word}", fix="python run.py --help; settings are written name=value"
        )


def help_text(overrides: list[str]) -> str:
    """What `--help` prints: conf/hydra/help.

    Hydra's own help lists the groups first, whether they are asked for or not, and copies all
    schemas for each; that took a second of the command's one and a half.
    """
    with hydra.initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        config = hydra.compose("config", overrides, return_hydra_config=True)
    return str(config.hydra.help.template)


def close_sweep(folder: Path) -> int:
    """Writes the summary across the jobs, also when some failed. Returns the exit code."""
    # here, so that `--help` is quick: numpy and scipy take a while to load
    from diffses.evaluation.ablation import is_ablation
    from diffses.report.ablation_figure import write
    from diffses.report.sweep import summarise  # loads matplotlib and scipy, as the next does
    from diffses.report.sweep_text import summary_text

    summarise(folder)
    print(summary_text(folder))
    if is_ablation(folder):
        try:
            print(f"\n{write(folder)}\nablation: {folder / 'ablation.md'}")
        except DiffsesError as error:  # no job is done
            print_error(error)
            return ERROR
    states = [json.loads(path.read_text())["status"] for path in folder.glob("*/status.json")]
    return OK if all(state == "done" for state in states) else ERROR


def job(raw: DictConfig) -> Exception | None:
    """One job: a single run, or one of a sweep.

    Returns:
        Its error, which status.json records; None where there is none. Raised, it would make Hydra
        drop the rest of a batch of jobs and say nothing until the last one ends.
    """
    status = None if raw.dry_run is True else Status(raw)
    try:
        config = to_config(raw)
        set_log_level(config.verbosity)
        config = resolve(config)
        if status is None:
            show_plan(config)
        else:
            run_logged(config, status)
            status.done()
    except KeyboardInterrupt:
        if status is not None:
            status.interrupted()
        raise
    except Exception as error:
        if status is not None:
            status.failed(error)
        if HydraConfig.get().mode == RunMode.MULTIRUN:
            print_error(error)
        return error
    finally:
        end_workers()
    return None


def set_log_level(verbosity: Verbosity) -> None:
    """Sets what is logged, and whether progress bars are shown: by a variable of the environment,
    since worker processes show them too."""
    level = {Verbosity.quiet: logging.WARNING, Verbosity.debug: logging.DEBUG}
    log.setLevel(level.get(verbosity, logging.INFO))
    logging.getLogger().setLevel(logging.INFO if verbosity is Verbosity.debug else logging.WARNING)
    if verbosity is Verbosity.quiet:
        os.environ["DIFFSES_PROGRESS"] = "0"


def end_workers() -> None:
    """Ends the processes in which a job played episodes, if a launcher runs the job in a process
    of its own: that one waits for them when it ends. Elsewhere they stay for the next job."""
    if (
        multiprocessing.current_process().name != "MainProcess"
        and "diffses.envs.rollout" in sys.modules
    ):
        sys.modules["diffses.envs.rollout"].close()


def to_config(raw: DictConfig) -> Config:
    """The composed config as dataclasses, every check done.

    Raises:
        ConfigError: for a value out of range, or a setting that no schema has.
    """
    config = OmegaConf.to_object(raw)
    assert isinstance(config, Config)
    nodes = [("", raw), *((f"{key}.", raw[key]) for key in map(str, raw))]
    for name, node in nodes:
        if isinstance(node, DictConfig) and (kind := OmegaConf.get_type(node)) is not None:
            known = {field.name for field in dataclasses.fields(kind)}
            for key in {str(key) for key in node} - known:
                raise ConfigError(
                    f"there is no setting {name}{key}", fix=f"leave out +{name}{key}=..."
                )
    return config


def store_of(config: Config) -> Store:
    """The artifact store."""
    return Store(store_folder(config.outputs))


def show_plan(config: Config) -> None:
    """Prints what a run would do: one line a stage, and nothing is built."""
    steps = plan(config, store_of(config))
    rows = [(step.stage.name, step.spec.key, step.action, step.why) for step in steps]
    print(aligned(("stage", "key", "action", "why"), rows, "llll"))


def run_logged(config: Config, status: Status) -> None:
    """Runs the pipeline with the logger open, and shows the result."""
    hydra_config = HydraConfig.get()
    sweep = hydra_config.mode == RunMode.MULTIRUN
    with open_logger(
        config.logger,
        status.folder,
        config=to_dict(config),
        name=f"{config.env.name}-seed{config.seed}",
        group=Path(hydra_config.sweep.dir).name if sweep else None,
        tags=[config.env.name],
    ) as logger:
        store = store_of(config)

        def notify(step: Step, seconds: float) -> None:
            status.built(step)
            logger.artifact(step.stage.name, step.spec.key, store.path(step.spec))
            logger.summary(
                {f"{step.stage.name}/seconds": seconds, f"{step.stage.name}/key": step.spec.key}
            )

        start = sweep_start(Path(hydra_config.sweep.dir)) if sweep else None
        paths = run(config, store, notify, start)
        if "report" in paths:
            from diffses.report.wandb_media import show  # loads matplotlib

            show(paths["report"])
    print_results(paths)


def print_results(paths: Mapping[str, Path]) -> None:
    """Prints what a run came to, where it reached the report or the evaluation."""
    from diffses.report.terminal import results_text, summary_text  # loads numpy

    if "report" in paths:
        print(summary_text(paths["report"]))
    elif "evaluate" in paths:
        print(results_text(paths["evaluate"]))


def sweep_start(sweep: Path) -> datetime | None:
    """When a sweep was launched: in every process of it the same."""
    record = sweep / "multirun.yaml"
    return datetime.fromtimestamp(record.stat().st_mtime, UTC) if record.is_file() else None


def to_dict(config: Config) -> dict[str, Any]:
    """The config as plain values, variants by name, for a log or a file."""
    container = OmegaConf.to_container(OmegaConf.structured(config), enum_to_str=True)
    assert isinstance(container, dict)
    variants = {
        str(name): type(getattr(config, str(name))).__name__
        for name in container
        if isinstance(container[name], dict)
    }
    return {str(name): value for name, value in container.items()} | {"variants": variants}

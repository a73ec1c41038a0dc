"""The command line: composes the config with Hydra, runs the pipeline, and says what went wrong."""

from __future__ import annotations

import dataclasses
import json
import logging
import multiprocessing
import os
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import hydra
from hydra._internal.utils import get_args_parser
from hydra.core.hydra_config import HydraConfig
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from diffses.cli.hydra_errors import explain
from diffses.cli.job_status import Status
from diffses.config import ROOT, Config, Verbosity, register
from diffses.errors import ConfigError, DiffsesError
from diffses.pipeline import Step, plan, resolve, run
from diffses.store import Store
from diffses.text_table import aligned

log = logging.getLogger("diffses")
sweep_folder: Path | None = None  # of the sweep this process launches
failure: BaseException | None = None  # of the last job in this process


class SweepFolder(Callback):
    """Remembers where the sweep writes, so that its summary can be made even if a job fails."""

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        global sweep_folder
        sweep_folder = Path(config.hydra.sweep.dir)


def main(arguments: list[str]) -> int:
    """Runs one command line. Returns the exit code; errors are two lines on stderr."""
    os.environ["DIFFSES_ROOT"] = str(ROOT)
    show_traceback = os.environ.get("HYDRA_FULL_ERROR", "") not in ("", "0")
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra then raises its errors instead of printing them
    register()
    # Hydra 1.3 rejects overrides on both sides of -m (hydra issue 3053): put the flag first
    sys.argv[1:] = sorted(arguments, key=lambda word: word not in ("-m", "--multirun"))
    code = 0
    try:
        refuse_unknown_flags(sys.argv[1:])
        if {"-h", "--help"} & set(sys.argv[1:]):
            print(help_text([word for word in sys.argv[1:] if not word.startswith("-")]))
        else:
            job()
    except KeyboardInterrupt:
        print("\ninterrupted; the same command goes on from the last checkpoint", file=sys.stderr)
        code = 130
    except Exception as error:
        say(error, show_traceback)
        code = 1
    finally:
        if sweep_folder is not None and any(sweep_folder.glob("*/status.json")):
            code = close_sweep(sweep_folder) or code
    if failure is not None:
        if sweep_folder is None:  # the jobs of a sweep said it at once
            say(failure, show_traceback)
        code = 1
    return code


def refuse_unknown_flags(words: list[str]) -> None:
    """Raises ConfigError for a flag that Hydra does not have; it would print its usage alone."""
    for word in get_args_parser().parse_known_args(words)[1]:
        raise ConfigError(
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


def say(error: BaseException, show_traceback: bool = False) -> None:
    """Two lines on stderr: what is wrong, and what to type."""
    if show_traceback:
        traceback.print_exception(error)
    problem, fix = explain(error)
    print(f"ERROR {problem}\n  fix: {fix}", file=sys.stderr, flush=True)


def close_sweep(folder: Path) -> int:
    """Writes the summary across the jobs, also when some failed. Returns the exit code."""
    from diffses.report.sweep import summarise
    from diffses.report.sweep_text import summary_text

    summarise(folder)
    print(summary_text(folder))
    from diffses.evaluation.ablation import is_ablation
    from diffses.report.ablation_figure import write

    if is_ablation(folder):
        try:
            print(f"\n{write(folder)}\nablation: {folder / 'ablation.md'}")
        except DiffsesError as error:  # no job was done
            say(error)
            return 1
    states = [json.loads(path.read_text())["status"] for path in folder.glob("*/status.json")]
    return 0 if all(state == "done" for state in states) else 1


@hydra.main(version_base="1.3", config_path=str(ROOT / "conf"), config_name="config")
def job(raw: DictConfig) -> None:
    """One job: a single run, or one of a sweep.

    An error is recorded and the job returns: raised here, it would make Hydra drop what is left
    of a batch of jobs and stay silent until the last.
    """
    global failure
    failure = None
    status = None if raw.dry_run is True else Status(raw)
    try:
        config = typed(raw)
        speak(config.verbosity)
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
        failure = error
        if status is not None:
            status.failed(error)
        if HydraConfig.get().mode == RunMode.MULTIRUN:
            say(error)
    finally:
        end_workers()


def speak(verbosity: Verbosity) -> None:
    """Sets what is logged, and whether bars are shown."""
    level = {Verbosity.quiet: logging.WARNING, Verbosity.debug: logging.DEBUG}
    log.setLevel(level.get(verbosity, logging.INFO))
    logging.getLogger().setLevel(logging.INFO if verbosity is Verbosity.debug else logging.WARNING)
    if verbosity is Verbosity.quiet:
        os.environ["DIFFSES_PROGRESS"] = "0"


def end_workers() -> None:
    """Ends the players of a job that runs in a launcher's process, which waits for them to end
    before it ends itself; elsewhere they stay for the next job."""
    if (
        multiprocessing.current_process().name != "MainProcess"
        and "diffses.envs.rollout" in sys.modules
    ):
        sys.modules["diffses.envs.rollout"].close()


def typed(raw: DictConfig) -> Config:
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
    """The artifact store; a relative `outputs` is relative to the project."""
    return Store(ROOT / config.outputs)


def show_plan(config: Config) -> None:
    """Prints what a run would do: one line a stage, and nothing is built."""
    steps = plan(config, store_of(config))
    rows = [(step.stage.name, step.spec.key, step.action, step.why) for step in steps]
    print(aligned(("stage", "key", "action", "why"), rows, "llll"))


def run_logged(config: Config, status: Status) -> None:
    """Runs the pipeline with the logger open, and shows the result."""
    from diffses.logger import open_logger

    hydra_config = HydraConfig.get()
    sweep = hydra_config.mode == RunMode.MULTIRUN
    with open_logger(
        config.logger,
        status.folder,
        config=plain(config),
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

        paths = run(config, store, notify, began(Path(hydra_config.sweep.dir)) if sweep else None)
        if "report" in paths:
            from diffses.report.wandb_media import show

            show(paths["report"])
    if "report" in paths:
        from diffses.report.terminal import summary_text

        print(summary_text(paths["report"]))
    elif "evaluate" in paths:
        from diffses.report.terminal import results_text

        print(results_text(paths["evaluate"]))


def began(sweep: Path) -> datetime | None:
    """When a sweep was launched: in every process of it the same."""
    record = sweep / "multirun.yaml"
    return datetime.fromtimestamp(record.stat().st_mtime, UTC) if record.is_file() else None


def plain(config: Config) -> dict[str, Any]:
    """The config as plain values, variants by name, for a log or a file."""
    container = OmegaConf.to_container(OmegaConf.structured(config), enum_to_str=True)
    assert isinstance(container, dict)
    variants = {
        str(name): type(getattr(config, str(name))).__name__
        for name in container
        if isinstance(container[name], dict)
    }
    return {str(name): value for name, value in container.items()} | {"variants": variants}

"""`python -m diffses tune-regressor`: a regressor's settings, tuned by Optuna."""

from __future__ import annotations

import dataclasses
import importlib.util
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra import compose, initialize_config_dir

from diffses.cli.arguments import CommandParser, whole
from diffses.cli.exit_codes import OK, exit_code
from diffses.cli.main import store_of, to_config
from diffses.cli.overrides import refuse_mistakes
from diffses.config import (
    ROOT,
    Config,
    GplearnRegressor,
    OperonRegressor,
    RegressorConfig,
    register,
)
from diffses.dataset.agreement import action_agreement
from diffses.dataset.data import Dataset
from diffses.errors import ConfigError
from diffses.pipeline import resolve, run
from diffses.regressor import fit_forests
from diffses.seeds import seed_for
from diffses.stages.distill import split

if TYPE_CHECKING:
    import optuna  # of an extra

Range = tuple[float, float, bool]  # lowest, highest, whether on a logarithmic scale
SPACE: dict[type[RegressorConfig], dict[str, Range]] = {
    GplearnRegressor: {
        "population": (200, 2000, True),
        "generations": (8, 40, True),
        "tournament": (5, 50, True),
        "parsimony": (1e-5, 1e-2, True),
        "constants": (0.5, 10.0, True),
        "depth_max": (3, 8, False),
        "crossover": (0.4, 0.75, False),
    },
    OperonRegressor: {
        "population": (200, 2000, True),
        "evaluations": (5_000, 80_000, True),
        "max_length": (8, 60, True),
        "max_depth": (4, 12, False),
        "local_search": (0, 10, False),
    },
}


DESCRIPTION = """\
Finds the settings of a regressor whose formulas agree best with a recorded teacher, with Optuna.

Teacher, detector and dataset are built where they are missing. Each trial then distils with other
settings and is valued by the agreement with the teacher on episodes that it did not fit. With a
storage the same command adds trials to the study. The last line printed is the best trial's
settings, as run.py takes them.
"""
EXAMPLE = "python -m diffses tune-regressor env=pong --trials 40 --storage sqlite:///tune.db"


def make_parser() -> CommandParser:
    parser = CommandParser(
        prog="python -m diffses tune-regressor", description=DESCRIPTION, example=EXAMPLE
    )
    parser.add_argument("--trials", metavar="N", type=whole(1), default=20, help="trials to add")
    parser.add_argument(
        "--storage", metavar="URL", help="where Optuna keeps the study (default: nowhere)"
    )
    parser.add_argument(
        "--study",
        metavar="NAME",
        default="",
        help="its name (default: the environment's, the regressor's and the dataset's key)",
    )
    parser.add_argument(
        "overrides",
        nargs="*",
        metavar="NAME=VALUE",
        help="settings of run.py, e.g. regressor=operon dataset.states=5000",
    )
    return parser


@exit_code
def main(arguments: Sequence[str]) -> int:
    options = make_parser().parse_intermixed_args(arguments)
    study = tune(composed(options.overrides), options.trials, options.storage, options.study)
    print(f"agreement {study.best_value:.3f} in trial {study.best_trial.number}")
    print(" ".join(f"regressor.{name}={value:.6g}" for name, value in study.best_params.items()))
    return OK


def composed(overrides: Sequence[str]) -> Config:
    """The config as `run.py` would compose it."""
    os.environ["DIFFSES_ROOT"] = str(ROOT)
    register()
    refuse_mistakes(overrides)
    with initialize_config_dir(version_base="1.3", config_dir=str(ROOT / "conf")):
        raw = compose("config", ["logger=none", *overrides])
    return resolve(to_config(raw))


def tune(config: Config, trials: int, storage: str | None, name: str = "") -> optuna.Study:
    """Plays `trials` more trials of a study, building first what they need.

    Args:
        storage: where Optuna keeps the study, e.g. "sqlite:///tune.db"; None: nowhere.
        name: of the study; by default the environment's, the regressor's and the dataset's key.

    Raises:
        ConfigError: without Optuna, or for a regressor with nothing to tune.
    """
    kind = type(config.regressor)
    if kind not in SPACE:
        raise ConfigError(f"{kind.__name__} has nothing to tune", fix="regressor=gplearn or operon")
    if importlib.util.find_spec("optuna") is None:
        raise ConfigError("Optuna is not installed", fix="pip install '.[tune]'")
    import optuna

    recorded = dataclasses.replace(config, stage="dataset")
    folder = run(recorded, store_of(config), lambda step, seconds: None)["dataset"]
    study = optuna.create_study(
        study_name=name or f"{config.env.name}-{kind.__name__}-{folder.name}",
        storage=storage,
        load_if_exists=True,
        direction="maximize",
    )
    # a seeded sampler begins its draws anew with each command: it would repeat stored trials
    begun = len(study.get_trials(deepcopy=False))
    study.sampler = optuna.samplers.TPESampler(seed=seed_for(config.seed, "tune", begun))
    study.optimize(
        lambda trial: measure(suggested(config.regressor, trial), folder, config), trials
    )
    return study


def suggested(settings: RegressorConfig, trial: optuna.Trial) -> RegressorConfig:
    """The settings with those of `SPACE` as the trial suggests them."""
    values: dict[str, Any] = {}
    for name, (low, high, log) in SPACE[type(settings)].items():
        if isinstance(getattr(settings, name), int):
            values[name] = trial.suggest_int(name, int(low), int(high), log=log)
        else:
            values[name] = trial.suggest_float(name, low, high, log=log)
    return dataclasses.replace(settings, **values)


def measure(settings: RegressorConfig, folder: Path, config: Config) -> float:
    """The best agreement of a forest on episodes that it was not fitted to."""
    data = Dataset.open(folder)
    fit, select = split(data.train)
    found = fit_forests(
        settings,
        fit.features,
        data.layout.targets(fit.logits),
        data.layout.template(fit),
        seed=config.seed,
    )
    return max(action_agreement(forest, select, data.groups) for forest in found)

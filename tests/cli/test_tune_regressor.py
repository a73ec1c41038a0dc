"""The search over a regressor's settings."""

import json

import numpy as np
import pytest

from diffses.cli import tune_regressor as module
from diffses.cli.tune_regressor import SPACE, composed, main, make_parser, measure, tune
from diffses.config import GplearnRegressor, LinearRegressor, OperonRegressor


@pytest.fixture
def dataset(tmp_path):
    """A teacher that presses right where a + b > 0."""
    rows = np.random.default_rng(0).normal(size=(400, 2))
    score = rows.sum(axis=1)
    arrays = {
        "features": rows,
        "logits": np.stack([-score, score], axis=1),
        "actions": (score > 0).astype(np.int16),
        "episode": np.repeat(np.arange(10, dtype=np.int32), 40),
    }
    folder = tmp_path / "dataset" / "0123456789abcdef"
    folder.mkdir(parents=True)
    parts = {f"{part}_{k}": v for part in ("train", "held_out") for k, v in arrays.items()}
    np.savez(folder / "dataset.npz", **parts)
    about = {"features": ["a", "b"], "actions": ["LEFT", "RIGHT"], "groups": [[0], [1]]}
    (folder / "dataset.json").write_text(json.dumps(about))
    return folder


def test_options_and_settings_may_stand_in_any_order():
    words = ["env=pong", "--trials", "3", "seed=1", "--storage", "sqlite:///a.db"]
    options = make_parser().parse_intermixed_args(words)
    assert (options.trials, options.storage) == (3, "sqlite:///a.db")
    assert options.overrides == ["env=pong", "seed=1"]


def test_a_number_of_trials_that_is_none_is_a_usage_error(capsys):
    assert main(["env=pong", "--trials", "few"]) == 2
    assert "fix: --trials 20" in capsys.readouterr().err


@pytest.mark.parametrize("kind", SPACE)
def test_the_space_names_settings_that_exist(kind):
    fields = vars(kind())
    for name, (low, high, log) in SPACE[kind].items():
        assert low <= fields[name] <= high
        assert not log or low > 0
    kind(**{name: type(fields[name])(low) for name, (low, _, _) in SPACE[kind].items()})
    kind(**{name: type(fields[name])(high) for name, (_, high, _) in SPACE[kind].items()})


def test_a_trial_is_told_the_agreement_on_other_episodes(dataset, config):
    assert measure(LinearRegressor(), dataset, config("regressor=linear")) > 0.95


def test_the_linear_fit_has_nothing_to_tune(capsys):
    assert main(["regressor=linear", "--trials", "1", "env=pong"]) == 1
    assert "fix: regressor=gplearn or operon" in capsys.readouterr().err


@pytest.mark.slow
def test_it_goes_on_from_its_storage_without_repeating_itself(dataset, tmp_path, monkeypatch):
    pytest.importorskip("optuna")
    monkeypatch.setattr(module, "run", lambda *_: {"dataset": dataset})
    settings = composed(["env=pong", "regressor=smoke", f"outputs={tmp_path}"])
    small = {"population": (4, 12, True), "generations": (1, 2, False), "tournament": (2, 4, True)}
    monkeypatch.setitem(SPACE, GplearnRegressor, small)
    storage = f"sqlite:///{tmp_path / 'study.db'}"
    tune(settings, 2, storage)
    study = tune(settings, 2, storage)
    assert len(study.trials) == 4
    assert study.trials[0].params != study.trials[2].params
    assert study.best_value > 0.9
    assert OperonRegressor in SPACE

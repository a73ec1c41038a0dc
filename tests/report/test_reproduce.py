"""The printed command composes to the config it was printed from."""

import shlex

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from diffses.config import (
    ArcadeEnv,
    CheckpointTeacher,
    LinearRegressor,
    NoFinetune,
    PretrainedTeacher,
    ZooFinetune,
    register,
)
from diffses.report.reproduce import PRESETS, command, overrides
from diffses.store.keys import canonical, digest
from tests.fake_artifacts import config


def recorded(**changes):
    return canonical(config() | changes)


def composed(words):
    """What Hydra makes of the words, in the form manifests record."""
    register()
    with initialize_config_dir(str(PRESETS), version_base="1.3"):
        whole = OmegaConf.to_object(compose("config", overrides=words))
    return {name: canonical(getattr(whole, name)) for name in config()}


def test_only_what_differs_is_named():
    assert overrides(recorded()) == ["env=pong", "regressor.population=400", "seed=1"]
    assert command(recorded()) == (
        "python run.py env=pong regressor.population=400 seed=1 stage=all"
    )


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"seed": 7, "finetune": NoFinetune(), "regressor": LinearRegressor(hall_of_fame=3)},
        {"regressor": LinearRegressor(operators=["add", "max"])},
    ],
)
def test_the_words_compose_to_the_same_config(changes):
    wanted = recorded(**changes)
    assert composed(overrides(wanted)) == wanted


def test_a_setting_that_the_environments_file_sets_is_named_though_it_is_the_classes_default():
    register()
    words = [
        "env=cartpole",
        "teacher.total_timesteps=2_000_000",
        "+env.options.render_mode=rgb_array",
    ]
    with initialize_config_dir(str(PRESETS), version_base="1.3"):
        whole = OmegaConf.to_object(compose("config", overrides=words))
    made = {name: canonical(getattr(whole, name)) for name in config()}
    assert composed(overrides(made)) == made


def test_a_text_that_hydra_would_misread_is_quoted_twice():
    register()
    names = ["v²", "a=b", "1e5", "null", "it's"]
    listed = ",".join(f'"{name}"' for name in names)
    words = ["env=cartpole", f"env.features=[{listed}]", "+env.options.path='a,b (c)'"]
    with initialize_config_dir(str(PRESETS), version_base="1.3"):
        whole = OmegaConf.to_object(compose("config", overrides=words))
    made = {name: canonical(getattr(whole, name)) for name in config()}
    assert made["env"]["features"] == names
    assert composed(shlex.split(command(made))[2:-1]) == made


def test_another_env_setting_is_named():
    env = config()["env"]
    changed = ArcadeEnv(game="pong", labels=env.labels, sticky=0.5)
    assert "env.sticky=0.5" in overrides(recorded(env=changed))


def test_a_file_is_named_by_its_content(tmp_path):
    path = tmp_path / "mine.zip"
    path.write_bytes(b"agent")
    words = overrides(recorded(teacher=CheckpointTeacher(path=str(path))))
    assert "teacher=checkpoint" in words
    assert f"teacher.path=FILE_WITH_sha256_{digest(path)[:12]}" in words


def test_the_shipped_teacher_needs_no_name(tmp_path):
    path = tmp_path / "pong.zip"
    path.write_bytes(b"agent")
    words = overrides(recorded(teacher=PretrainedTeacher(path=str(path))))
    assert not any(word.startswith("teacher") for word in words)


def test_the_shipped_champion_needs_no_name(tmp_path):
    path = tmp_path / "pong.json"
    path.write_text("{}")
    words = overrides(recorded(finetune=ZooFinetune(path=str(path))))
    assert "finetune=zoo" in words
    assert not any(word.startswith("finetune.path") for word in words)

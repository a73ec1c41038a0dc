"""Champions are put on the shelf and played from there."""

import json

import pytest

from diffses.config import ArcadeEnv, GymnasiumEnv
from diffses.errors import ArtifactError, ConfigError
from diffses.pipeline import order, resolve
from diffses.policy.forest import Forest
from diffses.stages.evaluate import evaluated_policies
from diffses.stages.finetune import copy_champion
from diffses.store.keys import canonical
from diffses.zoo.champion import champion_file, env_from, env_name, open_champion
from diffses.zoo.publish import add, require_same, resolve_run
from tests import fake_artifacts


@pytest.fixture
def paths(tmp_path):
    made = fake_artifacts.build(tmp_path / "store")
    (made["detector"] / "detector.npz").write_bytes(b"numbers")
    return made


@pytest.fixture
def shelf(paths, tmp_path):
    folder = tmp_path / "zoo"
    folder.mkdir()
    add(*resolve_run(paths["finetune"].name[:8], tmp_path / "store"), folder)
    return folder


def test_what_is_shipped_says_all_of_the_champion(shelf, paths):
    champion = open_champion("pong", shelf)
    assert champion.forest == Forest.load(paths["finetune"] / "finetuned.json")
    assert champion.env == ArcadeEnv(game="pong", labels=champion.env.labels)
    assert champion.about["protocol"] == "v5"
    assert champion.about["size"] == champion.forest.size
    assert champion.about["validation"]["episodes"] == 16
    assert champion.about["test"]["episodes"] == 30
    assert champion.about["provenance"]["git"]
    assert sorted(path.name for path in champion.detector.iterdir()) == [
        "detector.json",
        "detector.npz",
    ]


@pytest.mark.parametrize("stage", ["finetune", "evaluate"])
def test_a_run_is_found_by_any_of_its_keys(paths, stage):
    assert resolve_run(str(paths[stage]), paths[stage].parents[1]) == (
        paths["finetune"],
        paths["evaluate"],
    )


def test_a_key_of_another_stage_is_refused(paths):
    with pytest.raises(ArtifactError, match="not made from a finetune"):
        resolve_run(str(paths["teacher"]), paths["teacher"].parents[1])


def test_only_an_evaluation_of_the_champion_is_told(paths, tmp_path):
    other = fake_artifacts.build(tmp_path / "store", seed=2)
    Forest(("a",), ("A",), (0,), ((0,),)).save(other["finetune"] / "finetuned.json")
    require_same(paths["finetune"], paths["evaluate"])
    with pytest.raises(ArtifactError, match="did not play"):
        require_same(paths["finetune"], other["evaluate"])


def test_a_champion_needs_nothing_but_itself(config):
    stages = [stage.name for stage in order(config("finetune=zoo"))]
    assert stages == ["finetune", "evaluate", "report"]
    assert "distill" in [stage.name for stage in order(config("finetune=none"))]


def test_the_champion_and_its_detector_come_along(shelf, tmp_path, config):
    settings = config("finetune=zoo", f"finetune.path={shelf / 'pong.json'}")
    out = tmp_path / "out"
    out.mkdir()
    copy_champion(settings.env, resolve(settings).finetune, out)
    assert (out / "detector" / "detector.npz").read_bytes() == b"numbers"
    found = evaluated_policies({"finetune": out})
    assert [one.name for one in found] == ["random", "finetuned"]
    assert found[1].spec.detector == str(out / "detector")


def test_the_champion_of_another_task_is_refused(shelf, tmp_path, config):
    settings = config("finetune=zoo", f"finetune.path={shelf / 'pong.json'}")
    with pytest.raises(ConfigError, match="champion of pong, not of freeway"):
        copy_champion(ArcadeEnv(game="freeway"), settings.finetune, tmp_path)


def test_a_damaged_detector_is_refused(shelf, tmp_path, config):
    (shelf / "pong" / "detector.npz").write_bytes(b"other numbers")
    settings = config("finetune=zoo", f"finetune.path={shelf / 'pong.json'}")
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(ArtifactError, match="not what was shipped"):
        copy_champion(settings.env, settings.finetune, out)


def test_a_champion_is_found_by_what_is_played(shelf):
    assert champion_file(ArcadeEnv(game="pong"), shelf).name == "pong.json"
    with pytest.raises(ConfigError, match="no champion of seaquest"):
        champion_file(ArcadeEnv(game="seaquest"), shelf)
    env = canonical(GymnasiumEnv(id="CartPole-v1", features=["x", "v", "angle", "turn"]))
    (shelf / "cartpole.json").write_text(json.dumps({"env": env}))
    assert champion_file(env_from(env), shelf).name == "cartpole.json"
    with pytest.raises(ConfigError, match="other env settings"):
        champion_file(GymnasiumEnv(id="CartPole-v1"), shelf)


def test_a_task_is_kept_under_the_name_that_chooses_it():
    assert env_name(GymnasiumEnv("MountainCarContinuous-v0")) == "mountain_car_continuous"
    with pytest.raises(ConfigError, match="no file in conf/env"):
        env_name(GymnasiumEnv("Taxi-v3"))


def test_the_files_here_are_whole():
    from diffses.zoo.champion import FOLDER, shipped

    for name in shipped():
        champion = open_champion(name)
        assert max(champion.forest.sizes) <= 41
        for file in champion.about["files"]:
            assert (FOLDER / name / file).stat().st_size < 1e6
        assert json.loads((FOLDER / f"{name}.json").read_text())["provenance"]["git"]

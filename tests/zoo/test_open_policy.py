"""A policy by its key, its environment's name or its file; the shipped ones; playing them."""

import json

import pytest

from diffses.agents.forest_agent import ForestSpec
from diffses.cli.play import main
from diffses.config import ArcadeEnv, GymnasiumEnv, Label
from diffses.detector.identity import Identity
from diffses.envs.gymnasium import GymnasiumProtocol
from diffses.envs.rollout import Job, play_one
from diffses.errors import ArtifactError, ConfigError
from diffses.policy.forest import Forest
from diffses.seeds import seed_for
from diffses.store.keys import canonical
from diffses.zoo.champion import env_from, open_champion, shipped
from diffses.zoo.open_policy import ancestors, open_policy
from tests.fake_artifacts import build

TASK = GymnasiumEnv(id="CartPole-v1", features=["x", "v", "angle", "turn"])


@pytest.fixture
def zoo(tmp_path):
    """A folder with one shipped policy, of CartPole."""
    forest = Forest.from_text("LEFT = 0.0\nRIGHT = 3*turn + angle", TASK.features, (0, 1))
    about = {
        "forest": json.loads(forest.to_json()),
        "env": canonical(TASK),
        "protocol": "gym",
        "test": {"mean": 500.0},
    }
    folder = tmp_path / "zoo"
    folder.mkdir()
    (folder / "cartpole.json").write_text(json.dumps(about))
    return folder


def test_a_shipped_champion(zoo):
    champion = open_champion("cartpole", zoo)
    assert champion.env == TASK
    assert champion.detector is None
    assert champion.about["test"] == {"mean": 500.0}
    (zoo / "cartpole").mkdir()
    assert open_champion("cartpole", zoo).detector == zoo / "cartpole"


def test_a_shipped_champion_by_its_file(zoo, tmp_path):
    found = open_policy(str(zoo / "cartpole.json"), tmp_path)
    assert (found.env, found.forest) == (TASK, open_champion("cartpole", zoo).forest)


def test_what_is_not_shipped_names_what_is(zoo):
    assert shipped(zoo) == ["cartpole"]
    with pytest.raises(ConfigError, match=r"no policy for pong.*\n.*\(cartpole\)"):
        open_champion("pong", zoo)
    (zoo / "broken.json").write_text('{"forest": {}}')
    with pytest.raises(ArtifactError, match="holds no policy"):
        open_champion("broken", zoo)


@pytest.mark.parametrize(
    "env", [ArcadeEnv("pong", sticky=0.5, labels={"ball": Label.smallest}), TASK]
)
def test_an_environment_comes_back_from_its_record(env):
    assert env_from(json.loads(json.dumps(canonical(env)))) == env
    with pytest.raises(TypeError, match="has no colour"):
        env_from(canonical(env) | {"colour": 1})


def test_a_key_leads_to_forest_environment_and_detector(tmp_path):
    paths = build(tmp_path)
    for stage in ("finetune", "evaluate", "report"):
        (paths["report"]).mkdir(exist_ok=True)
        champion = open_policy(paths[stage].name[:10], tmp_path)
        assert champion.forest == Forest.load(paths["finetune"] / "finetuned.json")
        assert champion.detector == paths["detector"]
        assert champion.env.name == "pong"
        assert champion.about["provenance"]["finetune"] == paths["finetune"].name
    distilled = open_policy(paths["distill"].name, tmp_path)
    assert distilled.forest == Forest.load(paths["distill"] / "distilled.json")
    assert distilled.env.name == "pong"  # from the dataset it was made of
    linear = open_policy(paths["finetune"].name, tmp_path, which="linear")
    assert linear.forest == Forest.load(paths["distill"] / "linear.json")
    by_file = open_policy(str(paths["finetune"] / "finetuned.json"), tmp_path)
    assert by_file.detector == paths["detector"]
    with pytest.raises(ArtifactError, match="has no forest among its ancestors"):
        open_policy(paths["dataset"].name, tmp_path)
    assert set(ancestors(paths["dataset"])) == {"dataset", "detector", "teacher"}


def test_playing_a_shipped_policy_prints_the_returns_of_the_engine(zoo, tmp_path, capsys):
    assert main(["cartpole", "--zoo", str(zoo), "--episodes", "2", "--seed", "7"]) == 0
    printed = capsys.readouterr().out
    champion = open_champion("cartpole", zoo)
    folder = tmp_path / "detector"
    folder.mkdir()
    Identity(TASK.features).save(folder)
    spec, protocol = ForestSpec(champion.forest, str(folder)), GymnasiumProtocol(TASK.id)
    done = [play_one(Job(spec, protocol, seed_for(7, "test", number))) for number in range(2)]
    for number, one in enumerate(done):
        assert f"episode {number}: return {one.score:g}, {one.steps} steps\n" in printed
    assert f"mean {(done[0].score + done[1].score) / 2:g} over 2 episodes" in printed


def test_a_video_has_a_frame_a_step(zoo, tmp_path, capsys):
    imageio = pytest.importorskip("imageio.v2")
    pytest.importorskip("imageio_ffmpeg")
    text = (zoo / "cartpole.json").read_text()
    forest = Forest.from_text("LEFT = 1.0\nRIGHT = 0.0", TASK.features, (0, 1))  # falls at once
    about = json.loads(text) | {"forest": json.loads(forest.to_json())}
    (zoo / "cartpole.json").write_text(json.dumps(about))
    assert main(["cartpole", "--zoo", str(zoo), "--mp4", str(tmp_path / "play.mp4")]) == 0
    printed = capsys.readouterr().out
    steps = int(printed.split(", ")[1].split()[0])
    assert f"play.mp4: {steps} frames" in printed
    with imageio.get_reader(tmp_path / "play.mp4") as video:
        assert video.count_frames() == steps
        assert video.get_data(0).shape == (630, 880, 3)


def test_what_cannot_be_played_says_why(zoo, tmp_path, capsys):
    Forest.from_text("A = x", ("x",)).save(tmp_path / "alone.json")
    assert main([str(tmp_path / "alone.json")]) == 1
    assert "fix: the key of its artifact" in capsys.readouterr().err
    assert main(["cartpole", "--zoo", str(zoo), "--episodes", "0"]) == 2
    assert "fix: --episodes 1" in capsys.readouterr().err

"""A teacher that acts on the detector's features."""

import csv
import json

import numpy as np
import pytest
import torch
from stable_baselines3 import PPO

from diffses.agents.object_vec_env import ObjectVecEnv
from diffses.agents.vec_worker import VecEnvConfig
from diffses.config import ArcadeEnv, DatasetConfig, GymnasiumEnv, PpoObjectsTeacher
from diffses.dataset.data import Dataset
from diffses.detector.identity import name_observation
from diffses.envs.registry import search_protocol
from diffses.envs.rollout import Job, play_one
from diffses.errors import ArtifactError, ConfigError
from diffses.pipeline import STAGES, order
from diffses.stages.dataset import record_dataset
from diffses.stages.evaluate import evaluated_policies
from diffses.stages.teacher import make_teacher
from diffses.store import Store, Workspace
from diffses.teacher.agent import TeacherSpec, load, open_teacher
from diffses.teacher.callback import TrainingCallback
from diffses.teacher.mlp import NumpyActor
from diffses.teacher.normalizer import CLIP_OBS, RunningNormalizer, UpdateNormalizer
from diffses.teacher.ppo_objects import policy_settings

CARTPOLE = GymnasiumEnv(id="CartPole-v1")
PENDULUM = GymnasiumEnv(id="Pendulum-v1")
SMALL = {
    "total_timesteps": 512, "n_envs": 2, "n_steps": 64, "batch_size": 64, "n_epochs": 2,
    "evaluation_every": 256, "n_eval_episodes": 2, "net_arch": [8], "workers": 1,
    "device": "cpu",
}  # fmt: skip


def new_workspace(folder):
    made = Workspace(folder / "teacher", folder / "scratch", Store(folder / "store"))
    made.out.mkdir()
    made.scratch.mkdir()
    return made


@pytest.fixture
def workspace(tmp_path):
    return new_workspace(tmp_path)


def teach(env, workspace, **settings):
    """Trains; the folders of teacher and detector."""
    detector = workspace.out.parent / "detector"
    detector.mkdir(exist_ok=True)
    name_observation(env).save(detector)
    teacher = PpoObjectsTeacher(**SMALL | settings)
    make_teacher(env, teacher, inputs={"detector": detector}, workspace=workspace)
    return {"teacher": workspace.out, "detector": detector}


def learner(env, folder, **settings):
    name_observation(env).save(folder)
    envs = ObjectVecEnv(VecEnvConfig(search_protocol(env), str(folder), seed=1), 2)
    torch.set_num_threads(1)
    more = policy_settings(PpoObjectsTeacher(**settings))
    return PPO("MlpPolicy", envs, n_steps=32, batch_size=32, seed=2, device="cpu", **more)


def test_the_running_mean_and_std_are_those_of_all_rows():
    learner = RunningNormalizer(_space(3))
    rows = np.random.default_rng(0).normal([5, 0, -2], [2, 0, 0.1], (300, 3))
    for part in np.split(rows, [10, 120]):
        learner.update(part)
    np.testing.assert_allclose(learner.mean, rows.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(learner.variance, rows.var(axis=0), atol=1e-12)
    seen = learner(torch.tensor(rows, dtype=torch.float32)).numpy()
    np.testing.assert_allclose(seen.std(axis=0)[[0, 2]], 1, rtol=1e-3)
    assert (seen[:, 1] == 0).all()  # a constant feature is 0
    assert learner(torch.full((1, 3), 1e6)).max() == CLIP_OBS


def _space(width):
    from gymnasium.spaces import Box

    return Box(-np.inf, np.inf, (width,), np.float32)


@pytest.mark.parametrize("env", [CARTPOLE, PENDULUM], ids=["discrete", "box"])
def test_numpy_infers_what_the_policy_does(tmp_path, env):
    model = learner(env, tmp_path, sde_sample_freq=4 if env is PENDULUM else None)
    policy = model.policy
    rows = np.random.default_rng(1).normal(1, 3, (50, model.observation_space.shape[0]))
    policy.features_extractor.update(rows)
    actor = NumpyActor(policy)
    with torch.no_grad():
        seen = torch.tensor(rows, dtype=torch.float32)
        if env is CARTPOLE:
            wanted = policy.get_distribution(seen).distribution.logits
        else:
            wanted = policy.get_distribution(seen).mode().clamp(-2, 2)
    found = np.array([actor(row) for row in rows])
    assert np.ptp(found) > 0.001
    np.testing.assert_allclose(found, wanted.numpy(), atol=1e-6)


def test_the_normalizer_is_updated_between_rollouts_only(tmp_path):
    model = learner(CARTPOLE, tmp_path)
    extractor = model.policy.features_extractor
    counts = []

    class Counter(UpdateNormalizer):
        def _on_rollout_start(self):
            super()._on_rollout_start()
            counts.append(int(extractor.count))

        def _on_rollout_end(self):
            super()._on_rollout_end()
            counts.append(int(extractor.count))

    model.learn(192, callback=Counter())
    assert counts == [0, 0, 64, 64, 128, 128]


@pytest.fixture(scope="module")
def balancer(tmp_path_factory):
    """The folders of a CartPole teacher and its detector."""
    return teach(CARTPOLE, new_workspace(tmp_path_factory.mktemp("balancer")))


def test_training_leaves_a_teacher_that_plays(balancer):
    about = json.loads((balancer["teacher"] / "teacher.json").read_text())
    assert about["sees"] == "objects"
    assert about["features"] == ["o0", "o1", "o2", "o3"]
    assert about["steps"] == 512
    with (balancer["teacher"] / "curve.csv").open() as file:
        evaluations = [row["evaluation"] for row in csv.DictReader(file)]
    assert (
        float(evaluations[-1]) <= about["evaluation"] == max(map(float, filter(None, evaluations)))
    )
    protocol = search_protocol(CARTPOLE)
    spec = TeacherSpec.of(balancer["teacher"], balancer["detector"])
    seeds = protocol.seeds("validation", 0, 2)
    again = [play_one(Job(spec, protocol, seed)).score for seed in seeds]
    assert np.mean(again) == about["evaluation"]  # the best was kept, and plays as it did then


def test_a_teacher_on_features_needs_its_detector(balancer):
    env = search_protocol(CARTPOLE).make_env()
    with pytest.raises(ArtifactError, match="plays from objects"):
        TeacherSpec(str(balancer["teacher"])).build(env)


def test_the_numpy_actor_refuses_another_network(balancer):
    policy = load(balancer["teacher"] / "policy.zip", "ppo").policy
    policy.features_extractor = torch.nn.Flatten()
    with pytest.raises(ArtifactError, match="no small network"):
        NumpyActor(policy)


def test_box_actions_are_taught_recorded_and_stay_in_bounds(workspace, tmp_path):
    inputs = teach(PENDULUM, workspace, sde_sample_freq=4, log_std_init=3.0, learning_rate=0.1)
    out = Workspace(tmp_path / "dataset", tmp_path / "s", Store(tmp_path / "store"))
    out.out.mkdir()
    settings = DatasetConfig(states=60, held_out=10, rounds=1, random_actions=0, workers=1)
    record_dataset(PENDULUM, settings, inputs=inputs, workspace=out)
    data = Dataset.open(out.out)
    assert data.bounds == ((-2.0, 2.0),)
    assert np.abs(data.train.logits).max() <= 2
    teacher = open_teacher(inputs["teacher"])
    assert teacher.scores(None, data.train.features[7]).tolist() == data.train.logits[7].tolist()
    assert data.train.actions[7].tolist() == data.train.logits[7].tolist()


def test_a_killed_training_resumes_from_its_checkpoint(workspace, monkeypatch):
    whole = TrainingCallback.checkpoint

    def killed(self):
        whole(self)
        raise KeyboardInterrupt

    monkeypatch.setattr(TrainingCallback, "checkpoint", killed)
    with pytest.raises(KeyboardInterrupt):
        teach(CARTPOLE, workspace, checkpoint_every=256)
    monkeypatch.setattr(TrainingCallback, "checkpoint", whole)
    with (workspace.scratch / "curve.csv").open("a") as file:
        file.write("999,,,,,\n")  # logged after the checkpoint
    teach(CARTPOLE, workspace, checkpoint_every=256)
    lines = (workspace.out / "curve.csv").read_text().splitlines()[1:]
    steps = [int(line.split(",")[0]) for line in lines]
    assert steps == sorted(steps)
    assert (steps[0], steps[-1]) == (128, 512)
    policy = load(workspace.scratch / "checkpoint.zip", "ppo").policy
    # of four rollouts of 128 steps: not the one after which it was killed, nor the last
    assert policy.features_extractor.count == 256


def test_the_stage_needs_the_detector_and_a_cycle_is_refused(config):
    assert STAGES["teacher"].needs(config("env=cartpole")) == ("detector",)
    assert STAGES["teacher"].needs(config("env=pong")) == ()
    with pytest.raises(ConfigError, match="in a circle"):
        order(config("env=pong", "teacher=ppo_objects", "detector.frames=teacher"))


@pytest.mark.parametrize(
    ("env", "kind"),
    [
        ("freeway", ArcadeEnv),
        ("lunar_lander", GymnasiumEnv),
        ("mountain_car_continuous", GymnasiumEnv),
    ],
)
def test_environments_without_a_shipped_teacher_train_one(config, env, kind):
    made = config(f"env={env}")
    assert isinstance(made.teacher, PpoObjectsTeacher)
    assert isinstance(made.env, kind)


def test_evaluation_plays_it_with_its_detector(balancer, tmp_path):
    from diffses.policy.forest import Forest

    inputs = dict(balancer)
    forest = Forest(("o0",), ("A0", "A1"), (0, 1), ((0.0,), (0,)))
    for stage, names in (("distill", ("linear", "distilled")), ("finetune", ("finetuned",))):
        inputs[stage] = tmp_path / stage
        inputs[stage].mkdir()
        for name in names:
            forest.save(inputs[stage] / f"{name}.json")
    [spec] = [one.spec for one in evaluated_policies(inputs) if one.name == "teacher"]
    assert spec == TeacherSpec(str(inputs["teacher"]), str(inputs["detector"]))

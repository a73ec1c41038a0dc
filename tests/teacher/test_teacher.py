"""Agents from every source, and the training that makes one."""

import csv
import json

import gymnasium as gym
import numpy as np
import pytest
import torch
from stable_baselines3 import A2C, DQN, PPO
from stable_baselines3.common.torch_layers import NatureCNN
from stable_baselines3.common.vec_env import DummyVecEnv

from diffses.config import ArcadeEnv, CheckpointTeacher, HubTeacher, PpoTeacher, PretrainedTeacher
from diffses.envs.ale import AtariEnv
from diffses.envs.rollout import Job, play_episode
from diffses.errors import ArtifactError, ConfigError, DiffsesError
from diffses.stages.teacher import make_teacher
from diffses.store import Store, Workspace
from diffses.teacher.agent import PixelPolicy, TeacherAgent, TeacherSpec
from diffses.teacher.network import LeanPolicy, NatureCnn, scale_bytes

ENV = ArcadeEnv(game="pong")


class Blank(gym.Env):
    """The spaces of a game, and nothing to see."""

    def __init__(self, shape=(4, 84, 84), actions=6):
        self.observation_space = gym.spaces.Box(0, 255, shape, np.uint8)
        self.action_space = gym.spaces.Discrete(actions)

    def reset(self, *, seed=None, options=None):
        return np.zeros(self.observation_space.shape, np.uint8), {}

    def step(self, action):
        return np.zeros(self.observation_space.shape, np.uint8), 0.0, False, False, {}


def agent(algorithm, policy="CnnPolicy", **spaces):
    settings = {"buffer_size": 10} if algorithm is DQN else {"n_steps": 64}
    return algorithm(policy, DummyVecEnv([lambda: Blank(**spaces)]), seed=3, **settings)


@pytest.fixture
def workspace(tmp_path):
    made = Workspace(tmp_path / "out", tmp_path / "scratch", Store(tmp_path / "store"))
    made.out.mkdir()
    made.scratch.mkdir()
    return made


def stack(seed=0):
    return np.random.default_rng(seed).integers(0, 256, (4, 84, 84), dtype=np.uint8)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("algorithm", "name", "policy"),
    [(PPO, "ppo", "CnnPolicy"), (A2C, "a2c", "CnnPolicy"), (DQN, "dqn", "CnnPolicy"),
     (PPO, "ppo", LeanPolicy)],
)  # fmt: skip
def test_a_checkpoint_acts_as_the_model_it_was_saved_from(
    tmp_path, workspace, algorithm, name, policy
):
    model = agent(algorithm, policy)
    model.save(tmp_path / "agent.zip")
    teacher = CheckpointTeacher(path=str(tmp_path / "agent.zip"), algorithm=name)
    make_teacher(ENV, teacher, inputs={}, workspace=workspace)
    loaded = PixelPolicy.open(workspace.out)
    for seed in range(20):
        expected, _ = model.predict(stack(seed), deterministic=True)
        assert loaded.logits(stack(seed)).argmax() == int(expected)


@pytest.mark.slow
def test_a_zoo_agent_is_read_as_the_hub_lays_it_out(tmp_path, workspace, monkeypatch):
    # <cache>/models--<owner>--<name>/snapshots/<revision>/<file>, and refs/ for names of revisions
    revision = "0123456789abcdef0123456789abcdef01234567"
    folder = tmp_path / "hub" / "models--sb3--ppo-PongNoFrameskip-v4" / "snapshots" / revision
    folder.mkdir(parents=True)
    # zoo agents see (84, 84, 4): SB3 transposes such images when it wraps the environment
    agent(PPO, shape=(84, 84, 4)).save(folder / "ppo-PongNoFrameskip-v4.zip")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    from diffses.teacher import hub

    monkeypatch.setattr(hub, "CACHE", str(tmp_path / "hub"))
    make_teacher(ENV, HubTeacher(revision=revision), inputs={}, workspace=workspace)
    assert PixelPolicy.open(workspace.out).logits(stack()).shape == (6,)
    about = json.loads((workspace.out / "teacher.json").read_text())
    assert about["source"] == f"sb3/ppo-PongNoFrameskip-v4@{revision}/ppo-PongNoFrameskip-v4.zip"


def test_a_hub_agent_needs_a_pinned_revision(workspace):
    with pytest.raises(ConfigError, match=r"fix: teacher\.revision=<the 40 hex digits"):
        make_teacher(ENV, HubTeacher(revision="main"), inputs={}, workspace=workspace)


def test_an_agent_that_cannot_be_downloaded_raises_with_the_fix(workspace, monkeypatch, tmp_path):
    from diffses.teacher import hub

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr(hub, "CACHE", str(tmp_path))
    with pytest.raises(DiffsesError, match="fix: check the names and the network"):
        make_teacher(ENV, HubTeacher(revision="0" * 40), inputs={}, workspace=workspace)


@pytest.mark.parametrize("spaces", [{"actions": 4}, {"shape": (4, 42, 42)}])
def test_an_agent_of_another_game_is_refused(tmp_path, workspace, spaces):
    agent(PPO, **spaces).save(tmp_path / "agent.zip")
    with pytest.raises(ConfigError, match="a teacher that was trained on this game"):
        make_teacher(
            ENV, CheckpointTeacher(path=str(tmp_path / "agent.zip")), inputs={}, workspace=workspace
        )


def test_a_file_that_is_no_agent_is_refused(tmp_path, workspace):
    (tmp_path / "agent.zip").write_text("no zip")
    with pytest.raises(ArtifactError, match="cannot be read as an SB3 ppo agent"):
        make_teacher(
            ENV, CheckpointTeacher(path=str(tmp_path / "agent.zip")), inputs={}, workspace=workspace
        )


def test_the_lean_network_reads_bytes_as_it_reads_floats():
    # frames as bytes and as float32 give the same features: 0..255 is exact in bfloat16
    policy = agent(PPO, LeanPolicy).policy
    frames = torch.from_numpy(np.stack([stack(1), stack(2)]))
    with torch.no_grad():
        assert (policy.extract_features(frames) == policy.extract_features(frames.float())).all()


@pytest.mark.parametrize("batch", [3, 300])  # 300: split over two threads
def test_scaled_bytes_equal_those_of_torch(batch, monkeypatch):
    frames = torch.randint(0, 256, (batch, 4, 20, 12), dtype=torch.uint8)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    made = scale_bytes(frames)
    assert made.is_contiguous(memory_format=torch.channels_last)
    assert (made == frames.to(torch.bfloat16) / 255).all()


def test_the_nature_network_is_that_of_sb3_layer_for_layer():
    space = Blank().observation_space
    ours, theirs = NatureCnn(space), NatureCNN(space)
    theirs.cnn.load_state_dict(ours.convolutions.state_dict())
    theirs.linear.load_state_dict(ours.dense.state_dict())
    one, several = (torch.from_numpy(np.stack([stack(i) for i in range(n)])) for n in (1, 3))
    with torch.no_grad():
        assert torch.allclose(ours(one), theirs(one / 255), atol=1e-5)
        # bfloat16 has 8 significant bits
        assert torch.allclose(ours(several), theirs(several / 255), atol=0.02)


SMALL = {
    "total_timesteps": 256, "n_envs": 2, "n_steps": 64, "batch_size": 64, "n_epochs": 1,
    "evaluation_every": 128, "n_eval_episodes": 1, "evaluation_steps": 40, "threads": 1,
}  # fmt: skip


@pytest.mark.slow
def test_training_leaves_an_agent_and_its_curve(workspace):
    make_teacher(ENV, PpoTeacher(**SMALL), inputs={}, workspace=workspace)
    with (workspace.out / "curve.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert int(rows[-1]["steps"]) == 256
    assert [row["evaluation"] != "" for row in rows][-1]
    assert list(workspace.out.glob("tensorboard/*/events*"))
    assert (workspace.out / "policy.zip").stat().st_size < 3_000_000
    assert PixelPolicy.open(workspace.out).logits(stack()).shape == (6,)


@pytest.mark.slow
def test_a_killed_training_resumes_from_its_checkpoint(workspace, monkeypatch):
    from diffses.teacher.callback import TrainingCallback

    settings = PpoTeacher(**SMALL, checkpoint_every=128)
    whole = TrainingCallback.checkpoint

    def killed(self):
        whole(self)
        raise KeyboardInterrupt

    monkeypatch.setattr(TrainingCallback, "checkpoint", killed)
    with pytest.raises(KeyboardInterrupt):
        make_teacher(ENV, settings, inputs={}, workspace=workspace)
    monkeypatch.setattr(TrainingCallback, "checkpoint", whole)
    before = int((workspace.scratch / "curve.csv").read_text().splitlines()[-1].split(",")[0])
    assert before == 128
    make_teacher(ENV, settings, inputs={}, workspace=workspace)
    steps = [
        int(line.split(",")[0])
        for line in (workspace.out / "curve.csv").read_text().splitlines()[1:]
    ]
    assert steps[0] == 128
    assert steps[-1] == 256


@pytest.mark.slow
def test_a_teachers_episode_is_the_same_every_time(workspace, protocol):
    make_teacher(ENV, PpoTeacher(**SMALL), inputs={}, workspace=workspace)
    env = AtariEnv(protocol())
    spec = TeacherSpec(str(workspace.out))
    job = Job(spec, protocol(), seed=4, max_steps=150)
    first = play_episode(job, env, spec.build(env))
    play_episode(Job(spec, protocol(), seed=5, max_steps=30), env, spec.build(env))
    again = play_episode(job, env, spec.build(env))
    assert (first.score, first.steps) == (again.score, again.steps)
    assert isinstance(spec.build(env), TeacherAgent)


def test_the_shipped_teacher_plays_pong(workspace):
    from diffses.config import ROOT

    path = ROOT / "diffses" / "teacher" / "pretrained" / "pong.zip"
    assert path.stat().st_size <= 3_000_000
    make_teacher(ENV, PretrainedTeacher(path=str(path)), inputs={}, workspace=workspace)
    about = json.loads((workspace.out / "teacher.json").read_text())
    assert about["evaluation"] > -15
    assert (workspace.out / "curve.csv").read_text().startswith("steps,")

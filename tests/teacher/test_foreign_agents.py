"""Agents as people have them: on scaled frames, with a large buffer, of SB3's own network."""

import numpy as np
import pytest
import torch
from gymnasium import Env, spaces
from stable_baselines3 import DQN, PPO

from diffses.config import ArcadeEnv, CheckpointTeacher, PpoTeacher, PretrainedTeacher
from diffses.config.teacher import Network
from diffses.errors import ArtifactError, ConfigError
from diffses.stages.teacher import make_teacher
from diffses.store import Store, Workspace
from diffses.teacher.agent import PixelPolicy, load
from diffses.teacher.ppo_pixels import continued, open_games

ENV = ArcadeEnv(game="pong")
BYTES = spaces.Box(0, 255, (4, 84, 84), np.uint8)
UNIT = spaces.Box(0.0, 1.0, (4, 84, 84), np.float32)
FLOATS = spaces.Box(0.0, 255.0, (4, 84, 84), np.float32)
CENTRED = spaces.Box(-1.0, 1.0, (4, 84, 84), np.float32)
RAW = {"normalize_images": False}
SMALL = {"n_steps": 8, "n_envs": 2, "batch_size": 16, "n_epochs": 1, "total_timesteps": 16}


class Frames(Env):
    """Random frames of a space, with Pong's six actions."""

    def __init__(self, space):
        self.observation_space, self.action_space = space, spaces.Discrete(6)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self.observation_space.sample(), {}

    def step(self, action):
        return self.observation_space.sample(), 0.0, False, False, {}


def agent(space, algorithm=PPO, **policy):
    settings = {"buffer_size": 10} if algorithm is DQN else {"n_steps": 8, "batch_size": 8}
    model = algorithm(
        "CnnPolicy", Frames(space), policy_kwargs=policy, device="cpu", seed=0, **settings
    )
    draw = torch.Generator().manual_seed(0)
    with torch.no_grad():  # an untrained network without biases cannot tell 0..255 from 0..1
        for name, value in model.policy.named_parameters():
            if name.endswith("bias"):
                value.copy_(0.3 * torch.randn(value.shape, generator=draw))
    return model


def stack(seed):
    return np.random.default_rng(seed).integers(0, 256, (4, 84, 84), dtype=np.uint8)


@pytest.fixture
def workspace(tmp_path):
    made = Workspace(tmp_path / "out", tmp_path / "scratch", Store(tmp_path / "store"))
    made.out.mkdir()
    made.scratch.mkdir()
    return made


@pytest.mark.parametrize(
    ("space", "policy", "as_trained"),
    [
        (BYTES, {}, lambda frames: frames),
        (BYTES, RAW, lambda frames: frames),
        (UNIT, RAW, lambda frames: frames.astype(np.float32) / 255),
        (FLOATS, RAW, lambda frames: frames.astype(np.float32)),
    ],
    ids=["bytes", "bytes, not scaled", "0 to 1", "0 to 255 as floats"],
)
def test_an_agent_sees_frames_as_it_was_trained_on(tmp_path, workspace, space, policy, as_trained):
    model = agent(space, **policy)
    model.save(tmp_path / "agent.zip")
    teacher = CheckpointTeacher(path=str(tmp_path / "agent.zip"))
    make_teacher(ENV, teacher, inputs={}, workspace=workspace)
    played = PixelPolicy.open(workspace.out)
    for seed in range(50):
        seen, _ = model.policy.obs_to_tensor(as_trained(stack(seed)))
        expected = model.policy.get_distribution(seen).distribution.logits[0].detach().numpy()
        logits = played.logits(stack(seed))
        np.testing.assert_allclose(logits, expected, atol=1e-5)
        action, _ = model.predict(as_trained(stack(seed)), deterministic=True)
        assert logits.argmax() == int(action)


def test_an_agent_on_frames_of_another_range_is_refused(tmp_path, workspace):
    agent(CENTRED, **RAW).save(tmp_path / "agent.zip")
    teacher = CheckpointTeacher(path=str(tmp_path / "agent.zip"))
    with pytest.raises(ConfigError, match="trained on float32 frames of -1 to 1"):
        make_teacher(ENV, teacher, inputs={}, workspace=workspace)


def test_a_saved_buffer_size_is_not_allocated(tmp_path):
    model = agent(BYTES, DQN)
    model.buffer_size = 1_000_000  # SB3's default: 26 GiB of frames, twice
    model.save(tmp_path / "agent.zip")
    loaded = load(tmp_path / "agent.zip", "dqn")
    assert loaded.replay_buffer.observations.shape[0] == 1
    rollout = agent(BYTES)
    rollout.n_steps = 10_000_000
    rollout.save(tmp_path / "agent.zip")
    assert load(tmp_path / "agent.zip", "ppo").rollout_buffer.buffer_size == 1


def test_what_cannot_be_read_is_two_lines_with_the_setting(tmp_path):
    agent(BYTES, DQN).save(tmp_path / "agent.zip")
    with pytest.raises(ArtifactError) as other:  # another algorithm
        load(tmp_path / "agent.zip", "ppo")
    whole = (tmp_path / "agent.zip").read_bytes()
    (tmp_path / "half.zip").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ArtifactError) as half:
        load(tmp_path / "half.zip", "dqn", "teacher.start_from")
    assert len(str(other.value).splitlines()) == len(str(half.value).splitlines()) == 2
    assert other.value.fix == "teacher.algorithm=dqn"
    assert half.value.fix == "teacher.start_from=<a .zip that model.save wrote>"
    with pytest.raises(ArtifactError) as start:
        load(tmp_path / "agent.zip", "ppo", "teacher.start_from")
    assert start.value.fix == "teacher.start_from=<a .zip that model.save wrote> with PPO"


def test_an_agent_without_its_record_is_no_shipped_one(tmp_path, workspace):
    path = tmp_path / "agent.zip"
    agent(BYTES).save(path)
    with pytest.raises(ConfigError, match=r"has a \.json file beside it") as refused:
        make_teacher(ENV, PretrainedTeacher(path=str(path)), inputs={}, workspace=workspace)
    assert refused.value.fix == f"teacher=checkpoint teacher.path={path}"


@pytest.fixture
def games():
    opened = open_games(ENV, PpoTeacher(**SMALL, threads=1))
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("space", "policy"),
    [(BYTES, {}), (UNIT, RAW), (BYTES, {"net_arch": [32], "activation_fn": torch.nn.ReLU})],
    ids=["SB3's", "on 0 to 1", "with a layer more"],
)
def test_training_starts_from_an_agent_of_sb3(games, space, policy):
    start = agent(space, **policy)
    settings = PpoTeacher(**SMALL, network=Network.nature, start_from="agent.zip", threads=1)
    model = continued(start, games, settings, None)
    ours, theirs = PixelPolicy(model), PixelPolicy(start)
    for seed in range(10):
        np.testing.assert_allclose(ours.logits(stack(seed)), theirs.logits(stack(seed)), atol=1e-4)
    before = model.policy.features_extractor.convolutions[0].weight.clone()
    model.learn(16)
    assert (model.policy.features_extractor.convolutions[0].weight != before).any()


def test_what_does_not_fit_is_named(games):
    lean = PpoTeacher(**SMALL, start_from="agent.zip", threads=1)
    with pytest.raises(ConfigError) as refused:
        continued(agent(BYTES), games, lean, None)
    # (filters, channels, height, width) of Mnih et al. 2015 and of Mnih et al. 2013
    assert "features_extractor.convolutions.0.weight is (32, 4, 8, 8), wanted (16, 4, 8, 8)" in str(
        refused.value
    )
    assert refused.value.fix == "teacher.network=nature"
    nature = PpoTeacher(**SMALL, network=Network.nature, start_from="agent.zip", threads=1)
    with pytest.raises(ConfigError, match=r"sees frames of 0 to 255.*scaled"):
        continued(agent(BYTES, **RAW), games, nature, None)
    apart = agent(BYTES, share_features_extractor=False)
    with pytest.raises(ConfigError, match="actor and critic have a network on frames each"):
        continued(apart, games, nature, None)
    wide = agent(BYTES, features_extractor_kwargs={"features_dim": 256})
    with pytest.raises(ConfigError, match=r"dense\.0\.weight is \(256, 3136\), wanted \(512, "):
        continued(wide, games, nature, None)

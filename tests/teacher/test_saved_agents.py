"""Agents that earlier versions saved are read and act as they did then."""

import numpy as np
import torch

from diffses.config import ROOT
from diffses.teacher.agent import PixelPolicy, load
from diffses.teacher.mlp import NumpyActor
from diffses.teacher.network import LeanPolicy
from diffses.teacher.normalizer import RunningNormalizer

# The expected actions and logits of both tests were computed by the version that wrote
# cartpole_agent.zip. That zip names the class `diffses.teacher.standardise.Standardise`.
CARTPOLE = ROOT / "tests" / "data" / "cartpole_agent.zip"
PONG = ROOT / "diffses" / "teacher" / "pretrained" / "pong.zip"


def test_a_zip_that_names_a_renamed_class_acts_as_before():
    model = load(CARTPOLE, "ppo")
    assert type(model.policy.features_extractor) is RunningNormalizer
    rows = np.random.default_rng(0).normal(0, 1, (40, 4))
    logits = np.array([NumpyActor(model.policy)(row) for row in rows])
    np.testing.assert_allclose(
        logits[:2],
        [[-0.7083063796520253, -0.6782143554076572], [-0.6951186027978651, -0.6911796371820487]],
        atol=1e-6,
    )
    actions = "".join(map(str, logits.argmax(axis=1)))
    assert actions == "1100101011110001111111111010110001110000"


def pong_frames(seed):
    """Four frames with a ball that moves and a paddle, uint8 (4, 84, 84)."""
    random = np.random.default_rng(seed)
    frames = np.full((4, 84, 84), 87, np.uint8)
    x, y = random.integers(10, 70), random.integers(20, 70)
    vx, vy, paddle = random.integers(-3, 4), random.integers(-3, 4), random.integers(15, 70)
    for i, frame in enumerate(frames):
        frame[y + vy * i : y + vy * i + 2, x + vx * i] = 236
        frame[paddle : paddle + 7, 74:76] = 147
    return frames


def test_the_shipped_pong_teacher_acts_as_before():
    torch.set_num_threads(1)
    model = load(PONG, "ppo")
    assert type(model.policy) is LeanPolicy
    policy = PixelPolicy(model)
    actions = "".join(str(policy.logits(pong_frames(seed)).argmax()) for seed in range(60))
    assert actions == "544202042424022232242225224320542220254220542243020422530204"

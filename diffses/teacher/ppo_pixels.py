"""PPO on stacked 84x84 frames."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces
from stable_baselines3 import PPO
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.preprocessing import is_image_space

from diffses.config import ArcadeEnv, Network, PpoTeacher
from diffses.envs.ale import AtariEnv, v5
from diffses.envs.atari_vec_env import AtariPixelVecEnv
from diffses.envs.preprocessing import DEPTH, SIDE
from diffses.envs.rollout import Agent
from diffses.errors import ConfigError
from diffses.seeds import seed_for
from diffses.store import Workspace
from diffses.teacher.agent import START, PixelPolicy, PixelTeacher, TeacherAgent, check_agent, load
from diffses.teacher.callback import TrainingCallback
from diffses.teacher.network import BFloat16Cnn, LeanCnn, LeanPolicy, NatureCnn
from diffses.teacher.ppo import new_ppo, train

NETWORKS: dict[Network, type[BFloat16Cnn]] = {Network.lean: LeanCnn, Network.nature: NatureCnn}


def train_on_pixels(env: ArcadeEnv, teacher: PpoTeacher, workspace: Workspace) -> dict[str, object]:
    """Trains a teacher, writes `policy.zip` and `curve.csv`; entries of its `teacher.json`."""
    games = open_games(env, teacher)

    def new() -> PPO:
        actions = len(AtariEnv(v5(env)).actions)
        if teacher.start_from is None:
            model = new_learner(games, teacher, workspace.scratch)
            check_agent(model, actions, env.game)
            return model
        start = load(Path(teacher.start_from), "ppo", START)
        check_agent(start, actions, env.game)
        return continued(start, games, teacher, workspace.scratch)

    callback = TrainingCallback(teacher, v5(env), greedy_agent, workspace.scratch)
    about = train(new, games, callback, workspace, threads=teacher.threads)
    return about | {"network": teacher.network.value}


def open_games(env: ArcadeEnv, teacher: PpoTeacher) -> AtariPixelVecEnv:
    """The vectorised environment, of `teacher.n_envs` games."""
    return AtariPixelVecEnv(
        env.game,
        teacher.n_envs,
        seed=seed_for(teacher.seed, "teacher", "games"),
        threads=teacher.threads,
        frame_skip=env.frame_skip,
        sticky=env.sticky,
        noop_max=env.noop_max,
        fire_reset=env.fire_reset,
        max_frames=env.max_frames,
    )


def new_learner(
    games: AtariPixelVecEnv, teacher: PpoTeacher, scratch: Path | None, **network: Any
) -> PPO:
    """An untrained PPO model; TensorBoard's logs go to `scratch`, if it is given.

    Args:
        network: further arguments of the policy.
    """
    network = {"features_extractor_class": NETWORKS[teacher.network], **network}
    return new_ppo(LeanPolicy, games, teacher, scratch, policy_kwargs=network)


def continued(
    start: BaseAlgorithm, games: AtariPixelVecEnv, teacher: PpoTeacher, scratch: Path | None
) -> PPO:
    """A PPO model with the weights of `start`, an agent of this package or SB3's `CnnPolicy`.

    Its layers after the convolutional network are those of `start`.

    Raises:
        ConfigError: where the agent's network is not `teacher.network`; names what does not fit.
    """
    policy: Any = start.policy
    weights = {own_name(name): value for name, value in policy.state_dict().items()}
    given = f"teacher.start_from={teacher.start_from}"
    if not sees_unit_range(start):
        raise ConfigError(
            f"{given}: its network sees frames of 0 to 255, and teacher.network="
            f"{teacher.network.value} sees them scaled to 0 to 1",
            fix="an agent with SB3's default normalize_images, or trained on frames of 0 to 1",
        )
    if not policy.share_features_extractor:
        raise ConfigError(
            f"{given}: its actor and critic have a network on frames each; here they share one",
            fix="an agent with SB3's default share_features_extractor",
        )
    layers = {"net_arch": policy.net_arch, "activation_fn": policy.activation_fn}
    model = new_learner(games, teacher, scratch, **layers)
    wanted = {name: tuple(value.shape) for name, value in model.policy.state_dict().items()}
    found = {name: tuple(value.shape) for name, value in weights.items()}
    odd = [name for name in {**wanted, **found} if wanted.get(name) != found.get(name)]
    if odd:
        fits = [network.value for network, cnn in NETWORKS.items() if has_layers(cnn, found)]
        raise ConfigError(
            f"{given} does not fit teacher.network={teacher.network.value}: its {odd[0]} is "
            f"{found.get(odd[0], 'missing')}, wanted {wanted.get(odd[0], 'none')}",
            fix=f"teacher.network={fits[0]}"
            if fits and fits[0] != teacher.network.value
            else "an agent of SB3's PPO with CnnPolicy (teacher.network=nature) or of teacher=ppo",
        )
    model.policy.load_state_dict(weights)
    return model


def own_name(name: str) -> str:
    """The name here of a weight of SB3's `NatureCNN`; other names stay as they are."""
    return name.replace("features_extractor.cnn.", "features_extractor.convolutions.").replace(
        "features_extractor.linear.", "features_extractor.dense."
    )


def has_layers(cnn: type[BFloat16Cnn], shapes: dict[str, tuple[int, ...]]) -> bool:
    """Whether a policy's weights, name to shape, are those of this network on frames."""
    made: Any = cnn
    layers = made(spaces.Box(0, 255, (DEPTH, SIDE, SIDE), np.uint8)).state_dict()
    own = {
        n.removeprefix("features_extractor."): shape
        for n, shape in shapes.items()
        if n.startswith("features_extractor.")
    }
    return own == {name: tuple(value.shape) for name, value in layers.items()}


def sees_unit_range(model: BaseAlgorithm) -> bool:
    """Whether frames are 0..1 where they enter a model's first convolution."""
    policy, space = model.policy, model.observation_space
    if isinstance(policy, LeanPolicy):  # its network scales bytes
        return True
    limits: Any = space
    return bool(limits.high.max() == 1 or (policy.normalize_images and is_image_space(space)))


def greedy_agent(model: PPO) -> Agent:
    """An agent that takes the greedy actions of the model as it is now."""
    return TeacherAgent(PixelTeacher(PixelPolicy(model).logits))

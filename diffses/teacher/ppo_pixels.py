"""PPO on stacked 84x84 frames."""

from __future__ import annotations

from pathlib import Path

from stable_baselines3 import PPO

from diffses.config import ArcadeEnv, Network, PpoTeacher
from diffses.envs.ale import AtariEnv, v5
from diffses.envs.atari_vec_env import AtariPixelVecEnv
from diffses.envs.rollout import Agent
from diffses.seeds import seed_for
from diffses.store import Workspace
from diffses.teacher.agent import PixelPolicy, PixelTeacher, TeacherAgent, check_agent, load
from diffses.teacher.callback import TrainingCallback
from diffses.teacher.network import BFloat16Cnn, LeanCnn, LeanPolicy, NatureCnn
from diffses.teacher.ppo import new_ppo, train

NETWORKS: dict[Network, type[BFloat16Cnn]] = {Network.lean: LeanCnn, Network.nature: NatureCnn}


def train_on_pixels(env: ArcadeEnv, teacher: PpoTeacher, workspace: Workspace) -> dict[str, object]:
    """Trains a teacher, writes `policy.zip` and `curve.csv`; entries of its `teacher.json`."""
    games = open_games(env, teacher)

    def new() -> PPO:
        model = new_learner(games, teacher, workspace.scratch)
        check_agent(model, len(AtariEnv(v5(env)).actions), env.game)
        if teacher.start_from is not None:
            start = load(Path(teacher.start_from), "ppo")
            model.policy.load_state_dict(start.policy.state_dict())
        return model

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


def new_learner(games: AtariPixelVecEnv, teacher: PpoTeacher, scratch: Path | None) -> PPO:
    """An untrained PPO model; TensorBoard's logs go to `scratch`, if it is given."""
    network = {"features_extractor_class": NETWORKS[teacher.network]}
    return new_ppo(LeanPolicy, games, teacher, scratch, policy_kwargs=network)


def greedy_agent(model: PPO) -> Agent:
    """An agent that takes the greedy actions of the model as it is now."""
    return TeacherAgent(PixelTeacher(PixelPolicy(model).logits))

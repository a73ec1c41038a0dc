"""PPO from pixels (Schulman et al. 2017)."""

from __future__ import annotations

from pathlib import Path

from stable_baselines3 import PPO

from diffses.config import ArcadeEnv, Network, PpoTeacher
from diffses.envs.ale import AtariEnv, v5
from diffses.envs.atari_vec_env import AtariPixelVecEnv
from diffses.envs.rollout import Agent
from diffses.seeds import seed_for
from diffses.store import Workspace
from diffses.teacher.agent import PixelPolicy, PixelTeacher, TeacherAgent, check, load
from diffses.teacher.callback import Keeper
from diffses.teacher.network import LeanCnn, LeanPolicy, NarrowCnn, NatureCnn
from diffses.teacher.ppo import learn, new_ppo

NETWORKS: dict[Network, type[NarrowCnn]] = {Network.lean: LeanCnn, Network.nature: NatureCnn}


def train_on_pixels(env: ArcadeEnv, teacher: PpoTeacher, workspace: Workspace) -> dict[str, object]:
    """Trains a teacher and writes `policy.zip` and `curve.csv`. Returns what to say about it."""
    games = open_games(env, teacher)

    def new() -> PPO:
        model = new_learner(games, teacher, workspace.scratch)
        check(model, len(AtariEnv(v5(env)).actions), env.game)
        if teacher.start_from is not None:
            start = load(Path(teacher.start_from), "ppo")
            model.policy.load_state_dict(start.policy.state_dict())
        return model

    keeper = Keeper(teacher, v5(env), agent, workspace.scratch)
    about = learn(new, games, keeper, workspace, threads=teacher.threads)
    return about | {"network": teacher.network.value}


def open_games(env: ArcadeEnv, teacher: PpoTeacher) -> AtariPixelVecEnv:
    """The games a learner plays side by side."""
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
    """A learner that knows nothing yet; TensorBoard's logs go to `scratch`, if there is one."""
    network = {"features_extractor_class": NETWORKS[teacher.network]}
    return new_ppo(LeanPolicy, games, teacher, scratch, policy_kwargs=network)


def agent(model: PPO) -> Agent:
    """The greedy player of a learner as it is now."""
    return TeacherAgent(PixelTeacher(PixelPolicy(model).logits))

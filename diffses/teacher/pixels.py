"""PPO from pixels (Schulman et al. 2017)."""

from __future__ import annotations

from pathlib import Path

from stable_baselines3 import PPO

from diffses.config import ArcadeEnv, Network, PpoTeacher
from diffses.envs.arcade import Arcade
from diffses.envs.play import Player
from diffses.envs.protocol import v5
from diffses.envs.vector import AtariPixels
from diffses.seeds import seed_for
from diffses.store import Draft
from diffses.teacher.agent import Agent, PixelTeacher, TeacherPlayer, check, load
from diffses.teacher.keeper import Keeper
from diffses.teacher.network import LeanPolicy
from diffses.teacher.train import learn, new_ppo


def train_on_pixels(env: ArcadeEnv, teacher: PpoTeacher, draft: Draft) -> dict[str, object]:
    """Trains a teacher and writes `policy.zip` and `curve.csv`. Returns what to say about it."""
    games = AtariPixels(
        env.game,
        teacher.environments,
        seed=seed_for(teacher.seed, "teacher", "games"),
        threads=teacher.threads,
        frame_skip=env.frame_skip,
        sticky=env.sticky,
        noop_max=env.noop_max,
        fire_reset=env.fire_reset,
        max_frames=env.max_frames,
    )

    def new() -> PPO:
        policy = LeanPolicy if teacher.network is Network.lean else "CnnPolicy"
        model = new_ppo(policy, games, teacher, draft.scratch)
        check(model, len(Arcade(v5(env)).actions), env.game)
        if teacher.start_from is not None:
            start = load(Path(teacher.start_from), "ppo")
            model.policy.load_state_dict(start.policy.state_dict())
        return model

    keeper = Keeper(teacher, v5(env), player, draft.scratch)
    about = learn(new, games, keeper, draft, threads=teacher.threads)
    return about | {"network": teacher.network.value}


def player(model: PPO) -> Player:
    """The greedy player of a learner as it is now."""
    return TeacherPlayer(PixelTeacher(Agent(model).logits))

"""PPO from pixels (Schulman et al. 2017), resumable, the best policy kept."""

from __future__ import annotations

import csv
import logging
import shutil
import time
import zipfile
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.utils import LinearSchedule

from diffses.config import ArcadeEnv, Network, PpoTeacher
from diffses.envs.arcade import Arcade
from diffses.envs.play import Job, episode
from diffses.envs.protocol import v5
from diffses.envs.vector import AtariPixels
from diffses.logger import log as log_metrics
from diffses.progress import bar
from diffses.seeds import seed_for
from diffses.store import Draft
from diffses.teacher.agent import Agent, PixelTeacher, TeacherPlayer, check, load
from diffses.teacher.network import LeanPolicy

log = logging.getLogger("diffses")

CURVE = ("steps", "minutes", "return", "length", "steps_per_second", "evaluation")
UNNEEDED = (  # to play, or to train further
    "tensorboard_log",
    "ep_info_buffer",
    "ep_success_buffer",
    "_last_obs",
    "_last_original_obs",
    "_last_episode_starts",
)
ROW_EVERY = 25_000  # steps between two rows of the curve


def train(env: ArcadeEnv, teacher: PpoTeacher, draft: Draft) -> dict[str, object]:
    """Trains a teacher and writes `policy.zip` and `curve.csv`. Returns what to say about it.

    A run that was killed goes on from its last checkpoint (`teacher.checkpoint_every` steps).
    """
    torch.set_num_threads(teacher.threads)
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
    try:
        model = _model(teacher, games, draft.scratch)
        check(model, len(Arcade(v5(env)).actions), env.game)
        keeper = Keeper(env, teacher, draft.scratch)
        left = teacher.total_steps - model.num_timesteps
        if left > 0:
            model.learn(left, callback=keeper, reset_num_timesteps=False)
        keeper.close()
    finally:
        games.close()
    shutil.copyfile(draft.scratch / "best.zip", draft.out / "policy.zip")
    shutil.copyfile(draft.scratch / "curve.csv", draft.out / "curve.csv")
    shutil.copytree(draft.scratch / "tensorboard", draft.out / "tensorboard")
    return {
        "algorithm": "ppo",
        "network": teacher.network.value,
        "steps": model.num_timesteps,
        "minutes": round(keeper.minutes(), 1),
        "evaluation": keeper.best,
        "evaluation_episodes": teacher.evaluation_episodes,
        "source": "trained here",
    }


def _model(teacher: PpoTeacher, games: AtariPixels, scratch: Path) -> PPO:
    """A new learner, one to train further, or the one a killed run left."""
    checkpoint = scratch / "checkpoint.zip"
    if checkpoint.exists():
        log.info("resuming from %s", checkpoint)
        return PPO.load(checkpoint, env=games, device=teacher.device)
    seed = seed_for(teacher.seed, "teacher")
    model = PPO(
        LeanPolicy if teacher.network is Network.lean else "CnnPolicy",
        games,
        n_steps=teacher.n_steps,
        batch_size=teacher.batch_size,
        n_epochs=teacher.epochs,
        learning_rate=LinearSchedule(teacher.learning_rate, teacher.final_learning_rate, 1.0),
        clip_range=teacher.clip_range,
        ent_coef=teacher.entropy,
        gamma=teacher.gamma,
        gae_lambda=teacher.gae_lambda,
        seed=seed,
        device=teacher.device,
        tensorboard_log=str(scratch / "tensorboard"),
    )
    if teacher.start_from is not None:
        start = load(Path(teacher.start_from), "ppo")
        model.policy.load_state_dict(start.policy.state_dict())
    return model


def save_small(model: PPO, path: Path) -> None:
    """Saves an agent without its optimizer's moments, which are two thirds of the file."""
    kept = model.policy.optimizer.state
    model.policy.optimizer.state = type(kept)(dict)
    partial = path.with_name("partial-" + path.name)
    model.save(partial, exclude=[*UNNEEDED])
    model.policy.optimizer.state = kept
    with (
        zipfile.ZipFile(partial) as plain,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zip_,
    ):
        for name in plain.namelist():
            zip_.writestr(name, plain.read(name))
    partial.unlink()


class Keeper(BaseCallback):
    """Watches a training: progress, curve, checkpoints, evaluation, the best policy so far."""

    def __init__(self, env: ArcadeEnv, teacher: PpoTeacher, scratch: Path) -> None:
        super().__init__()
        self.env, self.settings, self.scratch = env, teacher, scratch
        self.best = self._read("best.txt", -np.inf)
        self._before = self._read("clock.txt", 0.0)  # minutes, of earlier runs
        self._started = time.perf_counter()
        self._recent: deque[tuple[float, int]] = deque(maxlen=100)
        self._checkpoint_at = self._row_at = 0
        self._rate = (time.perf_counter(), 0)
        self._bar = bar(teacher.total_steps, "step", "teacher")

    def _read(self, name: str, default: float) -> float:
        path = self.scratch / name
        return float(path.read_text()) if path.exists() else default

    def minutes(self) -> float:
        return self._before + (time.perf_counter() - self._started) / 60

    def _on_training_start(self) -> None:
        steps = self.num_timesteps
        self._checkpoint_at = steps + self.settings.checkpoint_every
        self._row_at = steps
        self._evaluate_at = steps + self.settings.evaluation_every
        self._rate = (time.perf_counter(), steps)
        self._bar.update(steps - self._bar.count)

    def _on_step(self) -> bool:
        for info in self.locals["infos"]:
            if "episode" in info:
                self._recent.append((info["episode"]["r"], info["episode"]["l"]))
        return True

    def _on_rollout_end(self) -> None:
        steps = self.num_timesteps
        self._bar.update(steps - self._bar.count)
        if steps >= self._evaluate_at:
            self._evaluate_at = steps + self.settings.evaluation_every
            self._note(self.evaluate())
        elif steps >= self._row_at:
            self._note(None)
        if steps >= self._checkpoint_at:
            self.checkpoint()

    def _on_training_end(self) -> None:
        self._note(self.evaluate())

    def evaluate(self) -> float:
        """The mean return of full games played greedily under v5, on validation seeds."""
        rules = v5(self.env)
        player = TeacherPlayer(PixelTeacher(Agent(self.model).logits))
        console = Arcade(rules)
        seeds = rules.seeds("validation", self.settings.seed, self.settings.evaluation_episodes)
        limit = self.settings.evaluation_steps
        jobs = [Job(None, rules, seed, limit) for seed in seeds]  # type: ignore[arg-type]
        mean = float(np.mean([episode(job, console, player).score for job in jobs]))
        if mean >= self.best:
            self.best = mean
            save_small(self._ppo(), self.scratch / "best.zip")
            (self.scratch / "best.txt").write_text(str(mean))
        return mean

    def _ppo(self) -> PPO:
        assert isinstance(self.model, PPO)
        return self.model

    def checkpoint(self) -> None:
        """Leaves all that a later run needs to go on."""
        self._checkpoint_at = self.num_timesteps + self.settings.checkpoint_every
        partial = self.scratch / "partial.zip"
        self.model.save(partial)
        partial.replace(self.scratch / "checkpoint.zip")
        (self.scratch / "clock.txt").write_text(str(self.minutes()))

    def _note(self, evaluation: float | None) -> None:
        now, steps = time.perf_counter(), self.num_timesteps
        rate = (steps - self._rate[1]) / max(now - self._rate[0], 1e-9)
        self._rate = (now, steps)
        self._row_at = steps + ROW_EVERY
        mean, length = np.mean(self._recent, axis=0) if self._recent else (None, None)
        row: dict[str, Any] = {
            "steps": steps,
            "minutes": round(self.minutes(), 2),
            "return": mean,
            "length": length,
            "steps_per_second": round(rate, 1),
            "evaluation": evaluation,
        }
        path = self.scratch / "curve.csv"
        new = not path.exists()
        with path.open("a", newline="") as file:
            writer = csv.DictWriter(file, CURVE)
            if new:
                writer.writeheader()
            writer.writerow(row)
        known = {name: float(value) for name, value in row.items() if value is not None}
        log_metrics("teacher", known, step=steps, step_name="steps")
        if mean is not None:
            self._bar.show(**{"return": float(mean)})

    def close(self) -> None:
        self._bar.close()

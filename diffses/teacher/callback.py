"""The callback of a teacher's training: evaluation, best policy, checkpoints, learning curve."""

from __future__ import annotations

import shutil
import time
import zipfile
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback

from diffses.config import PpoSettings
from diffses.csv_rows import csv_text, read_rows
from diffses.envs.base import Env, EvaluationProtocol
from diffses.envs.rollout import Agent, Job, play_episode
from diffses.logger import log as log_metrics
from diffses.logger.progress import Bar
from diffses.store import Workspace
from diffses.store.store import atomic_write

CURVE_COLUMNS = ("steps", "minutes", "return", "length", "steps_per_second", "evaluation")
NOT_SAVED = (  # needed neither to act nor to train further
    "tensorboard_log",
    "ep_info_buffer",
    "ep_success_buffer",
    "_last_obs",
    "_last_original_obs",
    "_last_episode_starts",
)
STEPS_PER_ROW = 25_000  # environment steps between two rows of the curve


def save_small(model: PPO, path: Path) -> None:
    """Saves an agent without its optimizer's moments, which are two thirds of the file."""
    moments = model.policy.optimizer.state
    model.policy.optimizer.state = type(moments)(dict)
    partial = path.with_name("partial-" + path.name)
    model.save(partial, exclude=[*NOT_SAVED])
    model.policy.optimizer.state = moments
    small = path.with_name("small-" + path.name)
    with (
        zipfile.ZipFile(partial) as plain,
        zipfile.ZipFile(small, "w", zipfile.ZIP_DEFLATED) as zip_,
    ):
        for name in plain.namelist():
            zip_.writestr(name, plain.read(name))
    partial.unlink()
    small.replace(path)


class TrainingCallback(BaseCallback):
    """Evaluates during training, keeps the best policy, writes checkpoints and the curve.

    SB3's `EvalCallback` and `CheckpointCallback` in one, on this project's validation episodes.

    Args:
        settings: of the training.
        protocol: of the validation episodes.
        agent: makes a player of the model's greedy actions, with its present weights.
        scratch: folder of all files until the training is over.
    """

    def __init__(
        self,
        settings: PpoSettings,
        protocol: EvaluationProtocol,
        agent: Callable[[PPO], Agent],
        scratch: Path,
    ) -> None:
        super().__init__()
        self.settings, self.protocol, self.agent, self.scratch = settings, protocol, agent, scratch
        self.best = self._read("best.txt", -np.inf)
        self._earlier_minutes = self._read("clock.txt", 0.0)  # before the training was resumed
        self._started = time.perf_counter()
        self._recent: deque[tuple[float, int]] = deque(maxlen=100)
        self._checkpoint_at = self._row_at = 0
        self._rate = (time.perf_counter(), 0)
        self._env: Env | None = None
        self._has_logged = False  # whether this process has added a row to the curve
        self._bar = Bar(settings.total_timesteps, "step", "teacher")

    def _read(self, name: str, default: float) -> float:
        path = self.scratch / name
        return float(path.read_text()) if path.exists() else default

    def minutes(self) -> float:
        """Minutes of training, those before a resumption included."""
        return self._earlier_minutes + (time.perf_counter() - self._started) / 60

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
            self._log_row(self.evaluate())
        elif steps >= self._row_at:
            self._log_row(None)
        if steps >= self._checkpoint_at:
            self.checkpoint()

    def _on_training_end(self) -> None:
        self._log_row(self.evaluate())

    def evaluate(self) -> float:
        """The mean return of the greedy policy on the validation seeds; keeps the best policy."""
        assert isinstance(self.model, PPO)
        protocol, settings = self.protocol, self.settings
        agent = self.agent(self.model)
        self._env = self._env or protocol.make_env()
        seeds = protocol.seeds("validation", settings.seed, settings.n_eval_episodes)
        limit = settings.evaluation_steps
        jobs = [Job(None, protocol, seed, limit) for seed in seeds]  # type: ignore[arg-type]
        mean = float(np.mean([play_episode(job, self._env, agent).score for job in jobs]))
        if mean >= self.best:
            self.best = mean
            save_small(self.model, self.scratch / "best.zip")
            atomic_write(self.scratch / "best.txt", str(mean))
        return mean

    def checkpoint(self) -> None:
        """Writes everything needed to resume the training."""
        self._checkpoint_at = self.num_timesteps + self.settings.checkpoint_every
        partial = self.scratch / "partial.zip"
        self.model.save(partial)
        partial.replace(self.scratch / "checkpoint.zip")
        atomic_write(self.scratch / "clock.txt", str(self.minutes()))

    def _log_row(self, evaluation: float | None) -> None:
        now, steps = time.perf_counter(), self.num_timesteps
        rate = (steps - self._rate[1]) / max(now - self._rate[0], 1e-9)
        self._rate = (now, steps)
        self._row_at = steps + STEPS_PER_ROW
        mean, length = np.mean(self._recent, axis=0) if self._recent else (None, None)
        row: dict[str, Any] = {
            "steps": steps,
            "minutes": round(self.minutes(), 2),
            "return": mean,
            "length": length,
            "steps_per_second": round(rate, 1),
            "evaluation": evaluation,
        }
        self._append(row)
        known = {name: float(value) for name, value in row.items() if value is not None}
        log_metrics("teacher", known, step=steps, step_name="steps")
        if mean is not None:
            self._bar.show(**{"return": float(mean)})

    def _append(self, row: dict[str, Any]) -> None:
        """Adds a row to the curve. After a resumption it first drops the rows of steps since the
        checkpoint, which are trained again."""
        path = self.scratch / "curve.csv"
        rows = read_rows(path, missing_ok=True)
        if not self._has_logged:
            rows = [old for old in rows if int(old["steps"]) < row["steps"]]
        self._has_logged = True
        atomic_write(path, csv_text([*rows, row], CURVE_COLUMNS, line_end="\n"))

    def close(self) -> None:
        self._bar.close()

    def write_artifact(self, workspace: Workspace) -> dict[str, object]:
        """Copies the best policy and the curve to the artifact; entries of its `teacher.json`."""
        for found, name in (("best.zip", "policy.zip"), ("curve.csv", "curve.csv")):
            shutil.copyfile(self.scratch / found, workspace.out / name)
        if (self.scratch / "tensorboard").is_dir():
            shutil.copytree(self.scratch / "tensorboard", workspace.out / "tensorboard")
        return {
            "algorithm": "ppo",
            "minutes": round(self.minutes(), 1),
            "evaluation": self.best,
            "evaluation_episodes": self.settings.n_eval_episodes,
            "source": "trained here",
        }

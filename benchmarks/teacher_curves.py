"""Trains SB3's stock PPO and the default teacher on Pong from one seed, and draws both curves.

What a killed run had done is kept: the same command goes on from the last checkpoint, also with
more steps. Writes {default,stock}.csv (steps; minutes of training; mean return of the last 100
training games, as SB3 counts them for both) and curves.png.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback

from benchmarks.learners import PONG, STOCK_STEPS, default, learner, stock_games
from diffses.config import ROOT
from diffses.csv_rows import read_rows, write_rows
from diffses.logger.progress import Bar
from diffses.report.figures import drawing
from diffses.report.style import POLICY, RULE
from diffses.teacher.ppo_pixels import open_games

FOLDER = ROOT / "benchmarks" / "curves"
NAMES = ("stock", "default")
TITLES = {"stock": "Stable-Baselines3, stock", "default": "teacher=ppo"}
COLOURS = {"stock": POLICY["random"], "default": POLICY["teacher"]}
COLUMNS = ("steps", "minutes", "return")
STEPS = 500_000  # of training: fewer say nothing about where a learner gets to
ROW_EVERY = 10_000  # steps between two rows
CHECKPOINT_EVERY = 20_000  # steps between two files to resume from


class Curve(BaseCallback):
    """Writes the curve and the checkpoints, and ends the training after `steps`."""

    def __init__(self, path: Path, checkpoint: Path, steps: int) -> None:
        super().__init__()
        self._path, self._checkpoint, self._limit = path, checkpoint, steps
        self._bar = Bar(steps, "step", path.stem)

    def _on_training_start(self) -> None:
        self._started, self._done = time.perf_counter(), False
        self._rows = [row for row in read(self._path) if row["steps"] <= self.num_timesteps]
        self._before = self._rows[-1]["minutes"] if self._rows else 0.0
        self._row_at = self._checkpoint_at = self.num_timesteps + 1
        write_rows(self._path, self._rows, COLUMNS)
        self._bar.update(self.num_timesteps)

    def _on_step(self) -> bool:
        return not self._done

    def _on_rollout_end(self) -> None:
        steps = self.num_timesteps
        self._done = steps >= self._limit
        if steps >= self._row_at or self._done:
            self._row_at = steps + ROW_EVERY
            returns = [game["r"] for game in self.model.ep_info_buffer or []]
            minutes = self._before + (time.perf_counter() - self._started) / 60
            mean = round(float(np.mean(returns)), 2) if returns else float("nan")
            self._rows.append({"steps": steps, "minutes": round(minutes, 2), "return": mean})
            write_rows(self._path, self._rows, COLUMNS)
        if steps >= self._checkpoint_at or self._done:
            self._checkpoint_at = steps + CHECKPOINT_EVERY
            partial = self._checkpoint.with_suffix(".partial.zip")
            self.model.save(partial)
            partial.replace(self._checkpoint)
        self._bar.update(steps - self._bar.count)


def read(path: Path) -> list[dict[str, float]]:
    """The rows of a curve, oldest first; a return is NaN where no game had ended yet."""
    return [
        {
            "steps": int(row["steps"]),
            "minutes": float(row["minutes"]),
            "return": float(row["return"]),
        }
        for row in read_rows(path, missing_ok=True)
    ]


def train(name: str, steps: int, threads: int, folder: Path, scratch: Path) -> None:
    """Trains one learner up to `steps`, from where an earlier run left it."""
    path, checkpoint = folder / f"{name}.csv", scratch / f"{name}.zip"
    rows = read(path)
    if rows and rows[-1]["steps"] >= steps:
        return
    model = resumed(name, threads, checkpoint) if checkpoint.exists() else learner(name, threads)
    horizon = STOCK_STEPS if name == "stock" else default(threads).total_timesteps
    left = max(horizon, steps) - model.num_timesteps  # of the fall of the learning rate
    model.learn(left, callback=Curve(path, checkpoint, steps), reset_num_timesteps=False)
    assert model.env is not None
    model.env.close()


def resumed(name: str, threads: int, checkpoint: Path) -> PPO:
    torch.set_num_threads(threads)
    games: Any = stock_games(0) if name == "stock" else open_games(PONG, default(threads))
    return PPO.load(checkpoint, env=games, device="cpu")


def at(rows: list[dict[str, float]], steps: float) -> float:
    """The return a curve shows at a number of steps, linear between its rows."""
    return float(np.interp(steps, [r["steps"] for r in rows], [r["return"] for r in rows]))


def compared(folder: Path = FOLDER) -> str:
    """What the curves say about the default teacher's return, in one line."""
    curves = {name: read(folder / f"{name}.csv") for name in NAMES}
    if not all(curves.values()):
        return "no curves yet: python -m benchmarks.teacher_curves"
    steps = min(rows[-1]["steps"] for rows in curves.values())
    ours, theirs = at(curves["default"], steps), at(curves["stock"], steps)
    verdict = "counts" if ours >= theirs - 1 else "does not count: worse than stock's - 1"
    if steps < STEPS:
        verdict = f"does not count: the curves end before {STEPS:,} steps"
    return f"return after {steps:,} steps: ours {ours:.1f}, stock {theirs:.1f}; the row {verdict}"


def draw(folder: Path) -> None:
    """Draws return against steps and against minutes."""
    with drawing(3.2, 2) as (figure, axes):
        for name in NAMES:
            rows = read(folder / f"{name}.csv")
            for axis, column, unit in zip(axes, ("steps", "minutes"), (1e-3, 1), strict=True):
                x = [row[column] * unit for row in rows]
                axis.plot(x, [row["return"] for row in rows], color=COLOURS[name],
                          label=TITLES[name])  # fmt: skip
        for axis, label in zip(axes, ("thousand steps", "minutes of training"), strict=True):
            axis.set_xlabel(label)
            axis.set_ylabel("return, last 100 games")
            axis.grid(axis="y", color=RULE, linewidth=0.6)
        axes[0].legend(frameon=False)
        figure.savefig(folder / "curves.png", dpi=120)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.teacher_curves", description=__doc__
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="stock, default; both by default")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"of training; {STEPS} by default")
    parser.add_argument("--threads", type=int, default=1, help="of torch; 1 by default")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the curves go")
    parser.add_argument(
        "--scratch", type=Path, default=ROOT / "outputs" / "curves", help="for checkpoints"
    )
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - set(NAMES):
        parser.error(f"{sorted(unknown)[0]} is not one of {', '.join(NAMES)}")
    options.folder.mkdir(parents=True, exist_ok=True)
    options.scratch.mkdir(parents=True, exist_ok=True)
    for name in options.names or NAMES:
        train(name, options.steps, options.threads, options.folder, options.scratch)
        draw(options.folder)
    print(compared(options.folder))


if __name__ == "__main__":
    main()

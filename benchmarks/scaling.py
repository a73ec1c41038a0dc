"""How the engine and the learner's games gain from more of them side by side."""

from __future__ import annotations

import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.play import QUICK_STEPS, STEPS, Engine, forest_agent
from benchmarks.rows import Effort, Row
from diffses.config import ROOT
from diffses.envs.atari_vec_env import AtariPixelVecEnv
from diffses.envs.rollout import close
from diffses.report.figures import drawing
from diffses.report.style import POLICY, RULE

WORKERS = (1, 2)
SLOTS = (1, 2, 4, 8, 16, 32)
PLOT = ROOT / "outputs" / "benchmarks" / "scaling.png"


def scaling(effort: Effort) -> list[Row]:
    """Steps a second for 1 and 2 workers of the engine, and for 1 to 32 slots of AtariPixelVecEnv.

    The measurements go round in turn; `ratio` is against the first of each.
    """
    with tempfile.TemporaryDirectory() as folder:
        spec, protocol = forest_agent("pong", Path(folder), QUICK_STEPS if effort.quick else STEPS)
        engines = [
            Engine(spec, protocol, effort.seconds, workers, effort.quick) for workers in WORKERS
        ]
        played = [[engine() for engine in engines] for _ in range(effort.turns)]
        close()
    games = [Slots(slots, effort.seconds / 2) for slots in SLOTS]
    stepped = [[game() for game in games] for _ in range(effort.turns)]
    for game in games:
        game.close()
    rows = [
        *_rows("scaling_workers", WORKERS, played),
        *_rows("scaling_slots", SLOTS, stepped),
    ]
    draw(rows)
    return [*rows[:-1], replace(rows[-1], note=f"drawn in {PLOT.relative_to(ROOT)}")]


class Slots:
    """`AtariPixelVecEnv` under random actions, two threads; call it for steps a second."""

    def __init__(self, slots: int, seconds: float) -> None:
        self._games = AtariPixelVecEnv("pong", slots, seed=0, threads=2)
        self._games.reset()
        self._random = np.random.default_rng(0)
        self._seconds = seconds

    def __call__(self) -> float:
        slots, steps, started = self._games.num_envs, 0, time.perf_counter()
        actions = self._games.action_space.n  # type: ignore[attr-defined]
        while (passed := time.perf_counter() - started) < self._seconds:
            self._games.step(self._random.integers(actions, size=slots))
            steps += slots
        return steps / passed

    def close(self) -> None:
        self._games.close()


def _rows(name: str, counts: tuple[int, ...], turns: list[list[float]]) -> list[Row]:
    """One row for each count, against the first."""
    columns = list(zip(*turns, strict=True))
    first = columns[0]
    rows = []
    for count, column in zip(counts, columns, strict=True):
        ratio = statistics.median(one / base for one, base in zip(column, first, strict=True))
        middle, base = statistics.median(column), statistics.median(first)
        rows.append(Row(f"{name}_{count}", ratio, None, True, middle, base, "steps/s", len(turns)))
    return rows


def draw(rows: list[Row]) -> None:
    """Draws the rows to `PLOT`."""
    PLOT.parent.mkdir(parents=True, exist_ok=True)
    with drawing(2.8, 2) as (figure, axes):
        for axis, name, label in zip(
            axes,
            ("scaling_workers", "scaling_slots"),
            ("workers of the engine, pixels to action", "slots of AtariPixelVecEnv, two threads"),
            strict=True,
        ):
            found = [row for row in rows if row.name.startswith(name)]
            counts = [row.name.rsplit("_", 1)[1] for row in found]
            axis.plot(counts, [row.ours or 0 for row in found], "o-", color=POLICY["teacher"])
            axis.set_ylim(0)
            axis.set_xlabel(label)
            axis.set_ylabel("steps a second")
            axis.grid(axis="y", color=RULE, linewidth=0.6)
        figure.savefig(PLOT, dpi=120)

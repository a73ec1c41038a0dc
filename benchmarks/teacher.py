"""PPO from pixels: our pipeline against Stable-Baselines3's stock one, in turn."""

from __future__ import annotations

import os
import time

import torch
from stable_baselines3 import PPO

from benchmarks.learners import learn, learner
from benchmarks.rows import Effort, Row, in_turn
from benchmarks.rows import compared as row
from benchmarks.teacher_curves import compared as curves

BARS = {"same_network": 2.0, "default": 4.0}


def teacher(effort: Effort, name: str) -> list[Row]:
    """Steps a second, playing and learning, of "same_network" or "default" against "stock"."""
    threads = 1 if effort.quick else os.cpu_count() or 1
    kept = torch.get_num_threads()
    ours, theirs = learner(name, threads), learner("stock", threads)
    counts = [1, 1]
    for model in (ours, theirs):
        learn(model, 1)  # the first is slower: buffers are made, torch looks for the best kernels
    if not effort.quick:
        counts = [rollouts(model, 4 * effort.seconds) for model in (ours, theirs)]
    pairs = in_turn(lambda: learn(ours, counts[0]), lambda: learn(theirs, counts[1]), effort.turns)
    for model in (ours, theirs):
        assert model.env is not None
        model.env.close()
    torch.set_num_threads(kept)
    note = curves() if name == "default" else ""
    return [row(f"teacher_{name}", pairs, bar=BARS[name], unit="steps/s", note=note)]


def rollouts(model: PPO, seconds: float) -> int:
    """How many rollouts take about this long."""
    started = time.perf_counter()
    learn(model, 1)
    return max(1, round(seconds / (time.perf_counter() - started)))

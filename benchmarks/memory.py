"""How much memory play and recording take, in processes of their own."""

from __future__ import annotations

import multiprocessing
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from benchmarks.play import JOB_STEPS, QUICK_STEPS, STEPS, WORKERS, forest_agent, learned_detector
from benchmarks.rows import Effort, Row, alone
from benchmarks.workers import peak_mb
from diffses.config import ROOT, ArcadeEnv, DatasetConfig, PretrainedTeacher
from diffses.envs.rollout import Job, close, play
from diffses.stages.dataset import record_dataset
from diffses.stages.teacher import make_teacher
from diffses.store import Store, Workspace

BAR = 2048.0  # MB
STATES = 100_000
JOBS = 100  # episodes of `JOB_STEPS` steps that are played


def memory(effort: Effort) -> list[Row]:
    """The sum over all processes of the most that each had resident, in MB of 10^6 bytes.

    Each measurement is a fresh process that plays with two workers.
    """
    rows = []
    for name, measure in (("memory_play", playing), ("memory_record", recording)):
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, context) as process:
            peak = process.submit(measure, effort.quick).result()
        rows.append(alone(name, [peak], bar=BAR, unit="MB"))
    return rows


def playing(quick: bool) -> float:
    """MB, playing a forest from pixels."""
    with tempfile.TemporaryDirectory() as folder:
        spec, protocol = forest_agent("pong", Path(folder), QUICK_STEPS if quick else STEPS)
        seeds = protocol.seeds("train", 0, 4 if quick else JOBS)
        for _ in play([Job(spec, protocol, seed, JOB_STEPS) for seed in seeds], WORKERS):
            pass
        peak = peak_mb(WORKERS)
        close()
    return peak


def recording(quick: bool) -> float:
    """MB, recording states of the shipped teacher's play."""
    env = ArcadeEnv(game="pong")
    states = 500 if quick else STATES
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        detector = learned_detector("pong", folder, QUICK_STEPS if quick else STEPS)
        teacher, dataset = (
            Workspace(folder / part, folder / f"{part}.scratch", Store(folder / "store"))
            for part in ("teacher", "dataset")
        )
        for workspace in (teacher, dataset):
            workspace.out.mkdir()
        agent = ROOT / "diffses" / "teacher" / "pretrained" / "pong.zip"
        make_teacher(env, PretrainedTeacher(path=str(agent)), inputs={}, workspace=teacher)
        record_dataset(
            env,
            DatasetConfig(states=states, held_out=10, rounds=1, workers=WORKERS),
            inputs={"teacher": teacher.out, "detector": detector},
            workspace=dataset,
        )
        peak = peak_mb(WORKERS)
        close()
    return peak

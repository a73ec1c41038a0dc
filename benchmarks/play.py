"""From pixels to action through the rollout engine, against emulation alone."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.emulators import Emulators
from benchmarks.rows import Effort, Row, compared, in_turn
from benchmarks.workers import cpu_seconds
from diffses.agents.forest_agent import ForestSpec
from diffses.config import ArcadeEnv, MotionDetector
from diffses.detector.loading import open_detector
from diffses.envs.ale import AtariProtocol, v5
from diffses.envs.rollout import Job, close, play
from diffses.policy.expression import Expression
from diffses.policy.forest import Forest
from diffses.stages.detector import learn_detector
from diffses.store import Store, Workspace

WORKERS = 2
NODES = 200  # of the forest
OPERATORS = ("add", "sub", "mul", "div", "min", "max")
SEEDS = 4  # episodes that are played again and again, as a generation of a search does
JOB_STEPS = 500  # an episode is cut after these, so that both workers end together
STEPS, QUICK_STEPS = 3000, 600  # of play that the detector learns from; 3000 is the default
MICRO = 1e6


def learned_detector(game: str, folder: Path, steps: int) -> Path:
    """The folder of a detector that learned the game from `steps` steps of exploratory play."""
    workspace = Workspace(folder / "detector", folder / "scratch", Store(folder / "store"))
    workspace.out.mkdir(parents=True)
    learn_detector(
        ArcadeEnv(game=game), MotionDetector(steps=steps), inputs={}, workspace=workspace
    )
    return workspace.out


def random_tree(random: np.random.Generator, nodes: int, width: int) -> Expression:
    """A random tree of an odd number of nodes: binary operators above features and constants."""
    if nodes == 1:
        leaf = int(random.integers(width))
        return (leaf,) if random.random() < 0.9 else (float(random.normal()),)
    left = 1 + 2 * int(random.integers((nodes - 1) // 2))
    below = random_tree(random, left, width) + random_tree(random, nodes - 1 - left, width)
    return (OPERATORS[random.integers(len(OPERATORS))], *below)


def random_forest(features: tuple[str, ...], actions: tuple[str, ...], nodes: int) -> Forest:
    """A forest of about `nodes` nodes in all, one tree for each action; the same every time."""
    random = np.random.default_rng(0)
    size = nodes // len(actions)
    size -= 1 - size % 2
    trees = tuple(random_tree(random, size, len(features)) for _ in actions)
    return Forest(features, actions, tuple(range(len(actions))), trees)


def forest_agent(game: str, folder: Path, steps: int) -> tuple[ForestSpec, AtariProtocol]:
    """A random forest of 200 nodes on what a freshly learned detector of the game sees."""
    where = learned_detector(game, folder, steps)
    protocol = v5(ArcadeEnv(game=game))
    forest = random_forest(open_detector(where).features, protocol.make_env().action_names, NODES)
    return ForestSpec(forest, str(where)), protocol


class Engine:
    """The rollout engine with warm workers; call it for steps a second of one turn."""

    def __init__(
        self,
        spec: ForestSpec,
        protocol: AtariProtocol,
        seconds: float,
        workers: int,
        quick: bool = False,
    ) -> None:
        self._spec, self._protocol, self._workers = spec, protocol, workers
        self._limit = JOB_STEPS // 10 if quick else JOB_STEPS
        self.cpu: list[float] = []  # seconds a step, of each turn
        self._jobs = 2 * SEEDS * workers
        for _ in range(2):  # compiles, builds the players, and keeps the starts of all episodes
            self()
        started = time.perf_counter()
        self()
        taken = time.perf_counter() - started
        self._jobs = max(1, round(self._jobs * seconds / taken / workers)) * workers
        self.cpu.clear()

    def __call__(self) -> float:
        before = cpu_seconds(self._workers)
        started = time.perf_counter()
        episodes = list(play(self._some(), self._workers))
        passed = time.perf_counter() - started
        steps = sum(episode.steps for episode in episodes)
        self.cpu.append((cpu_seconds(self._workers) - before) / steps)
        return steps / passed

    def _some(self) -> list[Job]:
        seeds = self._protocol.seeds("train", 0, SEEDS)
        return [
            Job(self._spec, self._protocol, seeds[i % SEEDS], self._limit)
            for i in range(self._jobs)
        ]


def play_game(effort: Effort, game: str) -> list[Row]:
    """Steps a second of a whole pixel policy, and of `ALEInterface.act` alone."""
    with tempfile.TemporaryDirectory() as folder:
        spec, protocol = forest_agent(game, Path(folder), QUICK_STEPS if effort.quick else STEPS)
        ours = Engine(spec, protocol, effort.seconds, WORKERS, effort.quick)
        with Emulators(protocol, WORKERS, effort.seconds) as theirs:
            pairs = in_turn(ours, theirs, effort.turns)
        close()
    cpu_ours, cpu_theirs = statistics.median(ours.cpu), statistics.median(theirs.cpu)
    return [
        compared(
            f"play_{game}",
            pairs,
            bar=0.80,
            unit="steps/s",
            extra={"cpu_ours": cpu_ours, "cpu_theirs": cpu_theirs},
            note=f"CPU microseconds a step: ours {MICRO * cpu_ours:.0f}, "
            f"emulation {MICRO * cpu_theirs:.0f} ({cpu_theirs / cpu_ours:.2f} of ours)",
        )
    ]

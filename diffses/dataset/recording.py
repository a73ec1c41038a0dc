"""Recording the teacher's play through the rollout engine."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from pathlib import Path

import numpy as np

from diffses.config import DatasetConfig
from diffses.envs.play import Episode, Job, play
from diffses.envs.protocol import Protocol
from diffses.players import RecorderSpec
from diffses.progress import bar
from diffses.seeds import seed_for

WAVE = 4  # episodes started at a time: how many never depends on the number of workers


def record(
    rules: Protocol, dataset: DatasetConfig, inputs: Mapping[str, Path], part: str, steps: int
) -> tuple[dict[str, np.ndarray], list[float]]:
    """Plays episodes of namespace `dataset/<part>` until `steps` steps are recorded.

    Returns:
        Arrays of `steps` rows (and of objects), and the return of each whole episode in it.
    """
    spec = RecorderSpec(str(inputs["teacher"]), str(inputs["detector"]), dataset.random_actions)
    episodes: list[Episode] = []
    with bar(steps, "step", f"dataset {part}") as progress:
        for wave in count():
            numbers = range(wave * WAVE, (wave + 1) * WAVE)
            seeds = [seed_for(dataset.seed, "dataset", part, number) for number in numbers]
            done = {}
            for episode in play([Job(spec, rules, s, steps) for s in seeds], dataset.workers):
                done[episode.job.seed] = episode
                progress.update(episode.steps, **{"return": episode.score})
            episodes += [done[seed] for seed in seeds]
            if sum(episode.steps for episode in episodes) >= steps:
                break
    return _join(episodes, steps), [e.score for e in episodes if not e.cut]


def _join(episodes: list[Episode], steps: int) -> dict[str, np.ndarray]:
    records = [episode.record for episode in episodes if episode.record is not None]
    joined = {name: np.concatenate([r[name] for r in records]) for name in records[0]}
    lengths = [episode.steps for episode in episodes]
    joined["episode"] = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
    objects = joined.pop("objects")
    short = {name: array[:steps] for name, array in joined.items()}
    return short | {"objects": objects[: short["object_counts"].sum()]}

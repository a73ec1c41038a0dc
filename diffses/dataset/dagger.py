"""Records datasets with DAgger: episodes of teacher or student, labelled by the teacher."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from pathlib import Path

import numpy as np

from diffses.config import DatasetConfig
from diffses.dataset.data import Layout, Part
from diffses.dataset.recorder import RecordingSpec
from diffses.envs.base import EvaluationProtocol
from diffses.envs.rollout import Episode, Job, play
from diffses.logger.progress import Bar
from diffses.policy.forest import Forest
from diffses.regressor import fit_linear
from diffses.seeds import seed_for

WAVE = 4  # episodes started together; independent of the number of workers, as the data must be

Arrays = dict[str, np.ndarray]


def record_rounds(
    protocol: EvaluationProtocol,
    dataset: DatasetConfig,
    inputs: Mapping[str, Path],
    layout: Layout,
) -> tuple[dict[str, Arrays], dict[str, list[float]]]:
    """Records the parts of a dataset: `train`, in `dataset.rounds` rounds, and `held_out`.

    In the first round the teacher plays. In each later one a linear student plays, fitted to all
    earlier rounds, and the teacher labels the visited states, so that the data contain the states
    that a student visits. Source: DAgger, Ross et al. 2011 (arXiv:1011.0686), algorithm 3.1, with
    beta = 1 in the first round and 0 afterwards.

    Args:
        inputs: the folders of the artifacts: teacher and detector.
        layout: of the recorded features and actions.

    Returns:
        The arrays of each part, and the returns of the complete episodes of each round.
    """
    share = -(-dataset.states // dataset.rounds)
    rounds: list[Arrays] = []
    returns: dict[str, list[float]] = {}
    driver: Forest | None = None
    for number in range(dataset.rounds):
        if rounds:
            fit = Part.of(_join(rounds))
            driver = fit_linear(fit.features, layout.targets(fit.logits), layout.template(fit))
        name = f"train {number + 1}" if dataset.rounds > 1 else "train"
        steps = min(share, dataset.states - number * share)
        found, returns[name] = record(protocol, dataset, inputs, name, steps, driver)
        rounds.append(found)
    held_out, returns["held_out"] = record(protocol, dataset, inputs, "held_out", dataset.held_out)
    return {"train": _join(rounds), "held_out": held_out}, returns


def record(
    protocol: EvaluationProtocol,
    dataset: DatasetConfig,
    inputs: Mapping[str, Path],
    name: str,
    steps: int,
    driver: Forest | None = None,
) -> tuple[Arrays, list[float]]:
    """Plays episodes until `steps` steps are recorded.

    Args:
        name: of the part or round; the episodes' seeds depend on it.
        steps: number of steps to record.
        driver: plays in the teacher's place; the teacher still labels each step.

    Returns:
        Arrays with `steps` rows (`objects`: one row per object), and the returns of the complete
        episodes.
    """
    spec = RecordingSpec(
        str(inputs["teacher"]), str(inputs["detector"]), dataset.random_actions, driver
    )
    episodes: list[Episode] = []
    with Bar(steps, "step", f"dataset {name}") as progress:
        for wave in count():
            numbers = range(wave * WAVE, (wave + 1) * WAVE)
            seeds = [seed_for(dataset.seed, "dataset", name, number) for number in numbers]
            done = {}
            jobs = [Job(spec, protocol, seed, -(-steps // WAVE)) for seed in seeds]
            for episode in play(jobs, dataset.workers):
                done[episode.job.seed] = episode
                progress.update(episode.steps, **{"return": episode.score})
            episodes += [done[seed] for seed in seeds]
            if sum(episode.steps for episode in episodes) >= steps:
                break
    lengths = [episode.steps for episode in episodes]
    joined = _join([episode.record for episode in episodes if episode.record is not None])
    joined["episode"] = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
    objects = joined.pop("objects")
    short = {key: array[:steps] for key, array in joined.items()}
    short["objects"] = objects[: short["object_counts"].sum()]
    return short, [e.score for e in episodes if not e.truncated]


def _join(records: list[Arrays]) -> Arrays:
    """Concatenates recordings; the episodes of later ones get the next numbers."""
    joined = {key: np.concatenate([r[key] for r in records]) for key in records[0]}
    if "episode" in joined:
        before = np.cumsum([0] + [int(r["episode"].max()) + 1 for r in records[:-1]])
        joined["episode"] = np.concatenate(
            [r["episode"] + b for r, b in zip(records, before, strict=True)]
        ).astype(np.int32)
    return joined

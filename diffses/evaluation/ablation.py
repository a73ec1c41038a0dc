"""The ablation study: variants of the search with equal budgets.

`python run.py experiment=ablation env=cartpole` runs a sweep of variants and seeds and writes
`ablation.csv`, `ablation.md` and `ablation.svg` in the sweep's folder;
`python -m diffses ablation multirun_sweeps/TIME` makes them again.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from diffses.errors import DiffsesError
from diffses.evaluation.results import CHAMPION
from diffses.evaluation.statistics import interval
from diffses.evaluation.sweep import BOOTSTRAP_SEED, job_folders, read_job

EXPERIMENT = "experiment=ablation"
VARIANTS = {  # finetune=<name> -> name in the table; in the order of the table
    "ablation/full": "full",
    "ablation/no_guidance": "no guidance",
    "ablation/no_gradient": "no gradient",
    "ablation/no_evolution": "no evolution",
    "ablation/random_start": "no distillation (random start)",
    "ablation/linear_start": "linear start",
}
COLUMNS = ("variant", "seeds", "mean", "ci95_low", "ci95_high", "lowest", "highest", "nodes")


def is_ablation(folder: Path) -> bool:
    """Whether a sweep was started with `experiment=ablation`."""
    return any(EXPERIMENT in read_job(job)["overrides"] for job in job_folders(folder))


def table(folder: Path) -> list[dict[str, Any]]:
    """The rows of the table: one per variant and game with a finished job, in table order.

    The bootstrap unit is a run, with its mean test return: the interval is the 95 % percentile
    bootstrap over runs, and None for a single run.

    Raises:
        DiffsesError: if no job is finished.
    """
    done: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for job in map(read_job, job_folders(folder)):
        row = _tested(job)
        if row is not None:
            done.setdefault((str(job["game"]), _variant(job)), []).append(row)
    games = list(dict.fromkeys(game for game, _ in done))
    rows = []
    for game, (variant, name) in product(games, VARIANTS.items()):
        means = [float(row["mean"]) for row in done.get((game, variant), [])]
        if means:
            spread = interval(means, seed=BOOTSTRAP_SEED)
            low, high = spread or (None, None)
            sizes = [row["size"] for row in done[game, variant]]
            rows.append(
                {
                    "variant": name if len(games) == 1 else f"{game}: {name}",
                    "seeds": len(means),
                    "mean": float(np.mean(means)),
                    "ci95_low": low,
                    "ci95_high": high,
                    "lowest": min(means),
                    "highest": max(means),
                    "nodes": float(np.median(sizes)),
                }
            )
    if not rows:
        raise DiffsesError(
            f"no job of an ablation in {folder} is done",
            fix="python run.py experiment=ablation env=<name>",
        )
    return rows


def _tested(job: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The champion's test result under the headline protocol; None if there is none."""
    found = (r for r in job["results"] if r["policy"] == CHAMPION and r["protocol"] != "v4")
    return next(found, None)


def _variant(job: Mapping[str, Any]) -> str:
    words = [word for word in job["overrides"] if word.startswith("finetune=")]
    return words[0].partition("=")[2] if words else ""

"""`finetune=constants`: PPO on the constants of the best forest of the distillation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from diffses.config import ConstantsFinetune
from diffses.dataset.data import Dataset
from diffses.envs.console import Rules
from diffses.finetune.gradient import tuned
from diffses.finetune.judge import Judge
from diffses.logger import log as log_metrics
from diffses.policy.forest import Forest
from diffses.progress import bar

FINALISTS = 2  # forests along the way that play every validation episode


def tune_constants(
    found: Sequence[tuple[Forest, str]],
    judge: Judge,
    data: Dataset,
    rules: Rules,
    detector: Path,
    finetune: ConstantsFinetune,
    seed: int,
    scratch: Path,
) -> tuple[list[dict[str, Any]], int]:
    """Tunes the forest that does best on validation, and judges what it becomes on the way.

    Returns:
        Rows of the curve, and the environment steps that this took.
    """
    start = judge.race(found[: finetune.validation_candidates], finetune.validation_candidates)
    with bar(finetune.steps, "step", "finetune") as progress:

        def note(row: dict[str, float]) -> None:
            log_metrics("finetune", row, int(row["steps"]), "steps")
            progress.update(row["steps"] - progress.count, best=row["best"], mean=row["mean"])

        done = tuned(
            start.forest, data, rules, detector, finetune, finetune.steps, seed, scratch, note
        )
    curve = [
        {"start": start.source, "generation": number + 1, **row}
        for number, row in enumerate(done.curve)
    ]
    along = [(forest, f"{start.source}, {steps} steps of PPO") for steps, forest in done.snapshots]
    judge.race(along, FINALISTS)
    return curve, done.steps

"""`finetune=constants`: PPO on the constants of the best forest of the distillation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from diffses.config import ConstantsFinetune
from diffses.dataset.data import Dataset
from diffses.envs.console import Rules
from diffses.finetune.gradient import run_ppo
from diffses.finetune.judge import Validator
from diffses.finetune.lineage import Kind, Lineage
from diffses.logger import log as log_metrics
from diffses.policy.forest import Forest
from diffses.progress import bar

FINALISTS = 2  # snapshots of the training that play every validation episode


def finetune_constants(
    found: Sequence[tuple[Forest, Lineage]],
    validator: Validator,
    data: Dataset,
    rules: Rules,
    detector: Path,
    finetune: ConstantsFinetune,
    seed: int,
    scratch: Path,
) -> tuple[list[dict[str, Any]], int]:
    """Trains the constants of the forest that is best on validation, and validates the snapshots.

    Returns:
        Rows of the curve, and the environment steps of the training.
    """
    count = finetune.validation_candidates
    start = validator.successive_halving(found[:count], count)
    with bar(finetune.steps, "step", "finetune") as progress:

        def note(row: dict[str, float]) -> None:
            log_metrics("finetune", row, int(row["steps"]), "steps")
            progress.update(row["steps"] - progress.count, best=row["best"], mean=row["mean"])

        done = run_ppo(
            start.forest, data, rules, detector, finetune, finetune.steps, seed, scratch, note
        )
    curve = [
        {"start": start.lineage.label, "generation": number + 1, **row}
        for number, row in enumerate(done.curve)
    ]
    snapshots = [
        (forest, Lineage(Kind.ppo, parent=start.lineage, steps=steps))
        for steps, forest in done.snapshots
    ]
    validator.successive_halving(snapshots, FINALISTS)
    return curve, done.steps

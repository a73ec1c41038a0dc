"""The `distill` stage: symbolic regression of the teacher's logits, one expression per action."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from diffses.config import RegressorConfig
from diffses.csv_rows import write_rows
from diffses.dataset.agreement import action_agreement
from diffses.dataset.data import Dataset, Part
from diffses.logger import log as log_metrics
from diffses.logger.progress import Bar
from diffses.policy.forest import Forest
from diffses.regressor import fit_forests, fit_linear
from diffses.store import Workspace

EVERY = 5  # every fifth training episode is for ranking the candidates, the others for fitting


def distill_policy(
    regressor: RegressorConfig, seed: int, *, inputs: Mapping[str, Path], workspace: Workspace
) -> None:
    """Writes `linear.json`, `distilled.json`, and the hall of fame: `hall_of_fame.csv`, `forests/`.

    The target of each tree is the teacher's centred score of its group of actions. Candidates are
    ranked on every fifth episode of the training part; on the held-out part, agreement is only
    reported.
    """
    data = Dataset.open(inputs["dataset"])
    fit, select = split(data.train)
    empty = data.layout.template(fit)
    targets = data.layout.targets(fit.logits)

    linear = fit_linear(fit.features, targets, empty)
    with Bar(None, "program", "distill") as progress:
        found = fit_forests(
            regressor, fit.features, targets, empty, seed=seed, progress=progress.show
        )
    hall = front([linear, *found], select, data.groups, regressor.hall_of_fame)
    if linear not in hall:
        hall.append(linear)

    linear.save(workspace.out / "linear.json")
    best_agreement([f for f in hall if f != linear] or hall, select, data.groups).save(
        workspace.out / "distilled.json"
    )
    (workspace.out / "forests").mkdir()
    rows = []
    for number, forest in enumerate(hall):
        forest.save(workspace.out / "forests" / f"{number:02d}.json")
        rows.append(
            {
                "file": f"{number:02d}.json",
                "size": forest.size,
                "linear": forest == linear,
                "selection_agreement": action_agreement(forest, select, data.groups),
                "held_out_agreement": action_agreement(forest, data.held_out, data.groups),
            }
        )
        log_metrics("distill", {k: v for k, v in rows[-1].items() if k != "file"}, number, "rank")
    write_rows(workspace.out / "hall_of_fame.csv", rows)


def split(part: Part) -> tuple[Part, Part]:
    """Splits the training part into steps for fitting and steps for ranking candidates.

    For ranking are every fifth episode; with fewer than five episodes, the last fifth of the steps.
    """
    number = np.unique(part.episode, return_inverse=True)[1]
    if number.max() + 1 >= EVERY:
        chosen = number % EVERY == EVERY - 1
    else:
        chosen = np.arange(len(part)) >= len(part) * (1 - 1 / EVERY)
    return part.rows(np.flatnonzero(~chosen)), part.rows(np.flatnonzero(chosen))


def best_agreement(
    forests: list[Forest], part: Part, groups: tuple[tuple[int, ...], ...]
) -> Forest:
    """The forest with the highest agreement; ties go to the smallest."""
    return max(forests, key=lambda f: (action_agreement(f, part, groups), -f.size))


def front(
    forests: list[Forest], part: Part, groups: tuple[tuple[int, ...], ...], limit: int
) -> list[Forest]:
    """The Pareto front of agreement and size: at most `limit` forests, by falling agreement."""
    ranked = sorted(
        set(forests), key=lambda f: (-action_agreement(f, part, groups), f.size, f.to_json())
    )
    kept: list[Forest] = []
    for forest in ranked:
        if not kept or forest.size < kept[-1].size:
            kept.append(forest)
    return kept[:limit]

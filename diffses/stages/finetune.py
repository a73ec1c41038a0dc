"""The `finetune` stage."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from diffses.config import (
    ConstantsFinetune,
    EnvConfig,
    FinetuneConfig,
    GymnasiumEnv,
    SearchFinetune,
    ZooFinetune,
)
from diffses.csv_rows import write_rows
from diffses.dataset.data import Dataset
from diffses.envs.base import EvaluationProtocol
from diffses.envs.registry import search_protocol
from diffses.errors import ArtifactError, ConfigError
from diffses.finetune.evaluator import Arena, Member, ranked
from diffses.finetune.fisher import sample_rows
from diffses.finetune.initialization import hall_of_fame, starts
from diffses.finetune.prune import prune, without_unused
from diffses.finetune.search import Search, Tuner
from diffses.finetune.validation import Judge, Judged, write_front, write_validation
from diffses.finetune.variation import Material
from diffses.logger import log as log_metrics
from diffses.logger.progress import Bar
from diffses.policy.forest import Forest
from diffses.policy.shared_terms import without_common
from diffses.policy.simplify import simplify_forest
from diffses.seeds import seed_for
from diffses.store import Workspace
from diffses.store.keys import digest
from diffses.store.store import atomic_write
from diffses.zoo.champion import open_champion

TOLERANCES = (0.0, 0.01, 0.03)  # share of the decisions that pruning may change
CANDIDATES = 12  # of a search that validation takes a first look at
CURVE = ("start", "generation", "steps", "leader", "best", "mean", "divergence", "step_size")


def finetune_forest(
    env: EnvConfig,
    finetune: FinetuneConfig,
    seed: int,
    *,
    inputs: Mapping[str, Path],
    workspace: Workspace,
) -> None:
    """Writes `finetuned.json`: the forest that did best on validation.

    Without a search that is the best of the hall of fame; a search also has the best of its starts
    in the race, as it was. Also writes `validation.csv`, `search.json`, `front.csv` (return
    against size) and, where there was a search, `curve.csv`. A champion of the zoo is copied, with
    its detector.
    """
    if isinstance(finetune, ZooFinetune):
        copy_champion(env, finetune, workspace.out)
        return
    protocol = search_protocol(env)
    judge = Judge(protocol, finetune, inputs["detector"])
    hall = [(forest, source) for forest, source, _ in hall_of_fame(inputs["distill"])]
    if isinstance(finetune, ConstantsFinetune):
        from diffses.finetune.ppo import tune_constants

        curve, spent = tune_constants(
            hall,
            judge,
            Dataset.open(inputs["dataset"]),
            protocol,
            inputs["detector"],
            finetune,
            seed,
            workspace.scratch,
        )
        write_curve(workspace.out / "curve.csv", curve)
        write(workspace.out, judge, protocol.name, {"search_steps": spent})
        return
    if not isinstance(finetune, SearchFinetune):
        judge.race(hall[: finetune.validation_candidates], finetune.validation_candidates)
        write(workspace.out, judge, protocol.name, {})
        return
    data = Dataset.open(inputs["dataset"])
    rows = data.train.features[sample_rows(data, seed_for(seed, "finetune", "rows"))]
    material = Material.of(data, rows, finetune.operators, finetune.max_nodes)
    arena = Arena(protocol, inputs["detector"], finetune.episode_steps, finetune.workers)
    tuner = make_tuner(data, protocol, inputs["detector"], finetune)
    search = Search(data, material, arena, finetune, seed, tuner)
    begun = starts(inputs["distill"], data, material, finetune, seed)
    run_search(search, begun, finetune.steps, workspace)
    write_curve(workspace.out / "curve.csv", search.curve)

    names = {member.source for member in begun}
    untouched = [member for member in ranked(search.members) if member.source in names]
    untouched += [] if search.screened is None else [search.screened]  # if none has lived on
    finalists = [*search.finalists()[:CANDIDATES], *untouched[:1]]
    best = judge.race([(m.forest, m.source) for m in finalists], finetune.validation_candidates)
    judge.race(pruned(best, rows), 1)
    write(workspace.out, judge, protocol.name, {"search_steps": arena.spent, "spent": search.spent})


def make_tuner(
    data: Dataset, protocol: EvaluationProtocol, detector: Path, finetune: SearchFinetune
) -> Tuner | None:
    """PPO on constants, with the search's own guidance; None where it has no share."""
    if finetune.gradient == 0:
        return None
    from diffses.finetune.ppo import tune  # here: it loads torch

    settings = ConstantsFinetune(guidance=finetune.guidance, workers=finetune.workers)

    def tuner(forest: Forest, steps: int, seed: int) -> Forest:
        return tune(forest, data, protocol, detector, settings, steps, seed)

    return tuner


def pruned(best: Judged, rows: np.ndarray) -> list[tuple[Forest, str]]:
    """The champion with less and less of what hardly decides anything, each size once; at the end
    without the actions alone that it never takes, since what decides nothing in recorded play may
    decide where the champion gets to."""
    found: dict[Forest, str] = {}
    for tolerance in TOLERANCES:
        smaller = simplify_forest(prune(best.forest, rows, tolerance))
        smaller = without_common(without_unused(smaller, rows), rows)
        found.setdefault(smaller, f"{best.source}, pruned at {100 * tolerance:g} %")
    found.setdefault(without_unused(best.forest, rows), f"{best.source}, without idle actions")
    return list(found.items())


def run_search(search: Search, begun: list[Member], steps: int, workspace: Workspace) -> None:
    """Searches until the steps are spent, to the nearest generation, or nothing is left to do;
    after a kill it goes on from the last whole generation."""
    saved = workspace.scratch / "search.json"
    with Bar(steps, "step", "finetune") as progress:
        search.watch(progress.update)
        if saved.exists():
            search.restore(json.loads(saved.read_text()))
            progress.update(search.steps)
        else:
            progress.show(start="screening")
            search.screen(begun)
        while search.steps < steps:
            row = search.step()
            if row is None:
                break
            log_metrics("finetune", row, search.steps, "steps")
            progress.show(start=row["start"], best=row["best"], mean=row["mean"])
            atomic_write(saved, json.dumps(search.state()))


def write(folder: Path, judge: Judge, protocol: str, search: dict[str, Any]) -> None:
    """Writes the champion, and how it was chosen."""
    champion = judge.best()
    champion.forest.save(folder / "finetuned.json")
    about = {
        "champion": champion.source,
        "champion_validation": champion.mean,
        "champion_standard_error": champion.error,
        "validation_episodes": len(champion.returns),
        "validation_steps": sum(judged.steps for judged in judge.judged),
        "protocol": protocol,
    }
    (folder / "search.json").write_text(json.dumps(about | search, indent=2) + "\n")
    write_validation(folder / "validation.csv", judge, champion)
    write_front(folder, judge)


def write_curve(path: Path, curve: list[dict[str, Any]]) -> None:
    """One row a generation or update; `steps` counts all that was spent until then."""
    write_rows(path, curve, CURVE)


def copy_champion(env: EnvConfig, finetune: ZooFinetune, folder: Path) -> None:
    """Writes `finetuned.json`, `search.json` (what is known about it) and `detector/`.

    Raises:
        ArtifactError: where a file of its detector is missing or not as it was shipped.
        ConfigError: where it is the champion of something else.
    """
    assert finetune.path is not None  # `pipeline.resolve` fills it in
    path = Path(finetune.path)
    champion = open_champion(path.stem, path.parent)
    assert champion.env is not None
    if champion.env.name != env.name:
        raise ConfigError(
            f"finetune.path: {path} is the champion of {champion.env.name}, not of {env.name}",
            fix=f"finetune=zoo without finetune.path, or the file of a champion of {env.name}",
        )
    champion.forest.save(folder / "finetuned.json")
    about = {"champion": f"zoo/{path.stem}", "validation": champion.about["validation"]}
    (folder / "search.json").write_text(json.dumps(about, indent=2) + "\n")
    (folder / "detector").mkdir()
    if isinstance(env, GymnasiumEnv):
        from diffses.detector.identity import name_observation

        name_observation(env).save(folder / "detector")
        return
    for name, wanted in champion.about["files"].items():
        file = path.parent / path.stem / name
        if not file.is_file() or digest(file) != wanted:
            raise ArtifactError(
                f"{file} is missing or is not what was shipped", fix="install this package again"
            )
        (folder / "detector" / name).write_bytes(file.read_bytes())

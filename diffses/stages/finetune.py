"""The `finetune` stage."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from diffses.config import (
    ConstantsFinetune,
    DiscoverFinetune,
    EnvConfig,
    FinetuneConfig,
    GymnasiumEnv,
    SearchFinetune,
    ZooFinetune,
)
from diffses.csv_rows import write_rows
from diffses.dataset.data import Dataset
from diffses.detector.identity import name_observation
from diffses.envs.base import EvaluationProtocol
from diffses.envs.registry import search_protocol
from diffses.errors import ArtifactError, ConfigError
from diffses.finetune.action_head import action_head, pushes_of_actions
from diffses.finetune.discovery import Discovery
from diffses.finetune.evaluator import FitnessEvaluator, Individual, ranked
from diffses.finetune.fisher import sample_rows
from diffses.finetune.games import Games
from diffses.finetune.initialization import hall_of_fame, initial_population
from diffses.finetune.labels import Labeller
from diffses.finetune.lineage import Kind, Lineage
from diffses.finetune.prune import prune, without_unused
from diffses.finetune.search import Search, Tuner
from diffses.finetune.story import choose, story
from diffses.finetune.validation import Candidate, Validator, write_front, write_validation
from diffses.finetune.variation import PrimitiveSet
from diffses.finetune.vocabulary import Vocabulary, meanings
from diffses.logger import log as log_metrics
from diffses.logger.progress import Bar
from diffses.policy.forest import Forest
from diffses.policy.shared_terms import subtract_shared_terms
from diffses.policy.simplify import simplify_forest
from diffses.seeds import seed_for
from diffses.stages.evaluate import schema_of
from diffses.store import Workspace
from diffses.store.keys import digest
from diffses.store.store import atomic_write
from diffses.zoo.champion import open_champion

TOLERANCES = (0.0, 0.01, 0.03)  # share of the decisions that pruning may change
CANDIDATES = 12  # of a search that validation begins with
CURVE = ("start", "generation", "steps", "leader", "best", "mean", "divergence", "step_size")


def finetune_forest(
    env: EnvConfig,
    finetune: FinetuneConfig,
    seed: int,
    *,
    inputs: Mapping[str, Path],
    workspace: Workspace,
) -> None:
    """Writes `finetuned.json`: the champion, which is the best on validation.

    Without a search the candidates are the hall of fame of the distillation; after a search they
    are its finalists and its best start; after a discovery, what it accepted on the way. Also
    writes `validation.csv`, `search.json`, `front.csv` (return against size) and, after a search,
    `curve.csv`. A champion of the zoo is copied, with its detector.
    """
    if isinstance(finetune, ZooFinetune):
        copy_champion(env, finetune, workspace.out)
        return
    protocol = search_protocol(env)
    validator = Validator(protocol, finetune, inputs["detector"])
    if isinstance(finetune, DiscoverFinetune):
        discover_forest(validator, protocol, finetune, seed, inputs=inputs, workspace=workspace)
        return
    hall = [(forest, lineage) for forest, lineage, _ in hall_of_fame(inputs["distill"])]
    if isinstance(finetune, ConstantsFinetune):
        from diffses.finetune.ppo import finetune_constants  # loads torch

        curve, spent = finetune_constants(
            hall,
            validator,
            Dataset.open(inputs["dataset"]),
            protocol,
            inputs["detector"],
            finetune,
            seed,
            workspace.scratch,
        )
        write_curve(workspace.out / "curve.csv", curve)
        write(workspace.out, validator, protocol.name, {"search_steps": spent})
        return
    if isinstance(finetune, SearchFinetune):
        search_forest(validator, protocol, finetune, seed, inputs=inputs, workspace=workspace)
        return
    count = finetune.validation_candidates
    validator.successive_halving(hall[:count], count)
    write(workspace.out, validator, protocol.name, {})


def search_forest(
    validator: Validator,
    protocol: EvaluationProtocol,
    finetune: SearchFinetune,
    seed: int,
    *,
    inputs: Mapping[str, Path],
    workspace: Workspace,
) -> None:
    """Searches, validates the finalists and prunes the best; writes as `finetune_forest` does."""
    data = Dataset.open(inputs["dataset"])
    rows = data.train.features[sample_rows(data, seed_for(seed, "finetune", "rows"))]
    primitives = PrimitiveSet.of(data, rows, finetune.operators, finetune.max_nodes)
    evaluator = FitnessEvaluator(
        protocol, inputs["detector"], finetune.episode_steps, finetune.workers
    )
    tuner = make_tuner(data, protocol, inputs["detector"], finetune)
    search = Search(data, primitives, evaluator, finetune, seed, tuner)
    starts = initial_population(
        inputs["distill"], inputs["detector"], data, primitives, finetune, seed
    )
    run_search(search, starts, finetune.steps, workspace)
    write_curve(workspace.out / "curve.csv", search.curve)

    survived = [one for one in ranked(search.population) if one.lineage.kind is Kind.start]
    survived += [] if search.best_start is None else [search.best_start]  # if none has survived
    finalists = [*search.finalists()[:CANDIDATES], *survived[:1]]
    best = validator.successive_halving(
        [(one.forest, one.lineage) for one in finalists], finetune.validation_candidates
    )
    validator.successive_halving(pruned(best, rows), 1)
    costs = {"search_steps": evaluator.spent, "spent": search.spent}
    write(workspace.out, validator, protocol.name, costs)


def discover_forest(
    validator: Validator,
    protocol: EvaluationProtocol,
    finetune: DiscoverFinetune,
    seed: int,
    *,
    inputs: Mapping[str, Path],
    workspace: Workspace,
) -> None:
    """Searches from the simplest policies and validates what it accepted on the way; writes as
    `finetune_forest` does, with the story of the champion in `search.json`."""
    data = Dataset.open(inputs["dataset"])
    rows = data.train.features[sample_rows(data, seed_for(seed, "finetune", "rows"))]
    head = action_head(data, inputs["detector"], finetune.head)
    words = Vocabulary(meanings(inputs["detector"], data.features), rows)
    games = Games(
        protocol, inputs["detector"], finetune.workers, workspace.scratch, finetune.whole_steps
    )
    labeller = None
    if finetune.label_states and data.bounds is None:
        labeller = Labeller(
            protocol,
            str(inputs["detector"]),
            data.actions,
            data.groups,
            tuple(pushes_of_actions(inputs["detector"])),
            finetune.workers,
            workspace.scratch,
        )
    with Bar(finetune.steps, "step", "finetune") as progress:
        games.on_steps = progress.update

        def notify(row: dict[str, Any]) -> None:
            log_metrics("finetune", row, games.spent, "steps")
            progress.show(start=row["start"], leader=row["leader"], best=row["best"])

        search = Discovery(head, words, games, finetune, seed, labeller, notify)
        search.run()
    write_curve(workspace.out / "curve.csv", search.curve)
    champion = choose(validator, search.finalists, head, finetune.validation_candidates)
    about = story(search, champion, schema_of(inputs["detector"]))
    best = next(one for one in validator.candidates if one.forest == champion.forest)
    write(workspace.out, validator, protocol.name, about, best)


def make_tuner(
    data: Dataset, protocol: EvaluationProtocol, detector: Path, finetune: SearchFinetune
) -> Tuner | None:
    """PPO on constants, with the search's own guidance; None where its share is 0."""
    if finetune.gradient == 0:
        return None
    from diffses.finetune.ppo import run_ppo  # here: it loads torch

    settings = ConstantsFinetune(guidance=finetune.guidance, workers=finetune.workers)

    def tuner(forest: Forest, steps: int, seed: int) -> Forest:
        return run_ppo(forest, data, protocol, detector, settings, steps, seed).forest

    return tuner


def pruned(best: Candidate, rows: np.ndarray) -> list[tuple[Forest, Lineage]]:
    """Smaller versions of the champion, each different one once: pruned at each of `TOLERANCES`,
    and one in which only the actions it never takes are removed, since a term that changes no
    decision in recorded play may change one in the states that the champion gets into."""
    found: dict[Forest, Lineage] = {}
    for tolerance in TOLERANCES:
        smaller = simplify_forest(prune(best.forest, rows, tolerance))
        smaller = subtract_shared_terms(without_unused(smaller, rows), rows)
        lineage = Lineage(Kind.pruned, parent=best.lineage, tolerance=tolerance)
        found.setdefault(smaller, lineage)
    fewer = Lineage(Kind.fewer_actions, parent=best.lineage)
    found.setdefault(without_unused(best.forest, rows), fewer)
    return list(found.items())


def run_search(search: Search, starts: list[Individual], steps: int, workspace: Workspace) -> None:
    """Runs the search until the steps are spent, to the nearest generation, or nothing is left to
    do. Each generation leaves a checkpoint, from which a killed run goes on."""
    saved = workspace.scratch / "search.json"
    with Bar(steps, "step", "finetune") as progress:
        search.watch(progress.update)
        if saved.exists():
            search.restore(json.loads(saved.read_text()))
            progress.update(search.steps)
        else:
            progress.show(start="screening")
            search.screen(starts)
        while search.steps < steps:
            row = search.step()
            if row is None:
                break
            log_metrics("finetune", row, search.steps, "steps")
            progress.show(start=row["start"], best=row["best"], mean=row["mean"])
            atomic_write(saved, json.dumps(search.state()))


def write(
    folder: Path,
    validator: Validator,
    protocol: str,
    search: dict[str, Any],
    champion: Candidate | None = None,
) -> None:
    """Writes the champion, by default the best on validation, and how it was chosen."""
    champion = champion or validator.best()
    champion.forest.save(folder / "finetuned.json")
    about = {
        "champion": champion.lineage.label,
        "lineage": champion.lineage.to_json(),
        "champion_validation": champion.mean,
        "champion_standard_error": champion.standard_error,
        "validation_episodes": len(champion.returns),
        "validation_steps": sum(one.steps for one in validator.candidates),
        "protocol": protocol,
    }
    (folder / "search.json").write_text(json.dumps(about | search, indent=2) + "\n")
    write_validation(folder / "validation.csv", validator, champion)
    write_front(folder, validator)


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
        name_observation(env).save(folder / "detector")
        return
    for name, wanted in champion.about["files"].items():
        file = path.parent / path.stem / name
        if not file.is_file() or digest(file) != wanted:
            raise ArtifactError(
                f"{file} is missing or is not what was shipped", fix="install this package again"
            )
        (folder / "detector" / name).write_bytes(file.read_bytes())

"""Fine-tuning: makes the forest better at the game itself."""

from __future__ import annotations

import csv
import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from diffses.config import EnvConfig, FinetuneConfig, GuidedFinetune
from diffses.dataset.data import Dataset
from diffses.envs.console import Rules
from diffses.envs.play import scores
from diffses.envs.rules import search_rules
from diffses.finetune.prune import prune
from diffses.finetune.pursuit import pursuits
from diffses.players import ForestSpec
from diffses.policy.forest import Forest
from diffses.policy.simplify import simplify_forest
from diffses.progress import bar
from diffses.store import Draft

TOLERANCES = (0.0, 0.01, 0.03)  # share of the decisions that pruning may change
PRUNING_ROWS = 3_000  # recorded states in which they are compared


@dataclasses.dataclass(frozen=True)
class Judged:
    """A forest and what it returned in the validation episodes."""

    forest: Forest
    source: str  # where it came from, e.g. "forests/00.json" or "generation 12"
    returns: tuple[float, ...]
    steps: int  # environment steps this cost

    @property
    def mean(self) -> float:
        return float(np.mean(self.returns))


class Judge:
    """Plays validation episodes under v5: the same for every forest of every search."""

    def __init__(self, rules: Rules, settings: FinetuneConfig, detector: Path) -> None:
        self._rules, self._settings, self._detector = rules, settings, str(detector)
        # seed 0, not the search's: searches are compared on the same episodes
        self._seeds = rules.seeds("validation", 0, settings.validation_episodes)
        self.judged: list[Judged] = []

    def __call__(self, forest: Forest, source: str) -> Judged:
        for known in self.judged:
            if known.forest == forest:
                return known
        with bar(len(self._seeds), "episode", f"validate {source}") as progress:
            played = scores(
                ForestSpec(forest, self._detector),
                self._rules,
                self._seeds,
                max_steps=self._settings.validation_steps,
                workers=self._settings.workers,
                progress=lambda episode: progress.update(1, score=episode.score),
            )
        result = Judged(
            forest,
            source,
            tuple(episode.score for episode in played),
            sum(episode.steps for episode in played),
        )
        self.judged.append(result)
        return result

    def best(self) -> Judged:
        """The highest mean; of equals the smallest, then the first judged."""
        return max(self.judged, key=lambda judged: (judged.mean, -judged.forest.size))


def finetune_forest(
    env: EnvConfig,
    finetune: FinetuneConfig,
    seed: int,
    *,
    inputs: Mapping[str, Path],
    draft: Draft,
) -> None:
    """Writes `finetuned.json`: the forest that did best on validation.

    The best of the hall of fame on the same episodes is among those compared, so what comes out
    is never worse on validation than what went in. Also writes `validation.csv`, `search.json`
    and, where there was a search, `curve.csv`.
    """
    rules = search_rules(env)
    data = Dataset.open(inputs["dataset"])
    judge = Judge(rules, finetune, inputs["detector"])
    guided = finetune if isinstance(finetune, GuidedFinetune) else None
    spent = 0
    found = hall_of_fame(inputs["distill"])
    if guided is not None:
        from diffses.finetune.evolution import screen, search

        found += [(f, f"pursuit/{i}") for i, f in enumerate(pursuits(data))]
        found, spent = screen(found, rules, inputs["detector"], guided, seed)
    found = found[: finetune.validation_candidates]
    for forest, source in found:
        judge(forest, source)
    start = judge.best()
    if guided is not None:
        finalists, searched = search(found, data, rules, inputs["detector"], guided, seed, draft)
        spent += searched
        for forest, source in finalists:
            judge(forest, source)
        best = judge.best()
        rows = sample(data.train.features, PRUNING_ROWS)
        for tolerance in TOLERANCES:
            smaller = simplify_forest(prune(best.forest, rows, tolerance))
            judge(smaller, f"{best.source}, pruned at {100 * tolerance:g} %")
    champion = judge.best()
    champion.forest.save(draft.out / "finetuned.json")
    about = {
        "start": start.source,
        "start_validation": start.mean,
        "champion": champion.source,
        "champion_validation": champion.mean,
        "search_steps": spent,
        "validation_steps": sum(judged.steps for judged in judge.judged),
        "protocol": rules.name,
    }
    (draft.out / "search.json").write_text(json.dumps(about, indent=2) + "\n")
    write_validation(draft.out / "validation.csv", judge, champion)


def sample(rows: np.ndarray, count: int) -> np.ndarray:
    """Evenly spaced rows, at most `count`."""
    spaced: np.ndarray = rows[np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(int)]
    return spaced


def hall_of_fame(distill: Path) -> list[tuple[Forest, str]]:
    """The forests of a distillation, the linear fit first, then those that agree most."""
    with (distill / "hall_of_fame.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    rows.sort(key=lambda row: row["linear"] != "True")  # stable: the others keep their order
    return [
        (Forest.load(distill / "forests" / row["file"]), f"distill/{Path(row['file']).stem}")
        for row in rows
    ]


def write_validation(path: Path, judge: Judge, champion: Judged) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(
            ["policy", "source", "episodes", "mean", "standard_error", "size", "champion"]
        )
        for judged in judge.judged:
            name = "finetuned" if judged is champion else judged.source
            spread = float(np.std(judged.returns, ddof=1)) if len(judged.returns) > 1 else 0.0
            error = spread / len(judged.returns) ** 0.5
            writer.writerow(
                [
                    name,
                    judged.source,
                    len(judged.returns),
                    judged.mean,
                    error,
                    judged.forest.size,
                    judged is champion,
                ]
            )

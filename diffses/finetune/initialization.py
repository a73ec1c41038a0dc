"""The initial population of a search."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from diffses.config import SearchFinetune, Start
from diffses.csv_rows import read_rows
from diffses.dataset.data import Dataset
from diffses.errors import ConfigError
from diffses.finetune.action_effects import Control, action_effects
from diffses.finetune.evaluator import Individual
from diffses.finetune.lineage import Lineage
from diffses.finetune.seed_policies.avoidance import dodges, edges, shots
from diffses.finetune.seed_policies.crossing import advances
from diffses.finetune.seed_policies.interception import UNUSED, pursuits
from diffses.finetune.seed_policies.striking import counters
from diffses.finetune.variation import PrimitiveSet, random_forest, representatives
from diffses.policy.expression import Expression
from diffses.policy.forest import Forest
from diffses.seeds import seed_for


def initial_population(
    distill: Path,
    detector: Path,
    data: Dataset,
    primitives: PrimitiveSet,
    settings: SearchFinetune,
    seed: int,
) -> list[Individual]:
    """The forests that `settings.starts` and `settings.start_from` ask for, each different one
    once, without those that have a tree of more than `settings.max_nodes` nodes.

    Args:
        distill, detector: folders of these artifacts.

    Raises:
        ConfigError: where there is none, or where the policy of `start_from` is larger or does not
            fit this data.
    """
    acting = _named_starts(distill, detector, data, settings)
    if settings.start_from is not None:
        given = warm_start(Path(settings.start_from), data)
        if max(given.sizes) > settings.max_nodes:
            raise ConfigError(
                f"finetune.start_from: a tree of the policy in {settings.start_from} has "
                f"{max(given.sizes)} nodes, finetune.max_nodes is {settings.max_nodes}",
                fix=f"finetune.max_nodes={max(given.sizes)}",
            )
        acting.append((given, Lineage.start("given", 0)))
    if Start.random in settings.starts:
        acting += random_starts(data, primitives, settings.random_starts, seed)
    kept: dict[Forest, Lineage] = {}
    for forest, lineage in acting:
        if max(forest.sizes) <= settings.max_nodes:
            kept.setdefault(forest, lineage)
    if not kept:
        smallest = min((max(forest.sizes) for forest, _ in acting), default=0)
        names = ", ".join(start.value for start in settings.starts)
        raise ConfigError(
            f"finetune.starts=[{names}]: there is none with trees of at most "
            f"{settings.max_nodes} nodes",
            fix=f"finetune.max_nodes={smallest}"
            if smallest
            else "finetune.starts=[pursuit,random]",
        )
    return [Individual(forest, lineage) for forest, lineage in kept.items()]


def _named_starts(
    distill: Path, detector: Path, data: Dataset, settings: SearchFinetune
) -> list[tuple[Forest, Lineage]]:
    """The distilled, linear and hand-written starts, each with every choice of actions."""
    hall = hall_of_fame(distill)
    found: list[tuple[Forest, Lineage]] = []
    if Start.linear in settings.starts:
        found += [(forest, lineage) for forest, lineage, linear in hall if linear]
    if Start.distilled in settings.starts:
        found += [(forest, lineage) for forest, lineage, linear in hall if not linear]
    if Start.pursuit in settings.starts:
        control = action_effects(detector, data)
        made = {family: policies(data, control) for family, policies in SEED_POLICIES.items()}
        made["steady"] = constant_policies(data)
        found += [(one, Lineage.start(f, i)) for f in made for i, one in enumerate(made[f])]
    return [
        (other, replace(lineage, action_set=i))
        for forest, lineage in found
        for i, other in enumerate(representatives(forest, data.groups, data.actions))
    ]


def warm_start(path: Path, data: Dataset) -> Forest:
    """A policy that was found before, with the features and the actions of this data; groups of
    actions that it does without get a constant that never wins on the recorded states.

    Args:
        path: of a forest (`finetuned.json`), or of a shipped champion (`zoo/ENV.json`).

    Raises:
        ConfigError: where the file holds no policy, or one of other features or actions.
    """
    key = "finetune.start_from"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        forest = Forest.from_json(json.dumps(found.get("forest", found)))
    except (OSError, AttributeError, ValueError, KeyError, TypeError) as error:
        fix = f"{key}=outputs/finetune/KEY/finetuned.json"
        raise ConfigError(f"{key}: {path} holds no policy: {error}", fix=fix) from error
    layout = data.layout.template(data.train)
    used = {forest.features[t] for tree in forest.trees for t in tree if isinstance(t, int)}
    unknown = sorted(used - set(data.features))
    unknown += [name for name in forest.actions if name not in data.actions]
    if unknown or forest.bounds != layout.bounds:
        raise ConfigError(
            f"{key}: the policy in {path} was made for other features or actions: "
            f"{', '.join(unknown) or forest.bounds}",
            fix="one that was found with the same environment and detector",
        )
    places = [data.features.index(n) if n in used else -1 for n in forest.features]
    given: dict[int, Expression] = {}
    ids = list(layout.action_ids)
    for action, tree in zip(forest.actions, forest.trees, strict=True):
        number = data.actions.index(action)
        group = next(g for g, members in enumerate(data.groups) if number in members)
        if group in given:
            raise ConfigError(
                f"{key}: {data.actions[ids[group]]} and {action} of the policy in {path} have the "
                "same effect in this data, and share a tree",
                fix=f"another dataset.seed, or a policy that does without {action}",
            )
        ids[group] = number
        given[group] = tuple(places[t] if isinstance(t, int) else t for t in tree)
    names = tuple(data.actions[number] for number in ids)
    own = replace(forest, features=data.features, trees=tuple(given.values()))
    lowest = float(own.scores(data.train.features).min())
    unused: Expression = (min(UNUSED[0], lowest - 1),)
    trees = tuple(given.get(group, unused) for group in range(len(layout.trees)))
    return replace(layout, actions=names, action_ids=tuple(ids), trees=trees)


def constant_policies(data: Dataset) -> list[Forest]:
    """Forests that always take the same action, one for each group of actions of equal effect; none
    for Box actions. (Always up crosses the road in Freeway.)"""
    if data.bounds is not None:
        return []
    empty = data.layout.template(data.train)
    count = range(len(empty.trees))
    return [
        replace(empty, trees=tuple((1.0,) if i == chosen else (0.0,) for i in count))
        for chosen in count
    ]


def random_starts(
    data: Dataset, primitives: PrimitiveSet, count: int, seed: int
) -> list[tuple[Forest, Lineage]]:
    """Random forests, every other one of weighted sums."""
    template = data.layout.template(data.train)
    random = np.random.default_rng(seed_for(seed, "finetune", "random starts"))
    return [
        (
            random_forest(template, primitives, random, linear=i % 2 == 0),
            Lineage.start("random", i),
        )
        for i in range(count)
    ]


def hall_of_fame(distill: Path) -> list[tuple[Forest, Lineage, bool]]:
    """The forests of a distillation, their lineage, and whether each is the linear fit: that comes
    first, then those that agree most with the teacher."""
    rows = read_rows(distill / "hall_of_fame.csv")
    rows.sort(key=lambda row: row["linear"] != "True")  # stable: the others keep their order
    return [
        (
            Forest.load(distill / "forests" / row["file"]),
            Lineage.start("distill", Path(row["file"]).stem),
            row["linear"] == "True",
        )
        for row in rows
    ]


SEED_POLICIES: dict[str, Callable[[Dataset, Control | None], list[Forest]]] = {
    "pursuit": pursuits,
    "dodge": dodges,
    "shot": shots,
    "edge": edges,
    "counter": counters,
    "advance": advances,
}

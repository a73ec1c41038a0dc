"""What a search begins from."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from diffses.config import SearchFinetune, Start
from diffses.csv_rows import read_rows
from diffses.dataset.data import Dataset
from diffses.errors import ConfigError
from diffses.finetune.evaluator import Member
from diffses.finetune.seed_policies.avoidance import dodges, edges, shots
from diffses.finetune.seed_policies.crossing import advances
from diffses.finetune.seed_policies.interception import UNUSED, pursuits
from diffses.finetune.seed_policies.striking import counters
from diffses.finetune.variation import Material, random_forest, representatives
from diffses.policy.expression import Expression
from diffses.policy.forest import Forest
from diffses.seeds import seed_for


def starts(
    distill: Path, data: Dataset, material: Material, settings: SearchFinetune, seed: int
) -> list[Member]:
    """Forests to begin from, each different one once, none with a tree beyond the limit.

    Raises:
        ConfigError: where there is none, or `start_from` is beyond it or no policy for this data.
    """
    hall = hall_of_fame(distill)
    found: list[tuple[Forest, str]] = []
    if Start.linear in settings.starts:
        found += [(forest, source) for forest, source, linear in hall if linear]
    if Start.distilled in settings.starts:
        found += [(forest, source) for forest, source, linear in hall if not linear]
    if Start.pursuit in settings.starts:
        found += [(forest, f"pursuit/{i}") for i, forest in enumerate(pursuits(data))]
        found += [(forest, f"dodge/{i}") for i, forest in enumerate(dodges(data))]
        found += [(forest, f"shot/{i}") for i, forest in enumerate(shots(data))]
        found += [(forest, f"edge/{i}") for i, forest in enumerate(edges(data))]
        found += [(forest, f"counter/{i}") for i, forest in enumerate(counters(data))]
        found += [(forest, f"advance/{i}") for i, forest in enumerate(advances(data))]
        found += [(forest, f"steady/{i}") for i, forest in enumerate(steady(data))]
    acting = [
        (other, source if i == 0 else f"{source}, action set {i}")
        for forest, source in found
        for i, other in enumerate(representatives(forest, data.groups, data.actions))
    ]
    if settings.start_from is not None:
        given = continued(Path(settings.start_from), data)
        if max(given.sizes) > settings.max_nodes:
            raise ConfigError(
                f"finetune.start_from: a tree of the policy in {settings.start_from} has "
                f"{max(given.sizes)} nodes, finetune.max_nodes is {settings.max_nodes}",
                fix=f"finetune.max_nodes={max(given.sizes)}",
            )
        acting.append((given, "given/0"))
    if Start.random in settings.starts:
        acting += random_starts(data, material, settings.random_starts, seed)
    kept: dict[Forest, str] = {}
    for forest, source in acting:
        if max(forest.sizes) <= settings.max_nodes:
            kept.setdefault(forest, source)
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
    return [Member(forest, source) for forest, source in kept.items()]


def continued(path: Path, data: Dataset) -> Forest:
    """A policy that was found before, in the features of this data.

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


def steady(data: Dataset) -> list[Forest]:
    """Forests that always do the same, one for each group of actions; none where actions are
    vectors. (Always up crosses the road in Freeway.)"""
    if data.bounds is not None:
        return []
    empty = data.layout.template(data.train)
    count = range(len(empty.trees))
    return [
        replace(empty, trees=tuple((1.0,) if i == chosen else (0.0,) for i in count))
        for chosen in count
    ]


def random_starts(
    data: Dataset, material: Material, count: int, seed: int
) -> list[tuple[Forest, str]]:
    """Random forests, every other one linear."""
    template = data.layout.template(data.train)
    random = np.random.default_rng(seed_for(seed, "finetune", "random starts"))
    return [
        (random_forest(template, material, random, linear=i % 2 == 0), f"random/{i}")
        for i in range(count)
    ]


def hall_of_fame(distill: Path) -> list[tuple[Forest, str, bool]]:
    """The forests of a distillation, where they came from and whether they are the linear fit,
    which comes first; then those that agree most."""
    rows = read_rows(distill / "hall_of_fame.csv")
    rows.sort(key=lambda row: row["linear"] != "True")  # stable: the others keep their order
    return [
        (
            Forest.load(distill / "forests" / row["file"]),
            f"distill/{Path(row['file']).stem}",
            row["linear"] == "True",
        )
        for row in rows
    ]

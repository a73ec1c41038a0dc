"""The end of a search: which of its policies is the champion, and how that came about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from diffses.detector.formula_size import formula_size
from diffses.detector.tracker import ObjectSchema
from diffses.finetune.action_head import ActionHead
from diffses.finetune.discovery import Discovery
from diffses.finetune.line import Finalist
from diffses.finetune.race import paired
from diffses.finetune.validation import TIE_WIDTH, Candidate, Validator
from diffses.policy.forest import Forest

MOST_VALIDATED = 10  # finalists that validation begins with, the last ones


@dataclass(frozen=True)
class Champion:
    """The finalist that was chosen, and its forest."""

    finalist: Finalist
    forest: Forest


def choose(
    validator: Validator, finalists: Sequence[Finalist], head: ActionHead, keep: int
) -> Champion:
    """The smallest of the finalists, compact, that is as good as the best one on validation: the
    mean of the differences of their returns is within `TIE_WIDTH` of its standard error.

    Args:
        keep: finalists that play all validation episodes.
    """
    named: dict[Forest, Finalist] = {}
    for one in finalists[::-1]:
        named.setdefault(head.forest(one.policy), one)
    validated = list(named.items())[:MOST_VALIDATED]
    validator.successive_halving([(forest, one.lineage) for forest, one in validated], keep)
    most = max(len(one.returns) for one in validator.candidates)
    whole = [one for one in validator.candidates if len(one.returns) == most]
    best = max(whole, key=lambda one: (one.mean, -named[one.forest].policy.size))
    equals = [one for one in whole if _as_good(one, best)]
    chosen = min(equals, key=lambda one: (named[one.forest].policy.size, -one.mean))
    return Champion(named[chosen.forest], chosen.forest)


def _as_good(one: Candidate, best: Candidate) -> bool:
    if one is best:
        return True
    behind, error = paired(best.returns, one.returns)
    return behind <= TIE_WIDTH * error


def story(search: Discovery, champion: Champion, schema: ObjectSchema | None) -> dict[str, Any]:
    """What `search.json` tells of the search.

    Args:
        schema: of the detector; None: of vector observations.
    """
    games, policy, head = search.games, champion.finalist.policy, search.head
    expanded = formula_size(champion.forest, schema).expanded
    return {
        "head": "factored" if head.factored else "per_action",
        "drives": policy.text(head.channels, head.template.features),
        "structure": policy.to_json(),
        "size": {"compact": policy.size, "expanded": expanded},
        "story": champion.finalist.story,
        "untuned": search.untuned,
        "proposers": {name: asdict(tally) for name, tally in search.tallies.items()},
        "labels": search.labelled,
        "search_steps": games.spent,
        "search_games": games.played,
        "spent": games.spent_on,
    }

"""The simple policies that race, and those of the best that act differently."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from diffses.finetune.action_head import ActionHead
from diffses.finetune.growth import Distinct
from diffses.finetune.race import Entrant
from diffses.finetune.simple_policies import ANY_CONDITION, in_turn, simple_policies
from diffses.finetune.vocabulary import Vocabulary

DIFFERENT = 0.1  # share of the states in which two lines' starts act differently


def simple_entrants(
    head: ActionHead, words: Vocabulary, most: int, random: np.random.Generator
) -> list[Entrant]:
    """At most so many simple policies that decide differently, of each family in turn; rules of any
    condition at random."""
    distinct = Distinct(words.rows)
    families = []
    for name, members in simple_policies(head, words):
        if name == ANY_CONDITION:
            members = [members[i] for i in random.permutation(len(members)).tolist()]
        families.append([(name, policy) for policy in members])
    found: list[Entrant] = []
    for name, policy in in_turn(families):
        forest = head.forest(policy)
        if distinct.new(forest):
            found.append(Entrant(policy, forest, name))
            if len(found) == most:
                break
    return found


def different(best: Sequence[Entrant], words: Vocabulary, number: int) -> list[Entrant]:
    """The first, and then the first of those that act differently from all chosen so far."""
    distinct = Distinct(words.rows)
    chosen: list[Entrant] = []
    for one in best:
        apart = [distinct.difference(one.forest, other.forest) for other in chosen]
        if min(apart, default=1.0) >= DIFFERENT and len(chosen) < number:
            chosen.append(one)
    return chosen

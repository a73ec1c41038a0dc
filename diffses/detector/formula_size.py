"""The size of a policy, compact and written out.

Compact, every feature is one node. Expanded, each concept is replaced by its formula in positions,
velocities, sizes and measured constants (`Concept.expansion`), and a position difference by a
subtraction. What a tracker tells of one object is one node: `nearest.x` is one, as `ball.x` is. So
are a count and a mean velocity.
"""

from __future__ import annotations

from typing import NamedTuple

from diffses.detector import concept_kernel as ck
from diffses.detector.concepts import CONCEPTS
from diffses.detector.features import Feature, GroupMember
from diffses.detector.tracker import ObjectSchema
from diffses.policy.forest import Forest


class FormulaSize(NamedTuple):
    """Nodes of all trees of a policy."""

    compact: int  # a feature counts one
    expanded: int  # features are written out


def formula_size(forest: Forest, schema: ObjectSchema | None) -> FormulaSize:
    """Both sizes of a policy.

    Args:
        schema: of its detector; None: its features are no concepts, but observations.
    """
    known = {} if schema is None else {feature.name: feature for feature in schema.features}
    nodes = [feature_nodes(known[name]) if name in known else 1 for name in forest.features]
    used = [leaf for tree in forest.trees for leaf in tree if isinstance(leaf, int)]
    return FormulaSize(forest.size, forest.size + sum(nodes[leaf] - 1 for leaf in used))


def feature_nodes(feature: Feature) -> int:
    """Nodes of a feature written out.

    A hit time of a group is the minimum over its places in the track table.
    """
    if not feature.is_concept:
        return 1 if feature.other is None else 3
    concept = CONCEPTS[feature.quantity]
    nodes = concept.nodes
    if concept.kind == ck.HIT_TIME and isinstance(feature.slot, GroupMember):
        group = feature.slot.group
        places = group.end - group.first - int(group.first <= feature.slot.player < group.end)
        return places * nodes + max(0, places - 1)
    return nodes

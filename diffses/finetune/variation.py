"""Variation operators: crossover and mutations, which make forests from forests.

All draw from the generator they are given; `vary` keeps to the limit on a tree's nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from diffses.dataset.data import Dataset
from diffses.finetune.fisher import natural_gradient_basis
from diffses.finetune.weight_sharing import core, exchanged
from diffses.policy.expression import Expression, arity, end_of
from diffses.policy.forest import Forest
from diffses.policy.operators import OPERATORS
from diffses.policy.simplify import simplify_forest

MAX_TRIES = 20  # draws until a child fits the limits
MAX_DEPTH = 3  # operators from the root of a random tree to a leaf, at the most
TERM_SIZE = 0.5  # of a new term, in standard deviations of the tree it is added to
ANTISYMMETRIC_SHARE = 0.5  # of the children, in which opposed trees change alike
CONSTANTS_STEP = 0.3  # standard deviation of a step of all constants: 1 is about a nat


@dataclass(frozen=True)
class PrimitiveSet:
    """What random trees are made of, and on which states children are compared.

    rows: recorded states, float64 (n, features).
    scale: the standard deviation of each feature, 1 where it does not vary, (features,).
    groups: the groups of actions of equal effect; a tree takes one action of its group.
    actions: names of all actions.
    operators: names of those in random trees.
    limit: greatest number of nodes of a tree.
    """

    rows: np.ndarray
    scale: np.ndarray
    groups: tuple[tuple[int, ...], ...]
    actions: tuple[str, ...]
    operators: tuple[str, ...]
    limit: int

    @classmethod
    def of(
        cls, data: Dataset, rows: np.ndarray, operators: Sequence[str], limit: int
    ) -> PrimitiveSet:
        deviation = rows.std(axis=0)
        scale = np.where(deviation > 0, deviation, 1.0)
        return cls(rows, scale, data.groups, data.actions, tuple(operators), limit)


VariationOperator = Callable[[Forest, Forest, PrimitiveSet, np.random.Generator], Forest]


def vary(
    odds: dict[str, float],
    mother: Forest,
    father: Forest,
    primitives: PrimitiveSet,
    random: np.random.Generator,
) -> tuple[Forest, str] | None:
    """A child that decides otherwise than `mother` in some recorded state, and the name of the
    operator that made it; None where `MAX_TRIES` draws made none.

    Args:
        odds: of each of `VARIATION_OPERATORS`, by name.
    """
    names = list(odds)
    weights = np.array([odds[name] for name in names])
    before = chosen_actions(mother, primitives)
    for _ in range(MAX_TRIES):
        name = names[int(random.choice(len(names), p=weights / weights.sum()))]
        made = VARIATION_OPERATORS[name](mother, father, primitives, random)
        if random.random() < ANTISYMMETRIC_SHARE:
            made = antisymmetric(mother, made)
        made = simplify_forest(made)
        if max(made.sizes) <= primitives.limit and not np.array_equal(
            chosen_actions(made, primitives), before
        ):
            return made, name
    return None


def antisymmetric(mother: Forest, made: Forest) -> Forest:
    """The child with the change of its one changed tree repeated in the trees that were its
    negative, or had it as a term, so that opposed actions (up, down) stay opposed."""
    changed = [i for i, tree in enumerate(made.trees) if tree != mother.trees[i]]
    if len(changed) != 1 or len(mother.trees[changed[0]]) == 1:
        return made
    new, (old, sign) = made.trees[changed[0]], core(mother.trees[changed[0]])
    if sign < 0:
        new = new[1:] if new[0] == "neg" else ("neg", *new)
    trees = [exchanged(tree, old, new) for tree in mother.trees]
    trees[changed[0]] = made.trees[changed[0]]
    return replace(made, trees=tuple(trees))


def chosen_actions(forest: Forest, primitives: PrimitiveSet) -> np.ndarray:
    """A forest's actions in the recorded states: their ids, (n,), or Box actions, (n, d)."""
    if forest.bounds is not None:
        return forest.squash(forest.scores(primitives.rows))
    return np.array(forest.action_ids)[forest.choose(primitives.rows)]


def random_forest(
    template: Forest, primitives: PrimitiveSet, random: np.random.Generator, *, linear: bool
) -> Forest:
    """Random trees in place of the template's; with `linear`, weighted sums of all features, or of
    as many as the limit on nodes allows, drawn at random."""
    trees = []
    for _ in template.trees:
        tree = random_tree(primitives, random, MAX_DEPTH)
        if linear:
            most = (primitives.limit - 1) // 4
            features = random.permutation(len(template.features))[:most]
            tree = (float(random.normal()),)
            for feature in sorted(features.tolist()):
                tree = ("add", *tree, *_leaf(primitives, random, feature))
        trees.append(tree)
    return simplify_forest(replace(template, trees=tuple(trees)))


def random_tree(primitives: PrimitiveSet, random: np.random.Generator, depth: int) -> Expression:
    """A tree grown at random (Koza 1992, "grow"), at most `depth` operators deep. A leaf is a
    weighted feature, one in five a constant."""
    if depth == 0 or random.random() < 0.2:
        if random.random() < 0.2:
            return (float(random.normal()),)
        return _leaf(primitives, random, int(random.integers(len(primitives.scale))))
    name = primitives.operators[int(random.integers(len(primitives.operators)))]
    tree: Expression = (name,)
    for _ in range(OPERATORS[name].arity):
        tree = (*tree, *random_tree(primitives, random, depth - 1))
    return tree


def _leaf(primitives: PrimitiveSet, random: np.random.Generator, feature: int) -> Expression:
    return ("mul", float(random.normal() / primitives.scale[feature]), feature)


# --- the operators --------------------------------------------------------------------------------


def crossover(
    mother: Forest, father: Forest, primitives: PrimitiveSet, random: np.random.Generator
) -> Forest:
    """Subtree crossover in one action's tree, with the father's tree of the same action; one time
    in four the whole tree is the father's."""
    number = _some_tree(mother, random)
    donor = father.trees[number]
    if random.random() < 0.25:
        return _with_tree(mother, number, donor)
    piece = _subtree(donor, random)
    return _with_tree(mother, number, _replaced(mother.trees[number], piece, random))


def subtree(
    mother: Forest, father: Forest, primitives: PrimitiveSet, random: np.random.Generator
) -> Forest:
    """Subtree mutation: a random tree replaces a subtree."""
    number = _some_tree(mother, random)
    new = random_tree(primitives, random, int(random.integers(1, MAX_DEPTH + 1)))
    return _with_tree(mother, number, _replaced(mother.trees[number], new, random))


def hoist(
    mother: Forest, father: Forest, primitives: PrimitiveSet, random: np.random.Generator
) -> Forest:
    """Hoist mutation: a subtree of a subtree replaces the latter, so that the child is smaller."""
    number = _some_tree(mother, random)
    tree = mother.trees[number]
    start = _node(tree, random)
    stop = end_of(tree, start)
    piece = _subtree(tree[start:stop], random)
    return _with_tree(mother, number, (*tree[:start], *piece, *tree[stop:]))


def point(
    mother: Forest, father: Forest, primitives: PrimitiveSet, random: np.random.Generator
) -> Forest:
    """Point mutation: one node becomes another operator of the same arity, another feature, or
    another constant."""
    number = _some_tree(mother, random)
    tree = mother.trees[number]
    place = int(random.integers(len(tree)))
    token = tree[place]
    new = token
    if isinstance(token, str):
        others = [n for n in primitives.operators if OPERATORS[n].arity == arity(token)]
        new = others[int(random.integers(len(others)))] if others else token
    elif isinstance(token, float):
        new = float(token * random.lognormal(0, 1) * (1 if random.random() < 0.8 else -1))
        new = new if token else float(random.normal())
    else:
        new = int(random.integers(len(primitives.scale)))
    return _with_tree(mother, number, (*tree[:place], new, *tree[place + 1 :]))


def constants(
    mother: Forest, father: Forest, primitives: PrimitiveSet, random: np.random.Generator
) -> Forest:
    """A normal step of all constants, in the metric of the Fisher information."""
    axes = natural_gradient_basis(mother, primitives.rows)
    step = CONSTANTS_STEP * random.normal(size=axes.shape[1])
    return mother.with_constants(mother.constants() + axes @ step)


def add_term(
    mother: Forest, father: Forest, primitives: PrimitiveSet, random: np.random.Generator
) -> Forest:
    """A random term is added to a tree, large enough to change decisions; half the time it is
    subtracted from another tree as well."""
    number = _some_tree(mother, random)
    term = random_tree(primitives, random, int(random.integers(1, MAX_DEPTH)))
    size = float(np.std(_values(mother, number, primitives)))
    own = float(np.std(_values(replace(mother, trees=(term,) * len(mother.trees)), 0, primitives)))
    weight = TERM_SIZE * (size or 1.0) * float(random.normal()) / (own or 1.0)
    made = _with_tree(mother, number, ("add", *mother.trees[number], "mul", weight, *term))
    if mother.bounds is None and len(mother.trees) > 1 and random.random() < 0.5:
        others = [i for i in range(len(mother.trees)) if i != number]
        other = others[int(random.integers(len(others)))]
        opposed: Expression = ("sub", *mother.trees[other], "mul", weight, *term)
        made = _with_tree(made, other, opposed)
    return made


def change_action(
    mother: Forest, father: Forest, primitives: PrimitiveSet, random: np.random.Generator
) -> Forest:
    """One tree acts through another action of its group of equal effect."""
    if mother.bounds is not None:
        return mother
    number = _some_tree(mother, random)
    old = mother.action_ids[number]
    group = next((g for g in primitives.groups if old in g), (old,))
    free = [a for a in group if a not in mother.action_ids]
    if not free:
        return mother
    return _acting(mother, number, free[int(random.integers(len(free)))], primitives.actions)


VARIATION_OPERATORS: dict[str, VariationOperator] = {  # by their names in the settings
    "crossover": crossover,
    "subtree": subtree,
    "hoist": hoist,
    "point": point,
    "constants": constants,
    "graft": add_term,
    "regroup": change_action,
}


def representatives(
    forest: Forest, groups: tuple[tuple[int, ...], ...], names: tuple[str, ...]
) -> list[Forest]:
    """The forest with its own action, the first, and the last of each group of actions of equal
    effect: a difference that hardly shows on the screen may still count. Each different one once.
    """
    if forest.bounds is not None:
        return [forest]
    found = [forest]
    for pick in (0, -1):
        made = forest
        for number, old in enumerate(forest.action_ids):
            group = next((g for g in groups if old in g), (old,))
            made = _acting(made, number, group[pick], names)
        if made not in found:
            found.append(made)
    return found


# --- pieces ---------------------------------------------------------------------------------------


def _acting(forest: Forest, number: int, action: int, names: tuple[str, ...]) -> Forest:
    ids, actions = list(forest.action_ids), list(forest.actions)
    ids[number], actions[number] = action, names[action]
    return replace(forest, action_ids=tuple(ids), actions=tuple(actions))


def _some_tree(forest: Forest, random: np.random.Generator) -> int:
    """A tree's index; one that is more than a constant is three times as likely."""
    odds = np.array([3.0 if len(tree) > 1 else 1.0 for tree in forest.trees])
    return int(random.choice(len(odds), p=odds / odds.sum()))


def _node(tree: Expression, random: np.random.Generator) -> int:
    """A node's index; nine times in ten an operator, where there is one (Koza 1992)."""
    inner = [i for i, token in enumerate(tree) if isinstance(token, str)]
    if inner and random.random() < 0.9:
        return inner[int(random.integers(len(inner)))]
    return int(random.integers(len(tree)))


def _subtree(tree: Expression, random: np.random.Generator) -> Expression:
    start = _node(tree, random)
    return tree[start : end_of(tree, start)]


def _replaced(tree: Expression, piece: Expression, random: np.random.Generator) -> Expression:
    start = _node(tree, random)
    return (*tree[:start], *piece, *tree[end_of(tree, start) :])


def _with_tree(forest: Forest, number: int, tree: Expression) -> Forest:
    return replace(forest, trees=(*forest.trees[:number], tree, *forest.trees[number + 1 :]))


def _values(forest: Forest, number: int, primitives: PrimitiveSet) -> np.ndarray:
    """One tree's scores of the recorded states, (n,); 0 where these are not finite."""
    single = replace(
        forest,
        trees=(forest.trees[number],),
        actions=("value",),
        action_ids=(0,),
        bounds=None,
    )
    return np.nan_to_num(single.scores(primitives.rows)[:, 0], posinf=0.0, neginf=0.0)

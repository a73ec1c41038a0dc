"""Children: forests made from other forests, by chance.

All draw from the generator they are given, and keep within the limit on a tree's nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from diffses.dataset.data import Dataset
from diffses.finetune.fisher import whitening
from diffses.finetune.weight_sharing import core, exchanged
from diffses.policy.expression import Expression, arity, end_of
from diffses.policy.forest import Forest
from diffses.policy.operators import OPERATORS
from diffses.policy.simplify import simplify_forest

TRIES = 20  # draws until a child fits the limits
DEPTH = 3  # operators on the longest way of a random tree
GRAFT = 0.5  # size of a new term, in standard deviations of the tree it is added to
MIRRORED = 0.5  # share of the children in which opposed trees change alike
STEP = 0.3  # length of a random step of all constants, in units in which 1 is a nat


@dataclass(frozen=True)
class Material:
    """What trees are made of.

    rows: recorded states, float64 (n, features).
    scale: the standard deviation of each feature, 1 where it does not vary, (features,).
    groups: actions of equal effect; a tree acts through one of its group.
    actions: the names of all actions.
    operators: names of those that random trees are made of.
    limit: nodes a tree may have at most.
    """

    rows: np.ndarray
    scale: np.ndarray
    groups: tuple[tuple[int, ...], ...]
    actions: tuple[str, ...]
    operators: tuple[str, ...]
    limit: int

    @classmethod
    def of(cls, data: Dataset, rows: np.ndarray, operators: Sequence[str], limit: int) -> Material:
        deviation = rows.std(axis=0)
        scale = np.where(deviation > 0, deviation, 1.0)
        return cls(rows, scale, data.groups, data.actions, tuple(operators), limit)


Way = Callable[[Forest, Forest, Material, np.random.Generator], Forest]


def child(
    ways: dict[str, float],
    mother: Forest,
    father: Forest,
    material: Material,
    random: np.random.Generator,
) -> tuple[Forest, str] | None:
    """A forest that decides otherwise than `mother` in some recorded state, and how it was made;
    None where chance made none.

    Args:
        ways: names of `WAYS` with the odds of each.
    """
    names = list(ways)
    odds = np.array([ways[name] for name in names])
    before = decided(mother, material)
    for _ in range(TRIES):
        name = names[int(random.choice(len(names), p=odds / odds.sum()))]
        made = WAYS[name](mother, father, material, random)
        if random.random() < MIRRORED:
            made = mirrored(mother, made)
        made = simplify_forest(made)
        if max(made.sizes) <= material.limit and not np.array_equal(
            decided(made, material), before
        ):
            return made, name
    return None


def mirrored(mother: Forest, made: Forest) -> Forest:
    """The child with the change of one tree made in those too that are its negative, or have it as
    a term: what pulls one way then still pushes the other."""
    changed = [i for i, tree in enumerate(made.trees) if tree != mother.trees[i]]
    if len(changed) != 1 or len(mother.trees[changed[0]]) == 1:
        return made
    new, (old, sign) = made.trees[changed[0]], core(mother.trees[changed[0]])
    if sign < 0:
        new = new[1:] if new[0] == "neg" else ("neg", *new)
    trees = [exchanged(tree, old, new) for tree in mother.trees]
    trees[changed[0]] = made.trees[changed[0]]
    return replace(made, trees=tuple(trees))


def decided(forest: Forest, material: Material) -> np.ndarray:
    """What a forest does in the recorded states: actions' ids, or squashed Box actions."""
    if forest.bounds is not None:
        return forest.squash(forest.scores(material.rows))
    return np.array(forest.action_ids)[forest.choose(material.rows)]


def random_forest(
    template: Forest, material: Material, random: np.random.Generator, *, linear: bool
) -> Forest:
    """Random trees; with `linear`, weighted sums of all features, or of as many as fit."""
    trees = []
    for _ in template.trees:
        tree = random_tree(material, random, DEPTH)
        if linear:
            most = (material.limit - 1) // 4
            features = random.permutation(len(template.features))[:most]
            tree = (float(random.normal()),)
            for feature in sorted(features.tolist()):
                tree = ("add", *tree, *_leaf(material, random, feature))
        trees.append(tree)
    return simplify_forest(replace(template, trees=tuple(trees)))


def random_tree(material: Material, random: np.random.Generator, depth: int) -> Expression:
    """Grown at random: a leaf is a weighted feature, now and then a constant."""
    if depth == 0 or random.random() < 0.2:
        if random.random() < 0.2:
            return (float(random.normal()),)
        return _leaf(material, random, int(random.integers(len(material.scale))))
    name = material.operators[int(random.integers(len(material.operators)))]
    tree: Expression = (name,)
    for _ in range(OPERATORS[name].arity):
        tree = (*tree, *random_tree(material, random, depth - 1))
    return tree


def _leaf(material: Material, random: np.random.Generator, feature: int) -> Expression:
    return ("mul", float(random.normal() / material.scale[feature]), feature)


# --- the ways -------------------------------------------------------------------------------------


def crossover(
    mother: Forest, father: Forest, material: Material, random: np.random.Generator
) -> Forest:
    """In one action's tree, a subtree of the father's tree of that action in place of one of the
    mother's; one time in four the whole tree."""
    number = _some_tree(mother, random)
    donor = father.trees[number]
    if random.random() < 0.25:
        return _with_tree(mother, number, donor)
    piece = _subtree(donor, random)
    return _with_tree(mother, number, _replaced(mother.trees[number], piece, random))


def subtree(
    mother: Forest, father: Forest, material: Material, random: np.random.Generator
) -> Forest:
    """A random tree in place of a subtree."""
    number = _some_tree(mother, random)
    new = random_tree(material, random, int(random.integers(1, DEPTH + 1)))
    return _with_tree(mother, number, _replaced(mother.trees[number], new, random))


def hoist(
    mother: Forest, father: Forest, material: Material, random: np.random.Generator
) -> Forest:
    """A subtree of a subtree in that one's place: the child is smaller."""
    number = _some_tree(mother, random)
    tree = mother.trees[number]
    start = _node(tree, random)
    stop = end_of(tree, start)
    piece = _subtree(tree[start:stop], random)
    return _with_tree(mother, number, (*tree[:start], *piece, *tree[stop:]))


def point(
    mother: Forest, father: Forest, material: Material, random: np.random.Generator
) -> Forest:
    """Another operator of the same arity, another feature, or another constant at one node."""
    number = _some_tree(mother, random)
    tree = mother.trees[number]
    place = int(random.integers(len(tree)))
    token = tree[place]
    new = token
    if isinstance(token, str):
        others = [n for n in material.operators if OPERATORS[n].arity == arity(token)]
        new = others[int(random.integers(len(others)))] if others else token
    elif isinstance(token, float):
        new = float(token * random.lognormal(0, 1) * (1 if random.random() < 0.8 else -1))
        new = new if token else float(random.normal())
    else:
        new = int(random.integers(len(material.scale)))
    return _with_tree(mother, number, (*tree[:place], new, *tree[place + 1 :]))


def constants(
    mother: Forest, father: Forest, material: Material, random: np.random.Generator
) -> Forest:
    """A normal step of all constants in the metric of the forest's own decisions."""
    axes = whitening(mother, material.rows)
    step = STEP * random.normal(size=axes.shape[1])
    return mother.with_constants(mother.constants() + axes @ step)


def graft(
    mother: Forest, father: Forest, material: Material, random: np.random.Generator
) -> Forest:
    """A random term added to a tree, as large as shows; half the time taken from another tree."""
    number = _some_tree(mother, random)
    term = random_tree(material, random, int(random.integers(1, DEPTH)))
    size = float(np.std(_values(mother, number, material)))
    own = float(np.std(_values(replace(mother, trees=(term,) * len(mother.trees)), 0, material)))
    weight = GRAFT * (size or 1.0) * float(random.normal()) / (own or 1.0)
    made = _with_tree(mother, number, ("add", *mother.trees[number], "mul", weight, *term))
    if mother.bounds is None and len(mother.trees) > 1 and random.random() < 0.5:
        others = [i for i in range(len(mother.trees)) if i != number]
        other = others[int(random.integers(len(others)))]
        opposed: Expression = ("sub", *mother.trees[other], "mul", weight, *term)
        made = _with_tree(made, other, opposed)
    return made


def regroup(
    mother: Forest, father: Forest, material: Material, random: np.random.Generator
) -> Forest:
    """Another action of (nearly) equal effect for one tree."""
    if mother.bounds is not None:
        return mother
    number = _some_tree(mother, random)
    old = mother.action_ids[number]
    group = next((g for g in material.groups if old in g), (old,))
    free = [a for a in group if a not in mother.action_ids]
    if not free:
        return mother
    return _acting(mother, number, free[int(random.integers(len(free)))], material.actions)


WAYS: dict[str, Way] = {
    "crossover": crossover,
    "subtree": subtree,
    "hoist": hoist,
    "point": point,
    "constants": constants,
    "graft": graft,
    "regroup": regroup,
}


def representatives(
    forest: Forest, groups: tuple[tuple[int, ...], ...], names: tuple[str, ...]
) -> list[Forest]:
    """The forest acting through the first, the last, and its own members of each group of actions
    of equal effect: what hardly shows on the screen may still count. Each different one once."""
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
    """A tree's number; one that is more than a constant is three times as likely."""
    odds = np.array([3.0 if len(tree) > 1 else 1.0 for tree in forest.trees])
    return int(random.choice(len(odds), p=odds / odds.sum()))


def _node(tree: Expression, random: np.random.Generator) -> int:
    """A node's place; nine times in ten an operator, where there is one (Koza 1992)."""
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


def _values(forest: Forest, number: int, material: Material) -> np.ndarray:
    """What one tree says of the recorded states; 0 where that is not finite."""
    single = replace(
        forest,
        trees=(forest.trees[number],),
        actions=("value",),
        action_ids=(0,),
        bounds=None,
    )
    return np.nan_to_num(single.scores(material.rows)[:, 0], posinf=0.0, neginf=0.0)

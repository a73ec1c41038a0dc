"""Symbolic regression of each action's score, and candidate forests made of the trees found.

             gplearn or Operon: one search per restart and action
targets  ->  (a second one with the linear fit as an extra leaf)   ->  trees of many sizes
                                                                        |
linear fits  ->  candidates  <-  for each size limit the best tree of each action
                     |
             constant fine-tuning (KL to the teacher)  ->  forests, smallest first
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from joblib import Parallel, cpu_count, delayed
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from diffses.config import GplearnRegressor, OperonRegressor, RegressorConfig
from diffses.policy.expression import Expression, Floats, arguments, evaluate
from diffses.policy.forest import Forest
from diffses.policy.simplify import simplify
from diffses.regressor.constant_fit import fit_constants
from diffses.regressor.linear import fit_linear, linear_front
from diffses.regressor.targets import (
    check_data,
    kl_curvature_weight,
    reference_action,
    relative_to_reference,
)
from diffses.seeds import seed_for

# maximum nodes of a tree: each limit gives one candidate forest
SIZE_LIMITS = (5, 9, 15, 25, 40, 60, 90, 130)

# programs evaluated by a search; below that, starting worker processes (2 s each) does not pay
MIN_PARALLEL_PROGRAMS = 2000

SearchSettings = Any  # a RegressorConfig of SEARCHES; its `rows` is the number of states to fit
# settings -> the module whose `search(settings, features, target, weights, seed)` returns trees
SEARCHES: dict[type[RegressorConfig], str] = {
    GplearnRegressor: "diffses.regressor.gplearn",
    OperonRegressor: "diffses.regressor.operon",
}
Progress = Callable[..., None]  # called with values to display, by name


@dataclass(frozen=True)
class FittedTree:
    """A tree found for one action.

    Args:
        action: the action's index.
        linear_leaf: whether the search could use the linear fit as a leaf.
        error: the unexplained share of the target's variance, weighted.
        tree: over the features.
    """

    action: int
    linear_leaf: bool
    error: float
    tree: Expression


def fit_forests(
    settings: RegressorConfig,
    features: Floats,
    targets: Floats,
    template: Forest,
    *,
    seed: int,
    progress: Progress | None = None,
) -> list[Forest]:
    """Candidate forests from small and readable to large and accurate.

    One search per restart and action, except the reference action, whose tree is 0
    (`targets.reference_action`); with `settings.linear_leaf` a second search that may use the
    linear fit as a leaf. The searches minimise the squared error of the scores, weighted by
    `targets.kl_curvature_weight`. Their trees are combined into forests under a series of limits
    on tree size, and the constants are fine-tuned on the teacher's action distribution
    (`constant_fit`). Least-squares fits on a few features are candidates too; `fit_linear` is
    always among the results.

    The forests are not ranked: the caller has states that the search did not see.

    Args:
        settings: of the search; their class selects it.
        features: float64 (n, features).
        targets: the teacher's scores as logits, (n, actions).
        template: a forest that names the features and actions; its trees are ignored.
        seed: of the search. The same seed gives the same forests for any `settings.workers`.
        progress: receives the number of finished searches and the lowest error so far.

    Returns:
        Distinct forests, the smallest first.

    Raises:
        ValueError: if the data do not fit the template or are not finite.
    """
    features, targets = check_data(features, targets, template)
    reference = reference_action(targets, template)
    linear = fit_linear(features, targets, template)
    candidates = [linear, *linear_front(features, targets, template)]
    if type(settings) in SEARCHES:
        rows = _sample_rows(len(features), vars(settings)["rows"], seed)
        features, targets = features[rows], targets[rows]
        found = _search_all(settings, features, targets, reference, linear, seed, progress)
        candidates += combine_trees(found, template)
    steps = settings.constant_steps
    jobs = [delayed(_fit_constants)(f, features, targets, steps) for f in candidates]
    fitted: Iterable[Forest] = _parallel(settings, jobs)
    return sorted({linear, *fitted}, key=lambda forest: (forest.size, forest.to_json()))


def combine_trees(found: Iterable[FittedTree], template: Forest) -> list[Forest]:
    """Candidate forests: for each size limit the best tree of each action.

    Made from the trees found without the linear leaf, from those found with it, and from all. An
    action without a tree is the reference: its tree is 0.
    """
    found = list(found)
    pools = [[f for f in found if f.linear_leaf == linear_leaf] for linear_leaf in (False, True)]
    forests = set()
    for pool in [*pools, found]:
        for limit in SIZE_LIMITS:
            trees: list[Expression] = []
            for action in range(len(template.actions)):
                fitting = [f for f in pool if f.action == action and len(f.tree) <= limit]
                best = min(fitting, key=lambda f: (f.error, len(f.tree)), default=None)
                trees.append(best.tree if best else (0.0,))
            forests.add(replace(template, trees=tuple(trees)))
    blank = replace(template, trees=((0.0,),) * len(template.actions))
    return sorted(forests - {blank}, key=lambda forest: forest.to_json())


def affine_tree(tree: Expression, scale: float, offset: float) -> Expression:
    """scale * tree + offset; factors and summands at the tree's root are merged into the two."""
    while tree[0] in ("add", "sub", "mul"):
        head, (left, right) = tree[0], arguments(tree)
        if isinstance(left[0], float) and head != "sub":
            constant, tree = left[0], right
        elif isinstance(right[0], float):
            constant, tree = right[0], left
        else:
            break
        if head == "mul":
            scale *= constant
        else:
            offset += scale * (constant if head == "add" else -constant)
    tree = ("mul", scale, *tree)
    return ("add" if offset > 0 else "sub", *tree, abs(offset)) if offset else tree


def substitute(tree: Expression, trees: dict[int, Expression]) -> Expression:
    """The tree with features replaced by trees; `trees` maps a feature's index to its tree."""
    tokens = (trees.get(token, (token,)) if isinstance(token, int) else (token,) for token in tree)
    return tuple(token for piece in tokens for token in piece)


# --- jobs of the worker processes ---------------------------------------------------------------


def _search_all(
    settings: SearchSettings,
    features: Floats,
    targets: Floats,
    reference: int | None,
    linear: Forest,
    seed: int,
    progress: Progress | None,
) -> list[FittedTree]:
    # contiguous columns, as worker processes receive them: strided sums round differently
    columns = np.ascontiguousarray(relative_to_reference(targets, reference).T)
    weights = kl_curvature_weight(targets, linear)
    jobs = []
    for restart in range(settings.restarts):
        for action in range(targets.shape[1]):
            if action == reference:
                continue
            for linear_leaf in (False, True) if settings.linear_leaf else (False,):
                kind = "lifted" if linear_leaf else "plain"  # part of the seed: do not rename
                leaf = linear.trees[action] if linear_leaf else None
                job_seed = seed_for(seed, "regressor", restart, action, kind)
                job = (features, columns[action], weights, action, leaf, job_seed)
                jobs.append(delayed(_search_action)(settings, *job))
    found: list[FittedTree] = []
    for done, batch in enumerate(_parallel(settings, jobs), 1):
        found += batch
        if progress:
            lowest = min((f.error for f in found), default=1.0)
            progress(searches=f"{done}/{len(jobs)}", unexplained=lowest)
    return found


def _search_action(
    settings: SearchSettings,
    features: Floats,
    target: Floats,
    weights: Floats,
    action: int,
    leaf: Expression | None,
    seed: int,
) -> list[FittedTree]:
    """One search for one action's tree; `leaf` is the linear fit or None."""
    with threadpool_limits(1):
        factors = _unit_scales(features)
        columns = features * factors
        # column -> its tree over the features as given
        originals: dict[int, Expression] = {
            int(j): ("mul", float(factors[j]), int(j)) for j in np.flatnonzero(factors != 1)
        }
        if leaf:
            columns = np.column_stack([columns, evaluate(leaf, features)])
            originals[features.shape[1]] = leaf
        found = []
        for tree in _run_search(settings, columns, target, weights, seed):
            values = evaluate(tree, columns)
            if np.isfinite(values).all() and np.ptp(values) > 0:
                scale, offset, error = _fit_line(values, target, weights)
                whole = simplify(affine_tree(substitute(tree, originals), scale, offset))
                found.append(FittedTree(action, leaf is not None, error, whole))
        return found


def _unit_scales(features: Floats) -> Floats:
    """A power of ten per feature that brings it near 1, where the searches draw constants.

    1 for a feature that is within a factor of ten already.
    """
    size = np.maximum(features.std(axis=0), np.abs(features.mean(axis=0)))
    powers = -np.round(np.log10(np.where(size > 0, size, 1.0)))
    return np.where(np.abs(powers) > 1, 10.0**powers, 1.0)


def _fit_line(values: Floats, target: Floats, weights: Floats) -> tuple[float, float, float]:
    """Weighted least squares of target = scale * values + offset.

    Returns:
        Scale, offset and the unexplained share of the target's variance.
    """
    weights = weights / weights.sum()
    centred = values - weights @ values
    centred_target = target - weights @ target
    scale = float(weights @ (centred * centred_target) / (weights @ centred**2))
    offset = float(weights @ target - scale * (weights @ values))
    total = float(weights @ centred_target**2)
    error = float(weights @ (centred_target - scale * centred) ** 2) / total if total else 0.0
    return scale, offset, error


def _fit_constants(forest: Forest, features: Floats, targets: Floats, steps: int) -> Forest:
    with threadpool_limits(1):
        return fit_constants(forest, features, targets, steps)


def _parallel(settings: RegressorConfig, jobs: Iterable[Any]) -> Any:
    """Runs the jobs; a generator of their results, in the order of the jobs."""
    return Parallel(n_jobs=settings.workers or _worker_count(settings), return_as="generator")(jobs)


def _worker_count(settings: RegressorConfig) -> int:
    """The number of cores, or 1 if a search ends before a process has started."""
    programs = 0
    if isinstance(settings, GplearnRegressor):
        programs = settings.population * settings.generations
    if isinstance(settings, OperonRegressor):
        programs = settings.evaluations
    return int(cpu_count()) if programs > MIN_PARALLEL_PROGRAMS else 1


def _sample_rows(count: int, rows: int, seed: int) -> np.ndarray:
    """At most `rows` distinct row indices below `count`, ascending."""
    random = np.random.default_rng(seed_for(seed, "regressor", "rows"))
    return np.sort(random.permutation(count)[:rows])


def _run_search(
    settings: SearchSettings, columns: Floats, target: Floats, weights: Floats, seed: int
) -> list[Expression]:
    """Runs the search that the settings select; imports its library only where it runs."""
    module = importlib.import_module(SEARCHES[type(settings)])
    trees: list[Expression] = module.search(settings, columns, target, weights, seed)
    return trees

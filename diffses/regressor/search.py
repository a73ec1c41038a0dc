"""From one search an action to whole forests: the front of error against size."""

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
from diffses.regressor.linear import fit_linear, linear_front
from diffses.regressor.polish import polish
from diffses.regressor.targets import check_data, decisiveness, reference_action, relative
from diffses.seeds import seed_for

LEVELS = (5, 9, 15, 25, 40, 60, 90, 130)  # nodes a tree may have at most, for one forest each

INSTANT = 2000  # programs; a process takes two seconds to start

Searching = Any  # a RegressorConfig of SEARCHES, with `rows`: the states a search is given
# settings -> the module whose `search(settings, features, target, weights, seed)` gives trees
SEARCHES: dict[type[RegressorConfig], str] = {
    GplearnRegressor: "diffses.regressor.gplearn",
    OperonRegressor: "diffses.regressor.operon",
}
Progress = Callable[..., None]  # takes values to show, by name


@dataclass(frozen=True)
class Found:
    """One tree for one action: what it leaves unexplained of the target's variance."""

    action: int
    lifted: bool  # found with the linear fit as one more leaf
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

    One search for each restart and each action but the reference action, whose tree is 0
    (`targets.reference_action`); with `settings.linear_leaf` a second one that may use the linear
    fit as a leaf, which is put back as its tree. They minimise the squared error of the scores,
    weighted by how open the teacher's choice is (`targets.decisiveness`). What they find is
    combined into whole forests by a series of limits on the size of a tree, and the constants are
    trained on the teacher's action distribution. Linear fits on a few features are candidates too,
    and `fit_linear` is always among them.

    Nothing is ranked here: that belongs to who holds states the search did not see.

    Args:
        settings: of the search; its class says which.
        features: float64 (n, features).
        targets: the teacher's scores as logits, (n, actions).
        template: names the features and actions; its trees are not looked at.
        seed: of the search alone. The same seed gives the same forests whatever
            `settings.workers`.
        progress: is shown how many searches are done and the least error so far.

    Returns:
        Different forests, the smallest first.
    """
    features, targets = check_data(features, targets, template)
    reference = reference_action(targets, template)
    linear = fit_linear(features, targets, template)
    candidates = [linear, *linear_front(features, targets, template)]
    if type(settings) in SEARCHES:
        rows = _sample(len(features), vars(settings)["rows"], seed)
        features, targets = features[rows], targets[rows]
        found = _search(settings, features, targets, reference, linear, seed, progress)
        candidates += combine(found, template)
    jobs = [delayed(_polished)(f, features, targets, settings.constant_steps) for f in candidates]
    polished: Iterable[Forest] = _parallel(settings, jobs)
    return sorted({linear, *polished}, key=lambda forest: (forest.size, forest.to_json()))


def combine(found: Iterable[Found], template: Forest) -> list[Forest]:
    """Whole forests: for each limit on the size of a tree the best tree of each action.

    Once from the trees found without the linear fit, once from those with it, once from all.
    Actions without a tree are the reference: their tree is 0.
    """
    found = list(found)
    pools = [[f for f in found if f.lifted == lifted] for lifted in (False, True)]
    made = set()
    for pool in [*pools, found]:
        for level in LEVELS:
            trees: list[Expression] = []
            for action in range(len(template.actions)):
                fitting = [f for f in pool if f.action == action and len(f.tree) <= level]
                best = min(fitting, key=lambda f: (f.error, len(f.tree)), default=None)
                trees.append(best.tree if best else (0.0,))
            made.add(replace(template, trees=tuple(trees)))
    blank = replace(template, trees=((0.0,),) * len(template.actions))
    return sorted(made - {blank}, key=lambda forest: forest.to_json())


def scaled(tree: Expression, scale: float, offset: float) -> Expression:
    """scale * tree + offset, with factors and summands at the tree's root taken into the two."""
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
    """The tree with whole trees in place of some features."""
    tokens = (trees.get(token, (token,)) if isinstance(token, int) else (token,) for token in tree)
    return tuple(token for piece in tokens for token in piece)


# --- the jobs -----------------------------------------------------------------------------------


def _search(
    settings: Searching,
    features: Floats,
    targets: Floats,
    reference: int | None,
    linear: Forest,
    seed: int,
    progress: Progress | None,
) -> list[Found]:
    # a column in one piece, as it arrives in another process: sums over strides round otherwise
    wanted = np.ascontiguousarray(relative(targets, reference).T)
    weights = decisiveness(targets, linear)
    jobs = []
    for restart in range(settings.restarts):
        for action in range(targets.shape[1]):
            if action == reference:
                continue
            for lifted in (False, True) if settings.linear_leaf else (False,):
                kind = "lifted" if lifted else "plain"
                leaf = linear.trees[action] if lifted else None
                own = seed_for(seed, "regressor", restart, action, kind)
                job = (features, wanted[action], weights, action, leaf, own)
                jobs.append(delayed(_one)(settings, *job))
    found: list[Found] = []
    for done, batch in enumerate(_parallel(settings, jobs), 1):
        found += batch
        if progress:
            least = min((f.error for f in found), default=1.0)
            progress(searches=f"{done}/{len(jobs)}", unexplained=least)
    return found


def _one(
    settings: Searching,
    features: Floats,
    target: Floats,
    weights: Floats,
    action: int,
    leaf: Expression | None,
    seed: int,
) -> list[Found]:
    """One search for one action's tree; a worker's job."""
    with threadpool_limits(1):
        factors = _decades(features)
        columns = features * factors
        back: dict[int, Expression] = {
            int(j): ("mul", float(factors[j]), int(j)) for j in np.flatnonzero(factors != 1)
        }
        if leaf:
            columns = np.column_stack([columns, evaluate(leaf, features)])
            back[features.shape[1]] = leaf
        found = []
        for tree in _run(settings, columns, target, weights, seed):
            values = evaluate(tree, columns)
            if np.isfinite(values).all() and np.ptp(values) > 0:
                scale, offset, error = _line(values, target, weights)
                whole = simplify(scaled(substitute(tree, back), scale, offset))
                found.append(Found(action, leaf is not None, error, whole))
        return found


def _decades(features: Floats) -> Floats:
    """A power of ten for each feature that is far from 1 in size, so that constants suit it."""
    spread = np.maximum(features.std(axis=0), np.abs(features.mean(axis=0)))
    powers = -np.round(np.log10(np.where(spread > 0, spread, 1.0)))
    return np.where(np.abs(powers) > 1, 10.0**powers, 1.0)


def _line(values: Floats, target: Floats, weights: Floats) -> tuple[float, float, float]:
    """The least-squares scale and offset, and the share of the variance they leave; weighted."""
    weights = weights / weights.sum()
    centred = values - weights @ values
    wanted = target - weights @ target
    scale = float(weights @ (centred * wanted) / (weights @ centred**2))
    offset = float(weights @ target - scale * (weights @ values))
    total = float(weights @ wanted**2)
    error = float(weights @ (wanted - scale * centred) ** 2) / total if total else 0.0
    return scale, offset, error


def _polished(forest: Forest, features: Floats, targets: Floats, steps: int) -> Forest:
    with threadpool_limits(1):
        return polish(forest, features, targets, steps)


def _parallel(settings: RegressorConfig, jobs: Iterable[Any]) -> Any:
    """The results in the order of the jobs, as they come."""
    return Parallel(n_jobs=settings.workers or _worthwhile(settings), return_as="generator")(jobs)


def _worthwhile(settings: RegressorConfig) -> int:
    """As many processes as cores, or one where a search is over before a process has started."""
    programs = 0
    if isinstance(settings, GplearnRegressor):
        programs = settings.population * settings.generations
    if isinstance(settings, OperonRegressor):
        programs = settings.evaluations
    return int(cpu_count()) if programs > INSTANT else 1


def _sample(count: int, rows: int, seed: int) -> np.ndarray:
    """At most `rows` different row numbers, in order."""
    random = np.random.default_rng(seed_for(seed, "regressor", "rows"))
    return np.sort(random.permutation(count)[:rows])


def _run(
    settings: Searching, columns: Floats, target: Floats, weights: Floats, seed: int
) -> list[Expression]:
    """The search that the settings ask for; its library is imported only where it runs."""
    module = importlib.import_module(SEARCHES[type(settings)])
    trees: list[Expression] = module.search(settings, columns, target, weights, seed)
    return trees

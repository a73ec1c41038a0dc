"""Least squares: the baseline of the searches, and smaller fits by backward elimination."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from diffses.policy.expression import Expression, Floats
from diffses.policy.forest import Forest
from diffses.regressor.targets import (
    check_data,
    count_agreements,
    reference_action,
    relative_to_reference,
)

# added to the diagonal of the standardised features' correlation matrix: collinear features share
# a weight
RIDGE = 1e-10
CONSTANT_TOLERANCE = 1e-9  # a feature is constant if std <= this * its largest absolute value

Mask = NDArray[np.bool_]


def fit_linear(features: Floats, targets: Floats, template: Forest) -> Forest:
    """The least-squares fit of the teacher's scores: a weighted sum of features per action.

    Terms are eliminated, the least useful first, as long as the greedy agreement on these states
    stays at least that of the fit on all features. The scores are relative to a reference action,
    whose tree is 0 (`targets.reference_action`).

    Args:
        features: float64 (n, features).
        targets: the teacher's scores, (n, actions), in any unit; a function of the state that is
            added to all of them changes nothing.
        template: a forest that names the features and actions; its trees are ignored.

    Raises:
        ValueError: if the data do not fit the template or are not finite.
    """
    features, targets = check_data(features, targets, template)
    with threadpool_limits(1):  # the last bits of a sum depend on the number of threads
        fit = LeastSquares(features, targets, template)
        return replace(template, trees=fit.trees(fit.fewest_terms()))


def linear_front(features: Floats, targets: Floats, template: Forest) -> list[Forest]:
    """Least-squares fits on the 1, 2, 3, 4, 6, 8, 12, ... most useful features, smallest first."""
    features, targets = check_data(features, targets, template)
    with threadpool_limits(1):
        fit = LeastSquares(features, targets, template)
        sets = fit.nested_subsets()
        counts = [k for k in (1, 2, 3, 4, 6, 8, 12, 16, 24, 32) if k < len(sets)]
        return [replace(template, trees=fit.trees(sets[k])) for k in counts]


class LeastSquares:
    """Linear fits on subsets of the features, from the second moments of one data set."""

    def __init__(self, features: Floats, targets: Floats, template: Forest) -> None:
        self.reference = reference_action(targets, template)
        self._targets, self._template = targets, template
        scale = features.std(axis=0)
        self._mean = features.mean(axis=0)
        self._usable = scale > CONSTANT_TOLERANCE * np.abs(features).max(axis=0, initial=0)
        self._scale = np.where(self._usable, scale, 1.0)
        self._z = (features - self._mean) / self._scale
        relative = relative_to_reference(targets, self.reference)
        self._offset = relative.mean(axis=0)
        self._y = relative - self._offset
        self._gram = self._z.T @ self._z / len(features)
        self._gram[np.diag_indices_from(self._gram)] += RIDGE
        self._cross = self._z.T @ self._y / len(features)

    def nested_subsets(self) -> list[Mask]:
        """Subsets of 0, 1, 2, ... features, shared by all actions; (features, actions) each.

        Backward elimination: each smaller subset lacks the feature whose removal increases the
        squared error least. Of equal ones the first goes, so that differences of positions, which
        come last, stay.
        """
        used = np.repeat(self._usable[:, None], self._y.shape[1], axis=1)
        if self.reference is not None:
            used[:, self.reference] = False
        sets = [used]
        while used.any():
            kept = np.flatnonzero(used.any(axis=1))
            loss = self._loss_without(kept, slice(None)).sum(axis=1)
            used = used.copy()
            used[kept[_first_smallest(loss)]] = False
            sets.append(used)
        return sets[::-1]

    def fewest_terms(self) -> Mask:
        """The fewest terms found that agree as often as all features do, (features, actions)."""
        sets = self.nested_subsets()
        required = self._agreements(self._scores(sets[-1]))
        used = next(s for s in sets if self._agreements(self._scores(s)) >= required).copy()
        scores = self._scores(used)
        needed = ~used
        while not needed.all():
            feature, action = self._least_useful(used, needed)
            used[feature, action] = False
            trial = scores.copy()
            trial[:, action] = self._column(used[:, action], action)
            if self._agreements(trial) >= required:
                scores = trial
            else:
                used[feature, action] = True
            needed[feature, action] = True
        return used

    def trees(self, used: Mask) -> tuple[Expression, ...]:
        """Each action's weighted sum, the term of the largest standardised weight first."""
        made = []
        for action in range(used.shape[1]):
            chosen = np.flatnonzero(used[:, action])
            standard = np.linalg.lstsq(self._z[:, chosen], self._y[:, action], rcond=None)[0]
            weights = standard / self._scale[chosen]
            intercept = float(self._offset[action] - weights @ self._mean[chosen])
            order = np.argsort(-np.abs(standard), kind="stable")
            terms = [(float(weights[i]), int(chosen[i])) for i in order]
            made.append(weighted_sum(terms, intercept))
        return tuple(made)

    def _least_useful(self, used: Mask, needed: Mask) -> tuple[int, int]:
        losses = np.full(used.shape, np.inf)
        for action in np.flatnonzero((~needed).any(axis=0)).tolist():
            kept = np.flatnonzero(used[:, action])
            losses[kept, action] = self._loss_without(kept, action)
        losses[needed] = np.inf
        feature, action = divmod(_first_smallest(losses.ravel()), self._y.shape[1])
        return feature, action

    def _loss_without(self, kept: NDArray[np.int64], actions: slice | int) -> Floats:
        """The increase of the mean squared error without each kept feature: w_j^2 / (G^-1)_jj."""
        inverse = np.linalg.inv(self._gram[np.ix_(kept, kept)])
        weights = inverse @ self._cross[kept][:, actions]
        diagonal = np.diag(inverse)
        losses: Floats = weights**2 / (diagonal[:, None] if weights.ndim == 2 else diagonal)
        return losses

    def _column(self, chosen: Mask, action: int) -> Floats:
        kept = np.flatnonzero(chosen)
        weights = np.linalg.solve(self._gram[np.ix_(kept, kept)], self._cross[kept, action])
        column: Floats = self._z[:, kept] @ weights + self._offset[action]
        return column

    def _scores(self, used: Mask) -> Floats:
        return np.stack([self._column(used[:, a], a) for a in range(used.shape[1])], axis=1)

    def _agreements(self, scores: Floats) -> int:
        return count_agreements(scores, self._targets, self._template)


def _first_smallest(losses: Floats) -> int:
    """The first index whose loss equals the smallest up to rounding."""
    low = losses.min()
    return int(np.argmax(losses <= low + 1e-9 * (1 + abs(low))))


def weighted_sum(terms: list[tuple[float, int]], intercept: float) -> Expression:
    """w0*x0 + w1*x1 - w2*x2 + b as a tree, without terms of weight 0 and an intercept of 0.

    Args:
        terms: (weight, feature) in the order of the sum.
        intercept: b.
    """
    tree: Expression = ()
    for weight, feature in terms:
        if weight == 0:
            continue
        if not tree:
            tree = ("mul", weight, feature)
        else:
            tree = ("add" if weight > 0 else "sub", *tree, "mul", abs(weight), feature)
    if not tree:
        return (intercept,)
    if intercept == 0:
        return tree
    return ("add" if intercept > 0 else "sub", *tree, abs(intercept))

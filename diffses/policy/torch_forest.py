"""A forest as a torch module whose parameters are the constants."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from diffses.policy.expression import fold
from diffses.policy.forest import Forest
from diffses.policy.operators import OPERATORS


class TorchForest(nn.Module):
    """A forest with trainable constants.

    In float64 the scores equal `Forest.scores` bit for bit, with transcendental functions to
    4 ulp. Comparisons have gradient 0.

    Attributes:
        values: parameter (k,), the constants of all trees in the order of `Forest.constants()`.
    """

    def __init__(self, forest: Forest, dtype: torch.dtype = torch.float64) -> None:
        super().__init__()
        self._forest = forest
        self.values = nn.Parameter(torch.tensor(forest.constants().tolist(), dtype=dtype))
        self._numbered = _number_constants(forest)
        self._names = {token for tree in forest.trees for token in tree if isinstance(token, str)}

    def forward(self, rows: Tensor) -> Tensor:
        """Scores (n, trees) of rows (n, features): logits, or Box actions before the squashing.

        Raises:
            ValueError: for rows of another shape.
        """
        if rows.ndim != 2 or rows.shape[1] != len(self._forest.features):
            raise ValueError(
                f"want rows of shape (n, {len(self._forest.features)}), got {tuple(rows.shape)}"
            )
        columns = rows.to(self.values.dtype).unbind(dim=1)
        known = [value.expand(len(rows)) for value in self.values]
        functions = {name: OPERATORS[name].on(torch) for name in self._names}

        def leaf(token: int | float) -> Tensor:
            # in the numbered trees a constant is its index in `values`, as a float
            return columns[token] if isinstance(token, int) else known[int(token)]

        trees = [
            fold(tree, leaf, lambda name, below: functions[name](*below)) for tree in self._numbered
        ]
        scores = torch.stack(trees, dim=1)
        if torch.is_grad_enabled() and not scores.requires_grad:
            scores.requires_grad_()  # no score depends on a constant: let `backward` still run
        return scores

    def choose(self, rows: Tensor) -> Tensor:
        """The index of the highest tree, (n,); ties and NaN as in `forest.highest`."""
        scores = self(rows).detach()
        return torch.where(scores.isnan(), -torch.inf, scores).argmax(dim=1)

    def forest(self) -> Forest:
        """The forest with the present values of the constants."""
        return self._forest.with_constants(self.values.detach().double().tolist())


def _number_constants(forest: Forest) -> tuple[tuple[str | int | float, ...], ...]:
    return forest.with_constants([float(i) for i in range(len(forest.constants()))]).trees

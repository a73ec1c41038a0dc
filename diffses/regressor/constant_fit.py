"""Constant fine-tuning: trains a forest's constants towards the teacher's action distribution."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from diffses.policy.expression import Floats
from diffses.policy.forest import Forest
from diffses.policy.torch_forest import TorchForest
from diffses.regressor.targets import greedy_agreement


def fit_constants(forest: Forest, features: Floats, targets: Floats, steps: int) -> Forest:
    """Minimises KL(teacher || forest) over the constants; kept if the greedy agreement rises.

    Squared error weighs all states alike; the KL divergence weighs those where the teacher's
    choice is uncertain. For Box actions it is the KL divergence of two Gaussians of equal width:
    the squared error of the squashed actions. Minimised by L-BFGS on all rows; deterministic for
    any number of threads.

    Args:
        forest: the start.
        features: float64 (n, features).
        targets: the teacher's scores as logits, (n, actions).
        steps: maximum number of iterations; 0 returns the forest as it is.

    Returns:
        The forest with fitted constants, or `forest` if the fit fails or agrees no more often.
    """
    if steps == 0 or not len(forest.constants()):
        return forest
    with one_thread():
        module = TorchForest(forest)
        # copies, since the arrays joblib hands over may be read-only
        rows, teacher = torch.tensor(features), torch.tensor(targets)
        optimizer = torch.optim.LBFGS(
            module.parameters(), max_iter=steps, line_search_fn="strong_wolfe"
        )

        def closure() -> float:
            optimizer.zero_grad()
            if forest.bounds is None:
                loss = mean_kl(teacher, module(rows))
            else:
                loss = (torch.tanh(teacher) - torch.tanh(module(rows))).square().mean()
            loss.backward()  # type: ignore[no-untyped-call]
            return loss.item()

        optimizer.step(closure)  # type: ignore[no-untyped-call]
    if not np.isfinite(module.values.detach().numpy()).all():
        return forest
    fitted = module.forest()
    before, after = (greedy_agreement(each, features, targets) for each in (forest, fitted))
    return fitted if after > before else forest


def mean_kl(teacher: Tensor, student: Tensor) -> Tensor:
    """Mean over the rows of KL(softmax(teacher) || softmax(student)), in nats.

    sum_a p(a) (ln p(a) - ln q(a)). Source: Rusu et al. 2016, Policy Distillation,
    arXiv:1511.06295, at temperature 1.

    Args:
        teacher, student: logits, (n, actions) each.
    """
    log_p = torch.log_softmax(teacher, dim=1)
    log_q = torch.log_softmax(student, dim=1)
    return (log_p.exp() * (log_p - log_q)).sum(dim=1).mean()


@contextmanager
def one_thread() -> Iterator[None]:
    """Limits torch to one thread: the last bits of a sum depend on the number of threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)

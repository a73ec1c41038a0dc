"""Trains the constants of a forest towards the teacher's action distribution."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from diffses.policy.expression import Floats
from diffses.policy.forest import Forest
from diffses.policy.torch_forest import TorchForest
from diffses.regressor.targets import agreement


def polish(forest: Forest, features: Floats, targets: Floats, steps: int) -> Forest:
    """The forest with constants of a smaller KL(teacher || forest), if it then agrees more often.

    Squared error weighs all states alike; the divergence cares for those where the teacher's
    choice is at stake. For Box actions it is that of two Gaussians of equal width: the squared
    error of the squashed actions. Minimised by L-BFGS on all rows, deterministic whatever the
    number of threads.

    Args:
        forest: where to start.
        features: float64 (n, features).
        targets: the teacher's scores as logits, (n, actions).
        steps: iterations at most; 0 gives the forest back.
    """
    if steps == 0 or not len(forest.constants()):
        return forest
    with one_thread():
        module = TorchForest(forest)
        rows, wanted = torch.tensor(features), torch.tensor(targets)  # joblib's may be read-only
        optimizer = torch.optim.LBFGS(
            module.parameters(), max_iter=steps, line_search_fn="strong_wolfe"
        )

        def closure() -> float:
            optimizer.zero_grad()
            if forest.bounds is None:
                loss = divergence(wanted, module(rows))
            else:
                loss = (torch.tanh(wanted) - torch.tanh(module(rows))).square().mean()
            loss.backward()  # type: ignore[no-untyped-call]
            return loss.item()

        optimizer.step(closure)  # type: ignore[no-untyped-call]
    values = module.values.detach().numpy()
    if not np.isfinite(values).all():
        return forest
    polished = module.forest()
    better = agreement(polished, features, targets) > agreement(forest, features, targets)
    return polished if better else forest


def divergence(teacher: Tensor, student: Tensor) -> Tensor:
    """Mean of KL(softmax(teacher) || softmax(student)) over the rows, in nats; (n, actions) each.

    sum_a p(a) (ln p(a) - ln q(a)). Source: Rusu et al. 2016, Policy Distillation,
    arXiv:1511.06295, there with a temperature.
    """
    log_p = torch.log_softmax(teacher, dim=1)
    log_q = torch.log_softmax(student, dim=1)
    return (log_p.exp() * (log_p - log_q)).sum(dim=1).mean()


@contextmanager
def one_thread() -> Iterator[None]:
    """Keeps torch to one thread: the last bits of a sum depend on how many share it."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)

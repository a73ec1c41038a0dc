"""A forest as a torch module."""

import pickle

import numpy as np
import pytest
import torch

from diffses.policy.forest import Forest
from diffses.policy.torch_forest import TorchForest

FEATURES = ("a", "b", "c", "d", "e")


def forest_of(*trees):
    names = tuple(f"A{i}" for i in range(len(trees)))
    return Forest(FEATURES, names, tuple(range(len(trees))), trees)


def test_a_gradient_step_changes_the_tree():
    # loss = (0.5*a + 2*2 - b)**2 at a = 2, b = 1 is 16; d/d(0.5) = 2*4*2 = 16, d/d(2) = 2*4*2 = 16
    module = TorchForest(forest_of(("sub", "add", "mul", 0.5, 0, "mul", 2.0, 2.0, 1)))
    rows = torch.tensor([[2.0, 1.0, 0, 0, 0]], dtype=torch.float64)
    (module(rows) ** 2).sum().backward()
    assert module.values.grad.tolist() == [16.0, 16.0, 16.0]
    torch.optim.SGD(module.parameters(), lr=0.01).step()
    tuned = module.forest()
    np.testing.assert_allclose(tuned.constants(), [0.34, 1.84, 1.84])
    assert tuned.scores(rows.numpy())[0, 0] == module(rows)[0, 0].item()


def test_gradients_are_finite_for_every_operator(trees, finite_rows):
    module = TorchForest(forest_of(*trees))
    with torch.no_grad():
        scores = module(torch.from_numpy(finite_rows))
    tame = scores.isfinite().all(dim=0)  # a product of 160s may overflow: that is no fault
    assert tame.float().mean() > 0.8
    kept = forest_of(*(tree for tree, ok in zip(trees, tame, strict=True) if ok))
    module = TorchForest(kept)
    torch.tanh(module(torch.from_numpy(finite_rows))).sum().backward()
    assert module.values.grad.isfinite().all()


def test_gradcheck_through_a_forest():
    forest = forest_of(
        ("div", "mul", 0.7, 0, "add", 1.3, "abs", 1), ("max", "tanh", "mul", 0.4, 2, "log", 3)
    )
    module = TorchForest(forest)
    rows = torch.from_numpy(np.random.default_rng(0).normal(size=(4, 5)))

    def scores(values):
        return torch.func.functional_call(module, {"values": values}, (rows,))

    assert torch.autograd.gradcheck(scores, module.values)


def test_a_forest_that_no_constant_moves_still_runs_backward():
    module = TorchForest(forest_of(("is_right_of", 0, 0.5), (1,)))
    module(torch.zeros(3, 5, dtype=torch.float64)).sum().backward()
    assert module.values.grad is None


def test_a_forest_without_constants():
    module = TorchForest(forest_of((0,), (1,)))
    assert module.values.shape == (0,)
    assert module.forest() == forest_of((0,), (1,))


def test_constants_come_back_at_full_precision():
    forest = forest_of((0.1 + 0.2,), ("add", 0, 1e-17))
    assert TorchForest(forest).forest() == forest


def test_float32_states_are_taken():
    module = TorchForest(forest_of(("mul", 2.0, 0)))
    assert module(torch.ones(2, 5)).dtype == torch.float64
    assert TorchForest(module.forest(), torch.float32)(torch.ones(2, 5)).dtype == torch.float32


def test_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match=r"\(n, 5\)"):
        TorchForest(forest_of((0,)))(torch.zeros(2, 4))


def test_a_module_survives_pickling():
    module = TorchForest(forest_of(("mul", 2.0, 0)))
    assert pickle.loads(pickle.dumps(module)).forest() == module.forest()

"""Every operator, on the inputs that break operators."""

import itertools

import numpy as np
import pytest
import torch

from diffses.policy.operators import EPS, OPERATORS, Operator, split_template

EDGES = np.array([-160.0, -1.0, -EPS, -EPS / 2, -0.0, 0.0, 1e-300, EPS / 2, EPS, 1.0, 160.0])
COMPARISONS = ("is_right_of", "is_left_of", "is_above", "is_below")


def grid(arity):
    """Combinations of the edge values, one array an argument; all of them up to two arguments."""
    columns = np.array(list(itertools.product(EDGES, repeat=arity))).T
    return [np.ascontiguousarray(column) for column in columns]


@pytest.fixture(params=OPERATORS.values(), ids=OPERATORS.keys())
def operator(request):
    return request.param


def test_numpy_and_torch_agree(operator):
    args = grid(operator.arity)
    actual = operator.on(torch)(*map(torch.from_numpy, args))
    np.testing.assert_array_max_ulp(actual.numpy(), operator.on(np)(*args), maxulp=4)


def test_values_and_gradients_are_finite(operator):
    args = [torch.from_numpy(a).requires_grad_() for a in grid(operator.arity)]
    value = operator.on(torch)(*args)
    assert value.isfinite().all()
    if value.requires_grad:  # a comparison has none
        value.sum().backward()
    assert all(a.grad is None or a.grad.isfinite().all() for a in args)
    assert value.requires_grad == (operator.name not in COMPARISONS)


def test_gradient_matches_a_finite_difference(operator):
    args = [
        torch.tensor([0.7 + i, -1.3 + i], dtype=torch.float64, requires_grad=True)
        for i in range(operator.arity)
    ]
    if operator.name in COMPARISONS:
        assert not operator.on(torch)(*args).requires_grad
    else:
        assert torch.autograd.gradcheck(operator.on(torch), args)


@pytest.mark.parametrize(
    ("name", "args", "expected"),
    [
        ("div", (6.0, 3.0), 2.0),
        ("div", (6.0, 0.0), 1.0),
        ("div", (6.0, EPS), 1.0),
        ("div", (6.0, -2 * EPS), -3000.0),
        ("log", (-np.e,), 1.0),
        ("log", (0.0,), 0.0),
        ("sqrt", (-9.0,), 3.0),
        ("sqrt", (EPS * EPS,), 0.0),
        ("max", (2.0, 3.0), 3.0),
        ("min", (2.0, 3.0), 2.0),
        ("is_right_of", (2.0, 1.0), 1.0),
        ("is_right_of", (1.0, 1.0), 0.0),
        ("is_left_of", (1.0, 2.0), 1.0),
        ("is_above", (1.0, 2.0), 1.0),  # a smaller y is higher on the screen
        ("is_below", (1.0, 2.0), 0.0),
        ("logical", (2.0, 1.0, 10.0, 20.0), 10.0),
        ("logical", (1.0, 1.0, 10.0, 20.0), 20.0),
    ],
)
def test_value_by_hand(name, args, expected):
    actual = OPERATORS[name].on(np)(*(np.array([a]) for a in args))
    np.testing.assert_allclose(actual, [expected])


@pytest.mark.parametrize("name", ["max", "min"])
def test_max_and_min_propagate_nan(name):
    a = np.array([np.nan, 1.0, np.nan])
    b = np.array([1.0, np.nan, np.nan])
    assert np.isnan(OPERATORS[name].on(np)(a, b)).all()


def one(xp):
    return lambda a: a


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("bad", 2, one, "bad(%s)"), "does not show 2"),
        (("bad", 1, one, "", r"\bad{%s}{%s}"), "does not show 1"),
        (("bad", 1, one, "", r"\bad{%2$s}"), "does not show 1"),
        (("bad", 2, one), "does not take 2"),
        (("bad", 0, one), "no operator"),
        (("x3", 1, one), "no operator"),  # the stored name of feature 3
        (("a b", 1, one), "no operator"),
        (("bad", 1, one, "~%s"), "cannot be parsed"),
        (("bad", 1, lambda xp: lambda a: 1 / xp.where(a < 0, a, a + 2) * xp.inf), "the value at"),
        (("bad", 1, lambda xp: lambda a: a.sum()), "the value at"),
    ],
)
def test_an_operator_is_checked_when_made(arguments, problem):
    with pytest.raises(ValueError, match=problem):
        Operator(*arguments)


def test_an_operator_prints_as_a_call_by_default():
    operator = Operator("my_own", 1, one)
    assert operator.text == "my_own(%s)"
    assert operator.latex == r"\mathrm{my\_own}\left(%s\right)"


def test_a_template_may_show_its_arguments_in_another_order():
    assert split_template("%s > %s") == (["", " > ", ""], [0, 1])
    assert split_template("f(%2$s; %1$s)") == (["f(", "; ", ")"], [1, 0])


def test_the_label_of_a_node():
    labels = [OPERATORS[name].label for name in ("add", "sub", "neg", "max")]
    assert labels == ["+", "\N{MINUS SIGN}", "\N{MINUS SIGN}", "max"]
    assert OPERATORS["mul"].label == "\N{MULTIPLICATION SIGN}"
    assert OPERATORS["div"].label == "\N{DIVISION SIGN}"

"""The names an operator's body may take from `xp`, for one float64 at a time, compiled.

numba's own `numpy.where` makes an array of scalars, so a body is given this module where the
reference gives it `numpy` and the gradient gives it `torch`. To offer bodies one more name, add
it here; it must exist in numpy and in torch under the same name and mean the same.
"""

from __future__ import annotations

import math

from numba import njit


@njit(error_model="numpy")
def where(condition, a, b):  # type: ignore[no-untyped-def]
    return a if condition else b


@njit(error_model="numpy")
def abs(a):  # type: ignore[no-untyped-def]
    return math.fabs(a)


@njit(error_model="numpy")
def ones_like(a):  # type: ignore[no-untyped-def]
    return 1.0


@njit(error_model="numpy")
def zeros_like(a):  # type: ignore[no-untyped-def]
    return 0.0


@njit(error_model="numpy")
def sqrt(a):  # type: ignore[no-untyped-def]
    return math.sqrt(a)


@njit(error_model="numpy")
def log(a):  # type: ignore[no-untyped-def]
    return math.log(a)


@njit(error_model="numpy")
def exp(a):  # type: ignore[no-untyped-def]
    return math.exp(a)


@njit(error_model="numpy")
def tanh(a):  # type: ignore[no-untyped-def]
    return math.tanh(a)


@njit(error_model="numpy")
def sin(a):  # type: ignore[no-untyped-def]
    return math.sin(a)


@njit(error_model="numpy")
def cos(a):  # type: ignore[no-untyped-def]
    return math.cos(a)

"""The functions of `xp` for one float64 at a time, compiled: what operators' bodies may call.

A body gets this module as `xp` where the reference evaluator passes `numpy` and the gradient
passes `torch` (numba's `numpy.where` makes an array of scalars). To let bodies call one more
function, add it here; numpy and torch must have it under the same name and meaning.
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
def tanh(a):  # type: ignore[no-untyped-def]
    return math.tanh(a)

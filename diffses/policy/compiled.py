"""Fast evaluation of forests: one forest on one row, as in play, or many trees on many rows.

Trees are turned into opcodes for the interpreter of `bytecode.py`; a new forest needs no
compilation. Values equal the numpy reference: bit for bit for arithmetic, min, max and
comparisons (no fastmath), to 4 ulp for the transcendental functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from diffses.policy.bytecode import BLOCK, FEATURE_OPCODE, interpreter
from diffses.policy.expression import Expression, Floats
from diffses.policy.forest import Forest

Codes = NDArray[np.int32]
Starts = NDArray[np.int64]


class Program(NamedTuple):
    """Trees as opcodes in flat arrays, a few hundred bytes."""

    code: Codes
    constants: Floats
    starts: Starts  # tree t is code[starts[t]:starts[t + 1]]
    depth: int  # maximum number of values on the stack


def flatten(trees: Sequence[Expression]) -> Program:
    """The program of trees; its constants are in the order of `Forest.constants()`."""
    opcodes = {name: index for index, name in enumerate(interpreter().names)}
    code: list[int] = []
    constants: list[float] = []
    starts = [0]
    for tree in trees:
        constants += [token for token in tree if isinstance(token, float)]
        number = -1 - len(constants)
        for token in reversed(tree):
            if isinstance(token, str):
                code.append(opcodes[token])
            elif isinstance(token, int):
                code.append(FEATURE_OPCODE + token)
            else:
                number += 1
                code.append(number)
        starts.append(len(code))
    longest = max((int(size) for size in np.diff(starts)), default=1)
    return Program(
        np.array(code, np.int32), np.array(constants, np.float64), np.array(starts), longest
    )


class Compiled:
    """A forest for evaluation row by row.

    It owns the stack of its program: use one instance per thread.
    """

    def __init__(self, forest: Forest) -> None:
        self.forest = forest
        self.code, self.constants, self.starts, depth = flatten(forest.trees)
        self.stack = np.empty(depth)
        self.out = np.empty(len(forest.trees))
        self._interpreter = interpreter()
        self._width = len(forest.features)

    def __reduce__(self) -> tuple[object, ...]:
        return Compiled, (self.forest,)

    def choose_one(self, row: Floats) -> int:
        """The index of the highest tree on one row, float64 (features,); as `forest.highest`."""
        if row.shape != (self._width,):
            raise ValueError(f"want a row of shape ({self._width},), got {row.shape}")
        chosen: int = self._interpreter.choose(
            self.code, self.constants, self.starts, row, self.stack, self.out
        )
        return chosen

    def scores_one(self, row: Floats) -> Floats:
        """The value of each tree on one row, (features,) to (trees,); reused by the next call."""
        if row.shape != (self._width,):
            raise ValueError(f"want a row of shape ({self._width},), got {row.shape}")
        self._interpreter.scores(self.code, self.constants, self.starts, row, self.stack, self.out)
        return self.out

    def scores(self, rows: Floats) -> Floats:
        """As `Forest.scores`: float64 (n, features) to (n, trees)."""
        return Batch(rows).scores(self.forest.trees).T

    def choose(self, rows: Floats) -> NDArray[np.int64]:
        """As `Forest.choose`: float64 (n, features) to (n,)."""
        rows = np.ascontiguousarray(rows, dtype=np.float64)
        if rows.ndim != 2 or rows.shape[1] != self._width:
            raise ValueError(f"want rows of shape (n, {self._width}), got {rows.shape}")
        chosen = np.empty(len(rows), np.int64)
        self._interpreter.choose_rows(
            self.code, self.constants, self.starts, rows, self.stack, self.out, chosen
        )
        return chosen


class Batch:
    """Evaluates many trees on the same rows.

    Args:
        rows: float64 (n, features); copied to contiguous columns.
        threads: number of threads that share the rows.
    """

    def __init__(self, rows: Floats, threads: int = 1) -> None:
        self._columns = np.ascontiguousarray(np.asarray(rows, dtype=np.float64).T)
        if self._columns.ndim != 2:
            raise ValueError(f"want rows of shape (n, features), got {np.shape(rows)}")
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads) if threads > 1 else None

    def scores(self, trees: Sequence[Expression], out: Floats | None = None) -> Floats:
        """The value of each tree on each row, float64 (trees, n).

        Args:
            trees: complete ones (`expression.check_tree`) over the features of the rows.
            out: array for the result, to save the allocation.

        Raises:
            ValueError: if a tree uses another feature or `out` has another shape.
        """
        width, n = self._columns.shape
        out = np.empty((len(trees), n)) if out is None else out
        if out.shape != (len(trees), n):
            raise ValueError(f"want out of shape {(len(trees), n)}, got {out.shape}")
        code, constants, starts, depth = flatten(trees)
        if len(code) and code.max() - FEATURE_OPCODE >= width:
            raise ValueError(
                f"a tree uses feature {code.max() - FEATURE_OPCODE}; there are {width}"
            )
        blocks = interpreter().blocks
        arguments = (code, constants, starts, depth, self._columns)
        if self._pool is None:
            blocks(*arguments, 0, n, out)
            return out
        pieces = [(first, min(first + 8 * BLOCK, n)) for first in range(0, n, 8 * BLOCK)]
        list(self._pool.map(lambda piece: blocks(*arguments, *piece, out), pieces))
        return out

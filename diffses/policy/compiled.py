"""Forests compiled: one on one row as in play, many trees on many rows as in a search.

A tree becomes a row of opcodes, which loops made once for all trees work out (`machine.py`);
nothing is compiled for a new forest. Values equal the numpy reference: bit for bit for
arithmetic, min, max and comparisons (no fastmath), to 4 ulp for the transcendental functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from diffses.policy.bytecode import BLOCK, FEATURE, machine
from diffses.policy.expression import Expression, Floats
from diffses.policy.forest import Forest

Codes = NDArray[np.int32]
Starts = NDArray[np.int64]


class Program(NamedTuple):
    """Trees as flat arrays; one job's program is a few hundred bytes."""

    code: Codes
    constants: Floats
    starts: Starts  # tree t is code[starts[t]:starts[t + 1]]
    depth: int  # values on the stack at most


def flatten(trees: Sequence[Expression]) -> Program:
    """The program of some trees, its constants in the order of `Forest.constants()`."""
    opcodes = {name: index for index, name in enumerate(machine().names)}
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
                code.append(FEATURE + token)
            else:
                number += 1
                code.append(number)
        starts.append(len(code))
    longest = max((int(size) for size in np.diff(starts)), default=1)
    return Program(
        np.array(code, np.int32), np.array(constants, np.float64), np.array(starts), longest
    )


class Compiled:
    """A forest ready to play.

    It owns the scratch space of its program: use one instance a thread.
    """

    def __init__(self, forest: Forest) -> None:
        self.forest = forest
        self.code, self.constants, self.starts, depth = flatten(forest.trees)
        self.stack = np.empty(depth)
        self.out = np.empty(len(forest.trees))
        self._machine = machine()
        self._width = len(forest.features)

    def __reduce__(self) -> tuple[object, ...]:
        return Compiled, (self.forest,)

    def choose_one(self, row: Floats) -> int:
        """The tree that scores highest on one row, float64 (features,); as `forest.highest`."""
        if row.shape != (self._width,):
            raise ValueError(f"want a row of shape ({self._width},), got {row.shape}")
        chosen: int = self._machine.choose(
            self.code, self.constants, self.starts, row, self.stack, self.out
        )
        return chosen

    def scores_one(self, row: Floats) -> Floats:
        """What each tree says of one row, (features,) to (trees,); the next call overwrites it."""
        if row.shape != (self._width,):
            raise ValueError(f"want a row of shape ({self._width},), got {row.shape}")
        self._machine.scores(self.code, self.constants, self.starts, row, self.stack, self.out)
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
        self._machine.choose_rows(
            self.code, self.constants, self.starts, rows, self.stack, self.out, chosen
        )
        return chosen


class Batch:
    """Many trees on the same rows: fitness in a search, agreement on a data set.

    Args:
        rows: float64 (n, features); kept once, turned so that a feature lies in one piece.
        threads: to share the rows among.
    """

    def __init__(self, rows: Floats, threads: int = 1) -> None:
        self._columns = np.ascontiguousarray(np.asarray(rows, dtype=np.float64).T)
        if self._columns.ndim != 2:
            raise ValueError(f"want rows of shape (n, features), got {np.shape(rows)}")
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads) if threads > 1 else None

    def scores(self, trees: Sequence[Expression], out: Floats | None = None) -> Floats:
        """The value of each tree in each row, float64 (trees, n).

        Args:
            trees: over the features of the rows; whole ones (`expression.check`).
            out: where to write them, to spare the allocation.
        """
        width, n = self._columns.shape
        out = np.empty((len(trees), n)) if out is None else out
        if out.shape != (len(trees), n):
            raise ValueError(f"want out of shape {(len(trees), n)}, got {out.shape}")
        code, constants, starts, depth = flatten(trees)
        if len(code) and code.max() - FEATURE >= width:
            raise ValueError(f"a tree uses feature {code.max() - FEATURE}; there are {width}")
        blocks = machine().blocks
        arguments = (code, constants, starts, depth, self._columns)
        if self._pool is None:
            blocks(*arguments, 0, n, out)
            return out
        pieces = [(first, min(first + 8 * BLOCK, n)) for first in range(0, n, 8 * BLOCK)]
        list(self._pool.map(lambda piece: blocks(*arguments, *piece, out), pieces))
        return out

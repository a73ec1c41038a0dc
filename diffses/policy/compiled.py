"""Forests compiled: one on one row as in play, many trees on many rows as in a search.

A tree becomes a row of opcodes in reverse prefix order, so that a plain loop with a stack works
it out. The loops are generated from `OPERATORS`, whose bodies they inline; nothing is compiled
for a new forest. Values equal the numpy reference: bit for bit for arithmetic, min, max and
comparisons (no fastmath), to 4 ulp for the transcendental functions.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from types import CodeType
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from diffses.policy import operators, scalar
from diffses.policy.expression import Expression, Floats
from diffses.policy.forest import Forest
from diffses.policy.operators import OPERATORS, Operator

FEATURE = 1 << 16  # opcode FEATURE + j is feature j, -1 - i is constant i, the rest operators
BLOCK = 256  # rows worked on at a time: a block of all features and temporaries stays in cache

Codes = NDArray[np.int32]
Starts = NDArray[np.int64]


class Machine(NamedTuple):
    """The compiled loops for one set of operators; callable from other compiled code.

    scores(code, constants, starts, row, stack, out): fills out (trees,) for one row (features,).
    choose(code, constants, starts, row, stack, out) -> int: the same, and the highest tree.
    choose_rows(code, constants, starts, rows, stack, out, chosen): one after another, fills
        chosen (n,) int64.
    blocks(code, constants, starts, depth, columns, first, last, out): fills out[:, first:last]
        for the rows first to last of columns (features, n).

    All release the GIL and cache what they compile. A caller that is compiled with `cache=True`
    keeps the operators' bodies as they were: remove its cache after an edit of `operators.py`.
    """

    scores: Any
    choose: Any
    choose_rows: Any
    blocks: Any
    names: tuple[str, ...]  # of the operators, by opcode


def machine() -> Machine:
    """The machine for the operators as they are registered now."""
    return _machine(tuple(OPERATORS.values()))


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
    longest = max(int(size) for size in np.diff(starts))
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
            trees: over the features of the rows.
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


# --- how the loops are made ---------------------------------------------------------------------


@cache
def _machine(available: tuple[Operator, ...]) -> Machine:
    mark = fingerprint(available)
    names: dict[str, Any] = {"np": np, "FEATURE": FEATURE, "BLOCK": BLOCK}
    names["__name__"] = __name__
    for index, operator in enumerate(available):
        names[f"f{index}"] = njit(error_model="numpy")(operator.on(scalar))
    made = {}
    for loop, source in _sources(available).items():
        # numba caches by file, name and bytecode, and looks at the file's time: with the file of
        # the bodies and their fingerprint in the name, an edited operator is compiled again
        text = source.replace("MARK", mark)
        exec(compile(text, operators.__file__, "exec"), names)
        made[loop] = njit(error_model="numpy", nogil=True, cache=True)(names[f"{loop}_{mark}"])
        names[f"{loop}_{mark}"] = made[loop]
    return Machine(**made, names=tuple(operator.name for operator in available))


def fingerprint(available: Sequence[Operator]) -> str:
    """12 hex digits of the bodies' bytecode, constants and numeric globals."""
    digest = hashlib.sha256()
    for operator in available:
        digest.update(f"{operator.name}/{operator.arity}".encode())
        _digest_code(digest, operator.body.__code__, operator.body.__globals__)
    return digest.hexdigest()[:12]


def _digest_code(digest: Any, code: CodeType, names: dict[str, Any]) -> None:
    digest.update(code.co_code)
    digest.update(repr(code.co_names).encode())
    for name in code.co_names:
        if isinstance(names.get(name), int | float):
            digest.update(repr(names[name]).encode())
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            _digest_code(digest, constant, names)
        else:
            digest.update(repr(constant).encode())


def _sources(available: Sequence[Operator]) -> dict[str, str]:
    return {
        "scores": _with_cases(_SCORES, available, _one_row),
        "choose": _CHOOSE,
        "choose_rows": _CHOOSE_ROWS,
        "blocks": _with_cases(_BLOCKS, available, _one_block),
    }


def _with_cases(
    source: str, available: Sequence[Operator], case: Callable[[int, Operator], list[str]]
) -> str:
    """Puts an `elif` for each opcode in place of CASES; LLVM makes one jump table of them."""
    lines = []
    for index, operator in enumerate(available):
        lines.append(f"elif c == {index}:")
        lines += [f"    {line}" for line in case(index, operator)]
    before, _, after = source.partition("CASES")
    margin = before[before.rindex("\n") :]
    return before + margin.join(lines) + after


def _one_row(index: int, operator: Operator) -> list[str]:
    taken = ", ".join(f"stack[top - {1 + k}]" for k in range(operator.arity))
    lines = [f"stack[top - {operator.arity}] = f{index}({taken})"]
    return lines + ([f"top -= {operator.arity - 1}"] if operator.arity > 1 else [])


def _one_block(index: int, operator: Operator) -> list[str]:
    loads = [f"a{k} = work[refs[top - {1 + k}]]" for k in range(operator.arity)]
    taken = ", ".join(f"a{k}[k]" for k in range(operator.arity))
    release = []
    for k in range(operator.arity):
        release += [
            f"if refs[top - {1 + k}] >= width:",
            "    free += 1",
            f"    spare[free] = refs[top - {1 + k}]",
        ]
    return [
        *loads,
        f"for k in range(m): o[k] = f{index}({taken})",
        *release,
        f"top -= {operator.arity}",
    ]


_SCORES = """
def scores_MARK(code, constants, starts, row, stack, out):
    for t in range(starts.size - 1):
        top = 0
        for i in range(starts[t], starts[t + 1]):
            c = code[i]
            if c >= FEATURE:
                stack[top] = row[c - FEATURE]
                top += 1
            elif c < 0:
                stack[top] = constants[-1 - c]
                top += 1
            CASES
        out[t] = stack[0]
"""

_CHOOSE = """
def choose_MARK(code, constants, starts, row, stack, out):
    scores_MARK(code, constants, starts, row, stack, out)
    chosen = 0
    high = -np.inf
    for t in range(starts.size - 1):
        if out[t] > high:  # never true of NaN
            high = out[t]
            chosen = t
    return chosen
"""

_CHOOSE_ROWS = """
def choose_rows_MARK(code, constants, starts, rows, stack, out, chosen):
    for n in range(rows.shape[0]):
        chosen[n] = choose_MARK(code, constants, starts, rows[n], stack, out)
"""

# A value on the stack is the number of the slot it lies in: a feature's, or a temporary's. An
# operator never writes into a slot it reads, so that LLVM may vectorise its loop.
_BLOCKS = """
def blocks_MARK(code, constants, starts, depth, columns, first, last, out):
    width = columns.shape[0]
    work = np.empty((width + depth + 2, BLOCK))
    refs = np.empty(depth + 1, np.uint64)
    spare = np.empty(depth + 2, np.uint64)
    for begin in range(first, last, BLOCK):
        m = min(BLOCK, last - begin)
        for j in range(width):
            for k in range(m): work[j, k] = columns[j, begin + k]
        for t in range(starts.size - 1):
            free = depth + 1
            for s in range(depth + 2):
                spare[s] = width + s
            top = 0
            for i in range(starts[t], starts[t + 1]):
                c = code[i]
                if c >= FEATURE:
                    refs[top] = c - FEATURE
                    top += 1
                    continue
                slot = spare[free]
                free -= 1
                o = work[slot]
                if c < 0:
                    for k in range(m): o[k] = constants[-1 - c]
                CASES
                refs[top] = slot
                top += 1
            for k in range(m): out[t, begin + k] = work[refs[0], k]
"""

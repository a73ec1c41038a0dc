"""The compiled loops that work trees out, generated from `OPERATORS`, whose bodies they inline.

A tree is a row of opcodes in reverse prefix order: leaves push a value, an operator takes its
arguments from the top of the stack, the first topmost, and pushes its result.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from types import CodeType
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from diffses.policy import operators
from diffses.policy import scalar_ops as scalar
from diffses.policy.operators import OPERATORS, Operator

FEATURE = 1 << 16  # opcode FEATURE + j is feature j, -1 - i is constant i, the rest operators
BLOCK = 256  # rows worked on at a time: a block of all features and temporaries stays in cache


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
    return _machine(tuple(OPERATORS[name] for name in sorted(OPERATORS)))


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
    """12 hex digits of all that decides the compiled code: the bodies' bytecode, constants and
    numeric globals, what they are given for `xp`, and the loops around them."""
    digest = hashlib.sha256()
    for file in (scalar.__file__, __file__):
        digest.update(Path(file).read_bytes())
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
    free = depth + 1
    for s in range(depth + 2):
        spare[s] = width + s
    for begin in range(first, last, BLOCK):
        m = min(BLOCK, last - begin)
        for j in range(width):
            for k in range(m): work[j, k] = columns[j, begin + k]
        for t in range(starts.size - 1):
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
            if refs[0] >= width:
                free += 1
                spare[free] = refs[0]
"""

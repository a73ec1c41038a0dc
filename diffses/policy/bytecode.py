"""A bytecode interpreter of trees, compiled by numba, with the operators' bodies inlined.

A tree is compiled to opcodes in reverse prefix order, which run on a stack: a leaf pushes its
value, an operator pops its arguments (the first on top) and pushes its result.

    tree      ("add", "mul", 0.5, 3, 0)          0.5*x3 + x0, prefix order
                     |  compiled.flatten
    code      [x0, x3, 0.5, mul, add]            constants [0.5], opcodes int32
                     |  Interpreter.scores
    stack     x0 | x0 x3 | x0 x3 0.5 | x0 (0.5*x3) | (0.5*x3 + x0)

The loops themselves are generated, once per set of operators:

    OPERATORS  --_sources-->  Python source of a loop with one `elif c == opcode` per operator
               --exec, njit-->  Interpreter (machine code, cached on disk by numba)

New trees therefore need no compilation; new operators do. The generated functions are compiled
under the file name of `operators.py`, since numba invalidates its cache by that file's time, and
carry the fingerprint of the operators in their names (FINGERPRINT below).
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

# opcodes: FEATURE_OPCODE + j is feature j, -1 - i is constant i, the others are operators
FEATURE_OPCODE = 1 << 16
BLOCK = 256  # rows evaluated at a time, so that features and temporaries stay in the CPU's cache


class Interpreter(NamedTuple):
    """The compiled loops for one set of operators; callable from other compiled code.

    The first arguments are those of a `compiled.Program`.

    scores(code, constants, starts, row, stack, out): evaluates one row (features,) into out
        (trees,).
    choose(code, constants, starts, row, stack, out) -> int: the same; the index of the highest.
    choose_rows(code, constants, starts, rows, stack, out, chosen): `choose` of each row into
        chosen, int64 (n,).
    blocks(code, constants, starts, depth, columns, first, last, out): evaluates rows first to
        last of columns (features, n) into out[:, first:last], block by block.

    All release the GIL. A caller that is itself compiled with `cache=True` keeps the operators'
    former bodies: delete its cache after an edit of `operators.py`.
    """

    scores: Any
    choose: Any
    choose_rows: Any
    blocks: Any
    names: tuple[str, ...]  # of the operators, by opcode


def interpreter() -> Interpreter:
    """The interpreter for the operators that are registered now."""
    return _interpreter(tuple(OPERATORS[name] for name in sorted(OPERATORS)))


@cache
def _interpreter(available: tuple[Operator, ...]) -> Interpreter:
    mark = fingerprint(available)
    names: dict[str, Any] = {"np": np, "FEATURE_OPCODE": FEATURE_OPCODE, "BLOCK": BLOCK}
    names["__name__"] = __name__
    for index, operator in enumerate(available):
        names[f"f{index}"] = njit(error_model="numpy")(operator.on(scalar))
    made = {}
    for loop, source in _sources(available).items():
        # numba's cache is keyed by file, name and bytecode and checks the file's time. The file
        # name of the bodies and their fingerprint make it compile an edited operator again.
        text = source.replace("FINGERPRINT", mark)
        exec(compile(text, operators.__file__, "exec"), names)
        made[loop] = njit(error_model="numpy", nogil=True, cache=True)(names[f"{loop}_{mark}"])
        names[f"{loop}_{mark}"] = made[loop]
    return Interpreter(**made, names=tuple(operator.name for operator in available))


def fingerprint(available: Sequence[Operator]) -> str:
    """12 hex digits of everything the compiled code depends on: the bodies' bytecode, constants and
    numeric globals, the functions of `scalar_ops`, and the loops of this file."""
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
        "scores": _with_cases(_SCORES_SOURCE, available, _one_row),
        "choose": _CHOOSE_SOURCE,
        "choose_rows": _CHOOSE_ROWS_SOURCE,
        "blocks": _with_cases(_BLOCKS_SOURCE, available, _one_block),
    }


def _with_cases(
    source: str, available: Sequence[Operator], case: Callable[[int, Operator], list[str]]
) -> str:
    """Replaces CASES by an `elif` per operator, of which LLVM makes one jump table."""
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


_SCORES_SOURCE = """
def scores_FINGERPRINT(code, constants, starts, row, stack, out):
    for t in range(starts.size - 1):
        top = 0
        for i in range(starts[t], starts[t + 1]):
            c = code[i]
            if c >= FEATURE_OPCODE:
                stack[top] = row[c - FEATURE_OPCODE]
                top += 1
            elif c < 0:
                stack[top] = constants[-1 - c]
                top += 1
            CASES
        out[t] = stack[0]
"""

_CHOOSE_SOURCE = """
def choose_FINGERPRINT(code, constants, starts, row, stack, out):
    scores_FINGERPRINT(code, constants, starts, row, stack, out)
    chosen = 0
    high = -np.inf
    for t in range(starts.size - 1):
        if out[t] > high:  # never true of NaN
            high = out[t]
            chosen = t
    return chosen
"""

_CHOOSE_ROWS_SOURCE = """
def choose_rows_FINGERPRINT(code, constants, starts, rows, stack, out, chosen):
    for n in range(rows.shape[0]):
        chosen[n] = choose_FINGERPRINT(code, constants, starts, rows[n], stack, out)
"""

# Evaluates a block of rows per opcode. The stack `refs` holds rows of `work`: below `width` a
# feature, above a temporary. `spare[:free + 1]` are the free temporaries. An operator never writes
# to a row that it reads, so that LLVM can vectorise its loop.
_BLOCKS_SOURCE = """
def blocks_FINGERPRINT(code, constants, starts, depth, columns, first, last, out):
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
                if c >= FEATURE_OPCODE:
                    refs[top] = c - FEATURE_OPCODE
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

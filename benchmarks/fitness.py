"""The compiled evaluator against gplearn's own, on the same trees."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from gplearn._program import _Program
from gplearn.fitness import _fitness_map
from gplearn.functions import _function_map

from benchmarks.rows import Effort, Row, compared, in_turn
from diffses.policy.compiled import Batch, Compiled
from diffses.policy.expression import Expression, Floats
from diffses.policy.forest import Forest
from diffses.regressor.gplearn import to_expression

OPERATORS = ("add", "sub", "mul", "div", "min", "max")
TREES, ROWS, FEATURES = 200, 20_000, 12
DEPTH = (2, 6)
ACTIONS = 6  # trees of the forest at play
SEED = 0
MICRO = 1e6


def programs(count: int = TREES) -> list[Any]:
    """gplearn's first generation: half-and-half trees of depth 2 to 6, the same every time."""
    random = np.random.RandomState(SEED)  # gplearn takes no other kind
    functions = [_function_map[name] for name in OPERATORS]
    arities: dict[int, list[Any]] = {}
    for function in functions:
        arities.setdefault(function.arity, []).append(function)
    return [
        _Program(
            function_set=functions,
            arities=arities,
            init_depth=DEPTH,
            init_method="half and half",
            n_features=FEATURES,
            const_range=(-1.0, 1.0),
            metric=_fitness_map["mean absolute error"],
            p_point_replace=0.05,
            parsimony_coefficient=0.001,
            random_state=random,
        )
        for _ in range(count)
    ]


def data(rows: int = ROWS) -> Floats:
    """Rows of normal numbers, float64 (rows, 12)."""
    return np.random.default_rng(SEED).normal(size=(rows, FEATURES))


def check(ours: Floats, theirs: Floats) -> None:
    """Raises AssertionError unless both evaluators gave the same numbers, bit for bit."""
    np.testing.assert_array_equal(ours, theirs)


def rate(work: Callable[[], object], seconds: float) -> float:
    """How often a second `work` gets done, over `seconds` or more."""
    count, started = 0, time.perf_counter()
    while True:
        work()
        count += 1
        passed = time.perf_counter() - started
        if passed >= seconds:
            return count / passed


def fitness(effort: Effort, threads: str) -> list[Row]:
    """200 trees on 20,000 rows: ours on `threads` threads against gplearn's `execute`."""
    rows, made = data(), programs()
    trees: list[Expression] = [to_expression(one.program) for one in made]
    batch, out = Batch(rows, int(threads)), np.empty((len(trees), len(rows)))

    def theirs() -> list[Floats]:
        return [one.execute(rows) for one in made]

    check(batch.scores(trees, out), np.stack(theirs()))
    seconds = effort.seconds / 2
    pairs = in_turn(
        lambda: rate(lambda: batch.scores(trees, out), seconds),
        lambda: rate(theirs, seconds),
        effort.turns,
    )
    work = sum(map(len, trees)) * len(rows) * 1e-6  # million nodes in a row
    scaled = [(mine * work, other * work) for mine, other in pairs]
    name = "fitness" if int(threads) == 2 else "fitness_1_thread"
    return [compared(name, scaled, bar=5.0 if name == "fitness" else None, unit="M node-rows/s")]


def fitness_play(effort: Effort) -> list[Row]:
    """A forest on one row after the other: the compiled chooser against gplearn's `execute`."""
    rows, made = data(1000), programs(ACTIONS)
    trees = tuple(to_expression(one.program) for one in made)
    names = tuple(f"x{i}" for i in range(FEATURES))
    actions = tuple(f"A{i}" for i in range(ACTIONS))
    player = Compiled(Forest(names, actions, tuple(range(ACTIONS)), trees))

    def ours() -> list[int]:
        return [player.choose_one(row) for row in rows]

    def theirs() -> list[int]:
        return [int(np.argmax([one.execute(row[None]) for one in made])) for row in rows]

    check(np.array(ours()), np.array(theirs()))
    seconds = effort.seconds / 2
    pairs = in_turn(lambda: rate(ours, seconds), lambda: rate(theirs, seconds), effort.turns)
    scaled = [(mine * len(rows), other * len(rows)) for mine, other in pairs]
    return [compared("fitness_play", scaled, bar=50.0, unit="choices/s")]

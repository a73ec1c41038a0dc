"""The command line of the benchmarks."""

from __future__ import annotations

import argparse
import difflib
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from benchmarks.rows import FULL, QUICK, Effort, Row, table
from diffses.errors import ConfigError, DiffsesError


@dataclass(frozen=True)
class Benchmark:
    about: str  # what is measured, and against what
    minutes: float  # about, on two quiet cores
    where: str  # "module:function" or "module:function:argument", below this package
    rows: bool = True  # whether it is run where no name is given

    def run(self, effort: Effort) -> list[Row]:
        module, function, *arguments = self.where.split(":")
        made: Callable[..., list[Row]] = getattr(import_module(f"benchmarks.{module}"), function)
        return made(effort, *arguments)


PLAY = "steps/s from pixels to action, two workers / two processes of ALEInterface.act alone"

BENCHMARKS = {
    "play_pong": Benchmark(PLAY, 1.5, "play:play_game:pong"),
    "play_breakout": Benchmark(PLAY, 1.5, "play:play_game:breakout"),
    "play_space_invaders": Benchmark(PLAY, 1.5, "play:play_game:space_invaders"),
    "detect": Benchmark(
        "frames/s of the detector on recorded Pong / OCAtari's vision mode, if installed",
        0.5,
        "detect:detect",
    ),
    "fitness": Benchmark(
        "200 trees on 20,000 rows, 2 threads / gplearn's execute", 0.5, "fitness:fitness:2"
    ),
    "fitness_1_thread": Benchmark(
        "the same on 1 thread / gplearn's execute", 0.5, "fitness:fitness:1"
    ),
    "fitness_play": Benchmark(
        "a forest on one row, as in play / gplearn's execute on one row",
        0.5,
        "fitness:fitness_play",
    ),
    "teacher_same_network": Benchmark(
        "PPO steps/s, SB3's network and updates, our pipeline / SB3 stock",
        3,
        "teacher:teacher:same_network",
    ),
    "teacher_default": Benchmark(
        "PPO steps/s of teacher=ppo / SB3 stock; its return is that of benchmarks/curves",
        3,
        "teacher:teacher:default",
    ),
    "help_seconds": Benchmark("seconds of python run.py --help", 0.2, "startup:help_seconds"),
    "cached_seconds": Benchmark(
        "seconds of stage=all where everything is there already", 1.5, "startup:cached_seconds"
    ),
    "memory": Benchmark(
        "peak MB of all processes, playing with two workers and recording 100,000 states",
        5,
        "memory:memory",
    ),
    "scaling": Benchmark(
        "steps/s of play with 1 and 2 workers, of AtariPixelVecEnv with 1 to 32 slots, and a plot",
        1.5,
        "scaling:scaling",
    ),
    "profile": Benchmark(
        "where the time of a step of play and of a PPO update goes; gives no rows",
        1,
        "profile:profile",
        rows=False,
    ),
}


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigError(message, fix="python -m benchmarks --help lists names and flags")


def parser() -> Parser:
    width = max(map(len, BENCHMARKS))
    listed = "\n".join(
        f"  {name:<{width}}  {one.minutes:3g} min  {one.about}" for name, one in BENCHMARKS.items()
    )
    made = Parser(
        prog="python -m benchmarks",
        description="Measures how fast it is, in turn with something that does the same.",
        epilog=f"names (all but profile where none is given):\n{listed}\n\n"
        "The exit code is 0 also where a bar is missed.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("names", nargs="*", metavar="NAME", help="what to measure, see below")
    made.add_argument("--json", metavar="FILE", type=Path, help="write the rows here as well")
    made.add_argument(
        "--quick", action="store_true", help="one short turn: only shows that it works"
    )
    return made


def chosen(names: list[str]) -> list[str]:
    """The benchmarks that are asked for.

    Raises:
        ConfigError: for a name there is not.
    """
    for name in names:
        if name not in BENCHMARKS:
            near = difflib.get_close_matches(name, BENCHMARKS, n=1)
            known = near[0] if near else " | ".join(BENCHMARKS)
            raise ConfigError(f"there is no benchmark {name}", fix=f"python -m benchmarks {known}")
    return names or [name for name, one in BENCHMARKS.items() if one.rows]


def write(rows: list[Row], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([row.to_json() for row in rows], indent=2) + "\n")


def main(arguments: list[str] | None = None) -> int:
    rows: list[Row] = []
    try:
        options = parser().parse_args(arguments)
        for name in chosen(options.names):
            started = time.perf_counter()
            found = BENCHMARKS[name].run(QUICK if options.quick else FULL)
            took = time.perf_counter() - started
            print(f"{name}: {took:.0f} s", file=sys.stderr, flush=True)
            rows += found
            if options.json is not None:
                write(rows, options.json)
    except DiffsesError as error:
        print(f"ERROR {error}", file=sys.stderr)
        return 1
    if rows:
        print(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Exit codes, and errors as two lines on stderr; the same for every command."""

from __future__ import annotations

import functools
import os
import select
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Protocol

from diffses.errors import DiffsesError

OK = 0
ERROR = 1
USAGE = 2  # the command line cannot be understood; argparse's own code
INTERRUPTED = 130  # by Ctrl-C; 128 + SIGINT, as shells have it
PIPE_CLOSED = 141  # the reader of stdout went away, as in `| head`; 128 + SIGPIPE

STDOUT = 1  # its file descriptor


class UsageError(DiffsesError):
    """A command line that cannot be understood."""


class Main(Protocol):
    """A command's `main`."""

    def __call__(self, arguments: Sequence[str] | None = None) -> int:
        """Runs a command line (None: that of this process) and returns its exit code."""
        ...


def exit_code(command: Callable[[Sequence[str]], int]) -> Main:
    """A `main` that raises nothing: an error becomes two lines on stderr and an exit code."""

    @functools.wraps(command)
    def main(arguments: Sequence[str] | None = None) -> int:
        try:
            return _run(command, sys.argv[1:] if arguments is None else arguments)
        except KeyboardInterrupt:
            print("\ninterrupted", file=sys.stderr)
            return INTERRUPTED
        except Exception as error:
            # BrokenPipeError alone may be a worker process's
            reader_is_gone = isinstance(error, BrokenPipeError) and _reader_is_gone()
            _drop_unwritten()
            if reader_is_gone:
                return PIPE_CLOSED
            print_error(error, show_traceback=traceback_wanted())
            return USAGE if isinstance(error, UsageError) else ERROR

    return main


def _run(command: Callable[[Sequence[str]], int], arguments: Sequence[str]) -> int:
    try:
        code = command(arguments)
    except SystemExit as done:  # argparse and Hydra, after a help text
        code = int(done.code or OK)
    print(end="", flush=True)  # a full disk or a closed pipe is an error now, not at Python's end
    return code


def _reader_is_gone() -> bool:
    """Whether stdout is a pipe that nobody reads any more."""
    poll = select.poll()
    poll.register(STDOUT, 0)  # errors are always reported
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


def _drop_unwritten() -> None:
    """Drops the part of stdout's buffer that cannot be written: Python would try again when it
    ends, and print a traceback."""
    try:
        print(end="", flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), STDOUT)


def traceback_wanted() -> bool:
    """Whether the user asked for tracebacks: HYDRA_FULL_ERROR=1."""
    return os.environ.get("HYDRA_FULL_ERROR", "") not in ("", "0")


def print_error(error: BaseException, show_traceback: bool = False) -> None:
    """Two lines on stderr: what is wrong, and what to type."""
    if show_traceback:
        traceback.print_exception(error)
    if isinstance(error, DiffsesError):
        problem, fix = error.problem, error.fix
    else:
        from diffses.cli.hydra_errors import explain  # here: Hydra would slow every `--help`

        problem, fix = explain(error)
    print(f"ERROR {problem}\n  fix: {fix}", file=sys.stderr, flush=True)

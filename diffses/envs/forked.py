"""Work in a copy of this process, for what cannot be copied within it."""

from __future__ import annotations

import gc
import os
import pickle
import warnings
from collections.abc import Callable
from typing import TypeVar

ResultT = TypeVar("ResultT")
CAN_FORK = hasattr(os, "fork")  # not under Windows


def in_fork(work: Callable[[], ResultT]) -> ResultT:
    """What `work` returns in a forked process; nothing that it does changes this one.

    The fork has this thread alone, so `work` must not wait for others: it may compute and step an
    environment. Result and exceptions are pickled.
    """
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of Python 3.12, about threads
        child = os.fork()
    if child == 0:
        gc.disable()  # it would touch, and so copy, all of the memory that is shared
        os.close(reader)
        _answer(writer, work)
    os.close(writer)
    try:
        with os.fdopen(reader, "rb") as pipe:
            answer = pipe.read()
    finally:
        os.waitpid(child, 0)
    done, result = pickle.loads(answer)  # the child's own words
    if not done:
        raise result
    value: ResultT = result
    return value


def _answer(writer: int, work: Callable[[], ResultT]) -> None:
    """Writes what came of the work, and ends the process without any of its clean-up."""
    try:
        answer = pickle.dumps((True, work()))
    except BaseException as error:  # the parent raises it
        answer = pickle.dumps((False, error))
    with os.fdopen(writer, "wb") as pipe:
        pipe.write(answer)
    os._exit(0)

"""Errors that a user can fix."""

from __future__ import annotations


class DiffsesError(Exception):
    """An error that the user can fix. Prints as two lines: the problem, and what to type.

    Args:
        problem: what is wrong, in one line.
        fix: what to type or to change.
    """

    def __init__(self, problem: str, *, fix: str) -> None:
        super().__init__(f"{problem}\n  fix: {fix}")
        self.problem = problem
        self.fix = fix

    def __reduce__(self) -> tuple[object, ...]:
        # default pickling, between worker processes, loses keyword-only arguments
        return _rebuild, (type(self), self.problem, self.fix)


def _rebuild(kind: type[DiffsesError], problem: str, fix: str) -> DiffsesError:
    return kind(problem, fix=fix)


class ConfigError(DiffsesError):
    """A setting with an invalid value."""


class ArtifactError(DiffsesError):
    """An artifact on disk that is missing, damaged or unsuitable."""

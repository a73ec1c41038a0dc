"""Errors a user can act on."""

from __future__ import annotations


class DiffsesError(Exception):
    """Something the user can put right. Prints as two lines: what is wrong, and what to type.

    Args:
        problem: what is wrong, in one line.
        fix: what to type or change; there is no error without a way out.
    """

    def __init__(self, problem: str, *, fix: str) -> None:
        super().__init__(f"{problem}\n  fix: {fix}")
        self.problem = problem
        self.fix = fix

    def __reduce__(self) -> tuple[object, ...]:
        # keyword-only arguments do not survive the default pickling between worker processes
        return _rebuild, (type(self), self.problem, self.fix)


def _rebuild(kind: type[DiffsesError], problem: str, fix: str) -> DiffsesError:
    return kind(problem, fix=fix)


class ConfigError(DiffsesError):
    """A setting that cannot work."""


class ArtifactError(DiffsesError):
    """An artifact on disk that cannot be used."""

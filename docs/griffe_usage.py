"""Griffe extension: a line of a docstring that is a command is shown as code.

Such lines, `python -m diffses COMMAND [--option VALUE]`, are not quoted where `--help` prints them
too; Markdown would take their brackets for links.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

USAGE = re.compile(r"^python [^\n`]+", re.MULTILINE)


class UsageLines(griffe.Extension):
    """Quotes the lines of docstrings that are commands."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.docstring is not None:
            obj.docstring.value = USAGE.sub(lambda line: f"`{line[0]}`", obj.docstring.value)

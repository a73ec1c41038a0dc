"""Griffe extension: what this package writes in comments and usage lines, for the API reference.

The meaning and unit of a field or of a constant stand in a comment beside it, or above it: the
class or module gets a table of them. A line of a docstring that is a command, `python -m diffses
COMMAND [--option VALUE]`, is shown as code; Markdown would take its brackets for links.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import griffe

USAGE = re.compile(r"^python [^\n`]+", re.MULTILINE)
BESIDE = re.compile(r"\s# (?P<text>.*)$")  # no string of this package holds a blank and a "# "
LONGEST = 40  # characters of a value that is shown in the table


class Comments(griffe.Extension):
    """Makes tables of comments, and code of commands."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.docstring is not None:
            obj.docstring.value = USAGE.sub(lambda line: f"`{line[0]}`", obj.docstring.value)

    def on_class_members(self, *, cls: griffe.Class, **_: Any) -> None:
        add_table(cls)

    def on_module_members(self, *, mod: griffe.Module, **_: Any) -> None:
        add_table(mod)


def add_table(owner: griffe.Class | griffe.Module) -> None:
    """Appends a section `Attributes` to a docstring: the attributes that a comment explains."""
    rows = []
    for name, attr in owner.attributes.items():
        if not name.startswith("_") and not attr.is_alias and (text := comment(attr)):
            value = "" if attr.value is None else str(attr.value)
            shown = f" `{value}`" if 0 < len(value) <= LONGEST and "`" not in value else ""
            rows.append(f"    {name}:{shown} {text}")
    if rows:
        if owner.docstring is None:
            owner.docstring = griffe.Docstring("", parent=owner, parser="google")
        owner.docstring.value += "\n".join(["\n", "Attributes:", *rows])


def comment(attr: griffe.Attribute) -> str:
    """The comment that ends an assignment, with the lines that continue it; else that above."""
    if attr.lineno is None or attr.endlineno is None or isinstance(attr.filepath, list):
        return ""
    lines = attr.lines_collection[attr.filepath]
    beside = BESIDE.search(lines[attr.endlineno - 1])
    if beside is None:
        above = list(_comments(reversed(lines[: attr.lineno - 1])))
        return " ".join(reversed(above))
    below = list(_comments(lines[attr.endlineno :]))
    after = lines[attr.endlineno + len(below) :][:1]
    of_next = bool(after and after[0].strip()) and BESIDE.search(after[0]) is None
    return " ".join([beside["text"], *([] if of_next else below)])


def _comments(lines: Iterable[str]) -> Iterator[str]:
    """The texts of the lines until the first that is no comment."""
    for line in lines:
        text = line.strip()
        if not text.startswith("# "):
            return
        yield text.removeprefix("# ")

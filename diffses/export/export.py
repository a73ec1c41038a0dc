"""Export of a policy as Python, JSON, LaTeX, SymPy or C, independent of this package.

python -m diffses export KEY|ENV|FILE.json --to python [--pixels] [-o FILE]
"""

from __future__ import annotations

from collections.abc import Mapping

from diffses.config import EnvConfig
from diffses.export.c_source import to_c
from diffses.export.python_source import to_python
from diffses.policy.forest import Forest

FORMATS = ("python", "json", "latex", "sympy", "c")


def title(env: EnvConfig | None) -> str:
    """The first line of an exported file."""
    plays = "" if env is None else f" that plays {env.name}"
    return f"A policy{plays}, as formulas; exported by diffses."


def export(forest: Forest, to: str, title: str, units: Mapping[str, str] | None = None) -> str:
    """A forest as text in one of `FORMATS`.

    Args:
        forest: the policy.
        to: the format.
        title: first line of the file.
        units: of the features, where known.

    Raises:
        ValueError: for an unknown format.
    """
    if to == "python":
        return to_python(forest, title, units or {})
    if to == "sympy":
        from diffses.export.sympy_source import to_sympy  # loads sympy: half a second

        return to_sympy(forest, title)
    if to == "c":
        return to_c(forest, title)
    if to == "latex":
        return f"% {title} Constants are rounded.\n{forest.latex()}\n"
    if to == "json":
        return forest.to_json()
    raise ValueError(f"there is no format {to!r}; known: {', '.join(FORMATS)}")

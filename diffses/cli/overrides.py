"""Words of the command line that Hydra refuses or misreads: what is wrong, and what to type."""

from __future__ import annotations

import dataclasses
import difflib
import enum
import functools
import re
import shlex
import types
import typing
from collections.abc import Iterable
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, Quote, QuotedString
from hydra.errors import HydraException

from diffses.config import ROOT, VARIANTS, Config
from diffses.config.renamed import RENAMED
from diffses.errors import ConfigError

HELP = "python run.py --help lists groups, variants and settings"
GROUPS = (*VARIANTS, "experiment")
KIND = {int: "a whole number", float: "a number", bool: "true | false", str: "a text"}
READABLE = re.compile(r"[\w/\-\\+.$%*@?|:\s]", re.ASCII)  # by Hydra without quotes


@dataclasses.dataclass(frozen=True)
class Setting:
    """What is declared of a setting."""

    hint: Any  # its type
    is_file: bool


@functools.cache
def declared() -> dict[str, Setting]:
    """Every setting of every variant, by its whole name."""
    kinds: list[tuple[str, type]] = [("", Config)]
    kinds += [(f"{group}.", kind) for group in VARIANTS for kind in VARIANTS[group].values()]
    found: dict[str, Setting] = {}
    for prefix, kind in kinds:
        hints = typing.get_type_hints(kind)
        for field in dataclasses.fields(kind):
            if prefix or field.name not in VARIANTS:
                setting = Setting(hints[field.name], bool(field.metadata.get("content")))
                found.setdefault(f"{prefix}{field.name}", setting)
    return found


def wanted(name: str) -> str:
    """What values a setting takes, to be shown between < and >."""
    setting = declared()[name]
    return "an existing file" if setting.is_file else _kind(setting.hint)


def _kind(hint: Any) -> str:
    arguments = [_kind(one) for one in typing.get_args(hint) if one is not type(None)]
    if isinstance(hint, types.UnionType):
        return " | ".join([*arguments, "null"])
    if typing.get_origin(hint) is list:
        return f"a list: [{arguments[0]},...]"
    if typing.get_origin(hint) is dict:
        return f"a mapping: {{NAME:{arguments[1]},...}}"
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return " | ".join(member.name for member in hint)
    return KIND.get(hint, "a value")


def is_list(name: str) -> bool:
    """Whether a setting holds a list."""
    return name in declared() and typing.get_origin(declared()[name].hint) is list


def typed(name: str, value: str) -> str:
    """`name=value` as it is typed into a shell."""
    return shlex.quote(f"{name}={value}")


def quoted(name: str, value: str) -> str:
    """`name="value"` as it is typed into a shell: the value is one text to Hydra."""
    return typed(name, QuotedString(value, Quote.double).with_quotes())


def variants(group: str, below: str = "") -> list[str]:
    """The names of a group's variants; below="*/": of those in its folders."""
    folder = ROOT / "conf" / group
    paths = (path.relative_to(folder).with_suffix("") for path in folder.glob(f"{below}*.yaml"))
    return sorted(path.as_posix() for path in paths)


def one_of(group: str) -> str:
    """What to type to choose a variant."""
    return f"{group}=<one of {', '.join(variants(group))}>"


def near(name: str) -> str | None:
    """The setting or group with the most similar name; None if that is a group for a setting's
    name, or a setting for a group's."""
    found = next(iter(difflib.get_close_matches(name, [*declared(), *GROUPS], n=1)), None)
    return found if found is not None and ("." in found) == ("." in name) else None


def refuse_mistakes(words: Iterable[str]) -> None:
    """Raises ConfigError for the first word that Hydra would refuse or misread."""
    for word in words:
        if (found := mistake(word)) is not None:
            raise ConfigError(found[0], fix=found[1])


def mistake(word: str) -> tuple[str, str] | None:
    """What is wrong with a word and what to type; None: nothing that can be seen in it alone."""
    try:
        override = OverridesParser.create().parse_override(word)
    except HydraException:
        return _unreadable(word)
    name = override.key_or_group
    if name in ("", "hydra"):
        return f"{word} names no setting", HELP
    if name in RENAMED:
        return f"the setting {name} is now {RENAMED[name]}", typed(RENAMED[name], _text(override))
    if name not in GROUPS and name not in declared():
        return None
    if override.package is not None:
        return f"{word}: {name} has one place, no @", typed(name, _text(override))
    return _group(override) if name in GROUPS else _setting(override)


def _text(override: Override) -> str:
    """The value as it was typed."""
    return str(override.input_line).partition("=")[2]


def _unreadable(word: str) -> tuple[str, str]:
    problem = f"{word} is not of the form name=value"
    match = re.fullmatch(r"([~+]*)([\w.@/-]*)\s*(=*)\s*(.*)", word, re.DOTALL)
    if match is None or not match[2]:
        return problem, HELP
    prefix, name, equals, value = match.groups()
    known = name if name in declared() else name.rpartition(".")[0]  # or a key of a mapping
    if not name.isascii():
        return f"{name}: a name has the letters a to z, digits and _", HELP
    if name in GROUPS:
        return problem, one_of(name)
    is_hydra = name.startswith("hydra.")  # a setting of its own, which may be a path
    if known not in declared() and not is_hydra:
        return problem, typed(found, value) if value and (found := near(name)) else HELP
    if not value:
        return f"{name} has no value", f"{name}=<{'a value' if is_hydra else wanted(known)}>"
    if len(equals) != 1:
        return problem, typed(name, value)
    if is_list(name) and (items := re.fullmatch(r"\[(.*)\]", value)):
        texts = ",".join(map(_element, items[1].split(",")))
        return f"{word}: {_quoted_twice(items[1])}", typed(name, f"[{texts}]")
    if name in declared() and declared()[name].hint not in (str, str | None):
        return f"{word}: the value cannot be read", f"{name}=<{wanted(name)}>"
    return f"{word}: {_quoted_twice(value)}", quoted(prefix + name, value)


def _quoted_twice(value: str) -> str:
    marks = " ".join(dict.fromkeys(READABLE.sub("", value.replace(",", ""))))
    return (
        f"a value with {marks} is quoted twice, in double quotes for Hydra and in single ones "
        "for the shell"
    )


def _element(text: str) -> str:
    """An element of a list as Hydra reads it."""
    clean = not READABLE.sub("", text)
    return text if clean else QuotedString(text.strip(), Quote.double).with_quotes()


def _group(override: Override) -> tuple[str, str] | None:
    word, group, value = str(override.input_line), override.key_or_group, override.value()
    options = variants(group)
    if override.is_delete():
        none = f"{group}=none" if "none" in options else one_of(group)
        return None if group == "experiment" else (f"{word}: every run has a {group}", none)
    if override.is_sweep_override():
        return None  # Hydra knows whether this is a sweep
    if value is None:
        choice = f"{group}=none" if "none" in options else one_of(group)
        return f"{word}: {group} takes the name of a variant", choice
    if isinstance(value, list) and group != "experiment":
        names = ",".join(map(str, value))
        several = typed(group, names) + (" -m" if len(value) > 1 else "")
        return f"{word}: one run takes one {group}", several if names else one_of(group)
    if isinstance(value, (bool, int, float)):
        return f"{word}: there is no such variant", one_of(group)
    if override.is_add() or override.is_force_add():
        return f"{word}: a variant is chosen without +", typed(group, _text(override))
    return None


def _setting(override: Override) -> tuple[str, str] | None:
    word, name, text = str(override.input_line), override.key_or_group, _text(override)
    if override.is_delete():
        return f"{word}: a setting always has a value", f"leave out {shlex.quote(word)}"
    if override.is_add():
        return f"{word}: {name} is a setting already, no + before it", typed(name, text)
    value = override.value()
    misread = isinstance(value, (bool, int, float)) and str(value) != text.strip()
    if misread and declared()[name].hint in (str, str | None):
        return f"{word}: Hydra reads {value}; a text like this is quoted", quoted(name, text)
    return None

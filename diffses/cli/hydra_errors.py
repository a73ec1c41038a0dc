"""Turns any error into what is wrong and what to type."""

from __future__ import annotations

import dataclasses
import difflib
import re
import shlex
import typing

from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf.errors import (
    ConfigKeyError,
    InterpolationKeyError,
    MissingMandatoryValue,
    OmegaConfBaseException,
    ValidationError,
)

from diffses.cli.overrides import (
    GROUPS,
    HELP,
    declared,
    is_list,
    mistake,
    near,
    one_of,
    quoted,
    typed,
    variants,
    wanted,
)
from diffses.config import VARIANTS
from diffses.config.renamed import RENAMED
from diffses.errors import DiffsesError

PATH_FIXES: dict[type[OSError], str] = {
    FileNotFoundError: "a path that exists",
    FileExistsError: "a path at which there is nothing yet",
    IsADirectoryError: "the path of a file, not of a folder",
    NotADirectoryError: "the path of a folder, not of a file",
    PermissionError: "a path that you may read and write",
}


def explain(error: BaseException) -> tuple[str, str]:
    """What is wrong, and what to type; one line each."""
    if isinstance(error, DiffsesError):
        return error.problem, error.fix
    if isinstance(error, MissingConfigException):
        return _missing_variant(error)
    for known in _causes(error):
        if isinstance(known, DiffsesError):
            return known.problem, known.fix
    if isinstance(error, (HydraException, OmegaConfBaseException)):
        return _setting(error)
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}", PATH_FIXES.get(type(error), "another path")
    text = str(error).strip().splitlines()
    first = f": {text[0]}" if text else ""
    return f"{type(error).__name__}{first}", "HYDRA_FULL_ERROR=1 shows the traceback"


def _causes(error: BaseException | None) -> list[BaseException]:
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found


def _missing_variant(error: MissingConfigException) -> tuple[str, str]:
    config = str(error.missing_cfg_file)
    options = [name for name in error.options or [] if not name.startswith("schema")]
    if "/" not in config:
        return f"there is no config {config}", HELP
    group, name = config.rsplit("/", 1)
    if (top := group.split("/")[0]) in GROUPS:  # finetune=ablation/full: of finetune/ablation
        group, name, options = top, config.removeprefix(f"{top}/"), variants(top)
    similar = difflib.get_close_matches(name, [*options, *variants(group, "*/")], n=1)
    choice = similar[0] if similar else f"<one of {', '.join(options)}>"
    return f"{group}={name}: there is no such variant", f"{group}={choice}"


def _setting(error: BaseException) -> tuple[str, str]:
    causes = _causes(error)
    override = next((m[1] or m[2] for e in causes if (m := _OVERRIDE.search(str(e)))), None)
    if isinstance(error, OverrideParseException):
        word = str(error.override)
        return mistake(word) or (f"{word} is not of the form name=value", HELP)
    if override and "=" in override and (found := mistake(override)) is not None:
        return found
    for cause in causes:
        if isinstance(cause, MissingMandatoryValue):
            name = getattr(cause, "full_key", None) or str(cause)
            return f"{name} has no value", f"{name}=<a value>"
        if isinstance(cause, InterpolationKeyError):
            return _no_source(cause)
        if isinstance(cause, ValidationError):
            return _wrong_type(cause, override)
        if isinstance(cause, ConfigKeyError):
            return _unknown(override or str(cause.full_key), error)
    if override:
        return _unknown(override, error)
    if several := _SEVERAL.search(str(error)):
        return _several_values(several[1] or several[2])
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[:2]) or type(error).__name__, HELP


_OVERRIDE = re.compile(r"(?:override|append) '([^']+)'|Error merging override (.+)")
_SEVERAL = re.compile(r"Ambiguous value for argument '([^']+)'|Sweep parameters '(.+)' requires")


def _several_values(word: str) -> tuple[str, str]:
    """A sweep's values in a single run."""
    problem = f"Ambiguous value {word}: one run takes one value"
    name, _, text = word.partition("=")
    if name in GROUPS and text.startswith("range("):
        return f"{word}: {name} takes names, not numbers", one_of(name)
    if is_list(name):
        return f"{word}: a list has brackets", typed(name, f"[{text}]")
    if name in declared() and declared()[name].is_file:
        problem = f"{word}: a value with , is quoted twice, for Hydra and for the shell"
        return problem, quoted(name, text)
    return problem, f"{shlex.quote(word)} -m"


def _no_source(error: InterpolationKeyError) -> tuple[str, str]:
    """`${name}` where there is no setting of this name: mostly a variable of the shell."""
    name = str(error.full_key)
    source = re.search(r"'(.+)' not found", str(error))
    missing = source[1] if source else "..."
    return (
        f"{name}: there is no setting {missing} to take its value from",
        f"{name}=<a value>; a variable of the shell is ${{oc.env:{missing}}}",
    )


def _wrong_type(error: ValidationError, override: str | None) -> tuple[str, str]:
    word = override or str(error.full_key)
    name, _, value = word.lstrip("+").partition("=")
    problem = f"{error.full_key or name}: {_in_words(str(error).splitlines()[0])}"
    if name not in declared():  # a key of a mapping
        return problem, f"{name}=<{_wanted(error)}>"
    bare = value.strip("[]")
    if is_list(name) and value and not value.startswith(("[", "{")) and value != "null":
        return problem, typed(name, f"[{value}]")
    if not is_list(name) and value == f"[{bare}]" and bare:  # several values where one is wanted
        return problem, typed(name, bare) + (" -m" if "," in bare else "")
    return problem, f"{name}=<{wanted(name)}>"


def _in_words(complaint: str) -> str:
    """OmegaConf's complaint of a value's type, without its own names."""
    for pattern, words in (
        ("is not Optional", "it cannot be null"),
        ("is not a ListConfig", "a list is wanted"),
        (r"Cannot assign \w+ to Dict", "a mapping is wanted"),
        ("of type 'list' could not", "one value is wanted, not a list"),
        ("of type 'dict' could not", "one value is wanted, not a mapping"),
    ):
        if re.search(pattern, complaint):
            return words
    return complaint


def _wanted(error: ValidationError) -> str:
    """What kind of value would have been right."""
    if match := re.search(r"expected one of (\[.*?\])", str(error)):
        return " | ".join(word.strip(" '\"") for word in match[1].strip("[]").split(","))
    if match := re.search(r"could not be converted to (\w+)", str(error)):
        return {"Integer": "a whole number", "Float": "a number", "Boolean": "true | false"}.get(
            match[1], f"a value of type {match[1]}"
        )
    return "a value of another type"


def _unknown(override: str, error: BaseException) -> tuple[str, str]:
    name, _, value = override.lstrip("+~").partition("=")
    if not value and (match := re.search(rf"{re.escape(name)}=(.+)", str(error))):
        value = match[1]
    if name in RENAMED:  # on the command line it was refused before: it stands in a file
        new = RENAMED[name]
        return f"the setting {name} is now {new}", f"write {new} in the YAML file that sets {name}"
    if "." in name and name in declared():  # but not of the variant chosen
        preset = re.search(r"In '([^']+)'", str(error))
        return _of_another_variant(name, value, preset[1] if preset else None)
    similar = near(name)
    problem = f"there is no setting or group {name}"
    if similar is None:
        return problem, HELP
    return problem, typed(similar, value) if value else f"{similar}=<a value>"


def _of_another_variant(name: str, value: str, preset: str | None) -> tuple[str, str]:
    """A setting of a variant that is not chosen, from the command line or a file of conf/."""
    group, field = name.split(".", 1)
    owners = [
        NAMED.get(variant, variant)
        for variant, kind in VARIANTS[group].items()
        if any(one.name == field for one in dataclasses.fields(kind))
    ]
    if typing.get_origin(declared()[name].hint) is dict:
        return f"{name} is a mapping: its keys are added one by one", f"+{name}.KEY=VALUE"
    if preset is not None:
        problem = f"conf/{preset}.yaml sets {name}, which the chosen {group} does not have"
        return problem, f"{group}={owners[0]}"
    setting = typed(name, value) if value else f"{name}=<a value>"
    return (
        f"the chosen {group} has no setting {name}; {' and '.join(owners)}: yes",
        f"{group}={owners[0]} {setting}",
    )


NAMED = {"arcade": "ale"}  # variants with another name in conf/

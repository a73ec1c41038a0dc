"""Turns any error into what is wrong and what to type."""

from __future__ import annotations

import dataclasses
import difflib
import re

from hydra.core.config_store import ConfigStore
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import (
    ConfigKeyError,
    MissingMandatoryValue,
    OmegaConfBaseException,
    ValidationError,
)

from diffses.config import VARIANTS
from diffses.config.renamed import RENAMED
from diffses.errors import DiffsesError

HELP = "python run.py --help lists groups, variants and settings"
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
    near = difflib.get_close_matches(name, options, n=1)
    choice = near[0] if near else " | ".join(options)
    return f"{group}={name}: there is no such variant", f"{group}={choice}"


def _setting(error: BaseException) -> tuple[str, str]:
    causes = _causes(error)
    override = next((match[1] for e in causes if (match := _OVERRIDE.search(str(e)))), None)
    for cause in causes:
        if isinstance(cause, MissingMandatoryValue):
            name = getattr(cause, "full_key", None) or str(cause)
            return f"{name} has no value", f"{name}=<a value>"
        if isinstance(cause, ValidationError):
            name = (override or str(cause.full_key)).split("=")[0]
            return f"{name}: {str(cause).splitlines()[0]}", f"{name}=<{_wanted(cause)}>"
        if isinstance(cause, ConfigKeyError):
            return _unknown(override or str(cause.full_key), error)
    if override:
        return _unknown(override, error)
    if ambiguous := re.search(r"Ambiguous value for argument '([^']+)'", str(error)):
        return f"Ambiguous value {ambiguous[1]}: one run takes one value", f"{ambiguous[1]} -m"
    if isinstance(error, OverrideParseException):
        return f"{error.override} is not of the form name=value", HELP
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[:2]) or type(error).__name__, HELP


_OVERRIDE = re.compile(r"(?:override|append|Error parsing override|merging override) '([^']+)'")


def _wanted(error: ValidationError) -> str:
    """What kind of value would have been right."""
    if match := re.search(r"expected one of (\[.*?\])", str(error)):
        return " | ".join(word.strip(" '\"") for word in match[1].strip("[]").split(","))
    if match := re.search(r"could not be converted to (\w+)", str(error)):
        return {"Integer": "a whole number", "Float": "a number", "Boolean": "true | false"}.get(
            match[1], f"a value of type {match[1]}"
        )
    return "a value of another type"


def former_name(name: str, value: object) -> tuple[str, str] | None:
    """What is wrong and what to type, for a setting's name of before LAYOUT 2; else None."""
    new = RENAMED.get(name)
    return None if new is None else (f"the setting {name} is now {new}", f"{new}={value}")


def _unknown(override: str, error: BaseException) -> tuple[str, str]:
    name = override.lstrip("+~").split("=")[0]
    value = re.search(rf"{re.escape(name)}=(\S+)", f"{override} {error}")
    if (renamed := former_name(name, value[1] if value else "...")) is not None:
        return renamed
    if "." in name and name in settings():  # but not of the variant chosen
        group, field = name.split(".", 1)
        owners = [v for v, node in VARIANTS[group].items() if field in OmegaConf.structured(node)]
        fields = [f for v in owners for f in dataclasses.fields(VARIANTS[group][v])]
        if any(f.name == field and str(f.type).startswith("dict") for f in fields):
            return f"{name} is a mapping: its keys are added one by one", f"+{name}.KEY=VALUE"
        chosen = " or ".join(f"{group}={owner}" for owner in owners)
        return f"the chosen {group} has no setting {name}", f"{chosen}, which have it"
    near = difflib.get_close_matches(name, settings(), n=1)
    return f"there is no setting or group {name}", f"{near[0]}=..." if near else HELP


def settings() -> list[str]:
    """The name of every setting of every variant, and of every group."""
    top = OmegaConf.structured(ConfigStore.instance().repo["schema.yaml"].node)
    assert isinstance(top, DictConfig)
    names = {str(name) for name in top} | {"experiment"}
    for group, variants in VARIANTS.items():
        for node in variants.values():
            names |= {f"{group}.{field}" for field in OmegaConf.structured(node)}
    return sorted(names)

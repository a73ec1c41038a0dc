"""The command line that makes the same artifacts again, from their manifests."""

from __future__ import annotations

import dataclasses
import json
import shlex
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Quote, QuotedString
from hydra.errors import HydraException
from omegaconf import OmegaConf

from diffses.config import VARIANTS
from diffses.store.keys import canonical

PRESETS = Path(__file__).parents[2] / "conf"
SHIPPED = ("pretrained", "zoo")  # variants whose file comes with the package


def overrides(config: dict[str, Any], presets: Path = PRESETS) -> list[str]:
    """The arguments of `python run.py` that compose to the config in the manifests.

    A setting is named where it differs from the variant's preset in `conf/` and from the
    default. A file named in the config is recorded by its content, so it is named by that too.

    Args:
        config: section -> its canonical form, as manifests hold it; "seed" -> the number.
        presets: the folder of the named variants.
    """
    env = config.get("env", {})
    chosen = _env_variant(env, presets)
    words: list[str] = [f"env={chosen}"] if env else []
    usual = _usual(presets)
    for section, values in config.items():
        if section == "env" or not isinstance(values, dict):
            continue
        if (name := _variant(section, values)) and name != usual.get(section):
            words.append(f"{section}={name}")
    for section, values in config.items():
        if not isinstance(values, dict):
            words.append(f"{section}={_value(values)}")
        elif name := _variant(section, values):
            words += _changed(
                section, chosen if section == "env" else name, values, chosen, presets
            )
    return words


def _changed(
    section: str, variant: str, values: dict[str, Any], env: str, presets: Path
) -> list[str]:
    """The overrides of a section: settings that differ from the variant's preset and defaults."""
    known = _known(section, variant, values, presets)
    if section != "env":  # settings of the environment's file are named in any case
        for key in _set_by(presets / "env" / f"{env}.yaml", section):
            known.pop(key, None)
    words = []
    for key, value in values.items():
        if key != "variant" and value != known.get(key):
            words += _words(f"{section}.{key}", value, known.get(key))
    return words


def _words(name: str, value: Any, known: Any) -> list[str]:
    """The overrides of a setting; keys that a mapping does not have yet are added one by one."""
    if not (isinstance(value, dict) and isinstance(known, dict) and known.items() <= value.items()):
        return [f"{name}={_value(value)}"]
    return [f"+{name}.{k}={_value(v)}" for k, v in value.items() if k not in known]


def command(config: dict[str, Any], presets: Path = PRESETS) -> str:
    words = [*overrides(config, presets), "stage=all"]
    return " ".join(["python run.py", *(shlex.quote(word) for word in words)])


def _env_variant(env: dict[str, Any], presets: Path) -> str:
    """The file of `conf/env` that names this game or task, else the one for any of its kind."""
    kind = "id" if "id" in env else "game"
    for path in sorted((presets / "env").glob("*.yaml")):
        if kind in env and env[kind] == _preset(path).get(kind):
            return path.stem
    return "gymnasium" if kind == "id" else "ale"


def _read(path: Path) -> dict[Any, Any]:
    """The content of a preset's file; empty where there is no file."""
    read = OmegaConf.to_container(OmegaConf.load(path)) if path.is_file() else {}
    assert isinstance(read, dict)
    return read


def _set_by(path: Path, section: str) -> list[str]:
    """The settings of another section that an environment's file sets."""
    return [str(key) for key in _read(path).get(section, {})]


def _preset(path: Path) -> dict[str, Any]:
    """The settings of a preset's own section."""
    read = _read(path)
    own = read.get(path.parent.name, read)  # a file may set other sections too
    return {str(key): value for key, value in own.items() if key != "defaults"}


def _variant(section: str, values: dict[str, Any]) -> str | None:
    classes = VARIANTS.get(section, {})
    return next((n for n, kind in classes.items() if kind.__name__ == values.get("variant")), None)


def _usual(presets: Path) -> dict[str, str]:
    """The default variant of each group, from `config.yaml`."""
    path = presets / "config.yaml"
    listed = OmegaConf.load(path).defaults if path.is_file() else []
    pairs = [(str(key), item[key]) for item in listed if not isinstance(item, str) for key in item]
    return {group: str(name) for group, name in pairs if name is not None}


def _known(section: str, name: str, values: dict[str, Any], presets: Path) -> dict[str, Any]:
    """The settings of the named variant without overrides: its defaults, then its preset."""
    kind = next(k for k in VARIANTS[section].values() if k.__name__ == values["variant"])
    known = {}
    for field in dataclasses.fields(kind):
        if field.default is not dataclasses.MISSING:
            known[field.name] = canonical(field.default)
        elif field.default_factory is not dataclasses.MISSING:
            known[field.name] = canonical(field.default_factory())
        if field.metadata.get("content") and name in SHIPPED:
            known[field.name] = values.get(field.name)
    return known | _preset(presets / section / f"{name}.yaml")


def _value(value: Any) -> str:
    if isinstance(value, str) and value.startswith("sha256:"):
        return f"FILE_WITH_{value.replace(':', '_')[:19]}"
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{_value(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_value(item) for item in value) + "]"
    return _text(value) if isinstance(value, str) else json.dumps(value)


def _text(value: str) -> str:
    """A text as Hydra reads it: in quotes where it would be refused, or be no text without them."""
    try:
        plain = OverridesParser.create().parse_override(f"_=[{value}]").value() == [value]
    except HydraException:
        plain = False
    return value if plain else QuotedString(value, Quote.double).with_quotes()

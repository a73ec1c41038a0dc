"""`name=value` arguments of this package's small commands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from diffses.errors import ConfigError


def parse(
    arguments: Sequence[str], defaults: Mapping[str, str], needed: Sequence[str], example: str
) -> dict[str, str]:
    """The settings, defaults where nothing is said.

    Args:
        needed: the settings that have no default.
        example: of a command line that gives those.

    Raises:
        ConfigError: for one that is unknown, or missing.
    """
    settings = dict(defaults)
    for argument in arguments:
        name, _, value = argument.partition("=")
        if name not in settings or not value:
            known = ", ".join(f"{known}=" for known in settings)
            raise ConfigError(f"{argument!r} is no setting", fix=f"one of {known}")
        settings[name] = value
    for name in needed:
        if not settings[name]:
            raise ConfigError(f"{name}= is missing", fix=example)
    return settings


def whole(name: str, text: str, least: int, example: str) -> int:
    """A setting that is a whole number of `least` or more.

    Raises:
        ConfigError: where it is not.
    """
    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if value < least:
        raise ConfigError(
            f"{name}={text} is no whole number of {least} or more", fix=f"{name}={example}"
        )
    return value

"""The shipped champions: the best policy of each environment, with its detector.

`ENV.json` contains {"forest", "env", "protocol", "validation", "test", "size", "provenance",
"files"}. The folder `ENV/` contains the detector of a policy that plays from frames.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from diffses.config import ROOT, ArcadeEnv, EnvConfig, GymnasiumEnv, Label
from diffses.errors import ArtifactError, ConfigError
from diffses.policy.forest import Forest

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Champion:
    """A policy with its environment and detector.

    Args:
        env: the environment; None if it is not known.
        detector: the folder of the detector; None for a policy on vector observations.
        about: the other contents of its file, e.g. "validation", "test" and "provenance".
    """

    forest: Forest
    env: EnvConfig | None
    detector: Path | None
    about: Mapping[str, Any]


def shipped(folder: Path = FOLDER) -> list[str]:
    """The names of the environments with a champion, in alphabetical order."""
    return sorted(path.stem for path in folder.glob("*.json"))


def open_champion(env_name: str, folder: Path = FOLDER) -> Champion:
    """The shipped champion of an environment.

    Raises:
        ConfigError: if there is none.
        ArtifactError: if its file cannot be read.
    """
    path = folder / f"{env_name}.json"
    if not path.is_file():
        listed = ", ".join(shipped(folder)) or "none yet"
        raise ConfigError(
            f"no policy for {env_name} is shipped", fix=f"a shipped one ({listed}), or a key"
        )
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        forest = Forest.from_json(json.dumps(about.pop("forest")))
        env = env_from(about.pop("env"))
    except (ValueError, KeyError, TypeError) as error:
        raise ArtifactError(
            f"{path} holds no policy: {error}", fix="install this package again"
        ) from error
    detector = folder / env_name
    return Champion(forest, env, detector if detector.is_dir() else None, about)


def env_from(fields: Mapping[str, Any]) -> EnvConfig:
    """The environment settings from their JSON values in a manifest or a champion's file.

    Raises:
        TypeError: if a field is missing or unknown.
        KeyError: if a label does not exist.
    """
    kind: type[ArcadeEnv] | type[GymnasiumEnv] = GymnasiumEnv if "id" in fields else ArcadeEnv
    known = {field.name for field in dataclasses.fields(kind)}
    given = {name: value for name, value in fields.items() if name != "variant"}
    if unknown := given.keys() - known:
        raise TypeError(f"{kind.__name__} has no {', '.join(sorted(unknown))}")
    if "labels" in given:
        given["labels"] = {name: Label[label] for name, label in given["labels"].items()}
    return kind(**given)


def env_name(env: EnvConfig) -> str:
    """The name of an environment as in `env=NAME`; its champion's file has this name.

    Raises:
        ConfigError: if no file in conf/env describes a Gymnasium environment.
    """
    if isinstance(env, ArcadeEnv):
        return env.game
    assert isinstance(env, GymnasiumEnv)
    for path in sorted((ROOT / "conf" / "env").glob("*.yaml")):
        if OmegaConf.select(OmegaConf.load(path), "env.id") == env.id:
            return path.stem
    raise ConfigError(f"no file in conf/env describes {env.id}", fix="write conf/env/<name>.yaml")


def champion_file(env: EnvConfig, folder: Path = FOLDER) -> Path:
    """The file of an environment's shipped champion.

    Raises:
        ConfigError: if there is none, or if it was found with other settings.
    """
    names = shipped(folder)
    for name in names:
        found = env_from(json.loads((folder / f"{name}.json").read_text())["env"])
        if found.name == env.name:
            if isinstance(found, GymnasiumEnv) and found != env:
                raise ConfigError(
                    f"finetune=zoo: the champion of {env.name} was found with other env settings",
                    fix=f"env={name}",
                )
            return folder / f"{name}.json"
    raise ConfigError(
        f"finetune=zoo: no champion of {env.name} is shipped",
        fix=f"env=<one of {', '.join(names) or 'none yet'}>, or another finetune",
    )

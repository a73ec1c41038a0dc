"""`finetune=zoo`: the shipped champion in the place of a search."""

from __future__ import annotations

import json
from pathlib import Path

from diffses.config import EnvConfig, GymnasiumEnv, ZooFinetune
from diffses.errors import ArtifactError, ConfigError
from diffses.keys import digest
from diffses.zoo import open_champion


def copy_champion(env: EnvConfig, finetune: ZooFinetune, folder: Path) -> None:
    """Writes `finetuned.json`, `search.json` (what is known about it) and `detector/`.

    Raises:
        ArtifactError: where a file of its detector is missing or not as it was shipped.
        ConfigError: where it is the champion of something else.
    """
    assert finetune.path is not None  # `pipeline.resolve` fills it in
    path = Path(finetune.path)
    champion = open_champion(path.stem, path.parent)
    assert champion.env is not None
    if champion.env.name != env.name:
        raise ConfigError(
            f"finetune.path: {path} is the champion of {champion.env.name}, not of {env.name}",
            fix=f"finetune=zoo without finetune.path, or the file of a champion of {env.name}",
        )
    champion.forest.save(folder / "finetuned.json")
    about = {"champion": f"zoo/{path.stem}", "validation": champion.about["validation"]}
    (folder / "search.json").write_text(json.dumps(about, indent=2) + "\n")
    (folder / "detector").mkdir()
    if isinstance(env, GymnasiumEnv):
        from diffses.detector.identity import name_observation

        name_observation(env).save(folder / "detector")
        return
    for name, wanted in champion.about["files"].items():
        file = path.parent / path.stem / name
        if not file.is_file() or digest(file) != wanted:
            raise ArtifactError(
                f"{file} is missing or is not what was shipped", fix="install this package again"
            )
        (folder / "detector" / name).write_bytes(file.read_bytes())

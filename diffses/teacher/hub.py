"""Download of pretrained agents (RL Zoo) from the Hugging Face hub."""

from __future__ import annotations

import re
from pathlib import Path

from diffses.config import HubTeacher
from diffses.errors import ConfigError, DiffsesError

CACHE: str | None = None  # cache folder; None: huggingface_hub's default


def download(teacher: HubTeacher) -> Path:
    """The agent's zip at its pinned revision, from the local cache or the network.

    Raises:
        ConfigError: if the revision is not a commit, or huggingface_hub is not installed.
        DiffsesError: if the file is not in the cache and cannot be downloaded.
    """
    if not re.fullmatch(r"[0-9a-f]{40}", teacher.revision):
        raise ConfigError(
            f"teacher.revision={teacher.revision} is not a commit, so it could change under you",
            fix="teacher.revision=<the 40 hex digits of a commit of the repository>",
        )
    try:
        from huggingface_hub import hf_hub_download  # of an extra
    except ImportError as error:
        raise ConfigError(
            "teacher=hub needs huggingface_hub, which is not installed",
            fix='pip install "diffses[hub]"',
        ) from error
    try:
        return Path(
            hf_hub_download(
                teacher.repo_id, teacher.filename, revision=teacher.revision, cache_dir=CACHE
            )
        )
    except Exception as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else ""
        raise DiffsesError(
            f"{teacher.repo_id}/{teacher.filename} could not be had from the hub: "
            f"{type(error).__name__} {reason}",
            fix="check the names and the network, or download it and use "
            "teacher=checkpoint teacher.path=FILE",
        ) from error

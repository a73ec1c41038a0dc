"""The `report` stage: one page about a run."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path

from diffses import logger
from diffses.config import EnvConfig
from diffses.report.decision import draw_decision, telling
from diffses.report.page import page
from diffses.report.replay import play_again
from diffses.report.run_artifacts import read
from diffses.store import Workspace

log = logging.getLogger("diffses")


def write_report(
    env: EnvConfig, seed: int, *, inputs: Mapping[str, Path], workspace: Workspace
) -> None:
    """Writes `report.html`: one file that loads nothing from outside.

    Also `episode.json` and `decision.png`, of a test episode that the formula plays again.

    Args:
        env: whose game the page is about.
        seed: of the search.
        inputs: the folders of the artifacts it shows: evaluate, finetune, distill, dataset,
            detector, and teacher where there is one.
        workspace: of the report's artifact.

    Raises:
        ArtifactError: if one of these holds no results.
    """
    run = logger.current()
    shown = read(inputs)
    recording = play_again(env, shown)
    picture = None
    if recording is not None:
        picture = workspace.out / "decision.png"
        draw_decision(recording, telling(recording), picture)
        text = json.dumps(recording.record, separators=(",", ":"), allow_nan=False)
        (workspace.out / "episode.json").write_text(text + "\n", encoding="utf-8")
    opened = run.opened if run.is_open else None
    html = page(env.name, seed, shown, opened, recording, picture)
    path = workspace.out / "report.html"
    path.write_text(html, encoding="utf-8")

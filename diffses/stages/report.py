"""The `report` stage."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from diffses.config import EnvConfig
from diffses.store import Draft

if TYPE_CHECKING:
    pass
from diffses.report.replay import play_again

log = logging.getLogger("diffses")


def write_report(env: EnvConfig, seed: int, *, inputs: Mapping[str, Path], draft: Draft) -> None:
    """Writes `report.html`: one file that loads nothing from outside.

    Also, of a test episode that the formula plays again, `episode.json` and `decision.png`.

    Args:
        env: whose game the page is about.
        seed: of the search.
        inputs: the folders of the artifacts it shows: evaluate, finetune, distill, dataset,
            detector, and teacher where there is one.
        draft: where it writes.

    Raises:
        ArtifactError: if one of these holds no results.
    """
    from diffses import logger
    from diffses.report.decision import draw_decision, telling
    from diffses.report.page import page
    from diffses.report.run_artifacts import read

    run = logger.current()
    shown = read(inputs)
    recording = play_again(env, shown)
    picture = None
    if recording is not None:
        picture = draft.out / "decision.png"
        draw_decision(recording, telling(recording), picture)
        text = json.dumps(recording.record, separators=(",", ":"), allow_nan=False)
        (draft.out / "episode.json").write_text(text + "\n", encoding="utf-8")
    opened = None if run is None else run.opened
    html = page(env.name, seed, shown, opened, recording, picture)
    path = draft.out / "report.html"
    path.write_text(html, encoding="utf-8")

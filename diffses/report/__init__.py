"""The report of a run: the page, its short form in the terminal, and what is logged."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from diffses.config import EnvConfig
from diffses.store import Draft


def write_report(env: EnvConfig, seed: int, *, inputs: Mapping[str, Path], draft: Draft) -> None:
    """Writes `report.html`: one file that loads nothing from outside.

    Also `episode.json` and `decision.png`, of a test episode that the formula plays again.

    Args:
        env: whose game the page is about.
        seed: of the search.
        inputs: the folders of the artifacts it shows: evaluate, finetune, distill, dataset,
            detector, and teacher where there is one.
        draft: of the report's artifact.

    Raises:
        ArtifactError: if one of these holds no results.
    """
    # a page takes matplotlib and an emulator, which importing a part of this package should not
    from diffses import logger
    from diffses.report.artifacts import read
    from diffses.report.decision import draw_decision, telling
    from diffses.report.episode import play_again
    from diffses.report.write import page

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

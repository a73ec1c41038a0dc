"""The page to look at, and its short form for the terminal."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from diffses.config import EnvConfig
from diffses.errors import ArtifactError
from diffses.store import Draft

if TYPE_CHECKING:
    from diffses.report.artifacts import Shown
    from diffses.report.episode import Recording

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
    from diffses.report.artifacts import read
    from diffses.report.decision import draw_decision, telling
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


def play_again(env: EnvConfig, shown: Shown) -> Recording | None:
    """The champion's typical test episode, step by step; None where there is nothing to play."""
    from diffses.report.artifacts import detector_folder
    from diffses.report.episode import record, typical
    from diffses.zoo import Champion

    row = typical(shown)
    if row is None or shown.champion is None:
        return None
    champion = Champion(shown.forests[shown.champion], env, detector_folder(shown.folders), {})
    try:
        return record(champion, shown.champion, row, shown.cut_short)
    except ArtifactError as error:
        log.warning("the report shows no episode: %s", error.problem)
        return None


def results_text(folder: Path) -> str:
    """What the terminal says at the end of a run without a report: the tables of results.

    Args:
        folder: of the evaluation's artifact.
    """
    from diffses.report.artifacts import read_results
    from diffses.report.terminal import tables

    return "\n\n".join(tables(read_results(folder)))


def summary_text(folder: Path) -> str:
    """What the terminal says at the end: the formula, the table and the path of the page.

    Args:
        folder: of the report's artifact, in the store that holds what it was made from.
    """
    from diffses.report.artifacts import parents, read
    from diffses.report.terminal import summary

    return summary(read(parents(folder)), folder / "report.html")

"""The page to look at, and its short form for the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from diffses.config import EnvConfig
from diffses.store import Draft


def write_report(env: EnvConfig, seed: int, *, inputs: Mapping[str, Path], draft: Draft) -> None:
    """Writes `report.html`: one file that loads nothing from outside.

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
    from diffses.report.write import page

    run = logger.current()
    shown = read(inputs)
    html = page(env.name, seed, shown, None if run is None else run.opened)
    path = draft.out / "report.html"
    path.write_text(html, encoding="utf-8")
    logger.html("report", "page", path)


def summary_text(folder: Path) -> str:
    """What the terminal says at the end: the formula, the table and the path of the page.

    Args:
        folder: of the report's artifact, in the store that holds what it was made from.
    """
    from diffses.report.artifacts import parents, read
    from diffses.report.terminal import summary

    return summary(read(parents(folder)), folder / "report.html")

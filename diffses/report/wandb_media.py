"""What a finished run logs, and W&B shows: numbers, tables, pictures and a video."""

from __future__ import annotations

import logging
from importlib.util import find_spec
from pathlib import Path

from diffses import logger
from diffses.csv_rows import read_rows
from diffses.report.formula import typeset
from diffses.report.html import document
from diffses.report.run_artifacts import Shown, read
from diffses.report.tree_figure import draw
from diffses.store.manifest import parent_folders
from diffses.zoo.champion import env_from

log = logging.getLogger("diffses")

FRONT = ("size", "mean", "source")


def show(folder: Path) -> None:
    """Logs a report and its parents, whether it was built now or before.

    Args:
        folder: of the report's artifact, in the store that holds its parents.
    """
    run = logger.current()
    if not run.is_open:
        return
    shown = read(parent_folders(folder))
    run.html("report", "page", folder / "report.html")
    if (folder / "decision.png").is_file():
        run.image("report", "decision", folder / "decision.png")
    run.summary(numbers(shown))
    _tables(shown)
    views = run.folder / "views"
    views.mkdir(exist_ok=True)
    _formula(shown, views)
    _front(shown)
    if run.has_view:
        _video(shown, views)


def numbers(shown: Shown) -> dict[str, float]:
    """By name, as "v5/finetuned/mean": mean, iqm, low, high and size of every policy."""
    found: dict[str, float] = {}
    for row in shown.results:
        at = f"{row['protocol']}/{row['policy']}"
        low, high = row["ci95"] or (None, None)
        values = {
            name: row.get(name) for name in ("mean", "iqm", "size", "size_expanded", "agreement")
        }
        values |= {"low": low, "high": high}
        found |= {f"{at}/{name}": v for name, v in values.items() if v is not None}
    return found


def _tables(shown: Shown) -> None:
    columns = ["policy", "protocol", "mean", "low", "high", "iqm", "episodes", "size", "agreement"]
    rows = []
    for row in shown.results:
        low, high = row["ci95"] or (None, None)
        flat = row | {"low": low, "high": high}
        rows.append([flat.get(name) for name in columns])
    logger.current().table("report", "results", columns, rows)
    formulas = [
        [policy, action, line.partition("=")[2].strip(), size]
        for policy, forest in shown.forests.items()
        for action, line, size in zip(
            forest.actions, forest.text().splitlines(), forest.sizes, strict=True
        )
    ]
    if formulas:
        columns = ["policy", "action", "formula", "nodes"]
        logger.current().table("report", "formulas", columns, formulas)


def _formula(shown: Shown, folder: Path) -> None:
    """The champion typeset, and the largest of its trees drawn."""
    forest = shown.forests.get(shown.champion or "")
    if forest is None:
        return
    page = folder / "formula.html"
    page.write_text(document("The formula", typeset(forest)), encoding="utf-8")
    logger.current().html("report", "formula", page)
    index = max(range(len(forest.trees)), key=lambda place: forest.sizes[place])
    draw(forest.trees[index], forest.features, folder / "tree.png")
    logger.current().image("report", "tree", folder / "tree.png")


def _front(shown: Shown) -> None:
    rows = [
        [float(row["size"]), float(row["mean"]), row["source"]]
        for row in read_rows(shown.folders["finetune"] / "validation.csv", missing_ok=True)
        if row.get("size") and row.get("mean")
    ]
    if rows:
        logger.current().table("report", "front", list(FRONT), rows, x="size", y="mean")


def _video(shown: Shown, folder: Path) -> None:
    """A video of the first steps of the report's episode; none for a task without frames, or where
    the report extra is not installed."""
    if find_spec("imageio_ffmpeg") is None:
        log.debug("no video in W&B: pip install '.[report]' brings what writes one")
        return
    # these start an emulator and a video encoder, which a run without W&B does without
    from diffses.report.replay import play_again
    from diffses.report.video import film

    recording = play_again(env_from(shown.config["env"]), shown)
    if recording is None or not recording.screens or shown.champion is None:
        return
    film(recording, shown.forests[shown.champion], folder / "episode.mp4")
    logger.current().video("report", "episode", folder / "episode.mp4")

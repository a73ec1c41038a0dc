"""What each stage of a run cost."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from diffses.evaluation.results import read_json
from diffses.report.html import Cell, Table
from diffses.report.run_artifacts import Shown
from diffses.report.wording import DASH, duration
from diffses.store.manifest import Manifest


def costs(shown: Shown, opened: float | None) -> dict[str, Any]:
    """The section: the time of all stages, and a row for each.

    Args:
        opened: when the run began, in seconds since 1970; None where that is not known.
    """
    made = shown.built.values()
    new = [stage.seconds for stage in made if _reused(stage, opened) is False]
    head = ["stage", "key", "built (UTC)", "", "environment steps", "time"]
    return {
        "total": duration(sum(stage.seconds for stage in made)),
        "new": None if opened is None else duration(sum(new)),
        "table": Table(head, [_cost(stage, shown, opened) for stage in made], left=4),
    }


def _cost(made: Manifest, shown: Shown, opened: float | None) -> list[str | Cell]:
    when = made.started.astimezone(UTC).strftime("%Y-%m-%d %H:%M")
    state = {True: "reused", False: "built", None: ""}[_reused(made, opened)]
    steps = steps_of(made.stage, shown)
    played = DASH if steps is None else f"{steps:,}"
    return [made.stage, Cell(codes=[made.key]), when, state, played, duration(made.seconds)]


def steps_of(stage: str, shown: Shown) -> int | None:
    """Environment steps that a stage used; None where it used none or did not record them."""
    folder = shown.folders.get(stage)
    settings = shown.built[stage].config.get(stage, {})
    if folder is None:
        return None
    if stage == "evaluate":
        return sum(row["steps"] for row in shown.episodes) or None
    if stage == "finetune":
        about = read_json(folder / "search.json") or {}
        return sum(about.get(name, 0) for name in ("search_steps", "validation_steps")) or None
    if stage == "advantages":
        counted: int | None = (read_json(folder / "advantages.json") or {}).get("steps")
        return counted
    if stage == "teacher":
        steps: int | None = (read_json(folder / "teacher.json") or {}).get("steps")
        return steps
    if stage == "dataset":
        if (read_json(folder / "dataset.json") or {}).get("imported"):
            return None
        return settings.get("states", 0) + settings.get("held_out", 0) or None
    played: int | None = None if settings.get("recording") else settings.get("steps")
    return played


def _reused(made: Manifest, opened: float | None) -> bool | None:
    """Whether it existed before the run began; manifests record whole seconds."""
    if opened is None:
        return None
    return made.started < datetime.fromtimestamp(int(opened), UTC)

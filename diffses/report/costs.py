"""What each stage of a run cost."""

from __future__ import annotations

from datetime import UTC, datetime

from diffses.evaluation.results import read_json
from diffses.report.html import Markup, section, table, tag
from diffses.report.run_artifacts import Built, Shown
from diffses.report.wording import DASH, duration


def costs(shown: Shown, opened: float | None) -> Markup:
    rows = [_cost(made, shown, opened) for made in shown.built.values()]
    new = [made.seconds for made in shown.built.values() if _reused(made, opened) is False]
    total = sum(made.seconds for made in shown.built.values())
    text = f"All of it took {duration(total)} to build."
    if opened is not None:
        text += (
            f" In the run that wrote this page, {duration(sum(new))} of that were spent; a stage "
            "whose settings had not changed was reused."
        )
    head = ["stage", "key", "built (UTC)", "", "steps of play", "time"]
    return section("What it cost", tag("p", text), table(head, rows, left=4))


def _cost(made: Built, shown: Shown, opened: float | None) -> list[str]:
    when = DASH if made.started is None else made.started.astimezone(UTC).strftime("%Y-%m-%d %H:%M")
    state = {True: "reused", False: "built", None: ""}[_reused(made, opened)]
    steps = steps_of(made.stage, shown)
    played = DASH if steps is None else f"{steps:,}"
    return [made.stage, tag("code", made.key), when, state, played, duration(made.seconds)]


def steps_of(stage: str, shown: Shown) -> int | None:
    """Environment steps a stage played; None where it played none or did not say."""
    folder = shown.folders.get(stage)
    settings = shown.built[stage].config.get(stage, {})
    if folder is None:
        return None
    if stage == "evaluate":
        return sum(row["steps"] for row in shown.episodes) or None
    if stage == "finetune":
        about = read_json(folder / "search.json") or {}
        return sum(about.get(name, 0) for name in ("search_steps", "validation_steps")) or None
    if stage == "teacher":
        steps: int | None = (read_json(folder / "teacher.json") or {}).get("steps")
        return steps
    if stage == "dataset":
        return settings.get("states", 0) + settings.get("held_out", 0) or None
    played: int | None = settings.get("steps")
    return played


def _reused(made: Built, opened: float | None) -> bool | None:
    """Whether it was there before the run began; manifests record whole seconds."""
    if opened is None or made.started is None:
        return None
    return made.started < datetime.fromtimestamp(int(opened), UTC)

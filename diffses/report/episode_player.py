"""The episode player: a slider over the steps of an episode, with objects, features, the value of
each tree and the terms that decided."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from diffses.detector.figures import COLOURS
from diffses.report.html import render
from diffses.report.replay import Recording
from diffses.report.wording import NAMES, number

ZOOM = 3  # canvas pixels for one of the console's


def player(recording: Recording, first: int) -> Markup:
    """The section, with its data and its script.

    Args:
        recording: of the episode.
        first: the step it opens at, from 0.
    """
    record = recording.record
    return render(
        "episode_player.html.j2",
        record=record,
        description=_description(record),
        compares=record["bounds"] is None and len(record["actions"]) > 1,
        has_frames=bool(recording.frames),
        width=ZOOM * record["width"],
        height=ZOOM * record["height"],
        data={
            "record": record,
            "frames": recording.uris(),
            "colours": COLOURS,
            "first": first,
        },
    )


def _description(record: Mapping[str, Any]) -> str:
    text = (
        f"Test episode {record['episode']} of protocol {record['protocol']} (seed "
        f"{record['seed']}), the one whose return is nearest to the mean, played by the "
        f"{NAMES[record['policy']]}: return {number(record['return'])} in "
        f"{record['steps']:,} steps"
    )
    same = (
        ", as in the evaluation." if record["as_evaluated"] else "; the evaluation found another."
    )
    shown = len(record["rows"])
    rest = "" if shown == record["steps"] else f" Shown are its first {shown:,} steps."
    return text + same + rest

"""The episode player: a frame slider with what was seen, what each tree said, and why."""

from __future__ import annotations

import json
from pathlib import Path

from diffses.detector.figures import COLOURS
from diffses.report.html import Markup, join, section, tag
from diffses.report.replay import Recording
from diffses.report.wording import NAMES, number

SCRIPT = Path(__file__).with_suffix(".js")
ZOOM = 3  # canvas pixels for one of the console's


def player(recording: Recording, first: int) -> Markup:
    """The section, with its data and its script.

    Args:
        first: the step it opens at, from 0.
    """
    record = recording.record
    frame = ""
    if recording.frames:
        width, height = str(ZOOM * record["width"]), str(ZOOM * record["height"])
        frame = tag("canvas", "", data_player="canvas", width=width, height=height)
    choices = tag("div", "", cls="bars", data_player="values")
    whys = tag("div", "", cls="bars", data_player="why")
    beside = tag(
        "div",
        tag("p", tag("b", "", data_player="action"), cls="says"),
        tag("h3", "What each tree says" if record["bounds"] is None else "What the trees say"),
        choices,
        tag("h3", "Why: the lead over the runner-up, term by term" if _races(record) else "Why"),
        whys,
        cls="sides",
    )
    controls = tag(
        "div",
        tag("button", "\N{LEFTWARDS ARROW}", data_player="back", aria_label="one step back"),
        tag("button", "\N{BLACK RIGHT-POINTING TRIANGLE} play", data_player="play"),
        tag("button", "\N{RIGHTWARDS ARROW}", data_player="forth", aria_label="one step on"),
        Markup('<input type="range" min="0" value="0" data-player="slider" aria-label="step">'),
        tag("span", "", data_player="step"),
        cls="controls",
    )
    rows = tag("div", "", cls="row", data_player="row")
    numbers = tag("details", tag("summary", "The features it saw in this step"), rows)
    numbers = Markup(numbers.replace("<details>", "<details open>", 1))
    return section(
        "Watch it play",
        tag("p", _words(record)),
        tag("div", frame, beside, cls="stage" if frame else "stage bare"),
        controls,
        numbers,
        _data(recording, first),
        join([Markup("<script>"), Markup(SCRIPT.read_text(encoding="utf-8")), Markup("</script>")]),
    )


def _races(record: dict[str, object]) -> bool:
    return bool(record["bounds"] is None and len(record["actions"]) > 1)  # type: ignore[arg-type]


def _words(record: dict[str, object]) -> str:
    text = (
        f"Test episode {record['episode']} of protocol {record['protocol']} (seed "
        f"{record['seed']}), the one whose return is nearest to the mean, played by the "
        f"{NAMES[str(record['policy'])]}: return {number(float(str(record['return'])))} in "
        f"{record['steps']:,} steps"
    )
    text += (
        ", as the evaluation found."
        if record["as_evaluated"]
        else "; the evaluation found another."
    )
    shown = len(record["rows"])  # type: ignore[arg-type]
    return text if shown == record["steps"] else f"{text} Here are its first {shown:,} steps."


def _data(recording: Recording, first: int) -> Markup:
    content = {
        "record": recording.record,
        "frames": recording.uris(),
        "colours": COLOURS,
        "first": first,
    }
    text = json.dumps(content, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    return Markup(f'<script type="application/json" id="episode">{text}</script>')

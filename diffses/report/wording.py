"""Numbers and sentences that the pages and the terminal share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from diffses.evaluation.results import FULL_EPISODES, Row, main_protocol
from diffses.report.run_artifacts import Shown

MINUS = "\N{MINUS SIGN}"
DASH = "\N{EN DASH}"
NAMES = {
    "random": "random play",
    "teacher": "teacher (network)",
    "linear": "linear formula",
    "distilled": "distilled formula",
    "finetuned": "fine-tuned formula",
}
UPPER_BOUND = (
    "The objects come from detector=oracle: OCAtari reads them from the console's memory, which a "
    "policy that plays from pixels does not see. The returns are an upper bound for such a policy."
)
RIVALS = {
    "teacher": "its teacher, a neural network",
    "distilled": "the formula before fine-tuning",
    "linear": "the linear fit to the teacher",
}
PROTOCOL_NAMES = {
    "v5": "Protocol v5: sticky actions",
    "gym": "Protocol gym: the environment as registered",
    "v4": "Protocol v4: no sticky actions",
}
PROTOCOL_NOTES = {
    "v5": (
        "Games in which the console repeats the previous action with probability {sticky} "
        "(sticky actions), so no two are alike. One action lasts {skip} frames. Rewards are not "
        "clipped. The interval is a 95 % percentile bootstrap over the episodes; IQM is the mean "
        "of the middle half of them."
    ),
    "gym": (
        "Episodes of the environment as Gymnasium registers it, each named by the seed of its "
        "reset. The interval is a 95 % percentile bootstrap over the episodes; IQM is the mean of "
        "the middle half of them."
    ),
    "v4": (
        "The same games without sticky actions, so an episode depends on its opening no-ops "
        "alone. Each of these starts is played once, and there are no others: nothing is sampled, "
        "hence no interval. Nothing is chosen by this table, and its numbers cannot be compared "
        "with those of v5."
    ),
}


def number(value: float | None, digits: int = 1) -> str:
    """12.3, with a real minus sign; an en dash where there is no value."""
    if value is None:
        return DASH
    text = f"{value:,.{digits}f}"
    zero = f"{0:.{digits}f}"
    return zero if text == f"-{zero}" else text.replace("-", MINUS)


def bounds(ci95: Sequence[float] | None) -> str:
    """ "10.1 to 14.4"."""
    return DASH if ci95 is None else f"{number(ci95[0])} to {number(ci95[1])}"


def share(value: float | None) -> str:
    """0.894 as "89.4 %"."""
    return DASH if value is None else f"{100 * value:.1f} %"


def duration(seconds: float) -> str:
    """ "0.4 s", "38 s", "12 min 5 s", "3 h 20 min"."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def game_name(game: str) -> str:
    """ "space_invaders" as "Space Invaders"; a task's id stays as it is."""
    return game.replace("_", " ").title() if game.islower() else game


def headline(game: str, shown: Shown) -> str:
    """How well the formula plays and how sure that is, in one sentence."""
    row = shown.result(shown.champion)
    if row is None:
        return f"No formula for {game_name(game)} has been evaluated."
    a_game = "a game of" if shown.has_frames else "an episode of"
    all_cut = row.get("cut", 0) == row["episodes"]
    played = f"in the first {row['max_steps']:,} steps of" if all_cut else a_game
    subject = "From pixels, a formula" if shown.has_frames else "A formula"
    if from_memory(shown):
        subject = "From memory (an upper bound), a formula"
    sentence = (
        f"{subject} of {row['size'] or DASH} nodes scores {number(row['mean'])} "
        f"points {played} {game_name(game)}"
    )
    if row["ci95"] is not None:
        return f"{sentence} (95 % interval {bounds(row['ci95'])}, {episodes(row)})."
    return f"{sentence} ({episodes(row)}, no interval)."


def episodes(row: Row) -> str:
    return f"{row['episodes']} test episode{'' if row['episodes'] == 1 else 's'}"


def warnings(shown: Shown) -> list[str]:
    """Warnings above the results of a run; empty for a full evaluation."""
    found = [UPPER_BOUND] if from_memory(shown) else []
    found += cut_short(shown.results)
    row = shown.result(shown.champion)
    if row is not None and row["episodes"] < FULL_EPISODES:
        found.append(few_episodes(row["episodes"], row["protocol"]))
    return found


def cautions(jobs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Warnings above the results of a sweep, from "jobs" in `summary.json`."""
    rows = [row for job in jobs for row in job["results"]]
    main = main_protocol(rows)
    played = [row["episodes"] for row in rows if row["protocol"] == main]
    found = cut_short(rows)
    if played and min(played) < FULL_EPISODES:
        found.append(few_episodes(min(played), main))
    return found


def from_memory(shown: Shown) -> bool:
    """Whether the objects were read from the console's memory."""
    return bool(shown.features.get("kind") == "oracle")


def cut_short(rows: Sequence[Row]) -> list[str]:
    """A warning if test episodes were cut by `evaluation.max_steps`; nothing where none was.

    Args:
        rows: of `results.json`.
    """
    limits = [row["max_steps"] for row in rows if row.get("cut")]
    if not limits:
        return []
    cut, played = sum(row.get("cut", 0) for row in rows), sum(row["episodes"] for row in rows)
    which = "Every test episode was" if cut == played else f"{cut:,} of {played:,} test episodes"
    were = "" if cut == played else " (of all policies together) were"
    after = "different numbers of" if len(set(limits)) > 1 else f"{limits[0]:,}"
    what = "The" if cut == played else "Their"
    return [
        f"{which}{were} cut after {after} steps. {what} returns are those of beginnings of games "
        "and do not measure how well a policy plays."
    ]


def few_episodes(count: int, protocol: str) -> str:
    return (
        f"Only {count} test episode{'' if count == 1 else 's'} under protocol {protocol}: the "
        "numbers are a first impression. For a result, set evaluation.episodes="
        f"{FULL_EPISODES} or more."
    )


def verdicts(shown: Shown) -> list[str]:
    """How the formula compares with its teacher and with the formulas it was made from."""
    row = shown.result(shown.champion)
    if row is None:
        return []
    said: dict[tuple[str, str], list[str]] = {}
    for name, described in RIVALS.items():
        other = shown.result(name)
        if other is not None and name != shown.champion:
            text = f"{described} ({number(other['mean'])})"
            said.setdefault(_compare(row, other), []).append(text)
    return [f"{lead} {_listed(names)}{end}." for (lead, end), names in said.items()]


def _compare(row: Row, other: Row) -> tuple[str, str]:
    """The start and the end of a sentence about a rival's result."""
    if row["mean"] == other["mean"]:
        return "It scores the same as", ""
    better = "better" if row["mean"] > other["mean"] else "worse"
    if row["ci95"] is None or other["ci95"] is None:
        return f"It scores {better} than", "; there are no intervals to compare"
    if _apart(row["ci95"], other["ci95"]):
        return f"It plays {better} than", "; their intervals do not overlap with its own"
    return f"It scores {better} than", ", but the intervals overlap"


def _listed(names: Sequence[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]


def _apart(first: Sequence[float], second: Sequence[float]) -> bool:
    return first[1] < second[0] or second[1] < first[0]


def protocol_note(protocol: str, shown: Shown) -> str:
    env: dict[str, Any] = shown.config.get("env", {})
    note = PROTOCOL_NOTES.get(protocol, "The environment as it is registered.")
    return note.format(sticky=env.get("sticky", 0.25), skip=env.get("frame_skip", 4))

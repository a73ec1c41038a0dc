"""The page of a survey: what the motion detector makes of each game, failures first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from diffses.detector.contact_value import read_contact
from diffses.report.html import Table, render
from diffses.report.wording import DASH

Row = Mapping[str, Any]

MIN_STABILITY = 0.9  # of a game that counts as stable
ARROWS = {
    (-1, -1): "↖", (0, -1): "↑", (1, -1): "↗", (-1, 0): "←", (0, 0): "·", (1, 0): "→",
    (-1, 1): "↙", (0, 1): "↓", (1, 1): "↘",
}  # fmt: skip
OVERVIEW = ("game", "verdict", "player", "controlled", "stability", "types", "obs./s", "seconds")
TYPES = ("type", "touched", "shot", "size", "on frames", "on a screen", "controlled")


def write_page(rows: Sequence[Row], folder: Path) -> Path:
    """Writes index.html, which shows the pictures `<game>.png` of the folder. Returns its path."""
    ranked = sorted(rows, key=rank)
    page = folder / "index.html"
    page.write_text(
        render(
            "survey.html.j2",
            title="What the detector sees",
            lead=summary(rows),
            overview=Table(OVERVIEW, [overview_cells(row) for row in ranked], left=3),
            games=[
                {
                    "name": row["game"],
                    "line": line_of(row),
                    "picture": f"{row['game']}.png"
                    if (folder / f"{row['game']}.png").exists()
                    else "",
                    "recordings": [recording_of(found) for found in row["recordings"]],
                }
                for row in ranked
            ],
        ),
        encoding="utf-8",
    )
    return page


def rank(row: Row) -> tuple[int, float, str]:
    """The place of a row on the page: errors, no player, another player, and least stable first."""
    stability = row["stability"]
    return VERDICTS.index(verdict(row)), -1.0 if stability is None else stability, row["game"]


VERDICTS = ("error", "no player", "players differ", "unstable", "good")


def verdict(row: Row) -> str:
    """One of VERDICTS."""
    if row["error"]:
        return "error"
    if any(found.get("player") is None for found in row["recordings"]):
        return "no player"
    if row["same_player"] is False:
        return "players differ"
    stability = row["stability"]
    return "good" if stability is None or stability >= MIN_STABILITY else "unstable"


def summary(rows: Sequence[Row]) -> str:
    """The page in a sentence or two."""
    told = [verdict(row) for row in rows]
    found = sum(row["player"] is not None for row in rows)
    stable = sum((row["stability"] or 0) >= MIN_STABILITY for row in rows)
    counts = ", ".join(f"{told.count(name)} {name}" for name in VERDICTS if name in told)
    return (
        f"{len(rows)} games: a player found in {found}, stability {MIN_STABILITY:g} or more in "
        f"{stable}. {counts[:1].upper()}{counts[1:]}."
    )


def line_of(row: Row) -> str:
    """A game in a line."""
    player = row["player"] or "none"
    how = _number(row["player_controllability"])
    text = f"{row['game']}: player {player} ({how}), stability {_number(row['stability'])}, "
    text += f"{_types(row) or 'no'} types"
    return f"{text}; {row['error']}" if row["error"] else text


def overview_cells(row: Row) -> list[str]:
    """A row of the table at the top."""
    rates = [found["observed_per_second"] for found in row["recordings"] if "types" in found]
    return [
        row["game"],
        row["error"] or verdict(row),
        row["player"] or DASH,
        _number(row["player_controllability"]),
        _number(row["stability"]),
        _types(row),
        f"{min(rates):,.0f}" if rates else DASH,
        DASH if row["seconds"] is None else f"{row['seconds']:.0f}",
    ]


def _types(row: Row) -> str:
    """How many types each recording has, e.g. "6, 7"."""
    return ", ".join(str(len(found["types"])) for found in row["recordings"] if "types" in found)


def recording_of(found: Row) -> dict[str, Any]:
    """What the page shows of a recording."""
    if "error" in found:
        return {"seed": found["seed"], "error": found["error"]}
    return {
        "seed": found["seed"],
        "pushes": pushes_text(found["pushes"]),
        "features": found["features"],
        "types": Table(TYPES, [type_cells(kind) for kind in found["types"]], left=3),
    }


def type_cells(kind: Row) -> list[str]:
    """A row of a game's table of types."""
    width, height = kind["size_px"]
    return [
        f"{kind['name']}, shot by the player" if kind.get("shot_by_player") else kind["name"],
        _contact(kind.get("contact")),
        _contact(kind.get("hit_by_projectile")),
        f"{width:g} x {height:g} px",
        f"{100 * kind['share_of_frames']:.0f} %",
        f"{kind['seen_per_screen']:.2g}",
        _number(kind["controllability"]),
    ]


def _contact(words: Row | None) -> str:
    return str(read_contact(words) or DASH)


def pushes_text(pushes: Mapping[str, Sequence[int]]) -> str:
    """What each action does to the player, e.g. "UP ↑, RIGHT →"."""
    return ", ".join(f"{name} {ARROWS[x, y]}" for name, (x, y) in pushes.items()) or "none"


def _number(value: float | None) -> str:
    return DASH if value is None else f"{value:.2f}"

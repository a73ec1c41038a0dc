"""python -m diffses.detector.survey games=pong,asterix [seeds=0,1] [png=DIR] [json=FILE]

What the motion detector makes of games: its types, which of them is the player, and whether other
play gives the same.

  games=A,B    ROM names of ale-py, or all
  seeds=0,1    of the play that is learned from
  steps=3000   of play
  png=DIR      draw a sample of each as DIR/<game>_<seed>.png
  json=FILE    write the table here as well

Types of two seeds are the same where the palette indices of one are among those of the other and
their sizes differ by at most a quarter, or 2 px; `same` is the share of all sights, in both, that
are of types the other has too. A game in which nothing is found is told with the reason.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from textwrap import indent
from typing import Any

from diffses.cli.arguments import parse, whole
from diffses.config import ArcadeEnv, MotionDetector
from diffses.detector.learn import learn_motion_detector
from diffses.detector.motion import MotionObjectDetector
from diffses.detector.recording import recording_for
from diffses.detector.tracker import TypeInfo
from diffses.envs.ale import v5
from diffses.errors import DiffsesError
from diffses.text_table import aligned

SETTINGS = {"games": "", "seeds": "0,1", "steps": "3000", "png": "", "json": ""}
NEAR_PX, NEAR_SHARE = 2.0, 0.25  # how far the sizes of one type may be apart: the larger of both


def look(
    game: str, seed: int, steps: int, pictures: Path | None
) -> tuple[dict[str, Any], MotionObjectDetector]:
    """Learns a game and says what was found."""
    settings = MotionDetector(seed=seed, steps=steps)
    play = recording_for(v5(ArcadeEnv(game=game)), settings)
    clock = time.perf_counter()
    detector = learn_motion_detector(
        play.screens, play.starts, play.action_tm1, settings, {}, play.before
    )
    seconds = time.perf_counter() - clock
    if pictures is not None:
        from diffses.detector.figures import draw_sample  # loads matplotlib

        pictures.mkdir(parents=True, exist_ok=True)
        draw_sample(detector, play, pictures / f"{game}_{seed}.png")
    cast = detector.tracker.schema
    return {
        "game": game,
        "seed": seed,
        "player": cast.player,
        "types": [
            {
                "name": kind.name,
                "size_px": [kind.width, kind.height],
                "seen_per_screen": round(kind.mean_count, 3),
                "motion_explained_by_actions": kind.control,
            }
            for kind in cast.types
        ],
        "features": len(cast.features),
        "seconds": round(seconds, 1),
    }, detector


def same(one: TypeInfo, two: TypeInfo) -> bool:
    """Whether two detectors mean the same type."""
    sizes = zip(one.size, two.size, strict=True)
    near = all(abs(a - b) <= max(NEAR_PX, NEAR_SHARE * max(a, b)) for a, b in sizes)
    mine, others = set(one.colours), set(two.colours)
    return near and (mine <= others or others <= mine)


def shared(one: Sequence[TypeInfo], two: Sequence[TypeInfo]) -> float:
    """The share of all sights that are of types which both have, 0 to 1."""
    both = [(mine, others) for mine, others in ((one, two), (two, one))]
    known = sum(a.mean_count for mine, rest in both for a in mine if any(same(a, b) for b in rest))
    return known / max(1e-9, sum(kind.mean_count for mine, _ in both for kind in mine))


def survey(
    games: Sequence[str], seeds: Sequence[int], steps: int, pictures: Path | None
) -> list[dict[str, Any]]:
    """A row for each game: what each seed found, and how alike they are; prints as it goes."""
    rows = []
    for game in games:
        found: list[MotionObjectDetector] = []
        row: dict[str, Any] = {"game": game, "seeds": []}
        for seed in seeds:
            try:
                told, detector = look(game, seed, steps, pictures)
            except DiffsesError as error:
                told = {"game": game, "seed": seed, "error": str(error).splitlines()[0]}
            else:
                found.append(detector)
            row["seeds"].append(told)
        casts = [detector.tracker.schema for detector in found]
        alike = [shared(a.types, b.types) for a, b in combinations(casts, 2)]
        row["same"] = min(alike, default=None)
        row["same_player"] = all(
            any(same(p, q) for p in players_of(a) for q in players_of(b))
            for a, b in combinations(casts, 2)
        )
        print("\n".join(lines(row)), flush=True)
        rows.append(row)
    return rows


def players_of(cast: Any) -> list[TypeInfo]:
    return [kind for kind in cast.types if kind.name == cast.player]


def lines(row: dict[str, Any]) -> list[str]:
    """A game's row as text: how alike the seeds are, then a table of what each found."""
    alike = "" if row["same"] is None else f"  same {row['same']:.2f}"
    player = (
        "" if row["same"] is None else f"  same player: {'yes' if row['same_player'] else 'no'}"
    )
    columns = ("seed", "seconds", "features", "types")
    found = aligned(columns, [_cells(told) for told in row["seeds"]], "rrrl")
    return [f"{row['game']}{alike}{player}", indent(found, "  ")]


def _cells(found: dict[str, Any]) -> list[str]:
    """What one seed found, or why it found nothing."""
    if "error" in found:
        return [str(found["seed"]), "", "", found["error"]]
    types = ", ".join(
        f"{kind['name']} {kind['size_px'][0]:g}x{kind['size_px'][1]:g} "
        f"({kind['seen_per_screen']:.2g})"
        for kind in found["types"]
    )
    return [str(found["seed"]), str(found["seconds"]), str(found["features"]), types]


def main(arguments: list[str]) -> int:
    if not arguments or {"--help", "-h"} & set(arguments):
        print(__doc__)
        return 0
    try:
        settings = parse(arguments, SETTINGS, ("games",), "games=pong,asterix")
        seeds = [whole("seeds", seed, 0, "0,1") for seed in settings["seeds"].split(",")]
        steps = whole("steps", settings["steps"], 50, "3000")
        games = settings["games"].split(",")
        if games == ["all"]:
            from diffses.envs.ale import games as every_game

            games = every_game()
        rows = survey(games, seeds, steps, Path(settings["png"]) if settings["png"] else None)
    except DiffsesError as error:
        print(f"ERROR {error}", file=sys.stderr)
        return 1
    if settings["json"]:
        Path(settings["json"]).write_text(json.dumps(rows, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""`python -m diffses survey`: what the motion detector makes of games."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from textwrap import indent
from typing import Any

from diffses.cli.arguments import CommandParser, file, game_name, listed, path, whole
from diffses.cli.exit_codes import OK, exit_code
from diffses.config import ArcadeEnv, MotionDetector
from diffses.detector.learn import learn_from_recording
from diffses.detector.motion import MotionObjectDetector
from diffses.detector.recording import recording_for
from diffses.detector.tracker import TypeInfo
from diffses.envs.ale import games as every_game
from diffses.envs.ale import v5
from diffses.errors import DiffsesError
from diffses.text_table import aligned

DESCRIPTION = """\
What the motion detector makes of games: its types of objects, which of them is the player, and
whether it finds the same in other play.

Types of two seeds are the same where the palette indices of one are among those of the other and
their sizes differ by at most a quarter, or 2 px. `same` is the share of all detections, of both
seeds, that are of types which both have. A game in which nothing is found is listed with the
reason.
"""
EXAMPLE = "python -m diffses survey --games pong,asterix --seeds 0,1"
NEAR_PX, NEAR_SHARE = 2.0, 0.25  # how far the sizes of one type may be apart: the larger of both


def look(
    game: str, seed: int, steps: int, pictures: Path | None
) -> tuple[dict[str, Any], MotionObjectDetector]:
    """Learns a detector for a game. Returns what it found as a row of the table, and itself."""
    settings = MotionDetector(seed=seed, steps=steps)
    play = recording_for(v5(ArcadeEnv(game=game)), settings)
    clock = time.perf_counter()
    detector = learn_from_recording(play, settings, {})
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
    """The share of all detections that are of types which both detectors have, 0 to 1."""
    both = [(mine, others) for mine, others in ((one, two), (two, one))]
    known = sum(a.mean_count for mine, rest in both for a in mine if any(same(a, b) for b in rest))
    return known / max(1e-9, sum(kind.mean_count for mine, _ in both for kind in mine))


def survey(
    games: Sequence[str], seeds: Sequence[int], steps: int, pictures: Path | None
) -> list[dict[str, Any]]:
    """A row for each game: what each seed found, and how much of it both found. Prints each row
    when it is done."""
    rows = []
    for game in games:
        found: list[MotionObjectDetector] = []
        row: dict[str, Any] = {"game": game, "seeds": []}
        for seed in seeds:
            try:
                result, detector = look(game, seed, steps, pictures)
            except DiffsesError as error:
                result = {"game": game, "seed": seed, "error": str(error).splitlines()[0]}
            else:
                found.append(detector)
            row["seeds"].append(result)
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
    """The types that the detector takes for the player: one, or none."""
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


def _games(text: str) -> list[str]:
    """The type of `--games`: names with commas between them, or all."""
    return every_game() if text == "all" else listed(game_name)(text)


def make_parser() -> CommandParser:
    parser = CommandParser(
        prog="python -m diffses survey", description=DESCRIPTION, example=EXAMPLE
    )
    parser.add_argument(
        "--games", metavar="A,B", type=_games, required=True, help="ROMs of ale-py, or all"
    )
    parser.add_argument(
        "--seeds",
        metavar="N,N",
        type=listed(whole(0)),
        default="0,1",
        help="of the play that is learned from",
    )
    parser.add_argument("--steps", metavar="N", type=whole(50), default=3000, help="steps of play")
    parser.add_argument("--png", metavar="DIR", type=path, help="draw DIR/<game>_<seed>.png")
    parser.add_argument("--json", metavar="FILE", type=file, help="write the table here as well")
    return parser


@exit_code
def main(arguments: Sequence[str]) -> int:
    options = make_parser().parse_args(arguments)
    rows = survey(options.games, options.seeds, options.steps, options.png)
    if options.json is not None:
        options.json.write_text(json.dumps(rows, indent=2) + "\n")
    return OK

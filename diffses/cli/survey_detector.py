"""`python -m diffses survey`: what the motion detector makes of games."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from diffses.cli.arguments import CommandParser, file, game_name, listed, path, whole
from diffses.cli.exit_codes import OK, exit_code
from diffses.config import ROOT
from diffses.detector.game_survey import Row, blank_row, survey_game
from diffses.envs.ale import games as every_game
from diffses.envs.rollout import prepare_worker, spawning
from diffses.errors import ConfigError
from diffses.logger.progress import Bar
from diffses.pipeline import STAGES
from diffses.report.survey_page import line_of, write_page

RESULTS = ROOT / "benchmarks" / "results" / "detector_survey.jsonl"
PAGE = ROOT / "outputs" / "survey"
MOST_PROCESSES = 2
DESCRIPTION = """\
What the motion detector makes of games: its types of objects, which of them is the player, what
each action does to it, and whether it finds the same in other play.

A detector is learned from each of several recordings of a game. The game's row is appended to
--out as a line of JSON when it is done, so that an interrupted survey goes on where it ended; the
last row of a game counts. A game that fails is a row with an error. A row holds
  game, detector_version, seeds, steps      of the recordings, which are exploratory play
  error                    why a recording gave no detector; null if all did
  player                   the type that the actions control, in the first recording
  player_controllability   how much of its motion the actions explain, 0 to 1
  stability                the share of all detections that are of types found in both of two
                           recordings, the least of all pairs. Two types are the same where the
                           palette indices of one are among those of the other and their sizes
                           differ by at most a quarter, or 2 px.
  same_player              whether the players of all recordings are the same type
  seconds                  that the game took, beside others
  recordings               of each: its types, with the share of the frames that show them, what
                           follows where the player touches them (contact) and where what it shoots
                           does (hit_by_projectile); player; pushes (the direction, right and down,
                           in which an action moves the player); number of features; observations a
                           second; or its error
--page DIR gets index.html, games that failed first, and a picture of each game: a screen of each
third of the first recording, the player in a double box.
"""
EXAMPLE = "python -m diffses survey --games pong,asterix --seeds 0,1"

Survey = Callable[[str, Sequence[int], int, int, Path | None], Row]


def read_survey(path: Path) -> dict[str, Row]:
    """The last row of each game, in the order of the file; none where there is no file.

    Raises:
        ConfigError: where a line is no row.
    """
    rows: dict[str, Row] = {}
    if not path.is_file():
        return rows
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            row = json.loads(line)
            rows[row["game"]] = row
        except (ValueError, TypeError, KeyError) as error:
            raise ConfigError(
                f"line {number} of {path} is no row of a survey: {error}",
                fix=f"delete that line, or --out <another file>, e.g. --out {path.name}.new",
            ) from error
    return rows


def to_do(
    games: Sequence[str], rows: dict[str, Row], wanted: Row, redo: str
) -> tuple[list[str], list[str]]:
    """The games to survey, and those that would be with `--redo outdated`.

    Args:
        rows: that are known, by game.
        wanted: the values that an up-to-date row has: detector version, seeds and steps.
        redo: "none", "outdated" or "all" of the games with a row.
    """
    fresh = [game for game in games if game not in rows]
    outdated = [
        game
        for game in games
        if game in rows and any(rows[game].get(name) != value for name, value in wanted.items())
    ]
    if redo == "all":
        return list(games), []
    return (fresh + outdated, []) if redo == "outdated" else (fresh, outdated)


def survey(
    games: Sequence[str],
    seeds: Sequence[int],
    steps: int,
    pictures: Path,
    processes: int,
    look: Survey = survey_game,
) -> Iterator[Row]:
    """The row of each game when it is done, in no fixed order; each game has its own process."""
    version = STAGES["detector"].version
    with ThreadPoolExecutor(processes) as threads:
        jobs = [
            threads.submit(
                _in_a_process, look, game, seeds, steps, version, pictures / f"{game}.png"
            )
            for game in games
        ]
        try:
            for job in as_completed(jobs):
                yield job.result()
        finally:
            for job in jobs:
                job.cancel()


def _in_a_process(
    look: Survey, game: str, seeds: Sequence[int], steps: int, version: int, picture: Path
) -> Row:
    """A game's row from a process of its own, which may die."""
    with ProcessPoolExecutor(1, spawning(), initializer=prepare_worker) as process:
        try:
            return process.submit(look, game, seeds, steps, version, picture).result()
        except BrokenProcessPool:
            return blank_row(game, seeds, steps, version, "its process died before it had a result")


def tidy(path: Path) -> None:
    """Rewrites the file with one row a game, in alphabetical order."""
    rows = read_survey(path)
    text = "".join(f"{json.dumps(rows[game])}\n" for game in sorted(rows))
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def make_parser() -> CommandParser:
    parser = CommandParser(
        prog="python -m diffses survey", description=DESCRIPTION, example=EXAMPLE
    )
    parser.add_argument(
        "--games",
        metavar="A,B",
        type=_games,
        default="all",
        help="ROMs of ale-py; all: those with a mode for one player",
    )
    parser.add_argument(
        "--seeds",
        metavar="N,N",
        type=listed(whole(0)),
        default="0,1",
        help="of the recordings that are learned from",
    )
    parser.add_argument(
        "--steps", metavar="N", type=whole(50), default=3000, help="of each recording"
    )
    parser.add_argument(
        "--redo",
        choices=("none", "outdated", "all"),
        default="none",
        help="do games again that have a row: those with another detector version, other seeds or "
        "other steps; or all",
    )
    parser.add_argument(
        "--out", metavar="FILE", type=file, default=RESULTS, help="the rows, a line of JSON a game"
    )
    parser.add_argument(
        "--page", metavar="DIR", type=path, default=PAGE, help="for index.html and the pictures"
    )
    parser.add_argument(
        "--processes", metavar="N", type=whole(1), default=1, help=f"{MOST_PROCESSES} at the most"
    )
    return parser


def _games(text: str) -> list[str]:
    """The type of `--games`: names with commas between them, or all."""
    return every_game() if text == "all" else listed(game_name)(text)


@exit_code
def main(arguments: Sequence[str]) -> int:
    options = make_parser().parse_args(arguments)
    if options.processes > MOST_PROCESSES:
        raise ConfigError(
            f"--processes {options.processes}: a survey learns in {MOST_PROCESSES} at the most",
            fix=f"--processes {MOST_PROCESSES}",
        )
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.page.mkdir(parents=True, exist_ok=True)
    wanted = {
        "detector_version": STAGES["detector"].version,
        "seeds": options.seeds,
        "steps": options.steps,
    }
    games, outdated = to_do(options.games, read_survey(options.out), wanted, options.redo)
    if outdated:
        print(
            f"{len(outdated)} games have a row of another detector version, seeds or steps and "
            "are left as they are\n  fix: --redo outdated"
        )
    with Bar(len(games), "game", "survey") as progress:
        for row in survey(games, options.seeds, options.steps, options.page, options.processes):
            with options.out.open("a", encoding="utf-8") as rows:
                rows.write(json.dumps(row) + "\n")
            print(line_of(row), flush=True)
            progress.update(1)
    tidy(options.out)
    page = write_page(list(read_survey(options.out).values()), options.page)
    print(f"{options.out}: {len(games)} games done\n{page}")
    return OK

"""What the motion detector makes of a game: a row of the survey, and a picture."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

from diffses.config import ArcadeEnv, MotionDetector
from diffses.detector.figures import draw_survey
from diffses.detector.learn import learn_from_recording
from diffses.detector.motion import MotionObjectDetector
from diffses.detector.object_log import ObjectLog, watch
from diffses.detector.object_schema import with_button
from diffses.detector.recording import Recording, recording_for
from diffses.detector.tracker import ObjectSchema, TypeInfo, replay_action
from diffses.envs.ale import AtariEnv, v5
from diffses.errors import DiffsesError

Row = dict[str, Any]

NEAR_PX, NEAR_SHARE = 2.0, 0.25  # how far the sizes of one type may be apart: the larger of both
TIMED_STEPS = 1000  # observations that are timed, at most


def survey_game(
    game: str, seeds: Sequence[int], steps: int, version: int, picture: Path | None
) -> Row:
    """Learns a detector from each of several recordings of a game.

    Args:
        seeds: of the recordings, which are exploratory play.
        steps: of each recording.
        version: of the detector stage, to be noted in the row.
        picture: a PNG file to draw what the first detector sees; None: no picture.

    Returns:
        The game's row: see the help of `python -m diffses survey`.
    """
    clock = time.perf_counter()
    schemas: list[ObjectSchema] = []
    recordings: list[Row] = []
    for seed in seeds:
        try:
            found, schema = _look(game, seed, steps, None if schemas else picture)
        except Exception as error:  # whatever it is: this game's row tells it, and the others go on
            recordings.append({"seed": seed, "error": describe(error)})
        else:
            recordings.append(found)
            schemas.append(schema)
    errors = [found["error"] for found in recordings if "error" in found]
    alike = [shared(a.types, b.types) for a, b in combinations(schemas, 2)]
    row = blank_row(game, seeds, steps, version, errors[0] if errors else None)
    if schemas:
        first = next(found for found in recordings if "error" not in found)
        row |= {name: first[name] for name in ("player", "player_controllability")}
    if alike:
        row["stability"] = round(min(alike), 3)
        row["same_player"] = all(
            any(same(p, q) for p in players_of(a) for q in players_of(b))
            for a, b in combinations(schemas, 2)
        )
    return row | {"seconds": round(time.perf_counter() - clock, 1), "recordings": recordings}


def blank_row(game: str, seeds: Sequence[int], steps: int, version: int, error: str | None) -> Row:
    """The row of a game of which nothing is known but an error."""
    return {
        "game": game,
        "detector_version": version,
        "seeds": list(seeds),
        "steps": steps,
        "error": error,
        "player": None,
        "player_controllability": None,
        "stability": None,
        "same_player": None,
        "seconds": None,
        "recordings": [],
    }


def describe(error: BaseException) -> str:
    """An error in one line: what is wrong; the kind of error where it is not one of ours."""
    text = " ".join(str(error).split("\n  fix:")[0].split())
    return text if isinstance(error, DiffsesError) else f"{type(error).__name__}: {text}"


def _look(game: str, seed: int, steps: int, picture: Path | None) -> tuple[Row, ObjectSchema]:
    """Learns a detector from one recording. Returns what it found, for the row, and its schema."""
    settings, protocol = MotionDetector(seed=seed, steps=steps), v5(ArcadeEnv(game=game))
    play = recording_for(protocol, settings)
    clock = time.perf_counter()
    detector = learn_from_recording(play, settings, {})
    seconds = time.perf_counter() - clock
    actions = AtariEnv(protocol).action_names
    detector = detector.with_schema(with_button(detector.tracker.schema, actions))
    log = watch(detector, play)
    if picture is not None:
        draw_survey(detector.tracker.schema, play, log, picture)
    return _found(seed, detector, play, log, actions) | {"learn_seconds": round(seconds, 1)}, (
        detector.tracker.schema
    )


def _found(
    seed: int,
    detector: MotionObjectDetector,
    play: Recording,
    log: ObjectLog,
    actions: Sequence[str],
) -> Row:
    """What a detector found in a recording."""
    schema = detector.tracker.schema
    seen = log.share_of_frames(len(schema.types))
    return {
        "seed": seed,
        "player": schema.player,
        "player_controllability": _rounded(next((k.control for k in players_of(schema)), None)),
        "pushes": pushes_of(schema, actions),
        "types": [
            {
                "name": kind.name,
                "size_px": [kind.width, kind.height],
                "share_of_frames": round(float(share), 3),
                "seen_per_screen": round(kind.mean_count, 3),
                "controllability": _rounded(kind.control),
                **kind.contact.describe(),
            }
            for kind, share in zip(schema.types, seen, strict=True)
        ],
        "features": len(schema.features),
        "observed_per_second": round(_rate(detector, play)),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _rate(detector: MotionObjectDetector, play: Recording) -> float:
    """Observations a second, on the first TIMED_STEPS screens."""
    count = min(len(play.screens), TIMED_STEPS)
    clock = time.perf_counter()
    for frame in range(count):
        replay_action(detector, frame, play.starts, play.action_tm1)
        detector.observe(play.screens[frame], None if play.before is None else play.before[frame])
    return count / (time.perf_counter() - clock)


def pushes_of(schema: ObjectSchema, actions: Sequence[str]) -> Mapping[str, list[int]]:
    """The actions that push the player: right (1) or left (-1), down (1) or up (-1)."""
    return {
        name: [int(push[0]), int(push[1])]
        for name, push in zip(actions, schema.pushes, strict=False)
        if push[0] or push[1]
    }


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


def players_of(schema: ObjectSchema) -> list[TypeInfo]:
    """The types that the detector takes for the player: one, or none."""
    return [kind for kind in schema.types if kind.name == schema.player]

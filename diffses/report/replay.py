"""A test episode recorded step by step: objects, features, the value of each tree, and why."""

from __future__ import annotations

import base64
import io
import logging
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from diffses.agents.forest_agent import ForestAgent
from diffses.config import EnvConfig
from diffses.detector.base import AnyDetector, observe_env
from diffses.detector.palette import PALETTE
from diffses.envs.base import Action, Env
from diffses.envs.registry import search_protocol
from diffses.envs.rollout import Job, RandomSpec, play_episode
from diffses.errors import ArtifactError
from diffses.evaluation.results import Row
from diffses.logger.progress import Bar
from diffses.policy.attribution import attribute_terms
from diffses.policy.forest import Forest
from diffses.report.run_artifacts import Shown, detector_folder
from diffses.zoo.champion import Champion
from diffses.zoo.open_policy import detector_of

log = logging.getLogger("diffses")

STEPS = 400  # shown at most, from the start
BYTES = 3_500_000  # of all frames shown, at most; as text they are a third longer
TERMS = 8  # of each decision, at most, the largest first
DIGITS = 6  # significant digits in the record


@dataclass(frozen=True)
class Recording:
    """An episode, and its first steps in detail.

    record: what `episode.json` holds, plain.
    frames: PNG files of the steps; none for a task without frames.
    """

    record: dict[str, Any]
    frames: list[bytes]
    screens: list[np.ndarray]

    def uris(self) -> list[str]:
        return [f"data:image/png;base64,{base64.b64encode(png).decode()}" for png in self.frames]


def typical(shown: Shown) -> Row | None:
    """The champion's test episode whose return is nearest to its mean, of the first protocol."""
    rows = [row for row in shown.episodes if row["policy"] == shown.champion]
    rows = [row for row in rows if row["protocol"] == rows[0]["protocol"]]
    if not rows:
        return None
    mean = sum(row["return"] for row in rows) / len(rows)
    return min(rows, key=lambda row: abs(row["return"] - mean))


class Watcher(ForestAgent):
    """Plays as the forest does and records what it observed and did."""

    def __init__(self, forest: Forest, detector: AnyDetector, progress: Bar) -> None:
        super().__init__(forest, detector)
        self._progress = progress
        self.rows: list[np.ndarray] = []
        self.screens: list[np.ndarray] = []
        self.boxes: list[list[list[Any]]] = []
        self.moves: list[Action] = []

    def act(self, env: Env) -> Action:
        row, screen = observe_env(self._detector, env), env.observation()
        move = self.choose(row)
        self._progress.update(1)
        if len(self.moves) < STEPS:
            self.rows.append(row[self._columns].copy())
            self.moves.append(move)
            if screen.ndim == 2:
                self.screens.append(screen.copy())
                self.boxes.append(boxes(self._detector))
        return move


def boxes(detector: AnyDetector) -> list[list[Any]]:
    """[type, name, left, top, width, height] of each object in sight, in px."""
    tracker = getattr(detector, "tracker", None)
    names = () if tracker is None else tracker.track_names
    return [
        [
            int(one["type"]),
            names[one["track"]] if one["track"] < len(names) else "",
            *(round(float(v), 2) for v in (one["x"] - one["w"] / 2, one["y"] - one["h"] / 2)),
            *(round(float(v), 2) for v in (one["w"], one["h"])),
        ]
        for one in detector.objects
    ]


def record(champion: Champion, policy: str, row: Row, max_steps: int | None) -> Recording:
    """Plays an episode of `episodes.csv` again.

    Args:
        champion: with its environment and its detector's folder.
        row: of the episode.
        max_steps: after which evaluation ended it, if it did.

    Raises:
        ArtifactError, ConfigError: where it cannot be played.
    """
    assert champion.env is not None
    protocol = search_protocol(champion.env)
    detector = detector_of(champion)
    job = Job(RandomSpec(), protocol, int(row["seed"]), max_steps)
    with Bar(row["steps"], "step", "report: play") as progress:
        player = Watcher(champion.forest, detector, progress)
        done = play_episode(job, protocol.make_env(), player)
    frames = _pngs(player.screens)
    kept = len(frames) or len(player.moves)
    about = {
        "format": 1,
        "env": champion.env.name,
        "policy": policy,
        "protocol": protocol.name,
        "episode": int(row["episode"]),
        "seed": done.job.seed,
        "return": done.score,
        "steps": done.steps,
        "as_evaluated": (done.score, done.steps) == (row["return"], row["steps"]),
        "width": player.screens[0].shape[1] if frames else 0,
        "height": player.screens[0].shape[0] if frames else 0,
    }
    decided = _decisions(champion.forest, np.array(player.rows[:kept]), player.moves[:kept])
    units = {name: detector.units.get(name, "") for name in champion.forest.features}
    shown = {"units": units, "boxes": player.boxes[:kept]}
    return Recording(about | decided | shown, frames, player.screens[:kept])


def play_again(env: EnvConfig, shown: Shown) -> Recording | None:
    """The champion's typical test episode, step by step; None where there is none to play, or
    where it cannot be played, which is logged."""
    row = typical(shown)
    if row is None or shown.champion is None:
        return None
    champion = Champion(shown.forests[shown.champion], env, detector_folder(shown.folders), {})
    try:
        return record(champion, shown.champion, row, shown.step_limit)
    except ArtifactError as error:
        log.warning("the report shows no episode: %s", error.problem)
        return None


def _decisions(forest: Forest, rows: np.ndarray, moves: list[Action]) -> dict[str, Any]:
    found = attribute_terms(forest, rows)
    why = []
    for contributions in found.contributions:
        largest = np.argsort(-np.abs(np.nan_to_num(contributions)), kind="stable")[:TERMS]
        why.append([[int(i), _short(contributions[i])] for i in largest if contributions[i] != 0])
    used = {token for tree in forest.trees for token in tree if isinstance(token, int)}
    ids = {action: index for index, action in enumerate(forest.action_ids)}
    return {
        "features": list(forest.features),
        "uses": [name for index, name in enumerate(forest.features) if index in used],
        "actions": list(forest.actions),
        "bounds": forest.bounds,
        "terms": list(found.terms),
        "rows": [[_short(value) for value in row] for row in rows],
        "values": [[_short(value) for value in row] for row in found.values],
        "chosen": [ids[move] if isinstance(move, int) else None for move in moves],
        "moves": [None if isinstance(m, int) else [_short(v) for v in m] for m in moves],
        "second": found.runner_up.tolist(),
        "why": why,
    }


def _short(value: float) -> float | None:
    """Rounded; None for what JSON has no number for."""
    return float(f"{value:.{DIGITS}g}") if np.isfinite(value) else None


def _pngs(screens: list[np.ndarray]) -> list[bytes]:
    """The screens, uint8 (h, w), as palette PNGs: as many as may be shown."""
    made: list[bytes] = []
    total = 0
    for screen in screens:
        target = io.BytesIO()
        height, width = screen.shape
        image = Image.frombytes("P", (width, height), screen.tobytes())
        image.putpalette(PALETTE.tobytes())
        image.save(target, "PNG", optimize=True)
        total += target.tell()
        if total > BYTES:
            break
        made.append(target.getvalue())
    return made

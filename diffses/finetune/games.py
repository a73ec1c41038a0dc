"""Games of a search: played on common seeds, each once, counted, and kept in a journal.

A search is a deterministic function of the results of its games. So a search that was interrupted
is resumed by running it again from the beginning, with the journal answering for all games that
were played: what it then does, it does to the byte as if it had never stopped.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from diffses.agents.forest_agent import ForestAgent, ForestSpec, detector_at
from diffses.detector.base import observe_env
from diffses.envs.base import Action, Env, EvaluationProtocol
from diffses.envs.rollout import Episode, Job, play
from diffses.finetune.evaluator import FirstToN
from diffses.policy.forest import Forest

MOST_MORE = 4  # times as many short whole games as long ones


@dataclass(frozen=True)
class Game:
    """The result of an episode."""

    score: float
    steps: int
    truncated: bool
    penalties: float
    discounted_return: float


@dataclass(frozen=True)
class StateRecorderSpec:
    """An agent that plays a forest and records the features of each step."""

    forest: Forest
    detector: str  # folder of the artifact

    def build(self, env: Env) -> StateRecorder:
        return StateRecorder(ForestAgent(self.forest, detector_at(self.detector)), self.detector)


class StateRecorder:
    """Plays as a `ForestAgent`; `record` has the features of all steps, float64 (n, f)."""

    needs_frame_pair = False

    def __init__(self, agent: ForestAgent, detector: str) -> None:
        self._agent, self._detector = agent, detector_at(detector)
        self._rows: list[np.ndarray] = []

    def reset(self, env: Env, seed: int) -> None:
        self._detector.reset()
        self._rows = []

    def act(self, env: Env) -> Action:
        row = observe_env(self._detector, env).copy()
        self._rows.append(row)
        return self._agent.choose(row)

    def record(self) -> dict[str, np.ndarray]:
        return {"features": np.array(self._rows)}


class Games:
    """Plays the episodes of a search and counts their steps.

    Args:
        protocol: of the environment.
        detector: folder of the detector's artifact.
        workers: processes; 0: one for each core.
        folder: where the journal and the recorded states are kept.
        whole: steps after which a whole game is cut.
    """

    def __init__(
        self,
        protocol: EvaluationProtocol,
        detector: Path,
        workers: int,
        folder: Path,
        whole: int,
    ) -> None:
        self._protocol, self._detector, self._workers = protocol, str(detector), workers
        self._folder, self._whole = folder, whole
        self._journal = folder / "games.jsonl"
        self._known = self._read_journal()
        self._asked: set[str] = set()
        self._keys: dict[Forest, str] = {}
        self.spent = 0  # environment steps
        self.played = 0  # episodes
        self.spent_on: dict[str, int] = {}  # environment steps by activity
        self._activity = ""
        self.on_steps: Callable[[int], object] | None = None  # called with steps as they are spent
        self.first_to_n = FirstToN()
        self._whole_steps = self._whole_games = 0

    @contextmanager
    def activity(self, name: str) -> Iterator[None]:
        """Counts the steps spent within it for this activity."""
        before, self._activity = self._activity, name
        try:
            yield
        finally:
            self._activity = before

    def spend(self, steps: int) -> None:
        """Counts environment steps for the present activity."""
        self.spent += steps
        self.spent_on[self._activity] = self.spent_on.get(self._activity, 0) + steps
        if self.on_steps is not None:
            self.on_steps(steps)

    def affordable(self, games: int) -> int:
        """How many whole games take as many steps as so many of full length: more where games end
        sooner, as far as is known; at most `MOST_MORE` times as many."""
        if self._whole_games == 0:
            return games
        length = self._whole_steps / self._whole_games
        return min(int(games * self._whole / length), MOST_MORE * games)

    def play(
        self, forests: Sequence[Forest], seeds: Sequence[int], max_steps: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Plays every forest on every seed.

        Args:
            max_steps: after which a game is cut.

        Returns:
            Returns, extrapolated where a game to N points is cut (`FirstToN`), and discounted
            returns, each (forests, seeds).
        """
        jobs = [
            (self._key(forest, seed, max_steps), forest, seed)
            for forest in forests
            for seed in seeds
        ]
        self._ensure(jobs, max_steps)
        scores, discounted = np.zeros(len(jobs)), np.zeros(len(jobs))
        for place, (key, _, _) in enumerate(jobs):
            game = self._known[key]
            scores[place] = self.first_to_n.extrapolated_return(game)
            discounted[place] = game.discounted_return
        shape = (len(forests), len(seeds))
        return scores.reshape(shape), discounted.reshape(shape)

    def states(self, forest: Forest, seed: int, max_steps: int) -> np.ndarray:
        """The states of a game that the forest plays, float64 (n, features)."""
        key = self._key(forest, seed, max_steps)
        path = self._folder / f"states_{key}.npy"
        if not path.exists():
            spec = StateRecorderSpec(forest, self._detector)
            (episode,) = play([Job(spec, self._protocol, seed, max_steps)], 1)
            assert episode.record is not None
            self._note(key, episode)
            partial = path.with_suffix(".partial")
            with partial.open("wb") as file:
                np.save(file, episode.record["features"])
            partial.replace(path)
        self._count([key], max_steps)
        states: np.ndarray = np.load(path)
        return states

    def _ensure(self, jobs: Sequence[tuple[str, Forest, int]], max_steps: int) -> None:
        """Plays what the journal does not know, and counts what was not asked for before."""
        waiting = {key: (forest, seed) for key, forest, seed in jobs if key not in self._known}
        todo = {
            Job(self._spec(forest), self._protocol, seed, max_steps): key
            for key, (forest, seed) in waiting.items()
        }
        for episode in play(list(todo), self._workers):
            self._note(todo[episode.job], episode)
        self._count([key for key, _, _ in jobs], max_steps)

    def _spec(self, forest: Forest) -> ForestSpec:
        return ForestSpec(forest.with_used_features(), self._detector)

    def _count(self, keys: Sequence[str], max_steps: int) -> None:
        for key in keys:
            if key in self._asked:
                continue
            self._asked.add(key)
            game = self._known[key]
            self.played += 1
            self.spend(game.steps)
            if max_steps >= self._whole:
                self.first_to_n.observe(game)
                self._whole_steps += game.steps
                self._whole_games += 1

    def _key(self, forest: Forest, seed: int, max_steps: int) -> str:
        if forest not in self._keys:
            self._keys[forest] = hashlib.sha256(forest.to_json().encode()).hexdigest()[:16]
        return f"{self._keys[forest]}-{seed}-{max_steps}"

    def _note(self, key: str, episode: Episode) -> None:
        game = Game(
            episode.score,
            episode.steps,
            episode.truncated,
            episode.penalties,
            episode.discounted_return,
        )
        self._known[key] = game
        with self._journal.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"key": key, **asdict(game)}) + "\n")

    def _read_journal(self) -> dict[str, Game]:
        """The games of the journal; a last line that was cut is dropped."""
        if not self._journal.exists():
            return {}
        text = self._journal.read_text(encoding="utf-8")
        whole = text[: text.rfind("\n") + 1]
        if whole != text:
            self._journal.write_text(whole, encoding="utf-8")
        found = [json.loads(line) for line in whole.splitlines()]
        return {one.pop("key"): Game(**one) for one in found}

"""Evolution of a forest's constants on the game's return, the teacher as a soft guide.

The strategy is CMA-ES (Hansen 2016, arXiv:1604.00772) in coordinates in which every direction
changes the policy's decisions equally much: the inverse square root of the Fisher information of
the forest's softmax on the recorded states (the metric of Amari's natural gradient, 1998). So a
step size is a divergence in nats, the same for a weight on a position and on a velocity.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np

from diffses.config import GuidedFinetune
from diffses.dataset.data import Dataset, merge
from diffses.envs.console import Rules
from diffses.envs.play import Episode, Job, play
from diffses.finetune.pursuit import mirror
from diffses.finetune.strategy import Strategy
from diffses.logger import log as log_metrics
from diffses.players import ForestSpec
from diffses.policy.compiled import Compiled
from diffses.policy.forest import Forest
from diffses.progress import bar
from diffses.seeds import seed_for
from diffses.store import Draft

SCREENING = 4  # short games by which the starts are compared
ROWS = 2_000  # recorded states on which decisions are compared
DAMPING = 1e-3  # of the Fisher information of constants in units of their own
IDLE = 1e-9  # an axis with less than this share of the greatest information changes no decision
FORM = 3  # generations that say how a search is doing
CURVE = ("generation", "steps", "best", "mean", "divergence", "step_size")


class Climb:
    """One search: a start, and the strategy that moves its constants."""

    def __init__(
        self, start: Forest, source: str, data: Dataset, settings: GuidedFinetune, seed: int
    ) -> None:
        self.source, self._settings, self._seed = source, settings, seed
        ties = mirror(start, data)
        self.guide = Guide(start, data, seed_for(seed, "finetune", "rows"), ties)
        self.strategy = Strategy(
            self.guide.axes.shape[1],
            settings.population,
            settings.step_size,
            seed_for(seed, "finetune", source),
        )
        self.spent = 0
        self.curve: list[dict[str, Any]] = []

    def generation(self, rules: Rules, detector: Path, guidance: float) -> int:
        """Plays one generation, and moves. Returns the environment steps it cost."""
        points = self.strategy.ask()
        forests = [self.guide.forest(point) for point in points]
        number = self.strategy.generation
        episodes = range(self._settings.episodes)
        seeds = [seed_for(self._seed, "train", number, episode) for episode in episodes]
        returns, steps = rate(forests, rules, detector, seeds, self._settings)
        divergence = np.array([self.guide.divergence(forest) for forest in forests])
        self.strategy.tell(points, returns.mean(axis=1) - guidance * divergence)
        self.spent += steps
        self.curve.append(
            {
                "start": self.source,
                "generation": self.strategy.generation,
                "steps": self.spent,
                "best": float(returns.mean(axis=1).max()),
                "mean": float(returns.mean()),
                "divergence": float(divergence.mean()),
                "step_size": self.strategy.sigma,
            }
        )
        return steps

    @property
    def form(self) -> float:
        """The mean return of the last generations."""
        return float(np.mean([row["mean"] for row in self.curve[-FORM:]]))

    def centre(self) -> tuple[Forest, str]:
        """The middle of the strategy's distribution, and where it came from."""
        generation = self.strategy.generation
        return self.guide.forest(self.strategy.mean), f"{self.source}, generation {generation}"

    def state(self) -> dict[str, Any]:
        return {"strategy": self.strategy.state(), "spent": self.spent, "curve": self.curve}

    def restore(self, state: dict[str, Any]) -> None:
        self.strategy.restore(state["strategy"])
        self.spent, self.curve = state["spent"], state["curve"]


def search(
    starts: list[tuple[Forest, str]],
    data: Dataset,
    rules: Rules,
    detector: Path,
    settings: GuidedFinetune,
    seed: int,
    draft: Draft,
) -> tuple[list[tuple[Forest, str]], int]:
    """Evolves the constants of several starts within a budget of environment steps.

    What is best before a search need not be best after it, so each start is given an equal share
    of the first part of the budget, and the one in the best form gets the rest. Fitness = mean
    return - guidance * KL(teacher || forest), guidance falling to 0 over the first half of the
    budget. All candidates of a generation play the same episodes, new each generation. Goes on
    from the last whole generation after a kill.

    Returns:
        Finalists (forest, where it came from), and the environment steps spent.
    """
    starts = [(forest, source) for forest, source in starts if len(forest.constants())]
    climbs = [Climb(forest, source, data, settings, seed) for forest, source in starts]
    saved = draft.scratch / "search.json"
    if saved.exists():
        for climb, state in zip(climbs, json.loads(saved.read_text()), strict=True):
            climb.restore(state)
    share = settings.trial_share * settings.steps / max(1, len(climbs))
    with bar(settings.steps, "step", "finetune") as progress:
        progress.update(sum(climb.spent for climb in climbs))
        while climbs and (spent := sum(climb.spent for climb in climbs)) < settings.steps:
            trial = [climb for climb in climbs if climb.spent < share]
            climb = trial[0] if trial else max(climbs, key=lambda climb: climb.form)
            guidance = settings.guidance * max(0.0, 1 - 2 * spent / settings.steps)
            steps = climb.generation(rules, detector, guidance)
            row = climb.curve[-1]
            log_metrics("finetune", row, spent + steps, "steps")
            progress.update(steps, start=climb.source, best=row["best"], mean=row["mean"])
            partial = saved.with_suffix(".tmp")
            partial.write_text(json.dumps([climb.state() for climb in climbs]))
            partial.replace(saved)
    write_curve(draft.out / "curve.csv", climbs)
    return [climb.centre() for climb in climbs], sum(climb.spent for climb in climbs)


def write_curve(path: Path, climbs: list[Climb]) -> None:
    """One row a generation; `steps` counts all searches together, in the order of their shares."""
    rows, before = [], 0
    for climb in sorted(climbs, key=lambda climb: climb.spent):
        rows += [row | {"steps": before + row["steps"]} for row in climb.curve]
        before += climb.spent
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, ("start", *CURVE))
        writer.writeheader()
        writer.writerows(rows)


def screen(
    candidates: list[tuple[Forest, str]],
    rules: Rules,
    detector: Path,
    settings: GuidedFinetune,
    seed: int,
) -> tuple[list[tuple[Forest, str]], int]:
    """Orders candidates by a few short games on common episodes, the best first.

    Returns:
        The candidates in order, and the environment steps this cost.
    """
    seeds = [seed_for(seed, "train", "screen", episode) for episode in range(SCREENING)]
    returns, steps = rate([forest for forest, _ in candidates], rules, detector, seeds, settings)
    order = np.argsort(-returns.mean(axis=1), kind="stable")
    return [candidates[i] for i in order], steps


def rate(
    forests: list[Forest],
    rules: Rules,
    detector: Path,
    seeds: list[int],
    settings: GuidedFinetune,
) -> tuple[np.ndarray, int]:
    """Plays every forest on every seed. Returns the returns (forests, seeds), and the steps."""
    jobs = [
        Job(ForestSpec(forest, str(detector)), rules, seed, settings.episode_steps)
        for seed in seeds
        for forest in forests
    ]
    place = {job: divmod(i, len(forests)) for i, job in enumerate(jobs)}
    returns = np.zeros((len(forests), len(seeds)))
    steps = 0
    for episode in play(jobs, settings.workers):
        column, row = place[episode.job]
        returns[row, column] = fitness(episode, settings.episode_steps)
        steps += episode.steps
    return returns, steps


def fitness(episode: Episode, limit: int) -> float:
    """The return; of a game lost before the limit, what going on at that pace would lose.

    So that of two games lost 0:21 the one that lasted longer is the better one: a search that
    starts from nothing would otherwise see no difference.
    """
    if episode.score < 0 and not episode.cut:
        return episode.score * limit / episode.steps
    return episode.score


class Guide:
    """The teacher's recorded decisions: a metric on the constants, and how far a forest strays."""

    def __init__(
        self, start: Forest, data: Dataset, seed: int, ties: np.ndarray | None = None
    ) -> None:
        part = data.train
        random = np.random.default_rng(seed)
        rows = random.choice(len(part), min(ROWS, len(part)), replace=False)
        self._rows = part.features[rows]
        self._teacher = softmax(merge(part.logits[rows], data.groups))
        self._start = start
        self._constants = start.constants()
        self.axes = whitening(start, self._rows, ties)

    def forest(self, point: np.ndarray) -> Forest:
        """The start with its constants moved by `point`, (constants,), in the guide's metric."""
        return self._start.with_constants(self._constants + self.axes @ point)

    def divergence(self, forest: Forest) -> float:
        """Mean KL(teacher || forest) over the recorded states, nats."""
        scores = np.nan_to_num(Compiled(forest).scores(self._rows), posinf=1e9, neginf=-1e9)
        p, log_q = self._teacher, log_softmax(scores)
        return float((p * (np.log(p + 1e-12) - np.maximum(log_q, -50))).sum(axis=1).mean())


def whitening(forest: Forest, rows: np.ndarray, ties: np.ndarray | None = None) -> np.ndarray:
    """Axes A, (k, r), along which a standard normal step z moves the policy by one nat.

    With F = S V diag(l) V' S the Fisher information of softmax(forest) in its k constants, averaged
    over the rows, and S its diagonal's root, A = sqrt(2 / r) S^-1 V diag(l + damping)^(-1/2), so
    that the mean of KL, which is z'A'F A z / 2, is about 1. Directions that change no decision
    (adding the same to all trees) are left out: r <= k remain.

    Args:
        rows: float64 (n, features).
        ties: (k, m), how the constants move together: only along these columns do they move.
    """
    constants = forest.constants()
    k = len(constants)
    basis = np.eye(k) if ties is None else ties
    base = Compiled(forest).scores(rows)
    slopes = np.zeros((k, *base.shape))
    for i in range(k):
        width = 1e-4 * max(1.0, abs(constants[i]))
        moved = constants.copy()
        moved[i] += width
        slopes[i] = (Compiled(forest.with_constants(moved)).scores(rows) - base) / width
    p = softmax(base)
    mean = (slopes * p).sum(axis=2, keepdims=True)
    fisher = np.einsum("ina,jna,na->ij", slopes - mean, slopes - mean, p) / len(rows)
    fisher = basis.T @ fisher @ basis
    scale = np.sqrt(np.maximum(np.diag(fisher), 1e-300))  # so that units do not matter
    scale[scale < IDLE * scale.max()] = np.inf
    values, vectors = np.linalg.eigh(fisher / np.outer(scale, scale))
    kept = values > IDLE * values.max()
    values, vectors = values[kept], vectors[:, kept]
    lengths = np.sqrt(2 / (len(values) * (values + DAMPING)))
    axes: np.ndarray = basis @ (vectors / scale[:, None] * lengths)
    return axes


def log_softmax(scores: np.ndarray) -> np.ndarray:
    shifted = scores - scores.max(axis=1, keepdims=True)
    normal: np.ndarray = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return normal


def softmax(scores: np.ndarray) -> np.ndarray:
    odds: np.ndarray = np.exp(log_softmax(scores))
    return odds

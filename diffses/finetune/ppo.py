"""The constants of a forest by gradient: PPO on the return (Schulman et al. 2017, arXiv:1707.06347)
plus guidance * KL(teacher || forest), which fades out."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.utils import LinearSchedule
from stable_baselines3.common.vec_env import VecEnv, VecNormalize

from diffses.agents.object_vec_env import ObjectVecEnv
from diffses.agents.vec_worker import VecEnvConfig
from diffses.config import ConstantsFinetune
from diffses.dataset.data import Dataset, merge
from diffses.envs.base import EvaluationProtocol
from diffses.envs.gymnasium import GymnasiumProtocol
from diffses.finetune.fisher import log_softmax, sample_rows, whitening
from diffses.finetune.forest_actor import ForestPolicy
from diffses.finetune.validation import Judge
from diffses.logger import log as log_metrics
from diffses.logger.progress import Bar
from diffses.policy.compiled import Compiled
from diffses.policy.forest import Forest
from diffses.regressor.polish import one_thread
from diffses.seeds import seed_for
from diffses.store.store import atomic_write

OPEN = 0.5  # how undecided a forest is at first: entropy, as a share of that of random play
MOVED = 0.03  # nats, on average over a rollout's states, after which an update ends
SLOWEST = 0.1  # what is left of the learning rate in the end
RECENT = 100  # episodes that say how it is doing
CHECKPOINT_EVERY = 50_000  # steps
SNAPSHOTS = 4  # forests kept along the way, evenly spaced, the last one the result


@dataclass
class Tuned:
    """What a tuning has led to.

    steps: of the environment, so far. snapshots: (environment steps, forest), the last of them
    the result. curve: a row for each update: steps, the mean and best return of recent episodes,
    KL(teacher || forest) in nats.
    """

    steps: int = 0
    snapshots: list[tuple[int, Forest]] = field(default_factory=list)
    curve: list[dict[str, float]] = field(default_factory=list)

    def save(self, path: Path) -> None:
        kept = [(steps, forest.to_json()) for steps, forest in self.snapshots]
        atomic_write(path, json.dumps([self.steps, kept, self.curve]))

    @classmethod
    def load(cls, path: Path) -> Tuned:
        steps, kept, curve = json.loads(path.read_text())
        return cls(steps, [(int(at), Forest.from_json(text)) for at, text in kept], curve)


def tune(
    forest: Forest,
    data: Dataset,
    protocol: EvaluationProtocol,
    detector: Path,
    settings: ConstantsFinetune,
    steps: int,
    seed: int,
    scratch: Path | None = None,
) -> Forest:
    """The forest with constants that return more. The same for the same arguments.

    It may be worse too: play both before choosing. A forest whose constants decide nothing is
    given back as it is.

    Args:
        data: the recorded play: its states give the metric on the constants, its teacher guides.
        detector: folder of the detector's artifact.
        settings: of the training; its `steps` are not looked at.
        steps: of the environment, that it may take, 8 or more. Those of the first update show
            where the forest gets to.
        scratch: where to leave checkpoints, and to go on from the one of a killed run.
    """
    return tuned(forest, data, protocol, detector, settings, steps, seed, scratch).snapshots[-1][1]


def tuned(
    forest: Forest,
    data: Dataset,
    protocol: EvaluationProtocol,
    detector: Path,
    settings: ConstantsFinetune,
    steps: int,
    seed: int,
    scratch: Path | None = None,
    progress: Callable[[dict[str, float]], Any] = lambda row: None,
) -> Tuned:
    """As `tune`, with what happened along the way.

    Args:
        progress: called with each row of the curve.
    """
    record = scratch / "tuned.json" if scratch is not None else None
    done = Tuned.load(record) if record is not None and record.exists() else Tuned()
    gone = done.steps
    config = VecEnvConfig(
        protocol,
        str(detector),
        seed_for(seed, "tune", "games", gone),
        actions=None if forest.bounds is not None else forest.action_ids,
        max_steps=settings.episode_steps,
    )
    slots = min(settings.n_envs, max(1, steps // 4))
    # a step of a task takes microseconds, and sending it to a worker more
    workers = 1 if isinstance(protocol, GymnasiumProtocol) else settings.workers
    with one_thread():
        features = ObjectVecEnv(config, slots, workers)
        envs = VecNormalize(features, norm_obs=False, gamma=settings.gamma)
        try:
            if gone and scratch is not None:
                model = PPO.load(scratch / "tuning.zip", env=envs, device="cpu")
            else:
                n_steps = min(settings.n_steps, max(1, steps // (2 * slots)))
                met = visited(features, forest, data.features, n_steps)
                rows = data.train.features[sample_rows(data, seed_for(seed, "tune", "rows"))]
                actor = start_of(forest, data.features, [rows, met])
                if actor is None:
                    return Tuned(len(met), [(len(met), forest)])
                rows = np.concatenate([rows, met])
                model = new_tuner(envs, actor, rows, settings, n_steps, seed)
                model.num_timesteps = len(met)
            policy = model.policy
            assert isinstance(policy, ForestPolicy)
            policy.entropy = settings.ent_coef
            wanted = teachers_view(forest, data)
            policy.follow(data.train.features, wanted, seed_for(seed, "tune", "guide", gone))
            update = model.n_steps * slots
            watch = Watch(done, settings, scratch, progress)
            left = max(2, steps // update) * update - model.num_timesteps
            if left > 0:
                model.learn(left, callback=watch, reset_num_timesteps=False)
        finally:
            envs.close()
    return done


def visited(envs: ObjectVecEnv, forest: Forest, features: Sequence[str], steps: int) -> np.ndarray:
    """The states a forest gets into in `steps` steps of every slot, float64 (steps * slots, f)."""
    columns = [features.index(name) for name in forest.features]
    compiled = Compiled(forest)
    rows = envs.reset()
    found = [rows]
    for _ in range(steps - 1):
        own = rows[:, columns].astype(np.float64)
        boxed = forest.bounds is not None
        envs.step_async(forest.squash(compiled.scores(own)) if boxed else compiled.choose(own))
        rows, *_ = envs.step_wait()
        found.append(rows)
    return np.concatenate(found).astype(np.float64)


def start_of(
    forest: Forest, features: Sequence[str], rows: Sequence[np.ndarray]
) -> dict[str, Any] | None:
    """The arguments of `ForestActor`; None where no constant decides anything.

    Args:
        rows: recorded states, and those the forest gets into, each (n, features). Both count
            alike in the metric; the temperature is that of the latter.
    """
    columns = [features.index(name) for name in forest.features]
    recorded, met = (np.ascontiguousarray(some[:, columns]) for some in rows)
    temperature = temperature_of(forest, met)
    axes = whitening(forest, np.concatenate([recorded, met]), temperature=temperature)
    if not axes.shape[1]:
        return None
    return {"forest": forest, "features": features, "axes": axes, "temperature": temperature}


def new_tuner(
    envs: VecEnv,
    actor: dict[str, Any],
    rows: np.ndarray,
    settings: ConstantsFinetune,
    n_steps: int,
    seed: int,
) -> PPO:
    """PPO with a forest as its policy, not trained yet."""
    rate = settings.learning_rate
    return PPO(
        ForestPolicy,
        envs,
        policy_kwargs={"actor": actor, "rows": rows},
        n_steps=n_steps,
        batch_size=min(settings.batch_size, n_steps * envs.num_envs),
        n_epochs=settings.n_epochs,
        learning_rate=LinearSchedule(rate, SLOWEST * rate, 1.0),
        clip_range=settings.clip_range,
        ent_coef=1.0,  # the policy weighs entropy and guidance itself
        gamma=settings.gamma,
        gae_lambda=settings.gae_lambda,
        target_kl=MOVED,
        seed=seed_for(seed, "tune"),
        device="cpu",
    )


def temperature_of(forest: Forest, rows: np.ndarray) -> float:
    """The temperature at which the softmax of the scores has `OPEN` of random play's entropy, on
    average over rows (n, features); 1 for Box actions and where the scores are all the same.

    The scale of scores says nothing of how sure a policy is: it plays the highest.
    """
    scores = np.nan_to_num(Compiled(forest).scores(rows), posinf=1e9, neginf=-1e9)
    centred = scores - scores.mean(axis=1, keepdims=True)
    scale = float(np.sqrt(np.square(centred).mean()))
    if forest.bounds is not None or scale == 0:
        return 1.0
    low, high = np.log(scale) + np.log(1e-3), np.log(scale) + np.log(1e3)
    wanted = OPEN * np.log(scores.shape[1])
    for _ in range(50):
        middle = (low + high) / 2
        log_p = log_softmax(scores / np.exp(middle))
        entropy = -(np.exp(log_p) * log_p).sum(axis=1).mean()
        low, high = (middle, high) if entropy < wanted else (low, middle)
    return float(np.exp((low + high) / 2))


def teachers_view(forest: Forest, data: Dataset) -> np.ndarray:
    """What the teacher thinks of the forest's actions in every recorded training state: logits,
    (n, trees); or its Box actions, (n, dimensions)."""
    if data.bounds is not None:
        return data.train.logits
    home = {action: place for place, group in enumerate(data.groups) for action in group}
    return merge(data.train.logits, data.groups)[:, [home[a] for a in forest.action_ids]]


class Watch(BaseCallback):
    """Fades the guidance, and notes what becomes of the forest."""

    def __init__(
        self,
        done: Tuned,
        settings: ConstantsFinetune,
        scratch: Path | None,
        progress: Callable[[dict[str, float]], Any],
    ) -> None:
        super().__init__()
        self.done, self._settings, self._scratch, self._progress = done, settings, scratch, progress
        self._recent: deque[float] = deque(maxlen=RECENT)

    @property
    def _policy(self) -> ForestPolicy:
        assert isinstance(self.model.policy, ForestPolicy)
        return self.model.policy

    def _on_training_start(self) -> None:
        self._goal = self.locals["total_timesteps"]
        self._checkpoint_at = self.num_timesteps + CHECKPOINT_EVERY

    def _on_rollout_start(self) -> None:
        """Here the policy is what the last update has made of it."""
        self.done.steps = self.num_timesteps
        share = self.num_timesteps / self._goal
        if len(self.done.snapshots) < int(SNAPSHOTS * share):
            self.done.snapshots.append((self.num_timesteps, self._policy.actor.forest()))
        if self._scratch is not None and self.num_timesteps >= self._checkpoint_at:
            self._checkpoint_at = self.num_timesteps + CHECKPOINT_EVERY
            partial = self._scratch / "partial.zip"
            self.model.save(partial)
            partial.replace(self._scratch / "tuning.zip")
            self.done.save(self._scratch / "tuned.json")
        self._policy.guidance = self._settings.guidance * max(0.0, 1 - 2 * share)

    def _on_step(self) -> bool:
        for info in self.locals["infos"]:
            if "episode" in info:
                self._recent.append(info["episode"]["r"])
        return True

    def _on_rollout_end(self) -> None:
        if not self._recent:
            return
        row = {
            "steps": self.num_timesteps,
            "mean": float(np.mean(self._recent)),
            "best": float(np.max(self._recent)),
            "divergence": self._policy.strayed(),
        }
        self.done.curve.append(row)
        self._progress(row)

    def _on_training_end(self) -> None:
        self.done.steps = self.num_timesteps
        self.done.snapshots.append((self.num_timesteps, self._policy.actor.forest()))


FINALISTS = 2  # forests along the way that play every validation episode


def tune_constants(
    found: Sequence[tuple[Forest, str]],
    judge: Judge,
    data: Dataset,
    protocol: EvaluationProtocol,
    detector: Path,
    finetune: ConstantsFinetune,
    seed: int,
    scratch: Path,
) -> tuple[list[dict[str, Any]], int]:
    """Tunes the forest that does best on validation, and judges what it becomes on the way.

    Returns:
        Rows of the curve, and the environment steps that this took.
    """
    start = judge.race(found[: finetune.validation_candidates], finetune.validation_candidates)
    with Bar(finetune.steps, "step", "finetune") as progress:

        def note(row: dict[str, float]) -> None:
            log_metrics("finetune", row, int(row["steps"]), "steps")
            progress.update(row["steps"] - progress.count, best=row["best"], mean=row["mean"])

        done = tuned(
            start.forest, data, protocol, detector, finetune, finetune.steps, seed, scratch, note
        )
    curve = [
        {"start": start.source, "generation": number + 1, **row}
        for number, row in enumerate(done.curve)
    ]
    along = [(forest, f"{start.source}, {steps} steps of PPO") for steps, forest in done.snapshots]
    judge.race(along, FINALISTS)
    return curve, done.steps

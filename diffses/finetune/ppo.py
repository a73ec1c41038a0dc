"""PPO on a forest's constants (Schulman et al. 2017, arXiv:1707.06347), with
guidance * KL(teacher || forest) added to its loss, which fades out."""

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
from diffses.finetune.fisher import log_softmax, natural_gradient_basis, sample_rows
from diffses.finetune.forest_actor import ForestPolicy
from diffses.finetune.lineage import Kind, Lineage
from diffses.finetune.validation import Validator
from diffses.logger import log as log_metrics
from diffses.logger.progress import Bar
from diffses.policy.compiled import Compiled
from diffses.policy.forest import Forest
from diffses.regressor.constant_fit import one_thread
from diffses.seeds import seed_for
from diffses.store.store import atomic_write

INITIAL_ENTROPY = 0.5  # of the policy, as a share of the uniform policy's
TARGET_KL = 0.03  # nats from the policy before the update, at which an update ends
FINAL_LR = 0.1  # of the learning rate, as a share of the first
RECENT_EPISODES = 100  # whose returns the curve averages
CHECKPOINT_EVERY = 50_000  # steps
FINALISTS = 2  # snapshots of the training that play every validation episode
SNAPSHOTS = 4  # forests kept during the training, evenly spaced; the last is the result


@dataclass
class PpoResult:
    """What a training has led to so far.

    steps: of the environment.
    snapshots: (environment steps, forest), the last of them the result.
    curve: a row for each update: steps, mean and best return of recent episodes, and
        KL(teacher || forest) in nats.
    """

    steps: int = 0
    snapshots: list[tuple[int, Forest]] = field(default_factory=list)
    curve: list[dict[str, float]] = field(default_factory=list)

    @property
    def forest(self) -> Forest:
        """The last snapshot."""
        return self.snapshots[-1][1]

    def save(self, path: Path) -> None:
        kept = [(steps, forest.to_json()) for steps, forest in self.snapshots]
        atomic_write(path, json.dumps([self.steps, kept, self.curve]))

    @classmethod
    def load(cls, path: Path) -> PpoResult:
        steps, kept, curve = json.loads(path.read_text())
        return cls(steps, [(int(at), Forest.from_json(text)) for at, text in kept], curve)


def run_ppo(
    forest: Forest,
    data: Dataset,
    protocol: EvaluationProtocol,
    detector: Path,
    settings: ConstantsFinetune,
    steps: int,
    seed: int,
    scratch: Path | None = None,
    progress: Callable[[dict[str, float]], Any] = lambda row: None,
) -> PpoResult:
    """Trains the forest's constants on the return. The same arguments give the same result, unless
    a killed run was resumed.

    The result may be worse than the forest: evaluate both. A forest whose constants decide nothing
    is returned as it is.

    Args:
        data: the recorded play: its states give the natural gradient basis, its teacher the KL.
        detector: folder of the detector's artifact.
        settings: of the training, of which `steps` is not used.
        steps: of the environment, 8 or more; those of the first rollout, by the forest as it is,
            also give the basis and the temperature.
        scratch: folder for checkpoints; a killed run goes on from the last one there.
        progress: called with each row of the curve.
    """
    record = scratch / "ppo.json" if scratch is not None else None
    done = PpoResult.load(record) if record is not None and record.exists() else PpoResult()
    gone = done.steps
    slots = min(settings.n_envs, max(1, steps // 4))
    with one_thread():
        features = environments(
            forest, protocol, detector, settings, slots, seed_for(seed, "tune", "games", gone)
        )
        envs = VecNormalize(features, norm_obs=False, gamma=settings.gamma)
        try:
            if gone and scratch is not None:
                model = PPO.load(scratch / "ppo.zip", env=envs, device="cpu")
            else:
                made, first = untrained(features, envs, forest, data, settings, steps, seed)
                if made is None:
                    return PpoResult(first, [(first, forest)])
                model = made
            policy = model.policy
            assert isinstance(policy, ForestPolicy)
            policy.entropy_coef = settings.ent_coef
            targets = teacher_outputs(forest, data)
            policy.set_teacher(data.train.features, targets, seed_for(seed, "tune", "guide", gone))
            update = model.n_steps * slots
            callback = GuidanceCallback(done, settings, scratch, progress)
            left = max(2, steps // update) * update - model.num_timesteps
            if left > 0:
                model.learn(left, callback=callback, reset_num_timesteps=False)
        finally:
            envs.close()
    return done


def environments(
    forest: Forest,
    protocol: EvaluationProtocol,
    detector: Path,
    settings: ConstantsFinetune,
    count: int,
    seed: int,
) -> ObjectVecEnv:
    """So many environments side by side, in which an action is a tree of the forest, or its Box
    action."""
    config = VecEnvConfig(
        protocol,
        str(detector),
        seed,
        actions=None if forest.bounds is not None else forest.action_ids,
        max_steps=settings.episode_steps,
    )
    # a step of a task takes microseconds, and sending it to a worker more
    return ObjectVecEnv(
        config, count, 1 if isinstance(protocol, GymnasiumProtocol) else settings.workers
    )


def untrained(
    features: ObjectVecEnv,
    envs: VecNormalize,
    forest: Forest,
    data: Dataset,
    settings: ConstantsFinetune,
    steps: int,
    seed: int,
) -> tuple[PPO | None, int]:
    """PPO with the forest as its policy, None where no constant decides anything; and the steps of
    the environment that the first rollout took.

    Args:
        features: the environments.
        envs: the same, with normalised rewards.
    """
    n_steps = min(settings.n_steps, max(1, steps // (2 * features.num_envs)))
    visited = visited_states(features, forest, data.features, n_steps)
    rows = data.train.features[sample_rows(data, seed_for(seed, "tune", "rows"))]
    actor = actor_arguments(forest, data.features, [rows, visited])
    if actor is None:
        return None, len(visited)
    model = new_ppo(envs, actor, np.concatenate([rows, visited]), settings, n_steps, seed)
    model.num_timesteps = len(visited)
    return model, len(visited)


def visited_states(
    envs: ObjectVecEnv, forest: Forest, features: Sequence[str], steps: int
) -> np.ndarray:
    """The states a forest visits in `steps` steps of every environment, float64
    (steps * environments, features)."""
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


def actor_arguments(
    forest: Forest, features: Sequence[str], rows: Sequence[np.ndarray]
) -> dict[str, Any] | None:
    """The arguments of `ForestActor`; None where no constant decides anything.

    Args:
        rows: recorded states, and states the forest visits, each (n, features). The basis is that
            of both, the temperature that of the latter.
    """
    columns = [features.index(name) for name in forest.features]
    recorded, visited = (np.ascontiguousarray(some[:, columns]) for some in rows)
    temperature = initial_temperature(forest, visited)
    axes = natural_gradient_basis(
        forest, np.concatenate([recorded, visited]), temperature=temperature
    )
    if not axes.shape[1]:
        return None
    return {"forest": forest, "features": features, "axes": axes, "temperature": temperature}


def new_ppo(
    envs: VecEnv,
    actor: dict[str, Any],
    rows: np.ndarray,
    settings: ConstantsFinetune,
    n_steps: int,
    seed: int,
) -> PPO:
    """PPO with a forest as its policy, untrained."""
    rate = settings.learning_rate
    return PPO(
        ForestPolicy,
        envs,
        policy_kwargs={"actor": actor, "rows": rows},
        n_steps=n_steps,
        batch_size=min(settings.batch_size, n_steps * envs.num_envs),
        n_epochs=settings.n_epochs,
        learning_rate=LinearSchedule(rate, FINAL_LR * rate, 1.0),
        clip_range=settings.clip_range,
        ent_coef=1.0,  # `ForestPolicy` weighs entropy and KL itself
        gamma=settings.gamma,
        gae_lambda=settings.gae_lambda,
        target_kl=TARGET_KL,
        seed=seed_for(seed, "tune"),
        device="cpu",
    )


def initial_temperature(forest: Forest, rows: np.ndarray) -> float:
    """The temperature at which the softmax of the scores has `INITIAL_ENTROPY` of the uniform
    policy's entropy, averaged over rows (n, features), by bisection; 1 for Box actions and where
    the scores are all the same.

    The scale of the scores is arbitrary, since the forest plays the highest.
    """
    scores = np.nan_to_num(Compiled(forest).scores(rows), posinf=1e9, neginf=-1e9)
    centred = scores - scores.mean(axis=1, keepdims=True)
    scale = float(np.sqrt(np.square(centred).mean()))
    if forest.bounds is not None or scale == 0:
        return 1.0
    low, high = np.log(scale) + np.log(1e-3), np.log(scale) + np.log(1e3)
    wanted = INITIAL_ENTROPY * np.log(scores.shape[1])
    for _ in range(50):
        middle = (low + high) / 2
        log_p = log_softmax(scores / np.exp(middle))
        entropy = -(np.exp(log_p) * log_p).sum(axis=1).mean()
        low, high = (middle, high) if entropy < wanted else (low, middle)
    return float(np.exp((low + high) / 2))


def teacher_outputs(forest: Forest, data: Dataset) -> np.ndarray:
    """The teacher's logits of the forest's actions in every recorded training state, (n, trees); or
    its Box actions, (n, dimensions)."""
    if data.bounds is not None:
        return data.train.logits
    home = {action: place for place, group in enumerate(data.groups) for action in group}
    return merge(data.train.logits, data.groups)[:, [home[a] for a in forest.action_ids]]


class GuidanceCallback(BaseCallback):
    """Fades the weight of the KL term to 0 over the first half, and records curve, snapshots and
    checkpoints."""

    def __init__(
        self,
        done: PpoResult,
        settings: ConstantsFinetune,
        scratch: Path | None,
        progress: Callable[[dict[str, float]], Any],
    ) -> None:
        super().__init__()
        self.done, self._settings, self._scratch, self._progress = done, settings, scratch, progress
        self._recent: deque[float] = deque(maxlen=RECENT_EPISODES)

    @property
    def _policy(self) -> ForestPolicy:
        assert isinstance(self.model.policy, ForestPolicy)
        return self.model.policy

    def _on_training_start(self) -> None:
        self._goal = self.locals["total_timesteps"]
        self._checkpoint_at = self.num_timesteps + CHECKPOINT_EVERY

    def _on_rollout_start(self) -> None:
        """Called after each update, where the policy is up to date."""
        self.done.steps = self.num_timesteps
        share = self.num_timesteps / self._goal
        if len(self.done.snapshots) < int(SNAPSHOTS * share):
            self.done.snapshots.append((self.num_timesteps, self._policy.actor.forest()))
        if self._scratch is not None and self.num_timesteps >= self._checkpoint_at:
            self._checkpoint_at = self.num_timesteps + CHECKPOINT_EVERY
            partial = self._scratch / "partial.zip"
            self.model.save(partial)
            partial.replace(self._scratch / "ppo.zip")
            self.done.save(self._scratch / "ppo.json")
        self._policy.kl_coef = self._settings.guidance * max(0.0, 1 - 2 * share)

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
            "divergence": self._policy.kl_to_teacher(),
        }
        self.done.curve.append(row)
        self._progress(row)

    def _on_training_end(self) -> None:
        self.done.steps = self.num_timesteps
        self.done.snapshots.append((self.num_timesteps, self._policy.actor.forest()))


def finetune_constants(
    found: Sequence[tuple[Forest, Lineage]],
    validator: Validator,
    data: Dataset,
    protocol: EvaluationProtocol,
    detector: Path,
    finetune: ConstantsFinetune,
    seed: int,
    scratch: Path,
) -> tuple[list[dict[str, Any]], int]:
    """Trains the constants of the forest that is best on validation, and validates the snapshots.

    Returns:
        Rows of the curve, and the environment steps of the training.
    """
    count = finetune.validation_candidates
    start = validator.successive_halving(found[:count], count)
    with Bar(finetune.steps, "step", "finetune") as progress:

        def note(row: dict[str, float]) -> None:
            log_metrics("finetune", row, int(row["steps"]), "steps")
            progress.update(row["steps"] - progress.count, best=row["best"], mean=row["mean"])

        done = run_ppo(
            start.forest, data, protocol, detector, finetune, finetune.steps, seed, scratch, note
        )
    curve = [
        {"start": start.lineage.label, "generation": number + 1, **row}
        for number, row in enumerate(done.curve)
    ]
    snapshots = [
        (forest, Lineage(Kind.ppo, parent=start.lineage, steps=steps))
        for steps, forest in done.snapshots
    ]
    validator.successive_halving(snapshots, FINALISTS)
    return curve, done.steps

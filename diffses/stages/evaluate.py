"""The `evaluate` stage: test episodes of all policies of a run."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from diffses.agents.forest_agent import ForestSpec
from diffses.config import EnvConfig, EvaluationConfig
from diffses.csv_rows import read_rows, write_rows
from diffses.dataset.agreement import action_agreement, exact_agreement
from diffses.dataset.data import Dataset
from diffses.detector.formula_size import formula_size
from diffses.detector.loading import open_detector
from diffses.detector.tracker import ObjectSchema, TrackingDetector
from diffses.envs.base import EvaluationProtocol
from diffses.envs.registry import evaluation_protocols
from diffses.envs.rollout import AgentSpec, RandomSpec, evaluate_policy
from diffses.evaluation.statistics import describe
from diffses.logger import log as log_metrics
from diffses.logger.progress import Bar
from diffses.policy.forest import Forest
from diffses.store import Workspace
from diffses.store.keys import Spec, digests
from diffses.store.manifest import FILE

PLAY_VERSION = 3  # raise it when a change of the code changes the episodes of a policy
FORESTS = (("linear", "distill"), ("distilled", "distill"), ("finetuned", "finetune"))


@dataclasses.dataclass(frozen=True)
class EvaluatedPolicy:
    """A policy to be tested.

    identity: everything that its actions depend on; part of the key of its episodes.
    """

    name: str
    spec: AgentSpec
    identity: dict[str, Any]
    forest: Forest | None = None


def evaluate(
    env: EnvConfig,
    evaluation: EvaluationConfig,
    *,
    inputs: Mapping[str, Path],
    workspace: Workspace,
) -> None:
    """Writes `results.json`, one row per policy and protocol, and `episodes.csv`.

    Agreement is None where there is no teacher: for a shipped champion. The episodes of a policy
    are an artifact of their own (`outputs/play/<key>`), so that equal policies, and the runs of a
    sweep, share them.
    """
    data = Dataset.open(inputs["dataset"]) if "dataset" in inputs else None
    protocols = evaluation_protocols(env, evaluation.v4)
    rows: list[dict[str, Any]] = []
    episodes: list[dict[str, Any]] = []
    policies = evaluated_policies(inputs)
    schema = schema_of(_detector(inputs))
    games = [len(episode_seeds(protocol, evaluation)) for protocol in protocols]
    with Bar(sum(games) * len(policies), "episode", "evaluate") as progress:
        for policy in policies:
            for protocol in protocols:
                played = shared_episodes(policy, protocol, evaluation, workspace, progress)
                episodes += [{"policy": policy.name, **row} for row in played]
                row = result_row(policy, protocol, played, evaluation)
                if policy.forest is not None:
                    row["size_expanded"] = formula_size(policy.forest, schema).expanded
                if policy.forest is not None and data is not None:
                    row["agreement"] = action_agreement(policy.forest, data.held_out, data.groups)
                    row["agreement_same_action"] = exact_agreement(policy.forest, data.held_out)
                rows.append(row)
                log_metrics(
                    "evaluate",
                    {f"{protocol.name}/{policy.name}": row["mean"]},
                )
    (workspace.out / "results.json").write_text(json.dumps(rows, indent=2) + "\n")
    write_rows(workspace.out / "episodes.csv", episodes)


def content_digests(folder: Path) -> dict[str, str]:
    """sha256 of each file of an artifact but its manifest: they tell rebuilt artifacts apart."""
    return {name: of for name, of in digests(folder).items() if name != FILE}


def evaluated_policies(inputs: Mapping[str, Path]) -> list[EvaluatedPolicy]:
    """All policies of a run: random actions, the teacher, and the linear, distilled and finetuned
    forests. With `finetune=zoo`: random actions and the shipped champion."""
    found = [EvaluatedPolicy("random", RandomSpec(), {"random": "uniform"})]
    if "teacher" in inputs:
        from diffses.teacher.agent import TeacherSpec  # loads torch

        teacher = inputs["teacher"]
        spec = TeacherSpec.of(teacher, inputs["detector"])
        detected = None if spec.detector is None else content_digests(Path(spec.detector))
        identity = {"teacher": content_digests(teacher), "detector": detected}
        found.append(EvaluatedPolicy("teacher", spec, identity))
    detector = _detector(inputs)
    known = content_digests(detector)
    for name, stage in FORESTS:
        if stage not in inputs:
            continue
        forest = Forest.load(inputs[stage] / f"{name}.json")
        played = {"forest": forest.to_json(), "detector": known}
        plays = ForestSpec(forest.with_used_features(), str(detector))
        found.append(EvaluatedPolicy(name, plays, played, forest))
    return found


def _detector(inputs: Mapping[str, Path]) -> Path:
    """The folder of the detector; a shipped champion brings its own."""
    return inputs.get("detector", inputs["finetune"] / "detector")


def schema_of(folder: Path) -> ObjectSchema | None:
    """The schema of a detector; None for vector observations."""
    opened = open_detector(folder)
    return opened.tracker.schema if isinstance(opened, TrackingDetector) else None


def shared_episodes(
    policy: EvaluatedPolicy,
    protocol: EvaluationProtocol,
    evaluation: EvaluationConfig,
    workspace: Workspace,
    progress: Bar,
) -> list[dict[str, Any]]:
    """The episodes of one policy under one protocol, played or read from the store."""
    seeds = episode_seeds(protocol, evaluation)
    before = progress.count
    spec = Spec(
        "play",
        PLAY_VERSION,
        {
            "policy": policy.identity,
            "rules": protocol,
            "seeds": seeds,
            "max_steps": evaluation.max_steps,
        },
        {},
    )

    def make(play: Workspace) -> None:
        write_episodes(play.out / "episodes.csv", policy, protocol, evaluation, progress)

    path = workspace.store.get_or_build(spec, make, rebuild_if_before=workspace.rebuild_if_before)
    progress.update(before + len(seeds) - progress.count)  # the episodes read from the store
    return [
        {
            "protocol": row["protocol"],
            "episode": int(row["episode"]),
            "seed": int(row["seed"]),
            "return": float(row["return"]),
            "steps": int(row["steps"]),
            "cut": int(row["cut"]),
        }
        for row in read_rows(path / "episodes.csv")
    ]


def write_episodes(
    path: Path,
    policy: EvaluatedPolicy,
    protocol: EvaluationProtocol,
    evaluation: EvaluationConfig,
    progress: Bar,
) -> None:
    """Plays the test episodes of one policy and writes one row per episode."""
    done = evaluate_policy(
        policy.spec,
        protocol,
        episode_seeds(protocol, evaluation),
        max_steps=evaluation.max_steps,
        workers=evaluation.workers,
        progress=lambda episode: progress.update(
            1, policy=policy.name, protocol=protocol.name, score=episode.score
        ),
    )
    write_rows(
        path,
        [
            {
                "protocol": protocol.name,
                "episode": number,
                "seed": episode.job.seed,
                "return": episode.score,
                "steps": episode.steps,
                "cut": int(episode.truncated),
            }
            for number, episode in enumerate(done)
        ],
    )


def episode_seeds(protocol: EvaluationProtocol, evaluation: EvaluationConfig) -> list[int]:
    """The seeds of the test episodes."""
    return protocol.seeds("test", evaluation.seed, evaluation.episodes)


def result_row(
    policy: EvaluatedPolicy,
    protocol: EvaluationProtocol,
    played: list[dict[str, Any]],
    evaluation: EvaluationConfig,
) -> dict[str, Any]:
    """A row of `results.json`; a value that does not exist is None.

    Under v4 the episodes are all that exist, so there is no confidence interval.
    """
    numbers = describe(
        [row["return"] for row in played],
        seed=evaluation.seed,
        exhaustive=getattr(protocol, "sticky", None) == 0,
    )
    return {
        "policy": policy.name,
        "protocol": protocol.name,
        **numbers,
        "size": policy.forest.size if policy.forest is not None else None,
        "size_expanded": None,
        "agreement": None,
        "agreement_same_action": None,
        "steps": sum(row["steps"] for row in played) / len(played),
        "cut": sum(row["cut"] for row in played),
        "max_steps": evaluation.max_steps,
    }

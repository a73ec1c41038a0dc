"""A store of artifacts as the stages before the report leave them, filled with made-up numbers."""

import csv
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from diffses.config import (
    ArcadeEnv,
    DatasetConfig,
    EvaluationConfig,
    GplearnRegressor,
    Label,
    MotionDetector,
    PretrainedTeacher,
    SearchFinetune,
)
from diffses.evaluation.statistics import describe
from diffses.keys import Spec
from diffses.policy.forest import Forest

FEATURES = (
    *(f"{name}.{what}" for name in ("player", "ball", "enemy") for what in ("x", "y", "vx", "vy")),
    "ball.y-player.y",
    "ball.x-player.x",
)
START = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
SECONDS = {
    "teacher": 0.4,
    "detector": 21.7,
    "dataset": 64,
    "distill": 171,
    "finetune": 412,
    "evaluate": 88,
}
SCORES = {"random": -20.4, "teacher": -6.4, "linear": -3.4, "distilled": -2.6, "finetuned": 12.7}


def linear_forest(rng: np.random.Generator) -> Forest:
    """A sum of weighted features and an offset for each action."""
    trees = []
    for _ in range(3):
        tree: list[Any] = [float(rng.normal())]
        for index in range(len(FEATURES)):
            tree = ["add", *tree, "mul", round(float(rng.normal()), 6), index]
        trees.append(tuple(tree))
    return Forest(FEATURES, ("NOOP", "RIGHT", "LEFT"), (0, 2, 3), tuple(trees))


def small_forest(scale: float = 1.0) -> Forest:
    ball, reach, fall = FEATURES.index("ball.y-player.y"), 4, FEATURES.index("ball.vy")
    up = ("sub", "mul", -6.120391 * scale, "add", ball, "mul", 0.771234, fall, "max", 0.25, reach)
    down = ("add", "mul", 5.870001, ball, "div", fall, "max", 0.341, reach)
    return Forest(FEATURES, ("NOOP", "RIGHT", "LEFT"), (0, 2, 3), ((0.1525,), up, down))


def config(seed: int = 1, **evaluation: Any) -> dict[str, Any]:
    labels = {"player": Label.controllable, "ball": Label.smallest, "enemy": Label.largest}
    return {
        "env": ArcadeEnv(game="pong", labels=labels),
        "teacher": PretrainedTeacher(),
        "detector": MotionDetector(),
        "dataset": DatasetConfig(),
        "regressor": GplearnRegressor(population=400),
        "finetune": SearchFinetune(),
        "evaluation": EvaluationConfig(**evaluation),
        "seed": seed,
    }


READS = {
    "detector": ("env", "detector"),
    "teacher": ("env", "teacher"),
    "dataset": ("env", "dataset"),
    "distill": ("regressor", "seed"),
    "finetune": ("env", "finetune", "seed"),
    "evaluate": ("env", "evaluation"),
    "report": ("env", "seed"),
}
NEEDS = {
    "detector": (),
    "teacher": (),
    "dataset": ("detector", "teacher"),
    "distill": ("dataset",),
    "finetune": ("distill", "dataset", "detector"),
    "evaluate": ("finetune", "distill", "dataset", "teacher", "detector"),
    "report": ("evaluate", "finetune", "distill", "dataset", "teacher", "detector"),
}


def build(root: Path, seed: int = 1, bonus: float = 0.0, **evaluation: Any) -> dict[str, Path]:
    """Writes every artifact before the report below `root`; stage -> its folder."""
    settings, paths, keys = config(seed, **evaluation), {}, {}
    for number, stage in enumerate(READS):
        sections = {name: settings[name] for name in READS[stage]}
        spec = Spec(stage, 1, sections, {need: keys[need] for need in NEEDS[stage]})
        keys[stage] = spec.key
        folder = root / stage / spec.key
        paths[stage] = folder
        if folder.exists():
            continue
        folder.mkdir(parents=True)
        if stage == "evaluate":
            write_evaluation(folder, settings["evaluation"], np.random.default_rng(seed), bonus)
        elif stage != "report":
            WRITERS[stage](folder, np.random.default_rng(seed))
        manifest = spec.describe() | {
            "files": {},
            "seconds": SECONDS.get(stage, 0.5),
            "started": (START + timedelta(minutes=number)).isoformat(),
            "git": "0123456789abcdef0123456789abcdef01234567",
            "packages": {"numpy": "2.4.6", "torch": "2.13.0"},
        }
        (folder / "manifest.json").write_text(json.dumps(manifest))
    return paths


def write_detector(folder: Path, rng: np.random.Generator) -> None:
    image = Image.new("RGB", (160, 210), (144, 72, 17))
    ImageDraw.Draw(image).rectangle((140, 90, 143, 105), fill=(92, 186, 92))
    image.resize((480, 630)).save(folder / "sample.png")
    about = {"types": ["player", "ball", "enemy"], "features": FEATURES}
    (folder / "detector.json").write_text(json.dumps(about))


def write_teacher(folder: Path, rng: np.random.Generator) -> None:
    (folder / "teacher.json").write_text(json.dumps({"kind": "pretrained"}))
    steps = np.arange(1, 121) * 25_000
    level = -20.5 + 16 / (1 + np.exp(-(steps - 1.6e6) / 3e5)) + rng.normal(0, 0.7, len(steps))
    rows = [
        {
            "steps": s,
            "minutes": s / 5e4,
            "return": round(r, 2),
            "length": 900,
            "steps_per_second": 700,
            "evaluation": round(r + 1, 1) if s % 500_000 == 0 else "",
        }
        for s, r in zip(steps, level, strict=True)
    ]
    write_csv(folder / "curve.csv", rows)


def write_dataset(folder: Path, rng: np.random.Generator) -> None:
    (folder / "dataset.json").write_text("{}")


def write_distill(folder: Path, rng: np.random.Generator) -> None:
    small_forest(0.8 + float(rng.normal()) / 10).save(folder / "distilled.json")
    linear_forest(np.random.default_rng(0)).save(folder / "linear.json")
    write_csv(folder / "hall_of_fame.csv", [{"file": "00.json", "size": 23, "agreement": 0.81}])


def write_finetune(folder: Path, rng: np.random.Generator) -> None:
    small_forest(1 + float(rng.normal()) / 10).save(folder / "finetuned.json")
    steps = np.arange(1, 31) * 50_000
    best = -2.6 + 15 * (1 - np.exp(-steps / 4e5))
    rows = [
        {"steps": s, "generation": g, "leader": round(b - 1, 2), "best": round(b, 2), "mean": mean}
        for g, (s, b) in enumerate(zip(steps, best, strict=True))
        for mean in [round(b - 4 + rng.normal(), 2)]
    ]
    write_csv(folder / "curve.csv", rows)
    mean = 12.0 + float(rng.normal())
    rows = [
        {
            "policy": f"distill/{source}",
            "source": f"distill/{source}",
            "episodes": 20,
            "mean": value,
            "standard_error": 0.55,
            "size": size,
            "champion": False,
        }
        for source, value, size in (("00", -2.9, 21), ("05", -3.1, 171))
    ]
    rows += [
        {
            "policy": "finetuned",
            "source": "finetune/centre of generation 30",
            "episodes": 20,
            "mean": round(mean, 3),
            "standard_error": 0.61,
            "size": 21,
            "champion": True,
        },
    ]
    write_csv(folder / "validation.csv", rows)


def write_evaluation(
    folder: Path, settings: EvaluationConfig, rng: np.random.Generator, bonus: float
) -> None:
    results, episodes = [], []
    for policy, score in SCORES.items():
        # the same episodes for all seeds of a sweep, where the policy is the same
        draw = rng if policy in ("distilled", "finetuned") else np.random.default_rng(9)
        for protocol in ("v5", "v4") if settings.v4 else ("v5",):
            count = settings.episodes if protocol == "v5" else 30
            gain = bonus * (policy == "finetuned") + (protocol == "v4")
            found = np.clip(np.round(draw.normal(score + gain, 3, count)), -21, 21)
            tree = {"linear": 171, "distilled": 21, "finetuned": 21}.get(policy)
            results.append(
                {
                    "policy": policy,
                    "protocol": protocol,
                    "size": tree,
                    "agreement": None if tree is None else 0.83,
                    "agreement_same_action": None if tree is None else 0.41,
                }
                | describe(found, seed=0, exhaustive=protocol == "v4")
            )
            episodes += [
                {
                    "policy": policy,
                    "protocol": protocol,
                    "episode": i,
                    "seed": 1000 + i,
                    "return": value,
                    "steps": 8000,
                }
                for i, value in enumerate(found)
            ]
    (folder / "results.json").write_text(json.dumps(results))
    write_csv(folder / "episodes.csv", episodes)


def write_csv(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    with path.open("w", newline="") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


WRITERS = {
    "detector": write_detector,
    "teacher": write_teacher,
    "dataset": write_dataset,
    "distill": write_distill,
    "finetune": write_finetune,
}

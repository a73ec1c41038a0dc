"""A store of artifacts as the stages before the report leave them, filled with made-up numbers.

The files are written by the functions that the stages use, wherever there is one; a test of the
command line holds their names and fields equal to what a real run leaves.
"""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from diffses.advantages.estimate import Advantages
from diffses.config import (
    AdvantagesConfig,
    ArcadeEnv,
    Config,
    DatasetConfig,
    EvaluationConfig,
    GplearnRegressor,
    Label,
    MotionDetector,
    NoLogger,
    PretrainedTeacher,
    SearchFinetune,
)
from diffses.csv_rows import write_rows
from diffses.dataset import data as dataset_
from diffses.dataset.data import Layout
from diffses.detector.motion import MotionObjectDetector
from diffses.detector.tracker import OBJECT, read_schema
from diffses.envs.registry import evaluation_protocols, search_protocol
from diffses.envs.rollout import RandomSpec
from diffses.finetune.lineage import Kind, Lineage
from diffses.finetune.validation import Candidate, Validator
from diffses.pipeline import PIPELINE
from diffses.policy.forest import Forest
from diffses.stages import advantages, finetune
from diffses.stages.evaluate import EvaluatedPolicy, episode_seeds, result_row
from diffses.store.keys import digests
from diffses.store.manifest import Manifest
from diffses.zoo.champion import FOLDER
from tests.conftest import ROOT

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
    "advantages": 96,
    "distill": 171,
    "finetune": 412,
    "evaluate": 88,
}
FORESTS = {"linear": "distill", "distilled": "distill", "finetuned": "finetune"}
ACTIONS = ("NOOP", "FIRE", "RIGHT", "LEFT", "RIGHTFIRE", "LEFTFIRE")
TEACHER = ROOT / "diffses" / "teacher" / "pretrained" / "pong.json"
# mappings whose names depend on the run, and the champion's lineage, whose fields do
DATA = ("units", "returns", "spent", "files", "packages", "config", "lineage")
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
        "advantages": AdvantagesConfig(),
        "regressor": GplearnRegressor(population=400),
        "finetune": SearchFinetune(),
        "evaluation": EvaluationConfig(**evaluation),
        "seed": seed,
    }


@cache
def detector() -> MotionObjectDetector:
    """The shipped one of Pong, made to tell FEATURES, with what detectors of today know besides."""
    shipped = MotionObjectDetector.load(FOLDER / "pong")
    schema = shipped.tracker.schema
    words = schema.describe() | {"features": list(FEATURES)}
    contact = {"n": 12, "reward": [0.0, 0.1], "life_lost": [0.0, 0.1], "vanishes": [0.0, 0.1]}
    words["types"] = [kind | {"contact": contact} for kind in words["types"]]
    one = np.ones(1, np.int64)
    params = replace(schema.params, sprites=one, sprite_types=0 * one)
    return shipped.with_schema(read_schema(words, params.arrays()))


def build(root: Path, seed: int = 1, bonus: float = 0.0, **evaluation: Any) -> dict[str, Path]:
    """Writes every artifact before the report below `root`; stage -> its folder.

    The report's folder has its manifest alone.

    Args:
        bonus: what the champion of this seed returns more in test episodes.
        evaluation: of `EvaluationConfig`.
    """
    settings = Config(**config(seed, **evaluation), logger=NoLogger())
    paths: dict[str, Path] = {}
    keys: dict[str, str] = {}
    for number, stage in enumerate(PIPELINE):
        spec = stage.spec(settings, keys)
        keys[stage.name], paths[stage.name] = spec.key, root / stage.name / spec.key
        folder = paths[stage.name]
        if folder.exists():
            continue
        folder.mkdir(parents=True)
        if stage.name == "evaluate":
            write_evaluation(folder, settings, paths, np.random.default_rng(seed), bonus)
        elif stage.name != "report":
            WRITERS[stage.name](folder, np.random.default_rng(seed), settings)
        Manifest(
            **spec.describe(),
            files=digests(folder),
            started=START + timedelta(minutes=number),
            seconds=SECONDS.get(stage.name, 0.5),
            git="0123456789abcdef0123456789abcdef01234567",
            packages={"numpy": "2.4.6", "torch": "2.13.0"},
        ).write(folder)
    return paths


def write_detector(folder: Path, rng: np.random.Generator, settings: Config) -> None:
    detector().save(folder)
    image = Image.new("RGB", (160, 210), (144, 72, 17))
    ImageDraw.Draw(image).rectangle((140, 90, 143, 105), fill=(92, 186, 92))
    image.resize((480, 630)).save(folder / "sample.png")


def write_teacher(folder: Path, rng: np.random.Generator, settings: Config) -> None:
    """As `teacher=pretrained` leaves it, but for an agent that could play."""
    about = json.loads(TEACHER.read_text()) | {"source": "shipped"}
    (folder / "teacher.json").write_text(json.dumps(about, indent=2, sort_keys=True) + "\n")
    (folder / "policy.zip").write_bytes(b"no agent")
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
    write_rows(folder / "curve.csv", rows)


def write_dataset(folder: Path, rng: np.random.Generator, settings: Config) -> None:
    layout = Layout(FEATURES, ACTIONS, ((0, 1), (2, 4), (3, 5)))
    steps = 10
    part = {
        "features": rng.normal(size=(steps, len(FEATURES))),
        "logits": rng.normal(size=(steps, len(ACTIONS))),
        "actions": rng.integers(len(ACTIONS), size=steps).astype(np.int16),
        "episode": np.zeros(steps, np.int32),
        "objects": np.zeros(0, OBJECT),
        "object_counts": np.zeros(steps, np.int16),
    }
    returns = {f"train {number + 1}": [-6.0, -7.0] for number in range(settings.dataset.rounds)}
    parts = {"train": part, "held_out": part}
    dataset_.save(folder, layout, parts, returns | {"held_out": [-5.0]}, imported=False)


def write_distill(folder: Path, rng: np.random.Generator, settings: Config) -> None:
    distilled = small_forest(0.8 + float(rng.normal()) / 10)
    linear = linear_forest(np.random.default_rng(0))
    distilled.save(folder / "distilled.json")
    linear.save(folder / "linear.json")
    (folder / "forests").mkdir()
    rows = []
    for number, forest in enumerate((distilled, linear)):
        forest.save(folder / "forests" / f"{number:02d}.json")
        rows.append(
            {
                "file": f"{number:02d}.json",
                "size": forest.size,
                "linear": forest == linear,
                "selection_agreement": 0.82,
                "held_out_agreement": 0.81,
            }
        )
    write_rows(folder / "hall_of_fame.csv", rows)


def write_finetune(folder: Path, rng: np.random.Generator, settings: Config) -> None:
    champion = small_forest(1 + float(rng.normal()) / 10)
    steps = np.arange(1, 31) * 50_000
    best = -2.6 + 15 * (1 - np.exp(-steps / 4e5))
    rows = [
        {
            "start": "distill/00",
            "generation": g,
            "steps": s,
            "leader": round(b - 1, 2),
            "best": round(b, 2),
            "mean": round(b - 4 + rng.normal(), 2),
            "divergence": 0.3,
            "step_size": 0.075,
        }
        for g, (s, b) in enumerate(zip(steps, best, strict=True))
    ]
    finetune.write_curve(folder / "curve.csv", rows)
    protocol = search_protocol(settings.env)
    validator = Validator(protocol, settings.finetune, folder)
    start = Lineage.start("distill", "00")
    for forest, lineage, mean in (
        (small_forest(0.8), start, -2.9),
        (linear_forest(np.random.default_rng(0)), Lineage.start("distill", "01"), -3.1),
        (champion, Lineage(Kind.mean, start, generation=30), 12.0 + float(rng.normal())),
    ):
        count = settings.finetune.validation_episodes
        returns = np.round(rng.normal(mean, 2.5, count)).tolist()
        validator.candidates.append(Candidate(forest, lineage, returns, steps=8000 * count))
    spent = {"screen": 300_000, "climb": 1_200_000}
    finetune.write(folder, validator, protocol.name, {"search_steps": 1_500_000, "spent": spent})


def write_evaluation(
    folder: Path,
    settings: Config,
    paths: dict[str, Path],
    rng: np.random.Generator,
    bonus: float,
) -> None:
    results, episodes = [], []
    for policy, score in SCORES.items():
        file = paths[FORESTS[policy]] / f"{policy}.json" if policy in FORESTS else None
        forest = None if file is None else Forest.load(file)
        evaluated = EvaluatedPolicy(policy, RandomSpec(), {}, forest)
        # the same episodes for all seeds of a sweep, where the policy is the same
        draw = rng if policy in ("distilled", "finetuned") else np.random.default_rng(9)
        for protocol in evaluation_protocols(settings.env, settings.evaluation.v4):
            seeds = episode_seeds(protocol, settings.evaluation)
            gain = bonus * (policy == "finetuned") + (protocol.name == "v4")
            found = np.clip(np.round(draw.normal(score + gain, 3, len(seeds))), -21, 21)
            played = [
                {
                    "protocol": protocol.name,
                    "episode": i,
                    "seed": seed,
                    "return": float(value),
                    "steps": min(8000, settings.evaluation.max_steps or 8000),
                    "cut": int((settings.evaluation.max_steps or 8000) < 8000),
                }
                for i, (seed, value) in enumerate(zip(seeds, found, strict=True))
            ]
            row = result_row(evaluated, protocol, played, settings.evaluation)
            if forest is not None:
                row |= {"agreement": 0.83, "agreement_same_action": 0.41}
            results.append(row)
            episodes += [{"policy": policy, **one} for one in played]
    (folder / "results.json").write_text(json.dumps(results, indent=2) + "\n")
    write_rows(folder / "episodes.csv", episodes)


def write_advantages(folder: Path, rng: np.random.Generator, settings: Config) -> None:
    """Of 12 states in four episodes, with a gap in every second one."""
    rows, screens = rng.normal(size=(12, len(FEATURES))), np.zeros((12, 210, 160), np.uint8)
    returns = 0.01 * rng.normal(size=(12, 2, 4))
    returns[::2, :, 2] += 1
    episode, at = np.repeat(np.arange(4), 3), np.arange(12, dtype=np.int32)
    names = ("base", "NOOP", "RIGHT", "LEFT")
    found = Advantages(rows, names, returns, at, episode, at, 9_000, 0.25, screens)
    advantages.write(folder, found, linear_forest(rng))


WRITERS = {
    "advantages": write_advantages,
    "detector": write_detector,
    "teacher": write_teacher,
    "dataset": write_dataset,
    "distill": write_distill,
    "finetune": write_finetune,
}


def shape(folder: Path) -> dict[str, Any]:
    """What tells the format of an artifact from another's: relative path -> names in the file.

    Of JSON files the names of all fields, nested as they are; of CSV files the header; of others
    None. Files numbered 00, 01, ... count as one.
    """
    found: dict[str, Any] = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = re.sub(r"\d\d(?=\.json$)", "NN", path.relative_to(folder).as_posix())
        if path.suffix == ".json":
            found[name] = _fields(json.loads(path.read_text()))
        elif path.suffix == ".csv":
            found[name] = path.read_text().splitlines()[0]
        elif path.suffix == ".npz":
            with np.load(path) as file:
                found[name] = sorted(file.files)
        else:
            found[name] = None
    return found


def _fields(value: Any) -> Any:
    """Name -> fields of it; of a list those of its members together; None for a value."""
    if isinstance(value, dict):
        return {name: None if name in DATA else _fields(of) for name, of in value.items()}
    if isinstance(value, list):
        merged: dict[str, Any] = {}
        for member in value:
            if isinstance(member, dict):
                merged |= _fields(member)
        return [merged]
    return None

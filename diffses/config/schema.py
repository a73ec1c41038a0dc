"""The whole config, its variants, and their registration with Hydra."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, OmegaConf

from diffses.config.advantages import AdvantagesConfig
from diffses.config.base import ROOT, Section, seed_number
from diffses.config.dataset import DatasetConfig
from diffses.config.detector import (
    DetectorConfig,
    IdentityDetector,
    MotionDetector,
    OracleDetector,
    SpaceDetector,
)
from diffses.config.env import ArcadeEnv, EnvConfig, GymnasiumEnv
from diffses.config.evaluation import EvaluationConfig
from diffses.config.finetune import (
    ConstantsFinetune,
    DiscoverFinetune,
    FinetuneConfig,
    NoFinetune,
    SearchFinetune,
    ZooFinetune,
)
from diffses.config.logger import LoggerConfig, NoLogger, Verbosity, WandbLogger
from diffses.config.regressor import (
    GplearnRegressor,
    LinearRegressor,
    OperonRegressor,
    RegressorConfig,
)
from diffses.config.teacher import (
    CheckpointTeacher,
    HubTeacher,
    PpoObjectsTeacher,
    PpoTeacher,
    PretrainedTeacher,
    TeacherConfig,
)
from diffses.store.keys import unkeyed


@dataclass
class Config(Section):
    """All settings of a run."""

    env: EnvConfig = MISSING
    teacher: TeacherConfig = MISSING
    detector: DetectorConfig = MISSING
    dataset: DatasetConfig = MISSING
    advantages: AdvantagesConfig = MISSING
    regressor: RegressorConfig = MISSING
    finetune: FinetuneConfig = MISSING
    evaluation: EvaluationConfig = MISSING
    logger: LoggerConfig = MISSING
    seed: int = seed_number()  # of the stages distill and finetune only
    stage: Any = unkeyed("all")  # the stages to run: all, a name, or a list of names
    force: list[str] = unkeyed([])  # stages to build again, even if their artifacts exist
    verbosity: Verbosity = unkeyed(Verbosity.normal)  # of the terminal and the log file
    dry_run: bool = unkeyed(False)  # print what would be built, and exit
    outputs: str = unkeyed("outputs")  # folder of the artifacts, relative to the project; ~: home


VARIANTS: dict[str, dict[str, type]] = {
    "env": {"arcade": ArcadeEnv, "gymnasium": GymnasiumEnv},
    "teacher": {
        "ppo": PpoTeacher,
        "ppo_objects": PpoObjectsTeacher,
        "checkpoint": CheckpointTeacher,
        "hub": HubTeacher,
        "pretrained": PretrainedTeacher,
    },
    "detector": {
        "motion": MotionDetector,
        "space": SpaceDetector,
        "oracle": OracleDetector,
        "identity": IdentityDetector,
    },
    "dataset": {"play": DatasetConfig},
    "advantages": {"rollouts": AdvantagesConfig},
    "regressor": {
        "gplearn": GplearnRegressor,
        "operon": OperonRegressor,
        "linear": LinearRegressor,
    },
    "finetune": {
        "guided": SearchFinetune,
        "constants": ConstantsFinetune,
        "discover": DiscoverFinetune,
        "none": NoFinetune,
        "zoo": ZooFinetune,
    },
    "evaluation": {"test": EvaluationConfig},
    "logger": {"wandb": WandbLogger, "none": NoLogger},
}


def variants_text() -> str:
    """The variants of each group, one line per group, for `--help`."""
    folder = ROOT / "conf"
    groups = [*VARIANTS, "experiment"]
    return "\n".join(
        f"  {group + ':':<12}{', '.join(sorted(p.stem for p in (folder / group).glob('*.yaml')))}"
        for group in groups
    )


def register() -> None:
    """Registers the schemas with Hydra, so that a mistyped override fails before anything runs."""
    OmegaConf.register_new_resolver("diffses_variants", variants_text, replace=True)
    store = ConfigStore.instance()
    store.store(name="schema", node=Config)
    for group, variants in VARIANTS.items():
        for name, node in variants.items():
            store.store(group=group, name=f"schema_{name}", node=node)

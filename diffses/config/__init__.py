"""The name, type, unit and default of every setting. `conf/` holds only named variants.

One file per group. Each group has a base class with the settings of all its variants, and one class
per variant. A field is part of the artifact's key, because it changes the result, unless it is
declared `unkeyed`. A field declared `number` has a range. A field declared `content` names a file;
the key contains the file's digest.
"""

from diffses.config.advantages import AdvantagesConfig
from diffses.config.base import MAX_SEED, ROOT, range_of, store_folder
from diffses.config.dataset import DatasetConfig
from diffses.config.detector import (
    DetectorConfig,
    Frames,
    IdentityDetector,
    LearnedDetector,
    MotionDetector,
    OracleDetector,
    SpaceDetector,
)
from diffses.config.env import (
    HARM,
    OTHERS,
    PRIZE,
    TARGET,
    ArcadeEnv,
    EnvConfig,
    GymnasiumEnv,
    Label,
)
from diffses.config.evaluation import EvaluationConfig
from diffses.config.finetune import (
    LEAST_STEPS,
    VARIATION,
    ActionHeadKind,
    ConstantsFinetune,
    DiscoverFinetune,
    FinetuneConfig,
    NoFinetune,
    SearchFinetune,
    Start,
    ZooFinetune,
)
from diffses.config.logger import LoggerConfig, Mode, NoLogger, Verbosity, WandbLogger
from diffses.config.regressor import (
    OPERON,
    GplearnRegressor,
    LinearRegressor,
    OperonRegressor,
    RegressorConfig,
)
from diffses.config.schema import VARIANTS, Config, register, variants_text
from diffses.config.teacher import (
    CheckpointTeacher,
    HubTeacher,
    Network,
    PpoObjectsTeacher,
    PpoSettings,
    PpoTeacher,
    PretrainedTeacher,
    Rewards,
    TeacherConfig,
)
from diffses.errors import ConfigError

__all__ = [
    "HARM",
    "LEAST_STEPS",
    "MAX_SEED",
    "OPERON",
    "OTHERS",
    "PRIZE",
    "ROOT",
    "TARGET",
    "VARIANTS",
    "VARIATION",
    "ActionHeadKind",
    "AdvantagesConfig",
    "ArcadeEnv",
    "CheckpointTeacher",
    "Config",
    "ConfigError",
    "ConstantsFinetune",
    "DatasetConfig",
    "DetectorConfig",
    "DiscoverFinetune",
    "EnvConfig",
    "EvaluationConfig",
    "FinetuneConfig",
    "Frames",
    "GplearnRegressor",
    "GymnasiumEnv",
    "HubTeacher",
    "IdentityDetector",
    "Label",
    "LearnedDetector",
    "LinearRegressor",
    "LoggerConfig",
    "Mode",
    "MotionDetector",
    "Network",
    "NoFinetune",
    "NoLogger",
    "OperonRegressor",
    "OracleDetector",
    "PpoObjectsTeacher",
    "PpoSettings",
    "PpoTeacher",
    "PretrainedTeacher",
    "RegressorConfig",
    "Rewards",
    "SearchFinetune",
    "SpaceDetector",
    "Start",
    "TeacherConfig",
    "Verbosity",
    "WandbLogger",
    "ZooFinetune",
    "range_of",
    "register",
    "store_folder",
    "variants_text",
]

"""The `teacher` stage: trains an agent, or copies one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from diffses.config import (
    ArcadeEnv,
    CheckpointTeacher,
    EnvConfig,
    HubTeacher,
    PpoObjectsTeacher,
    PpoTeacher,
    PretrainedTeacher,
    TeacherConfig,
)
from diffses.envs.ale import AtariEnv, v5
from diffses.errors import ConfigError
from diffses.store import Workspace
from diffses.teacher.agent import check_agent, load


def make_teacher(
    env: EnvConfig, teacher: TeacherConfig, *, inputs: Mapping[str, Path], workspace: Workspace
) -> None:
    """Writes `policy.zip` (an SB3 agent without optimizer state), `teacher.json` and `curve.csv`.

    Args:
        inputs: the detector's folder where the teacher plays from objects, else nothing.

    Raises:
        ConfigError: where the agent cannot play this game.
    """
    if isinstance(teacher, PpoObjectsTeacher):
        from diffses.teacher.ppo_objects import train_on_objects  # loads SB3 and numba

        about = train_on_objects(env, teacher, inputs["detector"], workspace)
    elif not isinstance(env, ArcadeEnv):
        raise ConfigError(
            f"this teacher plays from frames, and {env.name} shows none",
            fix="teacher=ppo_objects",
        )
    elif isinstance(teacher, PpoTeacher):
        from diffses.teacher.ppo_pixels import train_on_pixels  # loads SB3 and numba

        about = train_on_pixels(env, teacher, workspace)
    elif isinstance(teacher, HubTeacher):
        from diffses.teacher.hub import download  # of an extra

        path, setting = download(teacher), "teacher.filename"
        about = take(path, teacher.algorithm, env, workspace, setting)
        about |= {"source": f"{teacher.repo_id}@{teacher.revision}/{teacher.filename}"}
    elif isinstance(teacher, CheckpointTeacher):
        path = Path(teacher.path)
        about = take(path, teacher.algorithm, env, workspace) | {"source": path.name}
    elif isinstance(teacher, PretrainedTeacher) and teacher.path is not None:
        path = Path(teacher.path)
        record = shipped_record(path)
        about = record | take(path, record["algorithm"], env, workspace) | {"source": "shipped"}
        shutil.copyfile(path.with_suffix(".csv"), workspace.out / "curve.csv")
    else:
        raise TypeError(f"no way to make a {type(teacher).__name__}")
    (workspace.out / "teacher.json").write_text(json.dumps(about, indent=2, sort_keys=True) + "\n")


def shipped_record(path: Path) -> dict[str, Any]:
    """The .json file beside a shipped agent.

    Raises:
        ConfigError: if it or the learning curve (.csv) is not there.
    """
    for kind in (".json", ".csv"):
        if not path.with_suffix(kind).is_file():
            raise ConfigError(
                f"teacher.path={path}: a shipped agent has a {kind} file beside it, and there is "
                "none",
                fix=f"teacher=checkpoint teacher.path={path}",
            )
    record: dict[str, Any] = json.loads(path.with_suffix(".json").read_text())
    return record


def take(
    path: Path, algorithm: str, env: ArcadeEnv, workspace: Workspace, setting: str = "teacher.path"
) -> dict[str, object]:
    """Copies an agent's zip into the artifact, if it fits this game.

    Args:
        setting: that gives the agent.

    Raises:
        ConfigError: if its observations or actions do not fit.
    """
    check_agent(load(path, algorithm, setting), len(AtariEnv(v5(env)).actions), env.game)
    shutil.copyfile(path, workspace.out / "policy.zip")
    return {"algorithm": algorithm}

"""The pipeline, as a table: read it to see the architecture."""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from diffses.config import (
    ArcadeEnv,
    Config,
    DiscoverFinetune,
    Frames,
    GymnasiumEnv,
    LearnedDetector,
    PpoObjectsTeacher,
    PretrainedTeacher,
    ZooFinetune,
)
from diffses.errors import ArtifactError, ConfigError
from diffses.store import Store, Workspace
from diffses.store.keys import LAYOUT, Spec
from diffses.store.manifest import Manifest

log = logging.getLogger("diffses")


@dataclass(frozen=True)
class Stage:
    """One row: what a stage reads, what it needs, and the function that builds it.

    The function is called with the sections it reads as keyword arguments, and with `inputs`
    (stage -> folder of its artifact) and `workspace`; it gets nothing else, so that its key cannot
    miss something it used.
    """

    name: str
    version: int  # raise it when the code would produce something else from the same config
    reads: tuple[str, ...]  # sections of the config
    needs: Callable[[Config], tuple[str, ...]]  # stages; they may depend on the variants chosen
    function: Callable[..., None]
    sees_labels: bool = False  # whether the names of the objects (`env.labels`) matter to it

    def spec(self, config: Config, keys: Mapping[str, str]) -> Spec:
        sections = {name: getattr(config, name) for name in self.reads}
        if isinstance(config.env, ArcadeEnv) and "env" in sections and not self.sees_labels:
            sections["env"] = dataclasses.replace(config.env, labels={})
        return Spec(self.name, self.version, sections, {n: keys[n] for n in self.needs(config)})

    def build(self, spec: Spec, paths: Mapping[str, Path], workspace: Workspace) -> None:
        inputs = {need: paths[need] for need in spec.parents}
        self.function(**spec.config, inputs=inputs, workspace=workspace)


def _detector_needs(config: Config) -> tuple[str, ...]:
    detector = config.detector
    watches = isinstance(detector, LearnedDetector) and detector.frames is Frames.teacher
    return ("teacher",) if watches else ()


def _finetune_needs(config: Config) -> tuple[str, ...]:
    if isinstance(config.finetune, ZooFinetune):
        return ()
    if isinstance(config.finetune, DiscoverFinetune):
        return ("dataset", "detector")  # it starts from nothing that was distilled
    return ("distill", "dataset", "detector")


def _evaluate_needs(config: Config) -> tuple[str, ...]:
    if isinstance(config.finetune, ZooFinetune):
        return ("finetune",)
    return ("finetune", "distill", "dataset", "teacher", "detector")


def _report_needs(config: Config) -> tuple[str, ...]:
    asked = ("advantages",) if "advantages" in _named(config) else ()
    return ("evaluate", *_evaluate_needs(config), *asked)


def _teacher_needs(config: Config) -> tuple[str, ...]:
    return ("detector",) if isinstance(config.teacher, PpoObjectsTeacher) else ()


def _always(*stages: str) -> Callable[[Config], tuple[str, ...]]:
    return lambda config: stages


# What builds the stages. Each is imported when it is called, so that `--help` is quick: together
# they load torch, matplotlib, numba and the Atari emulator.
def _learn_detector(**arguments: Any) -> None:
    from diffses.stages.detector import learn_detector

    learn_detector(**arguments)


def _make_teacher(**arguments: Any) -> None:
    from diffses.stages.teacher import make_teacher

    make_teacher(**arguments)


def _record_dataset(**arguments: Any) -> None:
    from diffses.stages.dataset import record_dataset

    record_dataset(**arguments)


def _measure_advantages(**arguments: Any) -> None:
    from diffses.stages.advantages import measure_advantages

    measure_advantages(**arguments)


def _distill(**arguments: Any) -> None:
    from diffses.stages.distill import distill_policy

    distill_policy(**arguments)


def _finetune(**arguments: Any) -> None:
    from diffses.stages.finetune import finetune_forest

    finetune_forest(**arguments)


def _evaluate(**arguments: Any) -> None:
    from diffses.stages.evaluate import evaluate

    evaluate(**arguments)


def _report(**arguments: Any) -> None:
    from diffses.stages.report import write_report

    write_report(**arguments)


PIPELINE = (
    Stage("detector", 13, ("env", "detector"), _detector_needs, _learn_detector, sees_labels=True),
    Stage("teacher", 4, ("env", "teacher"), _teacher_needs, _make_teacher),
    Stage("dataset", 3, ("env", "dataset"), _always("detector", "teacher"), _record_dataset),
    Stage(
        "advantages",
        1,
        ("env", "advantages"),
        _always("detector", "teacher", "dataset"),
        _measure_advantages,
    ),
    Stage("distill", 1, ("regressor", "seed"), _always("dataset"), _distill),
    Stage("finetune", 15, ("env", "finetune", "seed"), _finetune_needs, _finetune),
    Stage("evaluate", 4, ("env", "evaluation"), _evaluate_needs, _evaluate),
    Stage("report", 3, ("env", "seed"), _report_needs, _report),
)
STAGES = {stage.name: stage for stage in PIPELINE}


def resolve(config: Config) -> Config:
    """Fills in what a setting leaves to the package, so that it is keyed by its content.

    Raises:
        ConfigError: for an environment that does not exist, a game without a shipped teacher, or
            a stage that does not exist.
    """
    wanted(config)
    if isinstance(config.env, GymnasiumEnv):
        from diffses.detector.identity import name_observation  # here, so that `--help` is quick

        name_observation(config.env)
    if isinstance(config.env, ArcadeEnv):
        _require_game(config.env.game)
    if isinstance(config.finetune, ZooFinetune):
        return _with_champion(config)
    needed = any(stage.name == "teacher" for stage in order(config))
    if needed and isinstance(config.teacher, PretrainedTeacher) and config.teacher.path is None:
        shipped = Path(__file__).parent / "teacher" / "pretrained" / f"{config.env.name}.zip"
        if not shipped.is_file():
            raise ConfigError(
                f"teacher=pretrained: no teacher for {config.env.name} is shipped",
                fix="teacher=ppo_objects or teacher=ppo to train one, or teacher=checkpoint "
                "teacher.path=FILE",
            )
        teacher = dataclasses.replace(config.teacher, path=str(shipped))
        return dataclasses.replace(config, teacher=teacher)
    return config


def _with_champion(config: Config) -> Config:
    """Names the shipped champion's file, so that it is keyed by its content; the teacher, which
    then has nothing to teach, stays as it is."""
    assert isinstance(config.finetune, ZooFinetune)
    if config.finetune.path is not None:
        return config
    from diffses.zoo.champion import champion_file  # here, so that `--help` is quick

    finetune = dataclasses.replace(config.finetune, path=str(champion_file(config.env)))
    return dataclasses.replace(config, finetune=finetune)


def _require_game(game: str) -> None:
    from ale_py import roms  # here, so that `--help` does not load it

    games = roms.get_all_rom_ids()
    if game not in games:
        near = difflib.get_close_matches(game, games, n=1) or [" | ".join(sorted(games))]
        raise ConfigError(
            f"env.game={game} is not a game that ale-py has", fix=f"env.game={near[0]}"
        )


def wanted(config: Config) -> list[str]:
    """The stages that `stage` names; all of them are the last and what it needs.

    Raises:
        ConfigError: where one of them, or of `force`, does not exist.
    """
    names = _named(config)
    if not names:
        raise ConfigError("stage=[] names no stage", fix="stage=all")
    for setting, values in (("stage", names), ("force", config.force)):
        allowed = ["all", *STAGES] if setting == "stage" else list(STAGES)
        for name in values:
            if name not in allowed:
                raise ConfigError(
                    f"{setting}={name} is not a stage",
                    fix=f"{setting}=<one of {', '.join(allowed)}, or a list: [detector,dataset]>",
                )
    return [PIPELINE[-1].name] if "all" in names else [str(name) for name in names]


def _named(config: Config) -> list[Any]:
    return config.stage if isinstance(config.stage, list) else [config.stage]


def order(config: Config) -> list[Stage]:
    """The stages that `stage` names and all they need, parents first.

    Raises:
        ConfigError: where stages need each other in a circle.
    """
    needs: dict[str, tuple[str, ...]] = {}
    pending = wanted(config)
    while pending:
        name = pending.pop()
        if name not in needs:
            needs[name] = STAGES[name].needs(config)
            pending.extend(needs[name])
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        circle = " -> ".join(reversed(error.args[1]))
        raise ConfigError(
            f"these stages need each other in a circle: {circle}",
            fix="detector.frames=exploratory, or a teacher that plays from pixels",
        ) from error
    done: list[Stage] = []
    while len(done) < len(needs):  # keeps the table's order among stages that are ready
        names = {stage.name for stage in done}
        done.append(
            next(
                stage
                for stage in PIPELINE
                if stage.name in needs.keys() - names and names.issuperset(needs[stage.name])
            )
        )
    return done


@dataclass(frozen=True)
class Step:
    """One stage of one run: what it is built from and what is to be done."""

    stage: Stage
    spec: Spec
    action: str  # "build", "reuse" or "resume"
    why: str
    rebuild: bool = False  # replace the artifact that is there


def plan(config: Config, store: Store) -> list[Step]:
    """What a run would do, parents first. Reads the store and writes nothing."""
    steps: list[Step] = []
    keys: dict[str, str] = {}
    forced: set[str] = set()
    for stage in order(config):
        spec = stage.spec(config, keys)
        keys[stage.name] = spec.key
        culprits = sorted(({stage.name} & set(config.force)) | (forced & spec.parents.keys()))
        if culprits:
            forced.add(stage.name)
        steps.append(_step(store, stage, spec, culprits))
    return steps


def _step(store: Store, stage: Stage, spec: Spec, culprits: list[str]) -> Step:
    if culprits:
        own = stage.name in culprits
        because = "forced" if own else f"built again: {', '.join(culprits)}"
        return Step(stage, spec, "build", because, rebuild=True)
    if store.find(spec):
        return Step(stage, spec, "reuse", "same key")
    if store.resumable(spec):
        return Step(stage, spec, "resume", "an unfinished build left a checkpoint")
    return Step(stage, spec, "build", why(store, spec))


def why(store: Store, spec: Spec) -> str:
    """The settings in which `spec` differs from the nearest artifact there is.

    For example `config.regressor.parsimony 0.001 -> 0.5 since 97a3a14718ad41fc`.
    """
    candidates, former = [], False
    for folder in sorted(store.path(spec).parent.glob("*")):
        if folder.suffix:  # unfinished or replaced
            continue
        with contextlib.suppress(ArtifactError):  # a damaged one is no hindrance to a build
            made = Manifest.read(folder)
            if made.layout != LAYOUT:
                former = True
                continue
            changes = list(differences(made.describe(), spec.describe()))
            candidates.append((len(changes), changes, folder.name))
    if not candidates:
        return f"built only before layout {LAYOUT}" if former else "never built before"
    _, changes, key = min(candidates)
    shown = ", ".join(changes[:3]) + (f" and {len(changes) - 3} more" if len(changes) > 3 else "")
    return f"{shown} since {key}"


def differences(old: Any, new: Any, at: str = "") -> Iterator[str]:
    """Where `new` differs from `old`, one text a setting."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name in sorted(old.keys() | new.keys()):
            yield from differences(old.get(name), new.get(name), f"{at}.{name}" if at else name)
    elif old != new:
        yield f"{at} {json.dumps(old)} -> {json.dumps(new)}"


def run(
    config: Config,
    store: Store,
    notify: Callable[[Step, float], None],
    rebuild_if_before: datetime | None = None,
) -> dict[str, Path]:
    """Builds what `config.stage` names, taking from disk what is already there.

    Args:
        notify: called after each stage with its step and the seconds it took.
        rebuild_if_before: forced stages are built again only if their artifact is older than
            this: the jobs of a sweep share it. None: now.

    Returns:
        The folder of each stage's artifact.
    """
    paths: dict[str, Path] = {}
    rebuild_if_before = rebuild_if_before or datetime.now(UTC)
    for step in plan(config, store):
        name, spec = step.stage.name, step.spec
        clock = time.perf_counter()
        if step.action == "reuse":
            log.info("%-8s %s reused", name, spec.key)
        else:
            log.info("%-8s %s %s: %s", name, spec.key, step.action, step.why)

        def make(workspace: Workspace, step: Step = step) -> None:
            step.stage.build(step.spec, paths, workspace)

        paths[name] = store.get_or_build(
            spec, make, rebuild_if_before=rebuild_if_before if step.rebuild else None
        )
        seconds = time.perf_counter() - clock
        if step.action != "reuse":
            log.info("%-8s %s done in %.1f s", name, spec.key, seconds)
        notify(step, seconds)
    return paths

"""A policy as one Python file that plays: the formula, the detector, and the rules of the game."""

from __future__ import annotations

import ast
import base64
import inspect
import io
import textwrap
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from diffses.config import ArcadeEnv, EnvConfig, GymnasiumEnv
from diffses.errors import ConfigError
from diffses.export.codegen import PYTHON_WORDS, names
from diffses.export.python_source import about, formula
from diffses.policy.forest import Forest

LINE = 96  # characters of base64 in a line


def to_player(forest: Forest, env: EnvConfig, detector: Path | None, title: str) -> str:
    """The file, which plays the test episodes with numpy and ale-py or gymnasium alone.

    Args:
        env: a game of frames, which takes its detector too, or a control task.
        detector: the folder of the fitted detector.

    Raises:
        ConfigError: where the detector is not known, or there is nothing known to play.
    """
    if isinstance(env, GymnasiumEnv):
        return _of_task(forest, env, title)
    if not isinstance(env, ArcadeEnv) or detector is None:
        raise ConfigError(
            "from pixels a policy plays through its detector, which is not known here",
            fix="the key of the artifact, or without --pixels",
        )
    return _of_game(forest, env, detector, title)


def _of_game(forest: Forest, env: ArcadeEnv, folder: Path, title: str) -> str:
    from diffses import seeds
    from diffses.detector import kernel
    from diffses.detector.loading import open_detector
    from diffses.detector.motion import MotionObjectDetector
    from diffses.export import standalone_runtime as runtime

    detector = open_detector(folder)
    if not isinstance(detector, MotionObjectDetector):
        raise ConfigError(
            f"the detector {type(detector).__name__} cannot be put into one file",
            fix="a policy that sees through detector=motion, or without --pixels",
        )
    rules = {
        "game": env.game,
        "frame_skip": env.frame_skip,
        "sticky": env.sticky,
        "noop_max": env.noop_max,
        "fire_reset": env.fire_reset,
        "max_frames": env.max_frames,
    }
    usage = (
        "    python FILE.py --episodes 10     plays test episodes; needs numpy and ale-py\n"
        "\nDetector(FITTED).observe(frame) gives a row, once a step.\n"
    )
    modules = (seeds, kernel, runtime)
    data = "\n".join(textwrap.wrap(base64.b64encode(_fitted(forest, detector)).decode(), LINE))
    ending = f'RULES = {rules!r}\nFITTED = """\n{data}\n"""'
    units = detector.units
    return _file(forest, title, usage, units, modules, ending, "main(RULES, FITTED, act)")


def _of_task(forest: Forest, env: GymnasiumEnv, title: str) -> str:
    from diffses import seeds
    from diffses.detector.identity import name_observation
    from diffses.envs.gymnasium import task_rules
    from diffses.export import gymnasium_runtime as task_runtime

    seen = list(name_observation(env).features)
    columns = [seen.index(name) for name in forest.features]
    rules = {"id": env.id, "options": task_rules(env).options}
    usage = "    python FILE.py --episodes 10     plays test episodes; needs gymnasium\n"
    ending = f"TASK = {rules!r}\nCOLUMNS = {columns!r}"
    modules = (seeds, task_runtime)
    return _file(forest, title, usage, {}, modules, ending, "main(TASK, COLUMNS, act)")


def _fitted(forest: Forest, detector: Any) -> bytes:
    """All arrays of a motion detector, as an .npz file."""
    from diffses.detector.palette import codes

    segmentation, params = detector.model.segmentation, detector.model.schema.params
    plan = detector.tracker.plan
    sorted_codes, order = codes()
    target = io.BytesIO()
    np.savez_compressed(
        target,
        background=segmentation.background,
        search_mask=segmentation.search_mask,
        colours=segmentation.colours,
        links=segmentation.links,
        type_params=params.type_params,
        type_colours=params.type_colours,
        patience=params.patience,
        looks_back=detector.looks_back,
        max_coast_steps=detector.tracker.max_coast_steps,
        members=plan.members,
        places=plan.places,
        columns=plan.columns,
        scales=plan.scales,
        player_place=detector.tracker.player_place,
        pushes=detector.tracker.pushes,
        wanted=[detector.features.index(name) for name in forest.features],
        codes=sorted_codes,
        order=order,
    )
    return target.getvalue()


def _file(
    forest: Forest,
    title: str,
    usage: str,
    units: dict[str, str],
    modules: tuple[ModuleType, ...],
    ending: str,
    call: str,
) -> str:
    """Docstring, imports, formula, the code around it, and what is run."""
    found = [inline(module) for module in modules]
    imports = sorted({"import numpy as np", *(line for lines, _ in found for line in lines)})
    taken = {name for module in modules for name in vars(module)}
    named = names(forest.features, [*PYTHON_WORDS, *taken])
    parts = [
        f'"""{title}\n\n{usage}\n{about(forest, units)}"""\n',
        "from __future__ import annotations\n",
        "\n".join(imports) + "\n",
        formula(forest, named),
        *(code for _, code in found),
        ending,
        f'\nif __name__ == "__main__":\n    {call}\n',
    ]
    return "\n".join(parts)


def inline(module: ModuleType) -> tuple[list[str], str]:
    """A module's outside imports, and its source without imports, docstring and compiler.

    What it takes from this package has to be in the file already.
    """
    source = inspect.getsource(module)
    tree = ast.parse(source)
    dropped: set[int] = set()
    imports: list[str] = []
    for number, node in enumerate(tree.body):
        gone: list[ast.expr | ast.stmt] = []
        if isinstance(node, ast.Import | ast.ImportFrom):
            gone.append(node)
            imports += _outside(node)
        elif number == 0 and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            gone.append(node)
        elif isinstance(node, ast.FunctionDef):
            gone += node.decorator_list
        for piece in gone:
            dropped |= set(range(piece.lineno, (piece.end_lineno or piece.lineno) + 1))
    lines = source.splitlines()
    kept = [line for number, line in enumerate(lines, 1) if number not in dropped]
    return imports, "\n".join(kept).strip("\n") + "\n\n"


def _outside(node: ast.Import | ast.ImportFrom) -> list[str]:
    """The import, unless it is of this package, of the compiler or of the future."""
    first = node.module if isinstance(node, ast.ImportFrom) else node.names[0].name
    skipped = ("diffses", "numba", "__future__")
    return [] if (first or "").split(".")[0] in skipped else [ast.unparse(node)]

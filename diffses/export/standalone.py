"""Export of a policy as one Python file that plays: formulas, detector and environment loop."""

from __future__ import annotations

import ast
import base64
import inspect
import io
import textwrap
from pathlib import Path
from types import ModuleType

import numpy as np

from diffses import seeds
from diffses.config import ArcadeEnv, EnvConfig, GymnasiumEnv
from diffses.detector import concept_kernel, kernel
from diffses.detector.identity import name_observation
from diffses.detector.loading import open_detector
from diffses.detector.motion import MotionObjectDetector
from diffses.detector.palette import codes
from diffses.envs.gymnasium import gymnasium_protocol
from diffses.errors import ConfigError
from diffses.export import gymnasium_runtime as task_runtime
from diffses.export import standalone_runtime as runtime
from diffses.export.codegen import PYTHON_WORDS, assign_names
from diffses.export.python_source import describe, policy_source
from diffses.policy.forest import Forest

BASE64_WIDTH = 96  # characters of base64 in a line


def to_standalone(forest: Forest, env: EnvConfig, detector: Path | None, title: str) -> str:
    """Python source that plays the test episodes and needs only numpy and ale-py or gymnasium.

    Args:
        forest: the policy.
        env: an Atari game, whose detector is copied into the file, or a Gymnasium task.
        detector: folder of the fitted detector; None for a Gymnasium task.
        title: first line of the file's docstring.

    Raises:
        ConfigError: if the detector of an Atari game is missing or of another kind than `motion`.
    """
    if isinstance(env, GymnasiumEnv):
        return _gymnasium_file(forest, env, title)
    if not isinstance(env, ArcadeEnv) or detector is None:
        raise ConfigError(
            "from pixels a policy plays through its detector, which is not known here",
            fix="the key of the artifact, or without --pixels",
        )
    return _atari_file(forest, env, detector, title)


def _atari_file(forest: Forest, env: ArcadeEnv, folder: Path, title: str) -> str:
    detector, forest = open_detector(folder), forest.with_used_features()
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
    modules = (seeds, kernel, concept_kernel, runtime)
    data = "\n".join(
        textwrap.wrap(base64.b64encode(_fitted(forest, detector)).decode(), BASE64_WIDTH)
    )
    ending = f'RULES = {rules!r}\nFITTED = """\n{data}\n"""'
    units = detector.units
    return _assemble(forest, title, usage, units, modules, ending, "main(RULES, FITTED, act)")


def _gymnasium_file(forest: Forest, env: GymnasiumEnv, title: str) -> str:
    seen = list(name_observation(env).features)
    columns = [seen.index(name) for name in forest.features]
    rules = {"id": env.id, "options": gymnasium_protocol(env).options}
    usage = "    python FILE.py --episodes 10     plays test episodes; needs gymnasium\n"
    ending = f"TASK = {rules!r}\nCOLUMNS = {columns!r}"
    modules = (seeds, task_runtime)
    return _assemble(forest, title, usage, {}, modules, ending, "main(TASK, COLUMNS, act)")


def _fitted(forest: Forest, detector: MotionObjectDetector) -> bytes:
    """The arrays of a motion detector that the forest needs, as the bytes of an .npz file."""
    detector = detector.with_features(forest.features)
    segmentation, params = detector.model.segmentation, detector.model.schema.params
    plan, places = detector.tracker.plan, params.places
    nothing = (np.zeros((places, 2), np.int64), np.zeros((places, 4)), np.zeros(0))  # no concepts
    columns, walls, motion = detector.tracker.dynamics or nothing
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
        sprites=params.sprites,
        sprite_types=params.sprite_types,
        outlines=params.outlines,
        outline_types=params.outline_types,
        parts=params.parts,
        patience=params.patience,
        looks_back=detector.looks_back,
        max_coast_steps=detector.tracker.max_coast_steps,
        members=plan.members,
        places=plan.places,
        columns=plan.columns,
        scales=plan.scales,
        concept_places=plan.concept_places,
        concept_codes=plan.concept_codes,
        velocity_columns=columns,
        walls=walls,
        motion=motion,
        player_place=detector.tracker.player_place,
        pushes=detector.tracker.pushes,
        wanted=[detector.features.index(name) for name in forest.features],
        codes=sorted_codes,
        order=order,
    )
    return target.getvalue()


def _assemble(
    forest: Forest,
    title: str,
    usage: str,
    units: dict[str, str],
    modules: tuple[ModuleType, ...],
    ending: str,
    call: str,
) -> str:
    """The file: docstring, imports, policy, runtime modules, data, and the call under __main__.

    Args:
        usage: of the file, for its docstring.
        units: of the features.
        modules: whose source is copied into the file, in this order.
        ending: source of the data.
        call: the statement that runs the file.
    """
    found = [inline(module) for module in modules]
    imports = sorted({"import numpy as np", *(line for lines, _ in found for line in lines)})
    taken = {name for module in modules for name in vars(module)}
    named = assign_names(forest.features, [*PYTHON_WORDS, *taken])
    parts = [
        f'"""{title}\n\n{usage}\n{describe(forest, units)}"""\n',
        "from __future__ import annotations\n",
        "\n".join(imports) + "\n",
        policy_source(forest, named),
        *(code for _, code in found),
        ending,
        f'\nif __name__ == "__main__":\n    {call}\n',
    ]
    return "\n".join(parts)


def inline(module: ModuleType) -> tuple[list[str], str]:
    """A module's imports of other packages, and its source without imports and decorators.

    Decorators are numba's, which the file does without. What the module imports from this package
    must be in the file already.
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
    """The import statement, unless it imports this package, numba or __future__."""
    first = node.module if isinstance(node, ast.ImportFrom) else node.names[0].name
    skipped = ("diffses", "numba", "__future__")
    return [] if (first or "").split(".")[0] in skipped else [ast.unparse(node)]

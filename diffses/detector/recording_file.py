"""The .npz files of recordings: reading their arrays, each checked before any is used.

frames         uint8 (n, h, w, 3), RGB
actions        integers (n,), from 0: each was taken before its frame; 0 at an episode's start
episode_start  bool (n,)
screens        uint8 (n, h, w): the palette indices of the frames; optional
before         uint8 (n, h, w): those of the frame before each; optional
game           text: the ROM's name in ale-py; optional
reward         numbers (n,), finite: the reward of the step that led to each frame; optional
life_lost      bool (n,): whether that step lost a life; optional
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from diffses.errors import ConfigError

REQUIRED = ("frames", "actions", "episode_start")
OPTIONAL = ("screens", "before", "game", "reward", "life_lost")
LARGEST_ACTION = 17  # of the console's 18 actions


def read_arrays(
    path: Path, others: Sequence[str] = (), given: str = "detector.recording="
) -> dict[str, np.ndarray]:
    """The arrays of a recording: REQUIRED, and those of OPTIONAL and `others` that it has.

    Args:
        path: of the .npz file.
        others: names of further arrays.
        given: what is typed before the path, for the error.

    Nothing in the file is unpickled.

    Raises:
        ConfigError: if the file cannot be read, lacks an array, or has one of another shape or
            type; names the file and the array.
    """
    if not zipfile.is_zipfile(path):  # what an .npz file is; half of one is none
        what = "is not a whole .npz file" if path.exists() else "does not exist"
        raise refusal(path, what, given)
    arrays = {}
    name = ""
    try:
        with np.load(path, allow_pickle=False) as file:
            if missing := [name for name in REQUIRED if name not in file.files]:
                raise refusal(path, f"it lacks {', '.join(missing)}", given)
            for name in (*REQUIRED, *OPTIONAL, *others):
                if name in file.files:
                    arrays[name] = file[name]
    except (OSError, ValueError, EOFError, NotImplementedError, MemoryError) as error:
        raise refusal(path, f"{name or 'the file'} cannot be read: {error}", given) from error
    except (zipfile.BadZipFile, zlib.error) as error:
        raise refusal(path, f"{name or 'the file'} is damaged: {error}", given) from error
    if problem := _problem(arrays):
        raise refusal(path, problem, given)
    return arrays


def refusal(path: Path, problem: str, given: str = "detector.recording=") -> ConfigError:
    """The error for a file that is no recording."""
    return ConfigError(
        f"{path} is no recording: {' '.join(problem.split())}",
        fix=f"{given}<a file of python -m diffses record-frames, with {', '.join(REQUIRED)}>",
    )


def _problem(arrays: Mapping[str, np.ndarray]) -> str | None:
    """What is wrong with the arrays of OPTIONAL and REQUIRED; None if nothing is."""
    frames, actions = arrays["frames"], arrays["actions"]
    if frames.ndim != 4 or frames.shape[3] != 3 or frames.dtype != np.uint8 or frames.size == 0:
        return f"frames is {_form(frames)}, want uint8 (n, h, w, 3)"
    count, *screen = frames.shape[:3]
    if problem := _row_problem(arrays, count):
        return problem
    if actions.min() < 0 or actions.max() > LARGEST_ACTION:
        return f"actions go from {actions.min()} to {actions.max()}, want 0 to {LARGEST_ACTION}"
    for name in ("screens", "before"):
        if name in arrays:
            array = arrays[name]
            if array.shape != (count, *screen) or array.dtype != np.uint8:
                return f"{name} is {_form(array)}, want uint8 {(count, *screen)}"
    if "game" in arrays and (arrays["game"].shape != () or arrays["game"].dtype.kind != "U"):
        return f"game is {_form(arrays['game'])}, want a text"
    return None


def _row_problem(arrays: Mapping[str, np.ndarray], count: int) -> str | None:
    """What is wrong with the arrays that have a number a row, of `count` rows."""
    for name, kinds, wanted in (
        ("actions", "iu", "integers"),
        ("episode_start", "biu", "bool"),
        ("reward", "iuf", "numbers"),
        ("life_lost", "biu", "bool"),
    ):
        if name not in arrays:
            continue  # one of OPTIONAL
        if arrays[name].shape != (count,) or arrays[name].dtype.kind not in kinds:
            return f"{name} is {_form(arrays[name])}, want {wanted} ({count},)"
    if "reward" in arrays and not np.isfinite(arrays["reward"]).all():
        return "reward has values that are not finite"
    return None


def _form(array: np.ndarray) -> str:
    return f"{array.dtype} {array.shape}"

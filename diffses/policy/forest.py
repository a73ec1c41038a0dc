"""A forest: the policy as one expression per action, of which the highest is chosen.

For Box actions: one expression per dimension, squashed into the dimension's bounds.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffses.errors import ArtifactError
from diffses.policy import printing
from diffses.policy.expression import (
    Expression,
    Floats,
    Token,
    check_tree,
    constants,
    evaluate,
    with_constants,
)

MAX = sys.float_info.max
FORMAT = 1  # version of the JSON; raise it when an older reader would misread the file


@dataclass(frozen=True, eq=False)
class Forest:
    """A policy as readable formulas.

    Args:
        features: names of the inputs, in the order of the trees' feature indices.
        actions: one readable name per tree, e.g. "RIGHT".
        action_ids: for each tree the index of its action in the environment's minimal action
            set. There may be fewer trees than actions: equivalent actions share one.
        trees: one expression per action.
        bounds: for Box actions the lowest and highest value of each dimension; then there is one
            tree per dimension, and score s means low + (high - low) (1 + tanh s) / 2. None:
            actions are discrete.

    Raises:
        ValueError: if these do not fit each other.
    """

    features: tuple[str, ...]
    actions: tuple[str, ...]
    action_ids: tuple[int, ...]
    trees: tuple[Expression, ...]
    bounds: tuple[tuple[float, float], ...] | None = None

    def __post_init__(self) -> None:
        if not len(self.trees) == len(self.actions) == len(self.action_ids) > 0:
            raise ValueError(
                f"{len(self.trees)} trees, {len(self.actions)} actions and "
                f"{len(self.action_ids)} ids: want as many of each, and at least one"
            )
        if self.bounds is not None and (
            self.action_ids != tuple(range(len(self.bounds)))
            or not all(-math.inf < low < high < math.inf for low, high in self.bounds)
        ):
            raise ValueError(f"want one tree for each of the bounds {self.bounds}, in order")
        for names in (self.features, self.actions, self.action_ids):
            if len(set(names)) < len(names):
                raise ValueError(f"named twice: {names}")
        for feature in self.features:
            printing.check_feature(feature)
        for action in self.actions:
            printing.check_action(action)
        for tree in self.trees:
            check_tree(tree, len(self.features))

    def __eq__(self, other: object) -> bool:
        # compares the stored form: in tuples, feature 1 == constant 1.0 and 0.0 == -0.0
        return isinstance(other, Forest) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash(self.to_json())

    # --- as a policy ------------------------------------------------------------------------------

    def scores(self, rows: Floats) -> Floats:
        """The value of each tree in each state; the numpy reference.

        Args:
            rows: float64 (n, features).

        Returns:
            float64 (n, trees).
        """
        rows = self._checked(rows)
        return np.stack([evaluate(tree, rows) for tree in self.trees], axis=1)

    def choose(self, rows: Floats) -> NDArray[np.int64]:
        """The index of the highest tree, (n,); see `highest` for ties and NaN."""
        return highest(self.scores(rows))

    def squash(self, scores: Floats) -> Floats:
        """Scores (..., trees) as a Box action of the same shape; NaN counts as 0, the middle.

        Raises:
            ValueError: for a forest of discrete actions.
        """
        if self.bounds is None:
            raise ValueError("this forest's actions are discrete")
        low, high = np.array(self.bounds).T
        moved: Floats = low + (high - low) * (1 + np.tanh(np.nan_to_num(scores))) / 2
        return moved

    def _checked(self, rows: Floats) -> Floats:
        rows = np.asarray(rows, dtype=np.float64)
        if rows.ndim != 2 or rows.shape[1] != len(self.features):
            raise ValueError(f"want rows of shape (n, {len(self.features)}), got {rows.shape}")
        return rows

    # --- as a tree --------------------------------------------------------------------------------

    @property
    def sizes(self) -> tuple[int, ...]:
        """Nodes of each stored tree."""
        return tuple(len(tree) for tree in self.trees)

    @property
    def size(self) -> int:
        """Nodes of all stored trees."""
        return sum(self.sizes)

    def with_used_features(self) -> Forest:
        """The same policy without the features that no tree uses, in their order; where no tree
        uses any, the first one stays."""
        used = sorted({leaf for tree in self.trees for leaf in tree if isinstance(leaf, int)}) or [
            0
        ]
        place = {feature: number for number, feature in enumerate(used)}
        trees = tuple(
            tuple(place[leaf] if isinstance(leaf, int) else leaf for leaf in tree)
            for tree in self.trees
        )
        return replace(self, features=tuple(self.features[i] for i in used), trees=trees)

    def constants(self) -> Floats:
        """The constants, tree after tree, each from left to right: float64 (k,)."""
        return np.array([value for tree in self.trees for value in constants(tree)], np.float64)

    def with_constants(self, values: Sequence[float] | Floats) -> Forest:
        """The same trees with other constants, in the order of `constants()`.

        Raises:
            ValueError: for another number of values.
        """
        count = len(self.constants())
        if len(values) != count:
            raise ValueError(f"want {count} constants, got {len(values)}")
        each = iter(values)
        return replace(self, trees=tuple(with_constants(tree, each) for tree in self.trees))

    # --- views ------------------------------------------------------------------------------------

    def text(self, digits: int | None = None) -> str:
        """One line per tree, `RIGHT = 0.5*ball.y + 0.1`.

        With `digits` the constants are rounded, for display; without, `from_text` restores the
        same forest.
        """
        lines = (
            f"{action} = {printing.text(tree, self.features, digits)}"
            for action, tree in zip(self.actions, self.trees, strict=True)
        )
        return "\n".join(lines)

    @classmethod
    def from_text(
        cls, text: str, features: Sequence[str], action_ids: Sequence[int] | None = None
    ) -> Forest:
        """The forest that `text` printed.

        Raises:
            ValueError: if it cannot be parsed.
        """
        lines = [line.partition("=") for line in text.splitlines() if line.strip()]
        return cls(
            tuple(features),
            tuple(action.strip() for action, _, _ in lines),
            tuple(range(len(lines)) if action_ids is None else action_ids),
            tuple(printing.parse(formula, features) for _, _, formula in lines),
        )

    def latex(self, digits: int = 3) -> str:
        """The trees as an `aligned` environment of LaTeX's math mode, constants rounded."""
        lines = (
            f"{printing.roman(action)} &= " + printing.latex(tree, self.features, digits)
            for action, tree in zip(self.actions, self.trees, strict=True)
        )
        return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"

    # --- on disk ----------------------------------------------------------------------------------

    def to_json(self) -> str:
        """The stored form: one tree per line, constants in full."""
        trees = ",\n  ".join(json.dumps([_stored(token) for token in t]) for t in self.trees)
        bounds = f' "bounds": {json.dumps(self.bounds)},\n' if self.bounds is not None else ""
        return (
            "{\n"
            f' "format": {FORMAT},\n'
            f' "features": {json.dumps(self.features)},\n'
            f' "actions": {json.dumps(self.actions)},\n'
            f' "action_ids": {json.dumps(self.action_ids)},\n'
            f"{bounds}"
            f' "trees": [\n  {trees}\n ]\n'
            "}\n"
        )

    @classmethod
    def from_json(cls, text: str) -> Forest:
        """The forest that `to_json` wrote.

        Raises:
            ValueError, KeyError, TypeError: if it is not the JSON of a forest.
        """
        try:
            data: dict[str, Any] = json.loads(text)
        except RecursionError as error:
            raise ValueError("it is nested too deeply") from error
        if data["format"] != FORMAT:
            raise ValueError(f"format {data['format']}; this version reads {FORMAT}")
        return cls(
            _texts(data, "features"),
            _texts(data, "actions"),
            tuple(map(_index, data["action_ids"])),
            tuple(tuple(_token(item) for item in tree) for tree in data["trees"]),
            _bounds(data.get("bounds")),
        )

    def save(self, path: Path) -> None:
        path.write_text(self.to_json(), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Forest:
        """Reads what `save` wrote.

        Raises:
            ArtifactError: if the file does not hold a forest.
        """
        try:
            return cls.from_json(path.read_text(encoding="utf-8"))
        except (ValueError, KeyError, TypeError) as error:
            raise ArtifactError(
                f"{path} holds no forest: {error}",
                fix="the stored JSON of a forest; of a run, build it again: force=[distill]",
            ) from error
        except OSError as error:
            raise ArtifactError(
                f"{path} cannot be read: {error.strerror}",
                fix="the JSON file of a forest, as finetuned.json of a run",
            ) from error


def highest(scores: Floats) -> NDArray[np.int64]:
    """The column of the highest score in each row of scores (n, trees), int64 (n,).

    Ties go to the lowest column. NaN counts as -inf, so a tree that overflows never wins over one
    that does not; a row of NaN alone gives column 0.
    """
    best: NDArray[np.int64] = np.where(np.isnan(scores), -np.inf, scores).argmax(axis=1)
    return best


def _bounds(stored: list[list[float]] | None) -> tuple[tuple[float, float], ...] | None:
    return None if stored is None else tuple((float(low), float(high)) for low, high in stored)


def _texts(data: dict[str, Any], name: str) -> tuple[str, ...]:
    texts = data[name]
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ValueError(f"{name} is no list of texts")
    return tuple(texts)


def _index(stored: object) -> int:
    """An action's index; 2.0 is 2."""
    if not isinstance(stored, int | float) or isinstance(stored, bool) or not stored >= 0:
        raise ValueError(f"{stored!r:.20} in action_ids is no index")
    if not float(stored).is_integer():
        raise ValueError(f"{stored!r:.20} in action_ids is no whole number")
    return int(stored)


def _stored(token: Token) -> str | float:
    return f"x{token}" if isinstance(token, int) else token


def _token(item: object) -> Token:
    if isinstance(item, str):
        index = item[1:]
        return int(index) if item[:1] == "x" and index.isdecimal() else item
    if isinstance(item, int) and not isinstance(item, bool) and abs(item) > MAX:
        raise ValueError("a constant is too large")
    if isinstance(item, int | float) and not isinstance(item, bool):
        return float(item)
    raise ValueError(f"{item!r} is no token")

"""A dataset as arrays, and the fitting targets that follow from it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from diffses.envs.base import Bounds
from diffses.policy.forest import Forest

PARTS = ("train", "held_out")
STEEPEST = 2.5  # largest target: beyond it, a squashed action changes by less than 1 % of its range


@dataclass(frozen=True)
class Part:
    """Recorded steps, in order.

    features: of the detector, float64 (n, f).
    logits: the teacher's action scores, float64 (n, actions); for Box actions, its actions, (n, d).
    actions: the actions taken, int16 (n,), or float64 (n, d).
    episode: the number of each step's episode, int32 (n,).
    """

    features: np.ndarray
    logits: np.ndarray
    actions: np.ndarray
    episode: np.ndarray

    @classmethod
    def of(cls, arrays: Mapping[str, np.ndarray]) -> Part:
        return cls(*(arrays[name] for name in ("features", "logits", "actions", "episode")))

    def __len__(self) -> int:
        return len(self.features)

    def rows(self, index: np.ndarray) -> Part:
        """The steps with these indices, int (m,)."""
        return Part(
            self.features[index], self.logits[index], self.actions[index], self.episode[index]
        )


@dataclass(frozen=True)
class Layout:
    """The features and actions of a policy.

    groups: equivalent actions, as indices into the environment's actions.
    bounds: lowest and highest value of each dimension of a Box action; `actions` then names the
        dimensions. None: the actions are discrete.
    """

    features: tuple[str, ...]
    actions: tuple[str, ...]
    groups: tuple[tuple[int, ...], ...]
    bounds: Bounds | None = None

    def targets(self, logits: np.ndarray) -> np.ndarray:
        """The fitting targets of the trees, float64 (n, trees).

        Discrete actions: the centred scores of the action groups. Box actions: the scores that a
        forest squashes into the teacher's actions, clipped to +-STEEPEST.

        Args:
            logits: as in `Part`.
        """
        if self.bounds is None:
            return centred(merge(logits, self.groups))
        low, high = np.array(self.bounds).T
        share = np.clip(2 * (logits - low) / (high - low) - 1, -1, 1)
        scores: np.ndarray = np.clip(np.arctanh(share * (1 - 1e-9)), -STEEPEST, STEEPEST)
        return scores

    def template(self, part: Part) -> Forest:
        """A forest of zeros, with one tree per group of equivalent actions, or per dimension.

        A group is represented by its action that the teacher prefers most often.
        """
        if self.bounds is not None:
            ids = tuple(range(len(self.bounds)))
            zeros = tuple((0.0,) for _ in ids)
            return Forest(self.features, self.actions, ids, zeros, self.bounds)
        greedy = part.logits.argmax(axis=1)
        chosen = [max(group, key=lambda a: int((greedy == a).sum())) for group in self.groups]
        names = tuple(self.actions[action] for action in chosen)
        return Forest(self.features, names, tuple(chosen), tuple((0.0,) for _ in chosen))


@dataclass(frozen=True)
class Dataset:
    """The dataset of an artifact.

    train: to fit on. held_out: other episodes, used only to report agreement.
    The other fields are as in `Layout`.
    """

    train: Part
    held_out: Part
    features: tuple[str, ...]
    actions: tuple[str, ...]
    groups: tuple[tuple[int, ...], ...]
    bounds: Bounds | None = None

    @property
    def layout(self) -> Layout:
        return Layout(self.features, self.actions, self.groups, self.bounds)

    @classmethod
    def open(cls, folder: Path) -> Dataset:
        """Reads a dataset artifact, as `save` writes it."""
        about = json.loads((folder / "dataset.json").read_text())
        bounds = about.get("bounds")
        with np.load(folder / "dataset.npz") as file:
            parts = [
                Part.of({k.removeprefix(f"{part}_"): file[k] for k in file if k.startswith(part)})
                for part in PARTS
            ]
        return cls(
            parts[0],
            parts[1],
            tuple(about["features"]),
            tuple(about["actions"]),
            tuple(tuple(group) for group in about["groups"]),
            bounds and tuple((float(low), float(high)) for low, high in bounds),
        )


def save(
    folder: Path,
    layout: Layout,
    parts: Mapping[str, Mapping[str, np.ndarray]],
    returns: Mapping[str, Sequence[float]],
    *,
    imported: bool,
) -> None:
    """Writes `dataset.npz` and `dataset.json`, which `Dataset.open` reads.

    Args:
        parts: the arrays of "train" and of "held_out".
        returns: of the complete episodes of each round of recording.
        imported: whether the steps were imported from a JSON file.
    """
    arrays = {f"{part}_{name}": a for part, found in parts.items() for name, a in found.items()}
    np.savez_compressed(folder / "dataset.npz", **arrays)  # type: ignore[arg-type]
    about = {
        "features": layout.features,
        "actions": layout.actions,
        "groups": layout.groups,
        "bounds": layout.bounds,
        "returns": returns,
        "imported": imported,
    }
    (folder / "dataset.json").write_text(json.dumps(about, indent=2) + "\n")


def merge(logits: np.ndarray, groups: tuple[tuple[int, ...], ...]) -> np.ndarray:
    """Scores of action groups: the log-sum-exp of their members' scores, (n, groups)."""
    peak = logits.max(axis=1, keepdims=True)
    odds = np.exp(logits - peak)
    summed = np.stack([odds[:, list(group)].sum(axis=1) for group in groups], axis=1)
    scores: np.ndarray = peak + np.log(np.maximum(summed, 1e-300))
    return scores


def centred(scores: np.ndarray) -> np.ndarray:
    """Scores minus their mean over the actions, (n, actions). Softmax and argmax are unchanged."""
    decisive: np.ndarray = scores - scores.mean(axis=1, keepdims=True)
    return decisive

"""The recorded play as arrays, and what follows from it for the policy that is fitted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from diffses.policy.forest import Forest

PARTS = ("train", "held_out")


@dataclass(frozen=True)
class Part:
    """Recorded steps, in order.

    features: float64 (n, f); logits: float64 (n, actions), the teacher's scores; actions: int16
    (n,), what was played; episode: int32 (n,), which episode a step is of.
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
        return Part(
            self.features[index], self.logits[index], self.actions[index], self.episode[index]
        )


@dataclass(frozen=True)
class Dataset:
    """A recorded play.

    train: to fit on; held_out: other episodes, to report agreement on and for nothing else.
    groups: actions of equal effect, by their index in the environment's minimal action set.
    """

    train: Part
    held_out: Part
    features: tuple[str, ...]
    actions: tuple[str, ...]
    groups: tuple[tuple[int, ...], ...]

    @classmethod
    def open(cls, folder: Path) -> Dataset:
        """Reads a dataset artifact."""
        about = json.loads((folder / "dataset.json").read_text())
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
        )


def merge(logits: np.ndarray, groups: tuple[tuple[int, ...], ...]) -> np.ndarray:
    """Scores of groups of actions: the log of the sum of their members' odds, (n, groups)."""
    peak = logits.max(axis=1, keepdims=True)
    odds = np.exp(logits - peak)
    summed = np.stack([odds[:, list(group)].sum(axis=1) for group in groups], axis=1)
    scores: np.ndarray = peak + np.log(np.maximum(summed, 1e-300))
    return scores


def centred(scores: np.ndarray) -> np.ndarray:
    """Scores less their mean over the actions: the part of them that decides. (n, actions)."""
    decisive: np.ndarray = scores - scores.mean(axis=1, keepdims=True)
    return decisive


def template(
    features: tuple[str, ...],
    actions: tuple[str, ...],
    groups: tuple[tuple[int, ...], ...],
    part: Part,
) -> Forest:
    """A forest of zeros: one tree for each group of actions of equal effect.

    A group acts through the member that the teacher prefers most often.
    """
    greedy = part.logits.argmax(axis=1)
    chosen = [max(group, key=lambda a: int((greedy == a).sum())) for group in groups]
    names = tuple(actions[action] for action in chosen)
    return Forest(features, names, tuple(chosen), tuple((0.0,) for _ in chosen))

"""Proposes changes by measured advantages, as long as these tell something."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from diffses.config import DiscoverFinetune
from diffses.finetune.action_head import ActionHead
from diffses.finetune.games import Games
from diffses.finetune.growth import ODDS, Change, sample_changes
from diffses.finetune.labels import Labeller, Labels, best_changes
from diffses.finetune.line import Line
from diffses.finetune.vocabulary import features_of
from diffses.policy.forest import Forest
from diffses.seeds import seed_for

PROBE = 0.4  # share of the states whose labels are to tell whether labels tell anything
SILENT = 2  # policies whose labels told nothing, after which there are no more labels
SCORED = 1_000  # changes whose gain is estimated from labels
SHARE = 4  # changes that play, for each that labels propose


class LabelProposer:
    """Labels the states of each policy once, and proposes the changes that pay there.

    Args:
        games: counts the steps.
        seed: of the search.
    """

    def __init__(
        self,
        head: ActionHead,
        games: Games,
        settings: DiscoverFinetune,
        labeller: Labeller,
        seed: int,
    ) -> None:
        self._head, self._games, self._settings = head, games, settings
        self._labeller, self._seed = labeller, seed
        self._labels: dict[Forest, Labels | None] = {}
        self._silent = 0
        self.labelled: list[dict[str, Any]] = []  # what the labels of each policy were like

    def propose(self, line: Line, name: str, odds: np.ndarray) -> list[Change]:
        """The best changes of a line's policy; none where labels told nothing.

        Args:
            name: of the round.
            odds: of each feature, as in `sample_changes`.
        """
        forest, policy = line.present.forest, line.present.policy
        if forest not in self._labels and self._silent < SILENT:
            self._labels[forest] = self._label(line, name)
        labels = self._labels.get(forest)
        if labels is None:
            return []
        random = np.random.default_rng(seed_for(self._seed, "discover", name, "labels"))
        most = self._settings.max_size
        known = features_of(policy)
        changed = []
        for change in sample_changes(
            self._head, policy, line.words, SCORED, ODDS, random, most, odds
        ):
            made = change.applied(policy)
            new = tuple(sorted(features_of(made) - known))
            changed.append((change, self._head.forest(made), new))
        return best_changes(labels, changed, self._settings.proposals // SHARE)

    def _label(self, line: Line, name: str) -> Labels | None:
        """The labels of a line's policy, first of a part of the states; None where they tell
        nothing."""
        seed = seed_for(self._seed, "train", "labels", name)
        forest, states = line.present.forest, self._settings.label_states
        labels, steps = self._labeller.label(forest, seed, math.ceil(PROBE * states))
        if labels is not None and labels.tell:
            labels, steps = self._labeller.label(forest, seed, states)
        self._games.spend(steps)
        told: dict[str, Any] = {"policy": line.lineage.label, "steps": steps}
        if labels is not None:
            told |= {"states": len(labels), "agreement": labels.agreement}
            told |= {"share": labels.share, "mean_gap": labels.mean_gap}
        self.labelled.append(told)
        tell = labels is not None and labels.tell
        self._silent = 0 if tell else self._silent + 1
        return labels if tell else None

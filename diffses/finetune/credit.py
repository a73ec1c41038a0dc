"""Which features have done well in races so far, so that later proposals try those more often."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from diffses.finetune.vocabulary import Meaning

PRIOR = 4.0  # candidates that count as average, of each thing and each quantity
SHARPNESS = 2.0  # logarithm of the odds for each standard deviation of a race above the mean
LIMIT = 2.0  # of the logarithm of the odds


class Credit:
    """The odds of features, from the standard scores of the candidates that brought them in.

    A score counts for the thing that a feature describes and for its quantity: what is known of
    `ball.miss_y` helps `ball.vx` and `enemy.miss_y` along.
    """

    def __init__(self, meanings: Sequence[Meaning]) -> None:
        self._names = [(f"thing {m.thing}", f"quantity {m.quantity}") for m in meanings]
        self._sums: dict[str, float] = {}
        self._counts: dict[str, int] = {}

    def learn(self, scored: Iterable[tuple[set[int], float]]) -> None:
        """Learns from one race.

        Args:
            scored: of each candidate the features that it brought in, and its return in the first
                rung.
        """
        found = [(features, value) for features, value in scored if features]
        values = np.array([value for _, value in found])
        deviation = float(values.std()) if len(values) else 0.0
        if deviation == 0:
            return
        for features, value in found:
            score = (value - float(values.mean())) / deviation
            for name in {name for feature in features for name in self._names[feature]}:
                self._sums[name] = self._sums.get(name, 0.0) + score
                self._counts[name] = self._counts.get(name, 0) + 1

    def odds(self) -> np.ndarray:
        """The odds of each feature, float64 (features,), 1 where nothing is known."""
        logs = [sum(map(self._mean, names)) for names in self._names]
        odds: np.ndarray = np.exp(np.clip(SHARPNESS * np.array(logs), -LIMIT, LIMIT))
        return odds

    def _mean(self, name: str) -> float:
        return self._sums.get(name, 0.0) / (self._counts.get(name, 0) + PRIOR)

"""What contact with an object of a type does, as numbers that are stored with the type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

CERTAIN = 2.0  # standard errors from 0 beyond which an effect counts


class Estimate(NamedTuple):
    """An estimate and its standard error."""

    value: float
    error: float

    @property
    def sign(self) -> int:
        """1 or -1 where the value is more than CERTAIN errors from 0, else 0."""
        if abs(self.value) <= CERTAIN * self.error:
            return 0
        return 1 if self.value > 0 else -1

    def __str__(self) -> str:
        return f"{self.value:.2g} ± {self.error:.1g}"


@dataclass(frozen=True)
class Contact:
    """What follows the contacts of an actor with objects of a type."""

    count: int  # contacts seen
    reward: Estimate  # that a contact brings, beyond what comes without it
    life_lost: Estimate  # lives that a contact costs
    vanishes: Estimate  # probability that the object vanishes at contact, beyond what does anyway

    @property
    def sign(self) -> int:
        """-1 if contact costs a life or reward, 1 if it brings reward, 0 if neither is certain."""
        return -1 if self.life_lost.sign > 0 else self.reward.sign

    def describe(self) -> dict[str, Any]:
        """Its form in JSON, for `read_contact`."""
        return {
            "n": self.count,
            "reward": _pair(self.reward),
            "life_lost": _pair(self.life_lost),
            "vanishes": _pair(self.vanishes),
        }

    def __str__(self) -> str:
        what = {-1: "harms", 0: "nothing certain", 1: "pays"}[self.sign]
        numbers = f"reward {self.reward}, lives lost {self.life_lost}, vanishes {self.vanishes}"
        return f"{what} (n {self.count}: {numbers})"


def _pair(estimate: Estimate) -> list[float]:
    return [round(estimate.value, 4), round(estimate.error, 4)]


def read_contact(words: Mapping[str, Any] | None) -> Contact | None:
    """What `Contact.describe` wrote; None for None."""
    if words is None:
        return None
    reward, life_lost, vanishes = (
        Estimate(*map(float, words[name])) for name in ("reward", "life_lost", "vanishes")
    )
    return Contact(int(words["n"]), reward, life_lost, vanishes)

"""What contact with an object of a type does, as numbers that are stored with the type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

MOSTLY = 0.5  # share of a type's objects from which the type is the player's
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
    return [estimate.value, estimate.error]


def read_contact(words: Mapping[str, Any] | None) -> Contact | None:
    """What `Contact.describe` wrote; None for None."""
    if words is None:
        return None
    reward, life_lost, vanishes = (
        Estimate(*map(float, words[name])) for name in ("reward", "life_lost", "vanishes")
    )
    return Contact(int(words["n"]), reward, life_lost, vanishes)


@dataclass(frozen=True)
class TypeContact:
    """What is known of contact with a type."""

    touched: Contact | None = None  # by the player; None: not seen
    hit: Contact | None = None  # by what the player shoots
    own_share: float = 0.0  # share of the type's objects that the player shoots

    @property
    def value(self) -> int:
        """1 where touching it pays, -1 where it harms, 0 where neither is certain.

        0, too, where the player shoots most objects of the type: what harms is one of the others.
        """
        own = self.own_share > MOSTLY
        return 0 if own or self.touched is None else self.touched.sign

    @property
    def target(self) -> bool:
        """Whether it pays to shoot it."""
        return self.hit is not None and self.hit.sign > 0

    def describe(self) -> dict[str, Any]:
        """Its part of a type in `detector.json`, for `read_type_contact`."""
        found = {"contact": self.touched, "hit_by_projectile": self.hit}
        known: dict[str, Any] = {n: one.describe() for n, one in found.items() if one is not None}
        return known | ({"shot_by_player": self.own_share} if self.own_share else {})


UNKNOWN = TypeContact()


def read_type_contact(words: Mapping[str, Any]) -> TypeContact:
    """What `TypeContact.describe` wrote."""
    return TypeContact(
        read_contact(words.get("contact")),
        read_contact(words.get("hit_by_projectile")),
        float(words.get("shot_by_player", 0.0)),
    )

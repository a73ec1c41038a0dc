"""Where a forest of a search came from: typed, so that no decision hangs on how it is worded."""

from __future__ import annotations

import dataclasses
import enum
from dataclasses import dataclass, field
from typing import Any


class Kind(enum.Enum):
    """What made a forest."""

    start = "start"  # the initial population: a family of starts
    child = "child"  # a variation operator
    mean = "mean"  # a constant search: the mean of its distribution after a generation
    best = "best"  # a constant search: the best candidate of a generation
    ppo = "ppo"  # PPO on the constants
    pruned = "pruned"  # pruning after the search
    fewer_actions = "fewer_actions"  # removal of the actions that are never taken


@dataclass(frozen=True)
class Lineage:
    """What made a forest, and from what. Two with equal fields are the same; fields that do not
    belong to a kind stay at their defaults.

    Args:
        kind: what made it.
        parent: of all but starts and children, the lineage of the forest that was changed.
        family: of a start, e.g. "distill"; members of a family are screened together.
        member: of a start, e.g. "00".
        action_set: of a start, which choice among actions of equal effect; 0 is the start's own.
        generation: of children, or of the constant search.
        number: of a child in its generation, from 0.
        operator: of a child, the variation operator's name.
        parents: labels of a child's mother and father, for display.
        steps: environment steps of PPO that led to it; None where these were the search's own
            share.
        tolerance: of pruning, the share of the decisions that were allowed to change.
    """

    kind: Kind
    parent: Lineage | None = None
    family: str = ""
    member: str = ""
    action_set: int = 0
    generation: int = 0
    number: int = 0
    operator: str = ""
    parents: tuple[str, ...] = field(default=(), compare=False)
    steps: int | None = None
    tolerance: float = 0.0

    @classmethod
    def start(cls, family: str, member: str | int, action_set: int = 0) -> Lineage:
        return cls(Kind.start, family=family, member=str(member), action_set=action_set)

    @property
    def key(self) -> str:
        """Names it in the derivation of seeds. Another wording is another search: keep it."""
        return self._text("climb")

    @property
    def label(self) -> str:
        """What tables and pages show. Nothing is computed from it, so it may be reworded."""
        return self._text("constants")

    def _text(self, constant_search: str) -> str:
        match self.kind:
            case Kind.start:
                which = f", action set {self.action_set}" if self.action_set else ""
                return f"{self.family}/{self.member}{which}"
            case Kind.child:
                return f"child {self.generation}.{self.number} ({self.operator})"
        assert self.parent is not None
        made = {
            Kind.mean: f"{constant_search} {self.generation}",
            Kind.best: f"{constant_search} {self.generation}, best",
            Kind.ppo: "tuned" if self.steps is None else f"{self.steps} steps of PPO",
            Kind.pruned: f"pruned at {100 * self.tolerance:g} %",
            Kind.fewer_actions: "without idle actions",
        }
        return f"{self.parent._text(constant_search)}, {made[self.kind]}"

    def to_json(self) -> dict[str, Any]:
        """The fields that are not at their defaults, parents nested."""
        found: dict[str, Any] = {"kind": self.kind.value}
        for one in dataclasses.fields(self)[1:]:
            value = getattr(self, one.name)
            if value != one.default:
                found[one.name] = value.to_json() if isinstance(value, Lineage) else value
        return found

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> Lineage:
        """Reads what `to_json` gave, after a way through JSON too."""
        values = dict(found)
        if "parent" in values:
            values["parent"] = cls.from_json(values["parent"])
        if "parents" in values:
            values["parents"] = tuple(values["parents"])
        return cls(Kind(values.pop("kind")), **values)

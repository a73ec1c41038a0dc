"""Arms: the continuations whose returns are compared at a state.

Each is followed for a few steps, and then the base policy. The base policy itself is always the
first: holding what it does now is another arm, and a worse one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from diffses.envs.base import Action, Bounds
from diffses.envs.rollout import AgentSpec


@dataclass(frozen=True)
class Base:
    """The base policy, closed loop."""

    name: str = "base"

    def action(self, base: Action, advice: Sequence[Action]) -> Action:
        return base


@dataclass(frozen=True)
class Hold:
    """One discrete action, an index into `Env.action_names`."""

    index: int
    name: str

    def action(self, base: Action, advice: Sequence[Action]) -> Action:
        return self.index


@dataclass(frozen=True)
class Nudge:
    """The base policy's Box action with one dimension moved, within its bounds.

    shift: in units of the dimension.
    """

    dimension: int
    shift: float
    name: str
    bounds: Bounds

    def action(self, base: Action, advice: Sequence[Action]) -> Action:
        assert isinstance(base, np.ndarray)
        low, high = self.bounds[self.dimension]
        moved = base.copy()
        moved[self.dimension] = np.clip(moved[self.dimension] + self.shift, low, high)
        return moved


@dataclass(frozen=True)
class Adviser:
    """Another agent, such as a teacher, closed loop. place: its index in `Arms.advisers`."""

    place: int
    name: str

    def action(self, base: Action, advice: Sequence[Action]) -> Action:
        return advice[self.place]


Arm = Base | Hold | Nudge | Adviser


@dataclass(frozen=True)
class Arms:
    """The arms of one estimate; the base policy is the first.

    advisers: the agents behind `Adviser` arms; they need `clone_state` and `restore_state`.
    """

    arms: tuple[Arm, ...]
    advisers: tuple[AgentSpec, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(arm.name for arm in self.arms)

    def with_adviser(self, name: str, agent: AgentSpec) -> Arms:
        """One arm more."""
        arm = Adviser(len(self.advisers), name)
        return Arms((*self.arms, arm), (*self.advisers, agent))


def discrete_arms(
    action_names: Sequence[str],
    groups: Sequence[Sequence[int]],
    pushes: Sequence[Sequence[float]] = (),
    most: int = 8,
) -> Arms:
    """An arm for each group of actions of equal effect, named after its first action.

    Where there are more than `most` groups and the effects are known, only the factored ones: those
    that push along one axis at most, or only press the button. (Of 18 actions these are 6.)

    Args:
        action_names: of the environment.
        groups: of equivalent actions, indices.
        pushes: of each action, as in `ObjectSchema.pushes`: along x, along y, button.
    """
    kept = list(groups)
    if len(kept) > most and any(any(push) for push in pushes):
        kept = [group for group in kept if min(_parts(pushes, one) for one in group) <= 1]
    chosen = [min(group, key=lambda one: (_parts(pushes, one), one)) for group in kept]
    return Arms((Base(), *(Hold(one, action_names[one]) for one in chosen)))


def _parts(pushes: Sequence[Sequence[float]], action: int) -> int:
    """How many effects an action has at once."""
    return sum(map(bool, pushes[action])) if action < len(pushes) else 0


def box_arms(action_names: Sequence[str], bounds: Bounds, nudge: float) -> Arms:
    """Two arms a dimension: more and less of it.

    Args:
        nudge: size of the change, as a share of the dimension's range.
    """
    made: list[Arm] = [Base()]
    for dimension, (name, (low, high)) in enumerate(zip(action_names, bounds, strict=True)):
        for sign, mark in ((-1, "less"), (1, "more")):
            shift = sign * nudge * (high - low)
            made.append(Nudge(dimension, shift, f"{name} {mark}", bounds))
    return Arms(tuple(made))

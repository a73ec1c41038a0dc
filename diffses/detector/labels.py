"""Names for the discovered object types."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from diffses.config import Label
from diffses.errors import ConfigError


@dataclass(frozen=True)
class TypeTraits:
    """The properties of a type by which labels choose."""

    area: float  # px^2, unoccluded
    speed: float  # mean, px per step
    mean_count: float  # objects per screen
    height: float  # mean centre, px from the top
    control: float  # velocity variance explained by the actions, 0 to 1; -1: unknown


_LABEL_SCORE: dict[Label, Callable[[TypeTraits], float]] = {
    Label.controllable: lambda trait: trait.control,
    Label.smallest: lambda trait: -trait.area,
    Label.largest: lambda trait: trait.area,
    Label.fastest: lambda trait: trait.speed,
    Label.slowest: lambda trait: -trait.speed,
    Label.commonest: lambda trait: trait.mean_count,
    Label.highest: lambda trait: -trait.height,
    Label.lowest: lambda trait: trait.height,
}


def name_types(
    traits: Sequence[TypeTraits], player: int | None, labels: Mapping[str, Label]
) -> list[str]:
    """A name for each type: labelled ones first, then object1, object2, ...

    Labels are applied in the order of `Label`, then of their names, to the types still unnamed,
    whatever order they are written in. Ties go to the first type. The type that the actions control
    is called `player` unless a label names it.

    Raises:
        ConfigError: for more labels than types, or if no type is controlled by the actions.
    """
    names: dict[int, str] = {}
    ranks = list(Label)
    for name, label in sorted(labels.items(), key=lambda item: (ranks.index(item[1]), item[0])):
        free = [number for number in range(len(traits)) if number not in names]
        if label is Label.controllable and (player is None or player in names):
            raise ConfigError(
                f"env.labels.{name}: nothing was found that moves as the actions say",
                fix="detector.steps=6000, or leave out that label",
            )
        if not free:
            raise ConfigError(
                f"env.labels.{name}: only {len(traits)} types of objects were found, all named",
                fix="detector.steps=6000, or fewer labels",
            )
        if label is Label.controllable and player is not None:
            names[player] = name
        else:
            names[max(free, key=lambda number: (_LABEL_SCORE[label](traits[number]), -number))] = (
                name
            )
    if player is not None and player not in names and "player" not in names.values():
        names[player] = "player"
    unnamed = iter(range(1, len(traits) + 1))
    return [names.get(n) or f"object{next(unnamed)}" for n in range(len(traits))]


def slot_names(name: str, count: int) -> list[str]:
    """`ball` for a single object, `car_1`, `car_2`, ... for several."""
    return [name] if count == 1 else [f"{name}_{number}" for number in range(1, count + 1)]

"""Names for the types that were found."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from diffses.config import Label
from diffses.errors import ConfigError


@dataclass(frozen=True)
class Trait:
    """What labels go by."""

    area: float  # px^2, where it is seen in full
    speed: float  # px per step, mean
    sights: float  # on a screen, mean
    height: float  # px from the top, mean of the centre
    control: float  # share of the variance of its velocity that the actions explain; -1: unknown


_WORTH: dict[Label, Callable[[Trait], float]] = {
    Label.controllable: lambda trait: trait.control,
    Label.smallest: lambda trait: -trait.area,
    Label.largest: lambda trait: trait.area,
    Label.fastest: lambda trait: trait.speed,
    Label.slowest: lambda trait: -trait.speed,
    Label.commonest: lambda trait: trait.sights,
    Label.highest: lambda trait: -trait.height,
    Label.lowest: lambda trait: trait.height,
}


def name_types(
    traits: Sequence[Trait], player: int | None, labels: Mapping[str, Label]
) -> list[str]:
    """A name for each type: the labels to those still unnamed, in the order of `Label` and then of
    their names, whatever order they are written in; then object1, object2, ...

    Ties go to the first. Without a label for it, the type the actions move is `player`.

    Raises:
        ConfigError: for more labels than types, or where nothing moves as the actions say.
    """
    names: dict[int, str] = {}
    ranks = list(Label)
    for name, label in sorted(labels.items(), key=lambda told: (ranks.index(told[1]), told[0])):
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
            names[max(free, key=lambda number: (_WORTH[label](traits[number]), -number))] = name
    if player is not None and player not in names and "player" not in names.values():
        names[player] = "player"
    unnamed = iter(range(1, len(traits) + 1))
    return [names.get(n) or f"object{next(unnamed)}" for n in range(len(traits))]


def slot_names(name: str, count: int) -> list[str]:
    """`ball` for one of a kind, `car_1`, `car_2`, ... for several."""
    return [name] if count == 1 else [f"{name}_{number}" for number in range(1, count + 1)]

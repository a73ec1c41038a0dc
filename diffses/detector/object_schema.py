"""From sights of things, found by whatever means, to a cast: types, names, the player, features."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from diffses.config import OTHERS, Label, LearnedDetector
from diffses.detector import controllability as control
from diffses.detector import features, kernel
from diffses.detector import labels as naming
from diffses.detector import object_types as discovery
from diffses.detector.object_types import Kind
from diffses.detector.offline_tracks import Tracks, first_rules, follow_boxes
from diffses.detector.segmentation import Rules
from diffses.detector.tracker import Cast, Memory, TypeInfo, every_feature, player_slot, turn_to

BUTTON = "FIRE"  # what the names of actions that press it end with


def cast_of(
    kinds: Sequence[Kind],
    follow: Callable[[Rules], Tracks],
    action_tm1: np.ndarray,
    settings: LearnedDetector,
    patience: int,
    labels: Mapping[str, Label],
    palette: Callable[[Kind], tuple[int, ...]],
    given: Sequence[str] | None = None,
) -> Cast:
    """Names the types and finds the player; with all features there could be.

    Args:
        kinds: the types.
        follow: tracks the recording's things by rules.
        action_tm1: int (n,), the action that led to each screen: tells which type is the player, no
            more.
        palette: the palette indices a type goes by.
        given: names of the types, in place of labels; `player` is then the player.

    Raises:
        ConfigError: where a label finds no type.
    """
    names, shares, player = _name(kinds, follow, action_tm1, patience, labels, given)
    order = _order(names, labels)
    kinds, names = [kinds[n] for n in order], [names[n] for n in order]
    kinds = [  # a fragment that looks like the player now and then is no second one
        replace(kind, together=kind.usual) if name == player else kind
        for kind, name in zip(kinds, names, strict=True)
    ]
    rules = discovery.rules_of(kinds, patience)
    tracks = follow(rules)
    kind = rules.type_of_place()[tracks.place]
    rules.sizes[:, kernel.HOLD] = discovery.holds(tracks, kind, len(kinds), patience)
    types = tuple(
        TypeInfo(
            names[number],
            found.width,
            found.height,
            palette(found),
            _slots(found, settings.slots, is_player=names[number] == player),
            found.sights / len(action_tm1),
            found.speed,
            shares.get(order[number]),
        )
        for number, found in enumerate(kinds)
    )
    pushes = _pushes(types, rules, player, tracks, action_tm1)
    every = every_feature(types, rules, player, pushes, differences=settings.differences)
    return Cast(rules, types, player, tuple(every), pushes)


def _pushes(
    types: Sequence[TypeInfo],
    rules: Rules,
    player: str | None,
    tracks: Tracks,
    action_tm1: np.ndarray,
) -> tuple[tuple[float, float, float], ...]:
    """Where each action pushes the player; nothing without one."""
    slot = player_slot(types, rules, player)
    if slot is None:
        return ()
    mine = (tracks.before() >= 0) & (tracks.place == slot.place)
    velocity = np.column_stack([tracks.vx[mine], tracks.vy[mine]])
    found = control.pushes(tracks.frame[mine], velocity, action_tm1)
    return tuple((float(x), float(y), 0.0) for x, y in found)


def with_button(cast: Cast, names: Sequence[str]) -> Cast:
    """The cast with features that say whether the last action pressed the button, and how long ago
    one did, where one can move with and without it: what is held down may do nothing (a second
    punch needs a release), and a blow takes its time.

    Args:
        names: of the actions, as ALE has them, e.g. "UPFIRE".
    """
    slot = player_slot(cast.types, cast.rules, cast.player)
    if slot is None or not any(name.endswith(BUTTON) and name != BUTTON for name in names):
        return cast
    told = dict(enumerate(cast.pushes))
    pushes = tuple(
        (*told.get(number, (0.0, 0.0, 0.0))[:2], float(name.endswith(BUTTON)))
        for number, name in enumerate(names)
    )
    own = [i for i, f in enumerate(cast.features) if f.of == cast.player and f.other is None]
    place = own[-1] + 1 if own else 0
    new = (features.Feature(slot, "button"), features.Feature(slot, "rest"))
    every = (*cast.features[:place], *new, *cast.features[place:])
    return replace(cast, pushes=pushes, features=every)


def _slots(kind: Kind, most: int, *, is_player: bool) -> int:
    """How many of a type have features of their own: none where there are more, unless one of
    them is the player."""
    return kind.together if kind.together <= most else most if is_player else 0


def telling(cast: Cast, rows: np.ndarray, most: int) -> Cast:
    """The cast with those of its features that tell something in `rows`, float64 (n, f).

    Where these are more than `most`, the player's are kept, what is told of all others together,
    and those of the types that are seen most often, as long as they fit, if need be without what
    is told of several steps; at least one type's.
    """
    varying = features.varying(cast.features, rows)
    ranked = sorted(cast.types, key=lambda kind: (kind.name != cast.player, -kind.sights))
    names = [kind.name for kind in ranked]
    names.insert(int(cast.player is not None), OTHERS)
    kept: set[str] = set()
    for name in names:
        mine = {f.name for f in varying if f.of == name}
        present = {f.name for f in varying if f.of == name and f.quantity not in features.DRIFTS}
        for wanted in (mine, present):
            if not kept or len(kept) + len(wanted) <= most:
                kept |= wanted
                break
    return replace(cast, features=tuple(f for f in varying if f.name in kept))


def cast_of_boxes(
    boxes: Sequence[np.ndarray],
    types: int,
    starts: np.ndarray,
    action_tm1: np.ndarray,
    settings: LearnedDetector,
    patience: int,
    labels: Mapping[str, Label],
    given: Sequence[str] | None = None,
) -> Cast:
    """A cast from boxes whose types are known, with the features that tell something; types that
    were hardly seen are left out.

    Args:
        boxes: of each frame, int32 (n, 6), as `Memory.follow` takes them; its type stands for the
            number of the colour.
        types: how many there are, at most MAX_COLOURS.
        starts: bool (frames,), where an episode begins.
        given: the types' names, where they are known.
    """
    tracks = follow_boxes(boxes, starts, first_rules(types))
    sights = np.bincount(tracks.colour, minlength=types)
    often = np.flatnonzero(sights >= discovery.MIN_SIGHTS).tolist()
    kinds = [discovery.kind_of(tracks, tracks.colour == number) for number in often]
    whole = cast_of(
        kinds,
        lambda rules: follow_boxes(boxes, starts, rules),
        action_tm1,
        settings,
        patience,
        labels,
        lambda kind: (),
        None if given is None else [given[number] for number in often],
    )
    memory = Memory(whole)
    rows = np.zeros((len(boxes), len(whole.features)))
    for frame, found in enumerate(boxes):
        turn_to(memory, frame, starts, action_tm1)
        rows[frame] = memory.follow(found)
    return telling(whole, rows, settings.features)


def _name(
    kinds: Sequence[Kind],
    follow: Callable[[Rules], Tracks],
    action_tm1: np.ndarray,
    patience: int,
    labels: Mapping[str, Label],
    given: Sequence[str] | None,
) -> tuple[list[str], dict[int, float], str | None]:
    """Names for the types, how much of their motion the actions explain, and the player's name."""
    rules = discovery.rules_of(kinds, patience)
    tracks = follow(rules)
    kind = rules.type_of_place()[tracks.place]
    shares = control.controlled(tracks, kind, action_tm1)
    often = {n: len(np.unique(tracks.frame[kind == n])) / len(action_tm1) for n in shares}
    player = control.player(shares, often)
    traits = [
        naming.Trait(
            found.width * found.height,
            found.speed,
            found.sights,
            float(tracks.box[kind == number][:, [1, 3]].mean()) if (kind == number).any() else 0.0,
            shares.get(number, -1.0),
        )
        for number, found in enumerate(kinds)
    ]
    if given is not None and "player" in given:
        player = given.index("player")
    names = naming.name_types(traits, player, labels) if given is None else list(given)
    return names, shares, None if player is None else names[player]


def _order(names: list[str], labels: Mapping[str, Label]) -> list[int]:
    """The named types first, in the order of their labels; the player before all without one."""
    named = list(labels) if "player" in labels else ["player", *labels]
    rank = {name: place for place, name in enumerate(named)}
    return sorted(
        range(len(names)), key=lambda number: (rank.get(names[number], len(rank)), number)
    )

"""Builds the object schema of a game from detections: types, names, player, and features."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from diffses.config import OTHERS, Label, LearnedDetector
from diffses.detector import controllability, dynamics, features, kernel, object_types
from diffses.detector import labels as labels_
from diffses.detector.contact import contacts_of_types
from diffses.detector.contact_value import TypeContact
from diffses.detector.object_types import ObjectType
from diffses.detector.offline_tracks import Trajectories, initial_params, track_boxes
from diffses.detector.recording import Outcomes
from diffses.detector.segmentation import TrackerParams
from diffses.detector.tracker import (
    ObjectSchema,
    Tracker,
    TypeInfo,
    candidate_concepts,
    candidate_features,
    player_slot,
    replay_action,
)

log = logging.getLogger("diffses")

BUTTON = "FIRE"  # suffix of the names of actions that press the button


def schema_from_types(
    kinds: Sequence[ObjectType],
    track: Callable[[TrackerParams], Trajectories],
    action_tm1: np.ndarray,
    settings: LearnedDetector,
    patience: int,
    labels: Mapping[str, Label],
    palette: Callable[[ObjectType], tuple[int, ...]],
    given: Sequence[str] | None = None,
    untyped: np.ndarray | None = None,
    outcomes: Outcomes | None = None,
) -> ObjectSchema:
    """Names the types, finds the player, and lists all candidate features.

    Args:
        track: tracks the recording's objects with given parameters.
        action_tm1: int (n,), the action that led to each screen; it only serves to identify the
            player.
        palette: the palette indices of a type.
        given: names of the types, instead of labels; the one called `player` is the player.
        untyped: int64 (k,), ids of sprites that are no objects.
        outcomes: of the recording, to learn what contact with each type does; None: not known.

    Raises:
        ConfigError: if a label finds no type.
    """
    params = object_types.tracker_params_of(kinds, patience, untyped)
    tracks = track(params)
    kind = params.type_of_place()[tracks.place]
    names, shares, player = _name(kinds, tracks, kind, action_tm1, labels, given)
    mine = None if player is None else names.index(player)
    contacts = contacts_of_types(tracks, kind, len(kinds), mine, outcomes)
    order = _order(names, labels, contacts)
    kinds, names = [kinds[n] for n in order], [names[n] for n in order]
    kinds = [  # occasional fragments that look like the player are no second player
        replace(kind, max_count=kind.usual_count) if name == player else kind
        for kind, name in zip(kinds, names, strict=True)
    ]
    params = object_types.tracker_params_of(kinds, patience, untyped)
    tracks = track(params)
    kind = params.type_of_place()[tracks.place]
    params.type_params[:, kernel.COAST_LIMIT] = object_types.max_coast_steps(
        tracks, kind, len(kinds), patience
    )
    types = tuple(
        TypeInfo(
            names[number],
            found.width,
            found.height,
            palette(found),
            _slots(found, settings.slots, is_player=names[number] == player),
            found.detections / len(action_tm1),
            found.mean_speed,
            shares.get(order[number]),
            contacts[order[number]],
        )
        for number, found in enumerate(kinds)
    )
    pushes = _pushes(types, params, player, tracks, action_tm1)
    every = candidate_features(types, params, player, pushes, differences=settings.differences)
    schema = ObjectSchema(params, types, player, tuple(every), pushes)
    if settings.concepts:
        schema = _with_concepts(schema, tracks, kind, action_tm1)
    return schema


def _with_concepts(
    schema: ObjectSchema, tracks: Trajectories, kind: np.ndarray, action_tm1: np.ndarray
) -> ObjectSchema:
    """Measures the dynamics, and adds all candidate concepts after the other features.

    Args:
        kind: int64 (n,), the type of each row of `tracks`.
    """
    slot = player_slot(schema.types, schema.params, schema.player)
    names = [one.name for one in schema.types]
    found = dynamics.identify_dynamics(
        tracks,
        kind,
        names,
        None if schema.player is None else names.index(schema.player),
        -1 if slot is None else slot.place,
        np.array(schema.pushes).reshape(-1, 3),
        action_tm1,
    )
    schema = replace(schema, dynamics=found)
    return replace(schema, features=(*schema.features, *candidate_concepts(schema)))


def _pushes(
    types: Sequence[TypeInfo],
    params: TrackerParams,
    player: str | None,
    tracks: Trajectories,
    action_tm1: np.ndarray,
) -> tuple[tuple[float, float, float], ...]:
    """The direction in which each action pushes the player, as of `ObjectSchema.pushes`; empty
    without one."""
    slot = player_slot(types, params, player)
    if slot is None:
        return ()
    mine = (tracks.previous_rows() >= 0) & (tracks.place == slot.place)
    velocity = np.column_stack([tracks.vx[mine], tracks.vy[mine]])
    found = controllability.push_directions(tracks.frame[mine], velocity, action_tm1)
    return tuple((float(x), float(y), 0.0) for x, y in found)


def with_button(schema: ObjectSchema, names: Sequence[str]) -> ObjectSchema:
    """Adds features of the fire button: whether the last action pressed it, and how long ago one
    did.

    Only where the player can move with and without it: a held button may do nothing (a second punch
    needs a release), and a punch takes time.

    Args:
        names: of the actions, as ALE has them, e.g. "UPFIRE".
    """
    slot = player_slot(schema.types, schema.params, schema.player)
    if slot is None or not any(name.endswith(BUTTON) and name != BUTTON for name in names):
        return schema
    known = dict(enumerate(schema.pushes))
    pushes = tuple(
        (*known.get(number, (0.0, 0.0, 0.0))[:2], float(name.endswith(BUTTON)))
        for number, name in enumerate(names)
    )
    plain = [f for f in schema.features if not f.is_concept]
    own = [i for i, f in enumerate(plain) if f.of == schema.player and f.other is None]
    place = own[-1] + 1 if own else 0
    new = (features.Feature(slot, "button"), features.Feature(slot, "rest"))
    every = (*schema.features[:place], *new, *schema.features[place:])
    return replace(schema, pushes=pushes, features=every)


def _slots(kind: ObjectType, most: int, *, is_player: bool) -> int:
    """Number of slots: one per object, none if there are more than `most`, unless the type is the
    player's."""
    return kind.max_count if kind.max_count <= most else most if is_player else 0


def select_features(schema: ObjectSchema, rows: np.ndarray, most: int) -> ObjectSchema:
    """Keeps the features that vary in `rows`, float64 (n, f): at most about `most` that are no
    concepts, and all concepts that differ from each other.

    If more vary, types are kept whole in this order as long as they fit: the player, OTHERS,
    then the types seen most often; a type that does not fit is tried without its mean
    velocities. The first type is always kept. What does not fit is logged.
    """
    varying = features.varying_features(schema.features, rows)
    plain = [f for f in varying if not f.is_concept]
    ranked = sorted(schema.types, key=lambda kind: (kind.name != schema.player, -kind.mean_count))
    names = [kind.name for kind in ranked]
    names.insert(int(schema.player is not None), OTHERS)
    kept: set[str] = set()
    for name in names:
        mine = {f.name for f in plain if f.of == name}
        present = {f.name for f in plain if f.of == name and f.quantity not in features.DRIFTS}
        for wanted in (mine, present):
            if not kept or len(kept) + len(wanted) <= most:
                kept |= wanted
                break
    if len(kept) < len(plain):
        without = dict.fromkeys(f.of for f in plain if f.name not in kept)
        log.info(
            "detector.features=%d leaves out %d features of %s",
            most,
            len(plain) - len(kept),
            ", ".join(without),
        )
    concepts = [f for f in varying if f.is_concept]
    distinct = features.distinct_features(schema.features, rows, concepts)
    kept |= {f.name for f in distinct}
    if schema.dynamics is not None:
        every = sum(f.is_concept for f in schema.features)
        log.info(
            "%d concepts; left out: %d that did not vary, %d that are equal to another one",
            len(distinct),
            every - len(concepts),
            len(concepts) - len(distinct),
        )
    return replace(schema, features=tuple(f for f in varying if f.name in kept))


def schema_from_boxes(
    boxes: Sequence[np.ndarray],
    types: int,
    starts: np.ndarray,
    action_tm1: np.ndarray,
    settings: LearnedDetector,
    patience: int,
    labels: Mapping[str, Label],
    given: Sequence[str] | None = None,
    outcomes: Outcomes | None = None,
) -> ObjectSchema:
    """The schema for boxes whose types are known, with the features that vary.

    Types with fewer than MIN_DETECTIONS boxes are left out.

    Args:
        boxes: of each frame, int32 (n, 6), as `Tracker.update` takes them; the colour number is
            the type's index.
        types: number of types, at most MAX_COLOURS.
        starts: bool (frames,), where an episode begins.
        given: names of the types, if they are known.
        outcomes: as of `schema_from_types`.
    """
    tracks = track_boxes(boxes, starts, initial_params(types))
    detections = np.bincount(tracks.colour, minlength=types)
    often = np.flatnonzero(detections >= object_types.MIN_DETECTIONS).tolist()
    kinds = [object_types.object_type_of(tracks, tracks.colour == number) for number in often]
    whole = schema_from_types(
        kinds,
        lambda params: track_boxes(boxes, starts, params),
        action_tm1,
        settings,
        patience,
        labels,
        lambda kind: (),
        None if given is None else [given[number] for number in often],
        outcomes=outcomes,
    )
    tracker = Tracker(whole)
    rows = np.zeros((len(boxes), len(whole.features)))
    for frame, found in enumerate(boxes):
        replay_action(tracker, frame, starts, action_tm1)
        rows[frame] = tracker.update(found)
    return select_features(whole, rows, settings.features)


def _name(
    kinds: Sequence[ObjectType],
    tracks: Trajectories,
    kind: np.ndarray,
    action_tm1: np.ndarray,
    labels: Mapping[str, Label],
    given: Sequence[str] | None,
) -> tuple[list[str], dict[int, float], str | None]:
    """Names of the types, how much of their motion the actions explain, and the player's name;
    kind: int64 (n,), the type of each row of `tracks`."""
    shares = controllability.controllability(tracks, kind, action_tm1)
    often = {n: len(np.unique(tracks.frame[kind == n])) / len(action_tm1) for n in shares}
    player = controllability.find_player(shares, often)
    traits = [
        labels_.TypeTraits(
            found.width * found.height,
            found.mean_speed,
            found.detections,
            float(tracks.box[kind == number][:, [1, 3]].mean()) if (kind == number).any() else 0.0,
            shares.get(number, -1.0),
        )
        for number, found in enumerate(kinds)
    ]
    if given is not None and "player" in given:
        player = given.index("player")
    names = labels_.name_types(traits, player, labels) if given is None else list(given)
    return names, shares, None if player is None else names[player]


def _order(
    names: Sequence[str], labels: Mapping[str, Label], contacts: Sequence[TypeContact]
) -> list[int]:
    """First the types of which contact tells nothing: labelled ones in the order of their labels,
    the player before all unlabelled ones. Then those of `contact_rank`."""
    named = list(labels) if "player" in labels else ["player", *labels]
    rank = {name: place for place, name in enumerate(named)}
    return sorted(
        range(len(names)),
        key=lambda number: (
            contact_rank(contacts[number]),
            rank.get(names[number], len(rank)),
            number,
        ),
    )


def contact_rank(contact: TypeContact) -> int:
    """The place of a type among those of which contact tells something, such that all that pay
    where they are touched come one after the other, and so do all that pay where they are shot, and
    all that harm. 0: it tells nothing."""
    if contact.target:
        return 3 - contact.value
    return {0: 0, 1: 1, -1: 5}[contact.value]

"""Groups the sprites of a recording into object types: by look, by animation, by outline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from diffses.detector.controllability import controllability, find_player
from diffses.detector.object_types import (
    MIN_DETECTIONS,
    MIN_DETECTIONS_PER_FRAME,
    MIN_MOVING_SHARE,
    MIN_TRACK_LENGTH,
    SIZE_TOLERANCE_PX,
    SIZE_TOLERANCE_SHARE,
    ObjectType,
    Part,
    TrackStats,
    moving_tracks,
    object_type_of,
)
from diffses.detector.offline_tracks import Trajectories
from diffses.detector.sprites import Sprites

MIN_COMMON_COLOURS = 0.6  # of the pixels of two sprites have colours that both have: one look
MIN_ANIMATION_SHARE = 0.04  # of a sprite's detections change into another one, and back
MIN_SHAPE_CHANGE_SHARE = 0.05  # likewise of a group's detections
MIN_CHANGES = 3  # likewise, in the recording, each way
MAX_AREA_RATIO = 2.5  # of two sprites of one animation
MAX_PLAYERS = 3  # objects of the player's look on a screen, on average (its lives, for example)
MIN_SHADE = 0.03  # of a group's pixels have a colour that is one of its own
MIN_SAME_SHADES = 0.8  # of a group's pixels have colours of the other group: it may be a part
MIN_WHOLE_RATIO = 1.5  # of the areas of a group and of what is cut off of it at the border
MIN_CUT_SHARE = 0.7  # of a group's detections are at the border: it is cut off there
MAX_BESIDE_SHARE = 0.02  # of the detections of a shape of the player are beside the player
MIN_WHOLE_SHARE = 0.5  # so many objects for each part, at least
MAX_PART_GAP = 3  # px between a part and the rest
MAX_PART_SHIFT = 1.0  # px; how far a part may be from its usual place
MIN_FIXED_SHARE = 0.9  # of a part's detections are there
MIN_PART_SHARE = 0.6  # of a group's detections are on tracks that mostly show another: parts of it
MIN_OUTLINE_SHARE = 0.15  # of a group's detections have an outline: it is known by it
CHANGE_RADIUS, CHANGE_STEPS = 16.0, 8  # px and steps in which objects that change are alone
MAX_CHANGE_DISTANCE = 4.0  # px between the centres of a track's end and the begin of the next
MIN_OWN_SHARE = 0.8  # of a sprite's detections are of one group: the sprite is known by it
MIN_SPRITE_DETECTIONS = 3  # in the recording; rarer sprites are not remembered
MIN_VANISHES = 3  # in the recording, of sprites of one look that stand still
CONTACT_DISTANCE = 8  # px between two boxes; an object may move so far in a step
MIN_CONTACT_SHARE = 0.3  # of the times that a still sprite vanishes, something touches it
MAX_SHARED_PLACE = (
    1.25  # detections of still sprites at a place, for each of the sprite's own there
)
MIN_STAY_STEPS = 10  # in which a sprite stood still before it vanished
VANISHED_STEPS = 10  # after which nothing is where it was
MIN_STILL_DETECTIONS = 30  # in the recording, from which a sprite that does not move is still
MAX_STILL_MOTION = 0.1  # of its detections are on moving tracks


def find_object_types(
    tracks: Trajectories, stats: TrackStats, starts: np.ndarray, action_tm1: np.ndarray
) -> tuple[list[ObjectType], np.ndarray]:
    """The object types of a recording: what moves, and what stands still until it vanishes; the
    largest first.

    Args:
        starts: bool (frames,), where an episode begins.
        action_tm1: int (frames,), the action that led to each screen.

    Returns:
        The types; and ids of sprites that are often seen and no objects, int64 (k,).
    """
    group = group_sprites(tracks, stats, action_tm1)
    moving = moving_tracks(stats)[tracks.track]
    group, still = _add_vanishing(tracks, group, moving, starts)
    of_sprite, often_seen = _majority_groups(tracks, group)
    ids = tracks.sprites.ids
    parts: dict[int, list[Part]] = {}
    for one, two, offsets in _find_parts(tracks, np.where(group < still, group, -1)):
        part = Part(np.unique(ids[of_sprite == one]), offsets)
        parts.setdefault(two, []).append(part)
        tracks, group = _join_part(tracks, group, one, two, offsets)
        moving = moving_tracks(stats)[tracks.track]
    count = int(group.max(initial=-1)) + 1
    least = max(MIN_DETECTIONS, MIN_DETECTIONS_PER_FRAME * len(action_tm1))
    often = np.bincount(group[group >= 0], minlength=count)
    moves = np.bincount(group[(group >= 0) & moving], minlength=count)
    vanishing = np.arange(count) >= still
    moves_enough = moves >= MIN_MOVING_SHARE * often
    kept = np.flatnonzero((often >= least) & (moves_enough | vanishing)).tolist()
    found = [
        replace(
            object_type_of(tracks, group == number),
            sprites=np.unique(ids[of_sprite == number]),
            outlines=_own_outlines(tracks.sprites, of_sprite, number),
            parts=tuple(parts.get(number, ())),
            vanishes=number >= still,
        )
        for number in kept
    ]
    typed = [sprites for k in found for sprites in (k.sprites, *(part.sprites for part in k.parts))]
    untyped = np.setdiff1d(
        ids[often_seen & ~np.isin(of_sprite, kept)], np.concatenate([*typed, np.zeros(0, np.int64)])
    )
    return (
        sorted(found, key=lambda k: (-k.width * k.height, int(np.argmax(k.colours)))),
        untyped,
    )


def _own_outlines(sprites: Sprites, of_sprite: np.ndarray, number: int) -> np.ndarray:
    """Ids of the outlines that the known sprites of one group alone have, int64 (k,)."""
    telling = sprites.telling & (of_sprite >= 0)
    mine = np.unique(sprites.outlines[telling & (of_sprite == number)])
    return np.setdiff1d(mine, sprites.outlines[telling & (of_sprite != number)])


def _find_parts(
    tracks: Trajectories, group: np.ndarray
) -> list[tuple[int, int, tuple[float, float, float, float]]]:
    """Groups that are parts of others: part, whole, and the range of offsets (as of `Part`).

    A part is smaller, nearly always at one place beside the larger one, and touches it or nearly.
    """
    count = int(group.max(initial=-1)) + 1
    often = np.bincount(group[group >= 0], minlength=count)
    area = _mean_of(tracks.area, group, count)
    least = MIN_DETECTIONS_PER_FRAME * (int(tracks.frame.max(initial=0)) + 1)
    candidates = [g for g in np.argsort(area).tolist() if often[g] >= least]
    rows = {g: np.flatnonzero(group == g) for g in candidates}
    found, done = [], set()
    for place, one in enumerate(candidates):
        for two in candidates[place + 1 :]:
            if often[two] < MIN_WHOLE_SHARE * often[one] or one in done:
                continue
            offsets = _fixed_offsets(tracks, rows[one], rows[two])
            if offsets is not None:
                found.append((one, two, offsets))
                done.add(one)
    return [(one, two, offsets) for one, two, offsets in found if two not in done]


def _fixed_offsets(
    tracks: Trajectories, ones: np.ndarray, twos: np.ndarray
) -> tuple[float, float, float, float] | None:
    """The range of offsets of most `ones` from the nearest of `twos` in their frame; None if there
    is no such range, or if they are apart.

    Args:
        ones, twos: int64 (n,) and (m,), rows of `tracks`, by frame.
    """
    box = tracks.box
    centre = (box[:, :2] + box[:, 2:]) / 2
    first = np.searchsorted(tracks.frame[twos], tracks.frame[ones], "left")
    end = np.searchsorted(tracks.frame[twos], tracks.frame[ones], "right")
    offsets = np.full((len(ones), 2), np.nan)
    gaps = np.full(len(ones), np.inf)
    for number in np.flatnonzero(end > first).tolist():
        others = twos[first[number] : end[number]]
        row = ones[number]
        gap = np.maximum(_gaps(box[row], box[others]), 0)
        nearest = int(gap.argmin())
        gaps[number] = gap[nearest]
        offsets[number] = centre[row] - centre[others[nearest]]
    near = gaps <= MAX_PART_GAP
    if near.mean() < MIN_FIXED_SHARE:
        return None
    middle = np.median(offsets[near], axis=0)
    fixed = near & (np.abs(offsets - middle) <= MAX_PART_SHIFT).all(axis=1)
    if fixed.mean() < MIN_FIXED_SHARE:
        return None
    low, high = offsets[fixed].min(axis=0), offsets[fixed].max(axis=0)
    return float(low[0]), float(high[0]), float(low[1]), float(high[1])


def _join_part(
    tracks: Trajectories,
    group: np.ndarray,
    one: int,
    two: int,
    offsets: tuple[float, float, float, float],
) -> tuple[Trajectories, np.ndarray]:
    """Extends the boxes of group `two` by those of its part, and drops the part's rows."""
    box = tracks.box.copy()
    centre = (box[:, :2] + box[:, 2:]) / 2
    by_frame: dict[int, list[int]] = {}
    for row in np.flatnonzero(group == two).tolist():
        by_frame.setdefault(int(tracks.frame[row]), []).append(row)
    low, high = np.array(offsets[0::2]), np.array(offsets[1::2])
    for row in np.flatnonzero(group == one).tolist():
        for other in by_frame.get(int(tracks.frame[row]), ()):
            apart = centre[row] - centre[other]
            if (apart >= low).all() and (apart <= high).all():
                box[other, :2] = np.minimum(box[other, :2], box[row, :2])
                box[other, 2:] = np.maximum(box[other, 2:], box[row, 2:])
    kept = group != one
    return replace(tracks, box=box).select(kept), group[kept]


def _add_vanishing(
    tracks: Trajectories, group: np.ndarray, moving: np.ndarray, starts: np.ndarray
) -> tuple[np.ndarray, int]:
    """Adds groups of sprites that stand still until they vanish at contact: pills, pins, bricks.

    A sprite vanishes at a place if it was there for MIN_STAY_STEPS, is not seen there for
    VANISHED_STEPS, and nothing is there then: a digit that becomes another one does not vanish. It
    vanishes at contact if something that moves is within CONTACT_DISTANCE of it in the last frame
    that shows it or the next. Places that show other still sprites at other times do not count:
    digits, and waves.

    Args:
        group: int64 (n,), of `group_sprites`.
        moving: bool (n,), detections on moving tracks.
        starts: bool (frames,), where an episode begins.

    Returns:
        The groups with the new ones, and the number of the first new one.
    """
    first = int(group.max(initial=-1)) + 1
    loose = np.flatnonzero(group < 0)
    events: Counter[int] = Counter()
    contacts: Counter[int] = Counter()
    episode = np.cumsum(starts)
    places = np.column_stack([tracks.sprite[loose], tracks.box[loose, :2]])
    keys, number = np.unique(places, axis=0, return_inverse=True)
    order = loose[np.argsort(number.reshape(-1), kind="stable")]
    cuts = np.cumsum(np.bincount(number.reshape(-1), minlength=len(keys)))[:-1]
    by_frame = np.searchsorted(tracks.frame, np.arange(len(starts) + 1))
    cover = _coverage(tracks.box[loose])
    for rows in np.split(order, cuts):
        left, top, right, bottom = tracks.box[rows[0]] if len(rows) else (0, 0, 0, 0)
        if cover[top : bottom + 1, left : right + 1].max() > MAX_SHARED_PLACE * len(rows):
            continue
        frames = tracks.frame[rows]
        later = np.append(frames[1:], len(starts) + VANISHED_STEPS)
        for last in np.flatnonzero(later - frames > VANISHED_STEPS).tolist():
            end = int(frames[last]) + VANISHED_STEPS
            stayed = last + 1 >= MIN_STAY_STEPS
            if stayed and end < len(starts) and episode[end] == episode[frames[last]]:
                sprite, box = int(tracks.sprite[rows[last]]), tracks.box[rows[last]]
                there = tracks.box[by_frame[end] : by_frame[end + 1]]
                if (_gaps(box, there) > 0).all():
                    events[sprite] += 1
                    near = np.arange(by_frame[frames[last]], by_frame[frames[last] + 2])
                    near = near[moving[near]]
                    touches = _gaps(box, tracks.box[near]) <= CONTACT_DISTANCE
                    contacts[sprite] += bool(touches.any())
    vanished = [s for s, times in sorted(events.items(), key=lambda e: (-e[1], e[0])) if times]
    label = np.full(len(tracks.sprites), -1)
    founders: list[int] = []
    total: list[int] = []
    touched: list[int] = []
    for sprite in vanished:
        near = np.flatnonzero(_alike(tracks.sprites, sprite, founders))
        if not len(near):
            founders.append(sprite)
            total.append(0)
            touched.append(0)
        label[sprite] = near[0] if len(near) else len(founders) - 1
        total[label[sprite]] += events[sprite]
        touched[label[sprite]] += contacts[sprite]
    least = np.maximum(MIN_VANISHES, MIN_CONTACT_SHARE * np.array(total))
    enough = np.array(touched) >= least
    numbers = np.where(enough, first + np.cumsum(enough) - 1, -1)
    chosen = np.where(label >= 0, numbers[label], -1) if len(numbers) else label
    return np.where(group < 0, chosen[tracks.sprite], group), first


def _coverage(boxes: np.ndarray) -> np.ndarray:
    """How many boxes, int64 (n, 4), cover each pixel, int64 (h, w)."""
    right, bottom = boxes[:, 2:].max(axis=0, initial=0) + 1
    change = np.zeros((bottom + 1, right + 1), np.int64)
    for corner_x, corner_y, sign in ((0, 1, 1), (2, 1, -1), (0, 3, -1), (2, 3, 1)):
        x = boxes[:, corner_x] + (corner_x == 2)
        y = boxes[:, corner_y] + (corner_y == 3)
        np.add.at(change, (y, x), sign)
    return np.asarray(change.cumsum(axis=0).cumsum(axis=1))


def _gaps(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The larger gap along x or y between a box and others, int64 (n, 4) -> (n,), px; at most 0 if
    they touch or overlap."""
    between = np.maximum(others[:, :2] - box[2:], box[:2] - others[:, 2:]) - 1
    return np.asarray(between.max(axis=1, initial=-1000))


def _majority_groups(tracks: Trajectories, group: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The group of each sprite, int64 (s,): that of MIN_OWN_SHARE of its detections, else -1; and
    which sprites are often seen, and by that share in one group or none, bool (s,)."""
    count = int(group.max(initial=-1)) + 2
    table = np.zeros((len(tracks.sprites), count))
    np.add.at(table, (tracks.sprite, group + 1), 1)
    share = table.max(axis=1) / np.maximum(1, table.sum(axis=1))
    certain = (share >= MIN_OWN_SHARE) & (table.sum(axis=1) >= MIN_SPRITE_DETECTIONS)
    of_sprite = np.where(certain, table.argmax(axis=1) - 1, -1)
    return of_sprite, certain & (table.sum(axis=1) >= MIN_STILL_DETECTIONS)


def group_sprites(tracks: Trajectories, stats: TrackStats, action_tm1: np.ndarray) -> np.ndarray:
    """The group of each detection, int64 (n,); -1 for none.

    1. Sprites that change into each other and back again on one track are an animation.
    2. The animation that the actions control is the player's.
    3. The commonest other animation founds a group, and every animation of similar colours and
       size belongs to it; what is rare may also be the player, half hidden.
    4. What is smaller, of the same colours, and on tracks that mostly show another group is a part
       of it, half hidden.
    5. Groups of one outline in several colours are one group, unless one changes into the other:
       then the colour tells the object's state.
    """
    sprites = tracks.sprites
    moving = moving_tracks(stats)[tracks.track]
    weight = np.bincount(tracks.sprite[moving], minlength=len(sprites))
    still = still_sprites(tracks, weight)
    animation = _animations(tracks)
    player = _controlled(tracks, animation[tracks.sprite], action_tm1)
    of_sprite = _by_look(tracks, animation, weight, player)
    of_sprite[still] = -1
    long_enough = stats.length[tracks.track] >= MIN_TRACK_LENGTH
    group = np.where(long_enough, of_sprite[tracks.sprite], -1)
    mine = -1 if player is None else int(of_sprite[animation == player].max())
    group = _merge_shapes(tracks, group)
    group = _absorb_hidden(tracks, group, mine)
    group = _merge_outlines(tracks, group, mine)
    return np.where(still[tracks.sprite], -1, _fill_tracks(tracks, group))


def still_sprites(tracks: Trajectories, weight: np.ndarray) -> np.ndarray:
    """Sprites that are often seen and hardly ever move, bool (s,): digits, pills, pins.

    Args:
        weight: int64 (s,), detections of each sprite on moving tracks.
    """
    often = np.bincount(tracks.sprite, minlength=len(weight))
    return np.asarray((often >= MIN_STILL_DETECTIONS) & (weight < MAX_STILL_MOTION * often))


def _animations(tracks: Trajectories) -> np.ndarray:
    """The animation of each sprite, int64 (s,)."""
    sprites = tracks.sprites
    before = tracks.previous_rows()
    rows = np.flatnonzero(before >= 0)
    pairs = np.column_stack([tracks.sprite[before[rows]], tracks.sprite[rows]])
    found, times = np.unique(pairs[pairs[:, 0] != pairs[:, 1]], axis=0, return_counts=True)
    count = {(one, two): n for (one, two), n in zip(found.tolist(), times.tolist(), strict=True)}
    often = np.bincount(tracks.sprite, minlength=len(sprites))
    owner = np.arange(len(sprites))
    for (one, two), n in count.items():
        least = max(MIN_CHANGES, MIN_ANIMATION_SHARE * min(often[one], often[two]))
        areas = sorted((sprites.area[one], sprites.area[two]))
        if min(n, count.get((two, one), 0)) >= least and areas[1] <= MAX_AREA_RATIO * areas[0]:
            owner = _join(owner, one, two)
    return owner


def _controlled(tracks: Trajectories, kind: np.ndarray, action_tm1: np.ndarray) -> int | None:
    """The kind, of int64 (n,) for each detection, that the actions control; None for none.

    Kinds that are rare, or of which there are often more than MAX_PLAYERS, are not tried.
    """
    count = int(kind.max(initial=-1)) + 1
    often = np.bincount(kind[kind >= 0], minlength=count)
    frames = np.unique(np.column_stack([kind, tracks.frame])[kind >= 0], axis=0)
    on = np.bincount(frames[:, 0], minlength=count)
    tried = (often >= MIN_DETECTIONS_PER_FRAME * len(action_tm1)) & (often <= MAX_PLAYERS * on)
    shares = controllability(tracks, np.where((kind >= 0) & tried[kind], kind, -1), action_tm1)
    return find_player(shares, {n: on[n] / len(action_tm1) for n in shares})


def _by_look(
    tracks: Trajectories, animation: np.ndarray, weight: np.ndarray, player: int | None
) -> np.ndarray:
    """The group of each sprite, int64 (s,), -1 for none.

    Args:
        animation: int64 (s,), of each sprite. weight: int64 (s,), its detections on moving tracks.
        player: the animation of the player.
    """
    sprites = tracks.sprites
    often = np.bincount(tracks.sprite, minlength=len(sprites))
    least = MIN_DETECTIONS_PER_FRAME * (int(tracks.frame.max(initial=0)) + 1)
    total = np.bincount(animation, weight, len(sprites))
    whole = np.bincount(animation, often, len(sprites))
    # the commonest sprite of each animation stands for it
    order = np.lexsort((np.arange(len(sprites)), -often))
    face: dict[int, int] = {}
    for sprite in order.tolist():
        face.setdefault(int(animation[sprite]), sprite)
    ranked = sorted(face, key=lambda a: (a != player, -total[a], a))
    founders: list[int] = []
    label = np.full(len(sprites), -1)
    for one in ranked:
        near = np.flatnonzero(_alike(sprites, face[one], founders))
        if player is not None and whole[one] >= least:
            near = near[near > 0]
        if len(near):
            apart = [_size_difference(sprites, face[one], founders[k]) for k in near]
            label[animation == one] = near[int(np.argmin(apart))]
        elif total[one] > 0:
            label[animation == one] = len(founders)
            founders.append(face[one])
    return label


def _alike(sprites: Sprites, one: int, founders: Sequence[int]) -> np.ndarray:
    """Whether a sprite has the colours and size of others, bool (len(founders),)."""
    others = np.asarray(founders, int)
    common = np.minimum(sprites.colours[one], sprites.colours[others]).sum(axis=1)
    near = common >= MIN_COMMON_COLOURS
    for size in (sprites.width, sprites.height):
        near &= np.abs(size[one] - size[others]) <= np.maximum(
            SIZE_TOLERANCE_PX, SIZE_TOLERANCE_SHARE * size[others]
        )
    return np.asarray(near, bool)


def _size_difference(sprites: Sprites, one: int, two: int) -> float:
    return float(
        abs(sprites.width[one] - sprites.width[two])
        + abs(sprites.height[one] - sprites.height[two])
    )


def _changes(tracks: Trajectories, group: np.ndarray) -> np.ndarray:
    """How often an object of one group becomes one of another, int64 (groups, groups).

    A track of the second group begins where one of the first ended in the frame before; and
    neither was there beside the other, as where two objects pass each other.
    """
    count = int(group.max(initial=-1)) + 1
    found = np.zeros((count, count), np.int64)
    before = tracks.previous_rows()
    before[group[before] != group] = -1  # a track goes on within a group
    ends = np.ones(len(tracks), bool)
    ends[before[before >= 0]] = False
    by_frame = np.searchsorted(tracks.frame, np.arange(int(tracks.frame.max(initial=0)) + 3))
    centre = (tracks.box[:, :2] + tracks.box[:, 2:]) / 2

    def near(frame: int, row: int, radius: float) -> np.ndarray:
        if not 0 <= frame < len(by_frame) - 1:
            return np.zeros(0, np.int64)
        rows = np.arange(by_frame[frame], by_frame[frame + 1])
        apart = np.abs(centre[rows] - centre[row]).max(axis=1)
        return np.asarray(rows[apart <= radius])

    for row in np.flatnonzero((before < 0) & (group >= 0)).tolist():
        frame = int(tracks.frame[row])
        for old in near(frame - 1, row, MAX_CHANGE_DISTANCE).tolist():
            if not ends[old] or group[old] in (-1, group[row]):
                continue
            around = [near(frame - k, row, CHANGE_RADIUS) for k in range(1, CHANGE_STEPS + 1)]
            after = [near(frame + k, row, CHANGE_RADIUS) for k in range(CHANGE_STEPS)]
            was = any((group[rows] == group[row]).any() for rows in around)
            stays = any((group[rows] == group[old]).any() for rows in after)
            found[group[old], group[row]] += not was and not stays
    return found


def _merge_shapes(tracks: Trajectories, group: np.ndarray) -> np.ndarray:
    """Joins groups that often change into each other and back on one track, as `_animations` does
    sprites: an object of so many pictures that each is rare."""
    count = int(group.max(initial=-1)) + 1
    changes = _shape_changes(tracks, group, count)
    often = np.bincount(group[group >= 0], minlength=count)
    area = _mean_of(tracks.area, group, count)
    owner = np.arange(count)
    for one_, two_ in combinations(np.flatnonzero(often).tolist(), 2):
        least = max(MIN_CHANGES, MIN_SHAPE_CHANGE_SHARE * min(often[one_], often[two_]))
        areas = sorted((area[one_], area[two_]))
        enough = min(changes[one_, two_], changes[two_, one_]) >= least
        if enough and areas[1] <= MAX_AREA_RATIO * areas[0]:
            owner = _join(owner, one_, two_)
    return _renamed(group, owner)


def _absorb_hidden(tracks: Trajectories, group: np.ndarray, player: int) -> np.ndarray:
    """Gives what is half hidden, or cut off at the border, to the group that it is a part of.

    It is smaller and has no other colours, and its tracks mostly show the other group whole, or it
    is nearly always at the border of where things move. The player's other shapes need neither:
    they follow or precede it on one track and never are beside it.
    """
    count = int(group.max(initial=-1)) + 1
    if count == 0:
        return group
    known = group >= 0
    table = np.zeros((int(tracks.track.max(initial=-1)) + 1, count))
    np.add.at(table, (tracks.track[known], group[known]), tracks.area[known])
    main = table.argmax(axis=1)
    often = np.bincount(group[known], minlength=count)
    size = np.column_stack([_mean_of(v, group, count) for v in (tracks.width, tracks.height)])
    area = _mean_of(tracks.area, group, count)
    shades = [_mean_of(c[tracks.sprite], group, count) for c in tracks.sprites.colours.T]
    colours = np.column_stack(shades)
    low, high = tracks.box[known, :2].min(axis=0), tracks.box[known, 2:].max(axis=0)
    cut = ((tracks.box[:, :2] <= low) | (tracks.box[:, 2:] >= high)).any(axis=1)
    changes = _shape_changes(tracks, group, count)
    owner = np.arange(count)
    for one in np.flatnonzero(often).tolist():
        mine = group == one
        # of its colours, the share that the other group has, too
        inside = ((colours[one] > 0) & (colours > MIN_SHADE)).astype(float) @ colours[one]
        fits = (inside >= MIN_SAME_SHADES) & (size[one] <= size + SIZE_TOLERANCE_PX).all(axis=1)
        fits &= (often > 0) & (np.arange(count) != one)
        shown = np.bincount(main[tracks.track[mine]], minlength=count) / often[one]
        larger = area > MIN_WHOLE_RATIO * area[one]
        if cut[mine].mean() >= MIN_CUT_SHARE and (fits & larger).any():
            owner[one] = int(np.where(fits & larger, inside * often, -1).argmax())
        elif one != player and (fits & (shown >= MIN_PART_SHARE)).any():
            owner[one] = int(np.where(fits, shown, -1).argmax())
        elif player >= 0 and one != player and inside[player] >= MIN_SAME_SHADES:
            becomes = changes[one, player] + changes[player, one]
            beside = np.isin(tracks.frame[mine], tracks.frame[group == player]).mean()
            alike = max(area[[one, player]]) <= MAX_AREA_RATIO * min(area[[one, player]])
            if becomes >= MIN_CHANGES and alike and beside <= MAX_BESIDE_SHARE:
                owner[one] = player
    for one in range(count):  # a part of a part
        for _ in range(count):
            owner[one] = owner[owner[one]]
    return _renamed(group, owner)


def _shape_changes(tracks: Trajectories, group: np.ndarray, count: int) -> np.ndarray:
    """How often a detection of one group is followed by one of another on the same track, int64
    (count, count)."""
    before = tracks.previous_rows()
    rows = np.flatnonzero(before >= 0)
    one, two = group[before[rows]], group[rows]
    known = (one >= 0) & (two >= 0)
    changes = np.zeros((count, count), np.int64)
    np.add.at(changes, (one[known], two[known]), 1)
    return changes


def _merge_outlines(tracks: Trajectories, group: np.ndarray, player: int) -> np.ndarray:
    """Joins groups of one outline in several colours, but for the player's."""
    sprites = tracks.sprites
    changes = _changes(tracks, group)
    count = len(changes)
    often = np.bincount(group[group >= 0], minlength=count)
    known = np.flatnonzero((group >= 0) & sprites.telling[tracks.sprite])
    outline = sprites.outlines.min(axis=1)
    pairs = np.column_stack([outline[tracks.sprite[known]], group[known]])
    found, times = np.unique(pairs, axis=0, return_counts=True)
    found = found[(times >= MIN_OUTLINE_SHARE * often[found[:, 1]]) & (found[:, 1] != player)]
    owner = np.arange(count)
    for outline in np.unique(found[:, 0]):
        same = found[found[:, 0] == outline, 1].tolist()
        for one, two in combinations(same, 2):
            if changes[one, two] + changes[two, one] < MIN_CHANGES:
                owner = _join(owner, one, two)
    return _renamed(group, owner)


def _fill_tracks(tracks: Trajectories, group: np.ndarray) -> np.ndarray:
    """Detections of no group get the one that their track shows most."""
    count = int(group.max(initial=-1)) + 1
    if count == 0:
        return group
    table = np.zeros((int(tracks.track.max(initial=-1)) + 1, count))
    known = group >= 0
    np.add.at(table, (tracks.track[known], group[known]), 1)
    main = np.where(table.any(axis=1), table.argmax(axis=1), -1)
    return np.where(known, group, main[tracks.track])


def _mean_of(values: np.ndarray, group: np.ndarray, count: int) -> np.ndarray:
    known = group >= 0
    total = np.bincount(group[known], values[known], count)
    return np.asarray(total / np.maximum(1, np.bincount(group[known], minlength=count)))


def _join(owner: np.ndarray, one: int, two: int) -> np.ndarray:
    low, high = sorted((owner[one], owner[two]))
    return np.where(owner == high, low, owner)


def _renamed(group: np.ndarray, owner: np.ndarray) -> np.ndarray:
    if not len(owner):
        return group
    return np.where(group >= 0, owner[group], -1)

"""The detector in plain numpy and Python: slow, written apart from the compiled one, its equal."""

from __future__ import annotations

import itertools
import math

import numpy as np
from scipy import ndimage

from diffses.detector import kernel
from diffses.detector.features import QUANTITIES, SECONDS, SIDES, Feature, GroupMember
from diffses.detector.kernel import MAX_BLOBS, MAX_COLOURS, NO_COLOUR
from diffses.detector.motion import MotionModel


def connected_components_plainly(
    screen: np.ndarray,
    background: np.ndarray,
    search_mask: np.ndarray,
    colours: np.ndarray,
    links: np.ndarray,
) -> np.ndarray:
    """What `connected_components` finds, int32 (n, 6)."""
    found = [blob for blob, _ in _masks(screen, background, search_mask, colours, links)]
    return np.array(found, dtype=np.int32).reshape(-1, 6)


def _masks(
    screen: np.ndarray,
    background: np.ndarray,
    search_mask: np.ndarray,
    colours: np.ndarray,
    links: np.ndarray,
) -> list[tuple[tuple[int, ...], np.ndarray]]:
    """Every blob with its mask, bool (h, w), by labelling every colour's pixels with scipy."""
    numbers = np.where(screen == background, NO_COLOUR, colours[search_mask.astype(int), screen])
    parts = np.zeros(screen.shape, dtype=np.int64)  # 0: background
    owner = [0]  # of each part: the part it is joined to; the lowest is the blob
    for number in np.unique(numbers[numbers != NO_COLOUR]):
        labels, count = ndimage.label(numbers == number, structure=np.ones((3, 3)))
        parts[labels > 0] = labels[labels > 0] + len(owner) - 1
        owner += range(len(owner), len(owner) + count)
    for down, across in ((0, 1), (1, -1), (1, 0), (1, 1)):
        for one, two in _neighbours(parts, numbers, links, down, across):
            low, high = sorted((owner[one], owner[two]))
            owner = [low if part == high else part for part in owner]
    joined = np.array(owner)[parts]
    rows = [_describe(joined == blob, numbers) for blob in set(owner) - {0}]
    rows.sort(key=lambda row: row[0])
    return [(blob, mask) for _, blob, mask in rows[:MAX_BLOBS]]


def _neighbours(
    parts: np.ndarray, numbers: np.ndarray, links: np.ndarray, down: int, across: int
) -> np.ndarray:
    """Pairs of parts that touch in one direction and whose colours are linked, int64 (n, 2)."""
    height, width = parts.shape
    here = (slice(0, height - down), slice(max(0, -across), width - max(0, across)))
    there = (slice(down, height), slice(max(0, across), width - max(0, -across)))
    touch = (parts[here] > 0) & (parts[there] > 0) & (parts[here] != parts[there])
    one, two = parts[here][touch], parts[there][touch]
    linked = links[numbers[here][touch], numbers[there][touch]]
    return np.unique(np.stack([one[linked], two[linked]], axis=1), axis=0)


def _describe(
    mask: np.ndarray, numbers: np.ndarray
) -> tuple[tuple[int, int], tuple[int, ...], np.ndarray]:
    """The first pixel of a blob, its row of `connected_components`, and its mask."""
    ys, xs = np.nonzero(mask)
    colour = int(np.bincount(numbers[mask], minlength=MAX_COLOURS).argmax())
    blob = (colour, xs.min(), ys.min(), xs.max(), ys.max(), len(xs))
    return (int(ys[0]), int(xs[0])), tuple(int(value) for value in blob), mask


def restore_flicker_plainly(
    screen: np.ndarray,
    before: np.ndarray,
    background: np.ndarray,
    search_mask: np.ndarray,
    colours: np.ndarray,
    links: np.ndarray,
) -> np.ndarray:
    """What `restore_flicker` writes: the screen with what flickers, uint8 (h, w)."""
    vanished = np.where((before != background) & (screen == background), before, background)
    numbers = np.where(screen == background, NO_COLOUR, colours[search_mask.astype(int), screen])
    restored = screen.copy()
    for blob, mask in _masks(vanished, background, search_mask, colours, links):
        number, left, top, right, bottom, _ = blob
        around = numbers[
            max(0, top - kernel.FLICKER_RADIUS) : bottom + kernel.FLICKER_RADIUS + 1,
            max(0, left - kernel.FLICKER_RADIUS) : right + kernel.FLICKER_RADIUS + 1,
        ]
        if not links[number, around[around != NO_COLOUR]].any():
            restored[mask] = vanished[mask]
    return restored


class Track:
    """What the plain tracker knows of one object."""

    def __init__(self, kind: int, box: Box) -> None:
        self.kind, self.unseen, self.age = kind, 0, 0
        self.vx = self.vy = self.driftx = self.drifty = 0.0
        self.x, self.y, self.w, self.h = box.x, box.y, float(box.width), float(box.height)

    def update(self, box: Box) -> None:
        steps = self.unseen + 1
        self.vx, self.vy = (box.x - self.x) / steps, (box.y - self.y) / steps
        self.x, self.y, self.w, self.h = box.x, box.y, float(box.width), float(box.height)
        self.unseen, self.age = 0, self.age + 1
        weight = 1 / min(self.age, kernel.DRIFT_STEPS)
        self.driftx += weight * (self.vx - self.driftx)
        self.drifty += weight * (self.vy - self.drifty)


def sprite_id_plainly(picture: np.ndarray) -> int:
    """What `kernel.sprite_ids` gives a blob: int (h, w), the colour numbers, -1 where it has no
    pixel; all of one number for its outline, whose runs then have no colour (0)."""
    total = 0
    for y, row in enumerate(picture.tolist()):
        x = 0
        for colour, pixels in itertools.groupby(row):
            length = len(list(pixels))
            if colour >= 0:
                value = x + 65_537 * y + 8_191_007 * (length - 1) + 524_309 * colour
                for constant in (1_013_904_223, 374_761_393):
                    value = (value * value + constant) % (2**31 - 1)
                total += value
            x += length
    height, width = picture.shape
    return total % (2**31 - 1) + (256 * width + height) * 2**31


class Box:
    """A blob in pixels."""

    def __init__(self, blob: tuple[int, ...], mask: np.ndarray, numbers: np.ndarray) -> None:
        self.colour, self.left, self.top, right, bottom, _ = blob
        self.width, self.height = right - self.left + 1, bottom - self.top + 1
        box = slice(self.top, bottom + 1), slice(self.left, right + 1)
        self.mask = mask[box]
        self.picture = np.where(self.mask, numbers[box].astype(int), -1)
        self.code = kernel.NEW_SPRITE  # as the kernel's SPRITE_TYPE

    def join(self, other: Box) -> None:
        """Extends the box, but not by the pixels of the other one."""
        right = max(self.left + self.width, other.left + other.width)
        bottom = max(self.top + self.height, other.top + other.height)
        left, top = min(self.left, other.left), min(self.top, other.top)
        before = self.top - top, self.left - left
        after = bottom - self.top - self.height, right - self.left - self.width
        self.mask = np.pad(self.mask, list(zip(before, after, strict=True)))
        self.left, self.top = left, top
        self.width, self.height = right - left, bottom - top

    @property
    def x(self) -> float:
        return self.left + self.width / 2

    @property
    def y(self) -> float:
        return self.top + self.height / 2

    def cut(self, axis: int, core: int) -> None:
        """Keeps the `core` columns (axis 0) or rows (axis 1) with the most pixels."""
        profile = self.mask.sum(axis=axis)
        start = int(np.convolve(profile, np.ones(core, dtype=int), "valid").argmax())
        if axis == 0:
            self.left, self.width = self.left + start, core
        else:
            self.top, self.height = self.top + start, core
        self.mask = self.mask.take(range(start, start + core), axis=1 - axis)


PUSHES = ("pushx", "pushy", "button")


class PlainDetector:
    """`MotionObjectDetector.observe` without compiled code, for tests."""

    def __init__(self, model: MotionModel) -> None:
        self._model = model
        self._kinds = model.schema.params.type_of_place()
        self.tracks: dict[int, Track] = {}  # by place
        self.reset()

    def reset(self) -> None:
        self.tracks = {}
        self._push = dict.fromkeys(PUSHES, 0.0) | {"rest": kernel.MAX_REST_STEPS}

    def set_last_action(self, action: int | None) -> None:
        """The action, by its index, that led to the step that is looked at next."""
        pushes = dict(enumerate(self._model.schema.pushes))
        nothing = (0.0, 0.0, 0.0)
        done = nothing if action is None else pushes.get(action, nothing)
        rest = 0.0 if done[2] else min(self._push["rest"] + 1, kernel.MAX_REST_STEPS)
        self._push = dict(zip(PUSHES, done, strict=True)) | {"rest": rest}

    def observe(self, screen: np.ndarray, before: np.ndarray | None = None) -> np.ndarray:
        """The features of this step, float64 (f,)."""
        segmentation = self._model.segmentation
        looks = (
            segmentation.background,
            segmentation.search_mask,
            segmentation.colours,
            segmentation.links,
        )
        if self._model.looks_back and before is not None:
            screen = restore_flicker_plainly(screen, before, *looks)
        found = _masks(screen, *looks)
        numbers = segmentation.colours[segmentation.search_mask.astype(int), screen]
        boxes = [Box(blob, mask, numbers) for blob, mask in found]
        self._recognise(boxes)
        self._join_parts(boxes)
        for box in boxes:
            self._crop_protrusions(box)
        assigned = self._associate(boxes)
        self._coast(set(assigned.values()))
        for number, box in enumerate(boxes):
            if number not in assigned:
                self._start_track(box)
        return np.array([self._feature(feature) for feature in self._model.schema.features])

    def _recognise(self, boxes: list[Box]) -> None:
        params = self._model.schema.params
        sprites = dict(zip(params.sprites.tolist(), params.sprite_types.tolist(), strict=True))
        outlines = dict(zip(params.outlines.tolist(), params.outline_types.tolist(), strict=True))
        for box in boxes if sprites else []:
            box.code = sprites.get(sprite_id_plainly(box.picture), kernel.NEW_SPRITE)
            if box.code == kernel.NEW_SPRITE:
                outline = sprite_id_plainly(np.where(box.picture >= 0, 0, -1))
                box.code = outlines.get(outline, kernel.NEW_SPRITE)

    def _join_parts(self, boxes: list[Box]) -> None:
        for box in boxes:
            if box.code > kernel.FIRST_PART:
                continue
            kind, *offsets = self._model.schema.params.parts[kernel.FIRST_PART - box.code]
            box.code = kernel.NO_TYPE
            low, high = np.array(offsets[0::2]) - 1, np.array(offsets[1::2]) + 1
            for other in boxes:
                apart = np.array([box.x - other.x, box.y - other.y])
                if (
                    self._fits_type(int(kind), other, is_new=False)
                    and ((low <= apart) & (apart <= high)).all()
                ):
                    other.join(box)
                    break

    def _associate(self, boxes: list[Box]) -> dict[int, int]:
        """Gives each object its blob; the place each blob went to."""
        assigned: dict[int, int] = {}
        for kind in range(len(self._model.schema.types)):
            mine = [place for place in sorted(self.tracks) if self._kinds[place] == kind]
            pairs = []
            for place in mine:
                for number, box in enumerate(boxes):
                    cost = self._cost(self.tracks[place], box)
                    if cost is not None:
                        pairs.append((cost, place, number))
            done: set[int] = set()
            for _, place, number in sorted(pairs):
                if place not in done and number not in assigned:
                    done.add(place)
                    assigned[number] = place
                    self.tracks[place].update(boxes[number])
        return assigned

    def _fits_type(self, kind: int, box: Box, *, is_new: bool) -> bool:
        if box.code != kernel.NEW_SPRITE:
            return box.code == kind
        size = self._model.schema.params.type_params[kind]
        small = box.width < size[kernel.MIN_W] or box.height < size[kernel.MIN_H]
        large = box.width > size[kernel.MAX_W] or box.height > size[kernel.MAX_H]
        known = self._model.schema.params.type_colours[kind, box.colour]
        return bool(known and not large and not (is_new and small))

    def _cost(self, track: Track, box: Box) -> float | None:
        if not self._fits_type(track.kind, box, is_new=False):
            return None
        steps = track.unseen + 1
        dx, dy = box.x - track.x, box.y - track.y
        ex, ey = dx - track.vx * steps, dy - track.vy * steps
        distance = math.sqrt(min(dx * dx + dy * dy, ex * ex + ey * ey))
        if distance > self._model.schema.params.type_params[track.kind, kernel.GATE_RADIUS]:
            return None
        return distance + 0.5 * (abs(box.width - track.w) + abs(box.height - track.h))

    def _coast(self, met: set[int]) -> None:
        for place in sorted(self.tracks):
            if place not in met:
                self.tracks[place].unseen += 1
                self.tracks[place].age += 1
                if self.tracks[place].unseen > self._model.schema.params.patience:
                    del self.tracks[place]

    def _crop_protrusions(self, box: Box) -> None:
        kind = self._nearest_type(box, is_new=False)
        if kind is not None:
            cores = self._model.schema.params.type_params[
                kind, [kernel.CORE_W, kernel.CORE_H]
            ].astype(int)
            for axis, core in enumerate(cores.tolist()):
                if core and (box.width, box.height)[axis] > kernel.PROTRUSION_RATIO * core:
                    box.cut(axis, core)

    def _nearest_type(self, box: Box, *, is_new: bool) -> int | None:
        sizes = self._model.schema.params.type_params
        own = sizes[:, [kernel.OWN_W, kernel.OWN_H]]
        apart = abs(own - [box.width, box.height]).sum(axis=1)
        fitting = [k for k in range(len(sizes)) if self._fits_type(k, box, is_new=is_new)]
        return min(fitting, key=lambda k: (apart[k], k), default=None)

    def _start_track(self, box: Box) -> None:
        sizes = self._model.schema.params.type_params
        kind = self._nearest_type(box, is_new=True)
        if kind is None:
            return
        places = range(int(sizes[kind, kernel.FIRST_PLACE]), int(sizes[kind, kernel.END_PLACE]))
        free = [place for place in places if place not in self.tracks]
        hidden = [place for place in places if place in self.tracks and self.tracks[place].unseen]
        if free:
            self.tracks[free[0]] = Track(kind, box)
        elif hidden:
            longest = max(hidden, key=lambda place: (self.tracks[place].unseen, -place))
            self.tracks[longest] = Track(kind, box)

    def _feature(self, feature: Feature) -> float:
        if isinstance(feature.slot, GroupMember):
            group = self._members(feature.slot)
            if feature.slot.which is None:
                return len(group) / QUANTITIES["count"].scale
            place = self._chosen(feature.slot, group)
        else:
            place = feature.slot.place
        own = None if place is None else self._value(place, feature.quantity)
        if own is None:
            return 0.0
        if feature.other is not None:
            other = self._value(feature.other.place, feature.quantity)
            if other is None:
                return 0.0
            own -= other
        return own / QUANTITIES[feature.quantity].scale

    def _members(self, choice: GroupMember) -> dict[int, tuple[float, float]]:
        """The centres of those of a group that are there, px, by place."""
        places = set(range(choice.group.first, choice.group.end)) - {choice.player}
        found = {p: (self._value(p, "x"), self._value(p, "y")) for p in sorted(places)}
        return {p: (x, y) for p, (x, y) in found.items() if x is not None and y is not None}

    def _chosen(self, choice: GroupMember, group: dict[int, tuple[float, float]]) -> int | None:
        if choice.which == "nearest":
            x, y = self._value(choice.player, "x"), self._value(choice.player, "y")
            if x is None or y is None:
                return None
            near = {p: (at[0] - x) ** 2 + (at[1] - y) ** 2 for p, at in group.items()}
            return min(near, key=lambda place: near[place], default=None)
        if choice.which in (*SIDES, *SECONDS):
            axis, sign = SIDES[choice.which.removesuffix("2")]
            mine = self._value(choice.player, "xy"[axis])
            if mine is None:
                return None
            ahead = {p: sign * (at[axis] - mine) for p, at in group.items()}
            there = [p for p, off in ahead.items() if off > 0]
            first = min(there, key=lambda place: ahead[place], default=None)
            if choice.which in SIDES or first is None:
                return first
            beyond = ahead[first] + getattr(self.tracks[first], "wh"[axis])
            after = [p for p in there if ahead[p] > beyond]
            return min(after, key=lambda place: ahead[place], default=None)
        if choice.which == "coming":
            return self._next_collider(choice, group)
        axis = 0 if choice.which in ("leftmost", "rightmost") else 1
        pick = min if choice.which in ("leftmost", "highest") else max
        return pick(group, key=lambda place: group[place][axis], default=None)

    def _next_collider(
        self, choice: GroupMember, group: dict[int, tuple[float, float]]
    ) -> int | None:
        x, y = self._value(choice.player, "x"), self._value(choice.player, "y")
        if x is None or y is None:
            return None
        steps: dict[int, float] = {}
        for place, at in group.items():
            track = self.tracks[place]
            dx, dy, speed = x - at[0], y - at[1], math.hypot(track.vx, track.vy)
            ahead = dx * track.vx + dy * track.vy
            if (
                ahead > 0
                and abs(dx * track.vy - dy * track.vx) <= kernel.COLLISION_CORRIDOR * speed
            ):
                steps[place] = ahead / (track.vx * track.vx + track.vy * track.vy)
        return min(steps, key=lambda place: steps[place], default=None)

    def _value(self, place: int, quantity: str) -> float | None:
        track = self.tracks.get(place)
        max_coast = self._model.schema.params.type_params[self._kinds[place], kernel.COAST_LIMIT]
        if track is None or track.unseen > max_coast:
            return None
        if quantity == "x":
            return track.x + track.vx * track.unseen
        if quantity == "y":
            return track.y + track.vy * track.unseen
        if quantity in self._push:
            return self._push[quantity]
        return 1.0 if quantity == "present" else float(getattr(track, quantity))

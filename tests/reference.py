"""The detector in plain numpy and Python: slow, written apart from the compiled one, its equal."""

from __future__ import annotations

import math

import numpy as np
from scipy import ndimage

from diffses.detector import kernel
from diffses.detector.features import SCALES, SECONDS, SIDES, Choice, Feature
from diffses.detector.kernel import MAX_BLOBS, MAX_COLOURS, NOTHING
from diffses.detector.motion import Model


def find_blobs_plainly(
    screen: np.ndarray,
    background: np.ndarray,
    seen: np.ndarray,
    colours: np.ndarray,
    links: np.ndarray,
) -> np.ndarray:
    """What `find_blobs` finds, int32 (n, 6)."""
    found = [blob for blob, _ in _masks(screen, background, seen, colours, links)]
    return np.array(found, dtype=np.int32).reshape(-1, 6)


def _masks(
    screen: np.ndarray,
    background: np.ndarray,
    seen: np.ndarray,
    colours: np.ndarray,
    links: np.ndarray,
) -> list[tuple[tuple[int, ...], np.ndarray]]:
    """Every blob with its mask, bool (h, w), by labelling every colour's pixels with scipy."""
    numbers = np.where(screen == background, NOTHING, colours[seen.astype(int), screen])
    parts = np.zeros(screen.shape, dtype=np.int64)  # 0: background
    owner = [0]  # of each part: the part it is joined to; the lowest is the blob
    for number in np.unique(numbers[numbers != NOTHING]):
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
    """The first pixel of a blob, its row of `find_blobs`, and its mask."""
    ys, xs = np.nonzero(mask)
    colour = int(np.bincount(numbers[mask], minlength=MAX_COLOURS).argmax())
    blob = (colour, xs.min(), ys.min(), xs.max(), ys.max(), len(xs))
    return (int(ys[0]), int(xs[0])), tuple(int(value) for value in blob), mask


def put_back_plainly(
    screen: np.ndarray,
    before: np.ndarray,
    background: np.ndarray,
    seen: np.ndarray,
    colours: np.ndarray,
    links: np.ndarray,
) -> np.ndarray:
    """What `put_back` writes: the screen with what flickers, uint8 (h, w)."""
    gone = np.where((before != background) & (screen == background), before, background)
    numbers = np.where(screen == background, NOTHING, colours[seen.astype(int), screen])
    whole = screen.copy()
    for blob, mask in _masks(gone, background, seen, colours, links):
        number, left, top, right, bottom, _ = blob
        around = numbers[
            max(0, top - kernel.BESIDE) : bottom + kernel.BESIDE + 1,
            max(0, left - kernel.BESIDE) : right + kernel.BESIDE + 1,
        ]
        if not links[number, around[around != NOTHING]].any():
            whole[mask] = gone[mask]
    return whole


class Thing:
    """What the plain tracker knows of one object."""

    def __init__(self, kind: int, box: Box) -> None:
        self.kind, self.unseen, self.age = kind, 0, 0
        self.vx = self.vy = self.driftx = self.drifty = 0.0
        self.x, self.y, self.w, self.h = box.x, box.y, float(box.width), float(box.height)

    def meet(self, box: Box) -> None:
        steps = self.unseen + 1
        self.vx, self.vy = (box.x - self.x) / steps, (box.y - self.y) / steps
        self.x, self.y, self.w, self.h = box.x, box.y, float(box.width), float(box.height)
        self.unseen, self.age = 0, self.age + 1
        weight = 1 / min(self.age, kernel.DRIFT)
        self.driftx += weight * (self.vx - self.driftx)
        self.drifty += weight * (self.vy - self.drifty)


class Box:
    """A blob in pixels."""

    def __init__(self, blob: tuple[int, ...], mask: np.ndarray) -> None:
        self.colour, self.left, self.top, right, bottom, _ = blob
        self.width, self.height = right - self.left + 1, bottom - self.top + 1
        self.mask = mask[self.top : bottom + 1, self.left : right + 1]

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
    """`Detector.observe` without compiled code, for tests."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._kinds = model.cast.rules.type_of_place()
        self.things: dict[int, Thing] = {}  # by place
        self.reset()

    def reset(self) -> None:
        self.things = {}
        self._push = dict.fromkeys(PUSHES, 0.0) | {"rest": kernel.RESTED}

    def acted(self, action: int | None) -> None:
        """The action, by its index, that led to the step that is looked at next."""
        pushes = dict(enumerate(self._model.cast.pushes))
        nothing = (0.0, 0.0, 0.0)
        done = nothing if action is None else pushes.get(action, nothing)
        rest = 0.0 if done[2] else min(self._push["rest"] + 1, kernel.RESTED)
        self._push = dict(zip(PUSHES, done, strict=True)) | {"rest": rest}

    def observe(self, screen: np.ndarray, before: np.ndarray | None = None) -> np.ndarray:
        """The features of this step, float64 (f,)."""
        scene = self._model.scene
        looks = (scene.background, scene.seen, scene.colours, scene.links)
        if self._model.looks_back and before is not None:
            screen = put_back_plainly(screen, before, *looks)
        found = _masks(screen, *looks)
        boxes = [Box(blob, mask) for blob, mask in found]
        for box in boxes:
            self._trim(box)
        taken = self._match(boxes)
        self._age(set(taken.values()))
        for number, box in enumerate(boxes):
            if number not in taken:
                self._settle(box)
        return np.array([self._feature(feature) for feature in self._model.cast.features])

    def _match(self, boxes: list[Box]) -> dict[int, int]:
        """Gives each object its blob; the place each blob went to."""
        taken: dict[int, int] = {}
        for kind in range(len(self._model.cast.types)):
            mine = [place for place in sorted(self.things) if self._kinds[place] == kind]
            pairs = []
            for place in mine:
                for number, box in enumerate(boxes):
                    cost = self._cost(self.things[place], box)
                    if cost is not None:
                        pairs.append((cost, place, number))
            done: set[int] = set()
            for _, place, number in sorted(pairs):
                if place not in done and number not in taken:
                    done.add(place)
                    taken[number] = place
                    self.things[place].meet(boxes[number])
        return taken

    def _fits(self, kind: int, box: Box, *, newborn: bool) -> bool:
        size = self._model.cast.rules.sizes[kind]
        small = box.width < size[kernel.MIN_W] or box.height < size[kernel.MIN_H]
        large = box.width > size[kernel.MAX_W] or box.height > size[kernel.MAX_H]
        known = self._model.cast.rules.colours[kind, box.colour]
        return bool(known and not large and not (newborn and small))

    def _cost(self, thing: Thing, box: Box) -> float | None:
        if not self._fits(thing.kind, box, newborn=False):
            return None
        steps = thing.unseen + 1
        dx, dy = box.x - thing.x, box.y - thing.y
        ex, ey = dx - thing.vx * steps, dy - thing.vy * steps
        distance = math.sqrt(min(dx * dx + dy * dy, ex * ex + ey * ey))
        if distance > self._model.cast.rules.sizes[thing.kind, kernel.REACH]:
            return None
        return distance + 0.5 * (abs(box.width - thing.w) + abs(box.height - thing.h))

    def _age(self, met: set[int]) -> None:
        for place in sorted(self.things):
            if place not in met:
                self.things[place].unseen += 1
                self.things[place].age += 1
                if self.things[place].unseen > self._model.cast.rules.patience:
                    del self.things[place]

    def _trim(self, box: Box) -> None:
        kind = self._nearest(box, newborn=False)
        if kind is not None:
            cores = self._model.cast.rules.sizes[kind, [kernel.CORE_W, kernel.CORE_H]].astype(int)
            for axis, core in enumerate(cores.tolist()):
                if core and (box.width, box.height)[axis] > kernel.STRETCHED * core:
                    box.cut(axis, core)

    def _nearest(self, box: Box, *, newborn: bool) -> int | None:
        sizes = self._model.cast.rules.sizes
        own = sizes[:, [kernel.OWN_W, kernel.OWN_H]]
        apart = abs(own - [box.width, box.height]).sum(axis=1)
        fitting = [k for k in range(len(sizes)) if self._fits(k, box, newborn=newborn)]
        return min(fitting, key=lambda k: (apart[k], k), default=None)

    def _settle(self, box: Box) -> None:
        sizes = self._model.cast.rules.sizes
        kind = self._nearest(box, newborn=True)
        if kind is None:
            return
        places = range(int(sizes[kind, kernel.FIRST]), int(sizes[kind, kernel.END]))
        free = [place for place in places if place not in self.things]
        hidden = [place for place in places if place in self.things and self.things[place].unseen]
        if free:
            self.things[free[0]] = Thing(kind, box)
        elif hidden:
            longest = max(hidden, key=lambda place: (self.things[place].unseen, -place))
            self.things[longest] = Thing(kind, box)

    def _feature(self, feature: Feature) -> float:
        if isinstance(feature.slot, Choice):
            crowd = self._crowd(feature.slot)
            if feature.slot.which is None:
                return len(crowd) / SCALES["count"]
            place = self._chosen(feature.slot, crowd)
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
        return own / SCALES[feature.quantity]

    def _crowd(self, choice: Choice) -> dict[int, tuple[float, float]]:
        """The centres of those of a crowd that are there, px, by place."""
        places = set(range(choice.crowd.first, choice.crowd.end)) - {choice.player}
        found = {p: (self._value(p, "x"), self._value(p, "y")) for p in sorted(places)}
        return {p: (x, y) for p, (x, y) in found.items() if x is not None and y is not None}

    def _chosen(self, choice: Choice, crowd: dict[int, tuple[float, float]]) -> int | None:
        if choice.which == "nearest":
            x, y = self._value(choice.player, "x"), self._value(choice.player, "y")
            if x is None or y is None:
                return None
            near = {p: (at[0] - x) ** 2 + (at[1] - y) ** 2 for p, at in crowd.items()}
            return min(near, key=lambda place: near[place], default=None)
        if choice.which in (*SIDES, *SECONDS):
            axis, sign = SIDES[choice.which.removesuffix("2")]
            mine = self._value(choice.player, "xy"[axis])
            if mine is None:
                return None
            ahead = {p: sign * (at[axis] - mine) for p, at in crowd.items()}
            there = [p for p, off in ahead.items() if off > 0]
            first = min(there, key=lambda place: ahead[place], default=None)
            if choice.which in SIDES or first is None:
                return first
            beyond = ahead[first] + getattr(self.things[first], "wh"[axis])
            after = [p for p in there if ahead[p] > beyond]
            return min(after, key=lambda place: ahead[place], default=None)
        if choice.which == "coming":
            return self._coming(choice, crowd)
        axis = 0 if choice.which in ("leftmost", "rightmost") else 1
        pick = min if choice.which in ("leftmost", "highest") else max
        return pick(crowd, key=lambda place: crowd[place][axis], default=None)

    def _coming(self, choice: Choice, crowd: dict[int, tuple[float, float]]) -> int | None:
        x, y = self._value(choice.player, "x"), self._value(choice.player, "y")
        if x is None or y is None:
            return None
        steps: dict[int, float] = {}
        for place, at in crowd.items():
            thing = self.things[place]
            dx, dy, speed = x - at[0], y - at[1], math.hypot(thing.vx, thing.vy)
            ahead = dx * thing.vx + dy * thing.vy
            if ahead > 0 and abs(dx * thing.vy - dy * thing.vx) <= kernel.COURSE * speed:
                steps[place] = ahead / (thing.vx * thing.vx + thing.vy * thing.vy)
        return min(steps, key=lambda place: steps[place], default=None)

    def _value(self, place: int, quantity: str) -> float | None:
        thing = self.things.get(place)
        hold = self._model.cast.rules.sizes[self._kinds[place], kernel.HOLD]
        if thing is None or thing.unseen > hold:
            return None
        if quantity == "x":
            return thing.x + thing.vx * thing.unseen
        if quantity == "y":
            return thing.y + thing.vy * thing.unseen
        if quantity in self._push:
            return self._push[quantity]
        return 1.0 if quantity == "present" else float(getattr(thing, quantity))

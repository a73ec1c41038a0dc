"""SPACE as a detector: screens in, features out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from diffses.config import Label, SpaceDetector
from diffses.detector.geometry import iou
from diffses.detector.kernel import MAX_BLOBS
from diffses.detector.learn import look_around
from diffses.detector.object_schema import cast_of_boxes
from diffses.detector.recording import Recording
from diffses.detector.space.clusters import Clusters, cluster, joined
from diffses.detector.space.network import GLIMPSE, SIDE, Space, centres, cut
from diffses.detector.space.training import as_input, device_of, shrink, train
from diffses.detector.tracker import Cast, Tracking, read_cast
from diffses.errors import ArtifactError, DiffsesError
from diffses.seeds import seed_for

FORMAT = 3  # of the files; raised when their meaning changes
SOLID = 0.5  # a pixel is an object's where it covers more than this
UNLIKE = 0.3  # and is unlike the background by more than this, summed over the three colours
ONE = 0.5  # IoU of two boxes that are one object, seen from two cells
BATCH = 32  # frames inferred at a time while learning


@dataclass(frozen=True)
class Sights:
    """What is seen on one screen."""

    boxes: np.ndarray  # int32 (n, 4): left, top, right, bottom, inclusive, px of the screen
    codes: np.ndarray  # float64 (n, CODE): z_what


class SpaceEye:
    """The network, and how its boxes become pixels of the screen.

    Args:
        looked: bool (h, w): where objects are looked for; one with its middle elsewhere is none.
    """

    def __init__(
        self, model: Space, palette: np.ndarray, present: float, looked: np.ndarray
    ) -> None:
        self.model, self.palette, self.present = model.eval(), palette, present
        self.looked = looked

    @torch.no_grad()
    def see(self, screens: np.ndarray) -> list[Sights]:
        """What is on screens, uint8 (n, h, w), palette indices."""
        device = self.model.background.device
        frames = as_input(shrink(self.palette[screens]), device)
        latents, _ = self.model.infer(frames)
        behind = cut(self.model.background.expand_as(frames), latents.cell, latents.box)
        colour, cover = latents.drawn[:, :, :3], latents.drawn[:, :, 3]
        unlike = (colour - behind.view_as(colour)).abs().sum(dim=2) > UNLIKE
        solid = (cover > SOLID) & unlike  # drawing what is behind anyway costs the network nothing
        found = latents.pres > self.present
        extents = _extents(solid) * latents.box[..., [0, 1, 0, 1]]  # from the object's centre
        middle = centres(latents.cell) + latents.box[..., 2:]
        corners = extents + middle.repeat(1, 1, 2)
        found &= solid.flatten(2).any(dim=2)
        height, width = screens.shape[1:]
        scale = torch.tensor([width, height, width, height], device=device) / SIDE
        corners = corners * scale
        every = [
            _sights(
                corners[n][found[n]].cpu().double().numpy(),
                latents.pres[n][found[n]].cpu().numpy(),
                latents.what.mean[n][found[n]].cpu().double().numpy(),
                (width, height),
            )
            for n in range(len(screens))
        ]
        return [_within(one, self.looked) for one in every]


def _extents(solid: Tensor) -> Tensor:
    """Where the solid part of glimpses lies, (b, c, GLIMPSE, GLIMPSE) -> (b, c, 4): left, top,
    right, bottom from the centre, in sizes of the glimpse."""
    sides = []
    for axis in (2, 3):  # any over the rows leaves the columns: x before y
        line = solid.any(dim=axis).float()
        first = line.argmax(dim=2)
        last = GLIMPSE - line.flip(2).argmax(dim=2)
        sides.append((first / GLIMPSE - 0.5, last / GLIMPSE - 0.5))
    (left, right), (top, bottom) = sides
    return torch.stack([left, top, right, bottom], dim=-1)


def _sights(
    corners: np.ndarray, presence: np.ndarray, codes: np.ndarray, size: tuple[int, int]
) -> Sights:
    """Whole pixels; of boxes that are one object the surest is kept."""
    order = np.argsort(-presence, kind="stable")
    corners, codes = corners[order], codes[order]
    overlap = iou(corners, corners)
    kept: list[int] = []
    for row in range(len(corners)):
        if (overlap[row, kept] < ONE).all():
            kept.append(row)
    low = np.floor(corners[kept, :2] + 0.5)
    high = np.maximum(np.floor(corners[kept, 2:] + 0.5) - 1, low)
    edge = np.array(size) - 1
    boxes = np.concatenate([low.clip(0, edge), high.clip(0, edge)], axis=1).astype(np.int32)
    return Sights(boxes[:MAX_BLOBS], codes[kept][:MAX_BLOBS])


def _within(sights: Sights, looked: np.ndarray) -> Sights:
    """Those whose middle is where objects are looked for."""
    x, y = (sights.boxes[:, :2] + sights.boxes[:, 2:]).T // 2
    there = looked[y, x]
    return Sights(sights.boxes[there], sights.codes[there])


def typed(sights: Sights, clusters: Clusters) -> np.ndarray:
    """The boxes with their types, int32 (n, 6), as `Memory.follow` takes them."""
    if not len(sights.boxes):
        return np.zeros((0, 6), np.int32)
    size = sights.boxes[:, 2:] - sights.boxes[:, :2] + 1
    kind = clusters.of(sights.codes)
    return np.column_stack([kind, sights.boxes, size.prod(axis=1)]).astype(np.int32)


class SpaceFinder(Tracking):
    """Finds objects with SPACE, and keeps track of them from one step to the next.

    Not safe to share between threads: one for each game that is being played.
    """

    def __init__(self, eye: SpaceEye, clusters: Clusters, cast: Cast) -> None:
        self.eye, self.clusters = eye, clusters
        super().__init__(cast)

    def fresh(self) -> SpaceFinder:
        """The same at the start of an episode of its own: what was learned is shared."""
        return self.with_cast(self.memory.cast)

    def with_cast(self, cast: Cast) -> SpaceFinder:
        """The same with another cast."""
        return SpaceFinder(self.eye, self.clusters, cast)

    def observe(self, screen: np.ndarray, before: np.ndarray | None = None) -> np.ndarray:
        """The features of this step, float64 (f,); the next call overwrites them.

        Args:
            screen: uint8 (h, w), palette indices, the raw frame after the step.
        """
        sights = self.eye.see(screen[None])[0]
        return self.memory.follow(typed(sights, self.clusters))

    def save(self, folder: Path) -> None:
        """Writes `detector.json`, `detector.npz` and `network.pt`."""
        cast = self.memory.cast
        about = {"format": FORMAT, "kind": "space", "present": self.eye.present}
        (folder / "detector.json").write_text(json.dumps(about | cast.describe(), indent=2) + "\n")
        np.savez_compressed(
            folder / "detector.npz",
            rules=cast.rules.sizes,
            type_colours=cast.rules.colours,
            centres=self.clusters.centres,
            scale=self.clusters.scale,
            type_of=self.clusters.type_of,
            looked=self.eye.looked,
            palette=self.eye.palette,
        )
        torch.save(self.eye.model.state_dict(), folder / "network.pt")

    @classmethod
    def load(cls, folder: Path) -> SpaceFinder:
        """Reads what `save` wrote, on the CPU, for one thread.

        Raises:
            ArtifactError: where it is not there or not readable.
        """
        torch.set_num_threads(1)
        try:
            words = json.loads((folder / "detector.json").read_text())
            with np.load(folder / "detector.npz") as file:
                arrays = {name: file[name] for name in file.files}
            if words["format"] != FORMAT or words["kind"] != "space":
                raise ValueError(f"format {words['format']} of {words['kind']!r}")
            weights = torch.load(folder / "network.pt", map_location="cpu", weights_only=True)
            model = Space(torch.zeros(3, SIDE, SIDE))
            model.load_state_dict(weights)
            eye = SpaceEye(model, arrays["palette"], words["present"], arrays["looked"])
            clusters = Clusters(arrays["centres"], arrays["scale"], arrays["type_of"])
            return cls(eye, clusters, read_cast(words, arrays["rules"], arrays["type_colours"]))
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise ArtifactError(
                f"{folder} holds no detector that can be read: {error}",
                fix="the folder of a detector artifact, or stage=detector force=[detector]",
            ) from error


def learn_space(
    play: Recording, settings: SpaceDetector, labels: Mapping[str, Label], scratch: Path
) -> SpaceFinder:
    """Trains SPACE on a recording, in `scratch`, and finds types, player and features.

    Raises:
        DiffsesError: where no object is found.
        ConfigError: where a label finds no type.
    """
    model = train(shrink(play.frames), settings, scratch)
    return finder_of(model, play, settings, labels)


def finder_of(
    model: Space, play: Recording, settings: SpaceDetector, labels: Mapping[str, Label]
) -> SpaceFinder:
    """Types, player and features, with a network that is trained.

    Score displays are found as the motion detector finds them: lines in which things change but
    never travel.
    """
    scene, _ = look_around(play.screens, play.starts)
    eye = SpaceEye(model, play.palette, settings.present, scene.seen)
    sights: list[Sights] = []
    for start in range(0, len(play.screens), BATCH):
        sights += eye.see(play.screens[start : start + BATCH])
    codes = np.concatenate([one.codes for one in sights])
    if not len(codes):
        raise DiffsesError(
            f"SPACE found no object on {len(sights)} screens",
            fix=f"detector.train_steps={2 * settings.train_steps}, or detector=motion",
        )
    clusters = cluster(codes, seed_for(settings.seed, "types"))
    clusters = joined(clusters, [typed(one, clusters) for one in sights], play.starts)
    boxes = [typed(one, clusters) for one in sights]
    cast = cast_of_boxes(
        boxes, clusters.count, play.starts, play.action_tm1, settings, settings.patience, labels
    )
    model.to(device_of("cpu"))
    return SpaceFinder(eye, clusters, cast)

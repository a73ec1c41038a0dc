"""SPACE as a detector: from screens to features."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from diffses.config import Label, SpaceDetector
from diffses.detector.geometry import iou
from diffses.detector.kernel import MAX_BLOBS
from diffses.detector.learn import learn_segmentation
from diffses.detector.object_schema import schema_from_boxes
from diffses.detector.recording import Recording
from diffses.detector.space.clusters import Clusters, fit_clusters, merge_clusters
from diffses.detector.space.network import GLIMPSE, SIDE, Space, cell_centres, crop_glimpses
from diffses.detector.space.training import as_input, device_of, resize_frames, train
from diffses.detector.tracker import ObjectSchema, TrackingDetector, read_schema
from diffses.errors import ArtifactError, DiffsesError
from diffses.seeds import seed_for

FORMAT = 3  # of the files; raise it when their meaning changes
MIN_COVER = 0.5  # alpha above which a pixel belongs to an object
MIN_DIFFERENCE = 0.3  # to the background, summed over RGB in 0..1, that it must have besides
SAME_OBJECT_IOU = 0.5  # from which the boxes of two cells are one object
BATCH = 32  # frames per forward pass while learning


@dataclass(frozen=True)
class SpaceDetections:
    """The detections on one screen."""

    boxes: np.ndarray  # int32 (n, 4): left, top, right, bottom, inclusive, px of the screen
    codes: np.ndarray  # float64 (n, CODE): z_what


class SpaceInference:
    """Runs the network, and converts its boxes to pixels of the screen.

    Args:
        present: least probability of an object.
        search_mask: bool (h, w); a detection with its centre outside is dropped.
    """

    def __init__(
        self, model: Space, palette: np.ndarray, present: float, search_mask: np.ndarray
    ) -> None:
        self.model, self.palette, self.present = model.eval(), palette, present
        self.search_mask = search_mask

    @torch.no_grad()
    def detect(self, screens: np.ndarray) -> list[SpaceDetections]:
        """The detections on each screen, uint8 (n, h, w), palette indices."""
        device = self.model.background.device
        frames = as_input(resize_frames(self.palette[screens]), device)
        latents, _ = self.model.infer(frames)
        behind = crop_glimpses(self.model.background.expand_as(frames), latents.cell, latents.box)
        colour, cover = latents.drawn[:, :, :3], latents.drawn[:, :, 3]
        unlike = (colour - behind.view_as(colour)).abs().sum(dim=2) > MIN_DIFFERENCE
        # the network may redraw the background at no cost
        solid = (cover > MIN_COVER) & unlike
        found = latents.pres > self.present
        extents = _extents(solid) * latents.box[..., [0, 1, 0, 1]]  # from the object's centre
        middle = cell_centres(latents.cell) + latents.box[..., 2:]
        corners = extents + middle.repeat(1, 1, 2)
        found &= solid.flatten(2).any(dim=2)
        height, width = screens.shape[1:]
        scale = torch.tensor([width, height, width, height], device=device) / SIDE
        corners = corners * scale
        every = [
            _merge_detections(
                corners[n][found[n]].cpu().double().numpy(),
                latents.pres[n][found[n]].cpu().numpy(),
                latents.what.mean[n][found[n]].cpu().double().numpy(),
                (width, height),
            )
            for n in range(len(screens))
        ]
        return [_inside_mask(one, self.search_mask) for one in every]


def _extents(solid: Tensor) -> Tensor:
    """The bounding box of the solid part of glimpses, (b, c, GLIMPSE, GLIMPSE) -> (b, c, 4).

    Left, top, right, bottom from the centre, in sizes of the glimpse.
    """
    sides = []
    for axis in (2, 3):  # any over the rows leaves the columns: x before y
        line = solid.any(dim=axis).float()
        first = line.argmax(dim=2)
        last = GLIMPSE - line.flip(2).argmax(dim=2)
        sides.append((first / GLIMPSE - 0.5, last / GLIMPSE - 0.5))
    (left, right), (top, bottom) = sides
    return torch.stack([left, top, right, bottom], dim=-1)


def _merge_detections(
    corners: np.ndarray, presence: np.ndarray, codes: np.ndarray, size: tuple[int, int]
) -> SpaceDetections:
    """Rounds boxes to whole pixels; of boxes of one object the most probable is kept."""
    order = np.argsort(-presence, kind="stable")
    corners, codes = corners[order], codes[order]
    overlap = iou(corners, corners)
    kept: list[int] = []
    for row in range(len(corners)):
        if (overlap[row, kept] < SAME_OBJECT_IOU).all():
            kept.append(row)
    low = np.floor(corners[kept, :2] + 0.5)
    high = np.maximum(np.floor(corners[kept, 2:] + 0.5) - 1, low)
    edge = np.array(size) - 1
    boxes = np.concatenate([low.clip(0, edge), high.clip(0, edge)], axis=1).astype(np.int32)
    return SpaceDetections(boxes[:MAX_BLOBS], codes[kept][:MAX_BLOBS])


def _inside_mask(detections: SpaceDetections, search_mask: np.ndarray) -> SpaceDetections:
    """The detections with their centre in the search mask."""
    x, y = (detections.boxes[:, :2] + detections.boxes[:, 2:]).T // 2
    there = search_mask[y, x]
    return SpaceDetections(detections.boxes[there], detections.codes[there])


def typed_boxes(detections: SpaceDetections, clusters: Clusters) -> np.ndarray:
    """The boxes with their types, int32 (n, 6), as `Tracker.update` takes them."""
    if not len(detections.boxes):
        return np.zeros((0, 6), np.int32)
    size = detections.boxes[:, 2:] - detections.boxes[:, :2] + 1
    kind = clusters.assign(detections.codes)
    return np.column_stack([kind, detections.boxes, size.prod(axis=1)]).astype(np.int32)


class SpaceObjectDetector(TrackingDetector):
    """Finds objects with SPACE and tracks them.

    Not thread-safe: use one instance per game that is being played (`fresh`).
    """

    def __init__(self, inference: SpaceInference, clusters: Clusters, schema: ObjectSchema) -> None:
        self.inference, self.clusters = inference, clusters
        super().__init__(schema)

    def fresh(self) -> SpaceObjectDetector:
        """A new instance with its own tracker state; what was learned is shared."""
        return self.with_schema(self.tracker.schema)

    def with_schema(self, schema: ObjectSchema) -> SpaceObjectDetector:
        """A new instance with another schema."""
        return SpaceObjectDetector(self.inference, self.clusters, schema)

    def observe(self, screen: np.ndarray, before: np.ndarray | None = None) -> np.ndarray:
        """The features of this step, float64 (f,); the next call overwrites them.

        Args:
            screen: uint8 (h, w), palette indices, the raw frame after the step.
        """
        detections = self.inference.detect(screen[None])[0]
        return self.tracker.update(typed_boxes(detections, self.clusters))

    def save(self, folder: Path) -> None:
        """Writes `detector.json`, `detector.npz` and `network.pt`."""
        schema = self.tracker.schema
        about = {"format": FORMAT, "kind": "space", "present": self.inference.present}
        (folder / "detector.json").write_text(
            json.dumps(about | schema.describe(), indent=2) + "\n"
        )
        np.savez_compressed(
            folder / "detector.npz",
            **cast("dict[str, Any]", schema.params.arrays()),
            centres=self.clusters.centres,
            scale=self.clusters.scale,
            type_of=self.clusters.type_of,
            looked=self.inference.search_mask,
            palette=self.inference.palette,
        )
        torch.save(self.inference.model.state_dict(), folder / "network.pt")

    @classmethod
    def load(cls, folder: Path) -> SpaceObjectDetector:
        """Reads what `save` wrote, on the CPU, for one thread.

        Raises:
            ArtifactError: if it is missing or not readable.
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
            inference = SpaceInference(model, arrays["palette"], words["present"], arrays["looked"])
            clusters = Clusters(arrays["centres"], arrays["scale"], arrays["type_of"])
            return cls(inference, clusters, read_schema(words, arrays))
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise ArtifactError(
                f"{folder} holds no detector that can be read: {error}",
                fix="the folder of a detector artifact, or stage=detector force=[detector]",
            ) from error


def learn_space(
    play: Recording, settings: SpaceDetector, labels: Mapping[str, Label], scratch: Path
) -> SpaceObjectDetector:
    """Trains SPACE on a recording, in `scratch`, and builds the detector.

    Raises:
        DiffsesError: if no object is found.
        ConfigError: if a label finds no type.
    """
    model = train(resize_frames(play.frames), settings, scratch)
    return build_space_detector(model, play, settings, labels)


def build_space_detector(
    model: Space, play: Recording, settings: SpaceDetector, labels: Mapping[str, Label]
) -> SpaceObjectDetector:
    """Types, player and features, given a trained network.

    Score displays are found as for the motion detector.
    """
    segmentation, *_ = learn_segmentation(play.screens, play.starts, play.action_tm1)
    inference = SpaceInference(model, play.palette, settings.present, segmentation.search_mask)
    detections: list[SpaceDetections] = []
    for start in range(0, len(play.screens), BATCH):
        detections += inference.detect(play.screens[start : start + BATCH])
    codes = np.concatenate([one.codes for one in detections])
    if not len(codes):
        raise DiffsesError(
            f"SPACE found no object on {len(detections)} screens",
            fix=f"detector.train_steps={2 * settings.train_steps}, or detector=motion",
        )
    clusters = fit_clusters(codes, seed_for(settings.seed, "types"))
    clusters = merge_clusters(
        clusters, [typed_boxes(one, clusters) for one in detections], play.starts
    )
    boxes = [typed_boxes(one, clusters) for one in detections]
    schema = schema_from_boxes(
        boxes,
        clusters.count,
        play.starts,
        play.action_tm1,
        settings,
        settings.patience,
        labels,
        outcomes=play.outcomes,
    )
    model.to(device_of("cpu"))
    return SpaceObjectDetector(inference, clusters, schema)

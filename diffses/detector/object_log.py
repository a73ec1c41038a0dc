"""Every object that a detector sees in a recording, as arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diffses.detector.offline_tracks import Trajectories
from diffses.detector.recording import Recording
from diffses.detector.tracker import OBJECT, ObjectDetector, replay_action


@dataclass(frozen=True)
class ObjectLog:
    """One row a detected object, by frame."""

    frame: np.ndarray  # int64 (n,), increasing
    kind: np.ndarray  # int64 (n,): index of its type
    track: np.ndarray  # int64 (n,): numbered by birth
    box: np.ndarray  # float64 (n, 4): left, top, right, bottom in px
    velocity: np.ndarray  # float64 (n, 2): px per step, to the right and down
    frames: int  # of the recording

    @classmethod
    def of_tracks(cls, tracks: Trajectories, kind: np.ndarray, frames: int) -> ObjectLog:
        """The log of offline tracks; kind: int64 (n,), the type of each row."""
        ends = tracks.box + np.array([0, 0, 1, 1])  # of pixels that are covered to their far side
        velocity = np.column_stack([tracks.vx, tracks.vy])
        return cls(tracks.frame, kind, tracks.track, ends.astype(float), velocity, frames)

    def of_frame(self, frame: int) -> slice:
        """The rows of a frame."""
        first, end = np.searchsorted(self.frame, [frame, frame + 1])
        return slice(int(first), int(end))

    def share_of_frames(self, kinds: int) -> np.ndarray:
        """The share of the frames that show each of so many types, float64 (kinds,)."""
        seen = np.unique(self.frame * kinds + self.kind) % max(kinds, 1)
        return np.bincount(seen, minlength=kinds) / max(self.frames, 1)


def watch(detector: ObjectDetector, play: Recording) -> ObjectLog:
    """What a detector sees in a recording, tracked from the start as at play."""
    tracker = detector.tracker
    shown = play.ram if detector.sees_ram and play.ram is not None else play.screens
    number = np.zeros(max(len(tracker.table), 1), np.int64)  # of the object with each track
    born = 0
    pieces, tracks, counts = [], [], np.zeros(len(shown), np.int64)
    for frame, screen in enumerate(shown):
        replay_action(detector, frame, play.starts, play.action_tm1)
        detector.observe(screen, None if play.before is None else play.before[frame])
        found = tracker.objects
        new = found["track"][tracker.ages == 0]
        number[new] = born + np.arange(len(new))
        born += len(new)
        pieces.append(found)
        tracks.append(number[found["track"]])
        counts[frame] = len(found)
    found = np.concatenate([np.zeros(0, OBJECT), *pieces])
    centre = np.column_stack([found["x"], found["y"]]).astype(float)
    half = np.column_stack([found["w"], found["h"]]).astype(float) / 2
    return ObjectLog(
        np.repeat(np.arange(len(shown)), counts),
        found["type"].astype(np.int64),
        np.concatenate([np.zeros(0, np.int64), *tracks]),
        np.column_stack([centre - half, centre + half]),
        np.column_stack([found["vx"], found["vy"]]).astype(float),
        len(shown),
    )

"""Which of the things that move are of one type."""

from __future__ import annotations

import numpy as np

from diffses.detector import kernel, object_types
from diffses.detector.offline_tracks import Trajectories

FRAMES = 200
SPEED = 3  # px a step
PLANE, SPARKS = (16, 14), (6, 6)  # width, height in px


def put_together(lives: list[list[tuple[int, int, int, int]]]) -> Trajectories:
    """Sights of things of one colour, each given as its boxes (left, top, width, height)."""
    sights = [
        (thing, step, box) for thing, life in enumerate(lives) for step, box in enumerate(life)
    ]
    track = np.array([thing for thing, _, _ in sights])
    frame = np.array([step for _, step, _ in sights])
    given = np.array([box for _, _, box in sights])
    box = np.column_stack([given[:, :2], given[:, :2] + given[:, 2:] - 1])
    centre = box[:, :2] + box[:, 2:]
    step = np.vstack([[0, 0], np.diff(centre, axis=0)]) / 2
    step[frame == 0] = 0
    return Trajectories(
        frame=frame,
        track=track,
        place=track,
        colour=np.ones(len(sights), np.int64),
        box=box,
        area=given[:, 2] * given[:, 3],
        vx=step[:, 0],
        vy=step[:, 1],
        moved=(step != 0).any(axis=1),
    )


def flying(steps: int, size: tuple[int, int]) -> list[tuple[int, int, int, int]]:
    return [(10 + SPEED * step, 50, *size) for step in range(steps)]


def resting(steps: int, size: tuple[int, int]) -> list[tuple[int, int, int, int]]:
    return [(80, 90, *size)] * steps


def kinds_of(lives: list[list[tuple[int, int, int, int]]]) -> list[object_types.ObjectType]:
    tracks = put_together(lives)
    links = np.eye(kernel.MAX_COLOURS, dtype=bool)
    return object_types.find_object_types(tracks, object_types.track_stats(tracks), links, FRAMES)


def test_a_plane_is_not_lost_to_the_sparks_it_ends_in() -> None:
    ends = flying(20, PLANE) + [(70, 50, *SPARKS)] * 15
    shards = [flying(10, SPARKS)] + [resting(60, SPARKS) for _ in range(20)]
    kinds = kinds_of([ends for _ in range(10)] + shards)
    assert [(kind.width, kind.height) for kind in kinds] == [PLANE]


def test_a_thing_that_changes_its_shape_while_it_moves_is_of_one_type() -> None:
    """What moves in both shapes, four steps of one and four of the other, as an animation."""
    life = [(10 + SPEED * s, 50, *(PLANE if s % 8 < 4 else SPARKS)) for s in range(30)]
    kinds = kinds_of([life for _ in range(6)] + [flying(20, SPARKS) for _ in range(6)])
    assert len(kinds) == 1

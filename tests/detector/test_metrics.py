import json

import numpy as np
import pytest
from made_up import PONG, RED, picture_of

from diffses.cli.score_detector import main
from diffses.detector import geometry as boxes
from diffses.detector.ground_truth import (
    GroundTruth,
    candidate_boxes,
    moving_categories,
    visible_boxes,
)
from diffses.detector.metrics import (
    Detections,
    identity_switches,
    majority_categories,
    match_frame,
    still_or_hidden,
    totals,
    type_purity,
)


def truth(rows, pictures=None, frames=3):
    """rows: (frame, category, left, top, right, bottom)."""
    table = np.array(rows, dtype=float).reshape(-1, 6)
    screens = np.array(pictures if pictures is not None else [picture_of()] * frames)
    rgb = np.zeros((*screens.shape, 3), np.uint8)
    return GroundTruth(
        rgb,
        screens,
        np.arange(len(screens)) == 0,
        np.zeros(len(screens), int),
        table[:, 0].astype(int),
        table[:, 1].astype(int),
        table[:, 2:],
        ("Ball", "Brick"),
    )


def seen(*rows):
    """rows: (type, track, left, top, right, bottom)."""
    table = np.array(rows, dtype=float).reshape(-1, 6)
    return Detections(table[:, 0].astype(int), table[:, 1].astype(int), table[:, 2:])


def test_overlap_by_hand():
    one, two = np.array([[0, 0, 4, 4.0]]), np.array([[2, 0, 6, 4.0], [10, 10, 12, 12]])
    assert boxes.iou(one, two).tolist() == [[8 / 24, 0]]
    assert boxes.distance(one, two)[0, 0] == 2
    assert boxes.distance(one, two)[0, 1] == pytest.approx(np.hypot(9, 9))


def test_a_pair_needs_half_or_for_small_boxes_two_pixels():
    there = truth([(0, 0, 0, 0, 10, 10), (0, 0, 50, 50, 52, 54)])
    every = np.ones(2, bool)
    # 10x10 against 10x6: IoU 0.6; the small one is 2 px off and does not overlap at all
    one = match_frame(seen((0, 0, 0, 0, 10, 6), (1, 1, 52, 50, 54, 54)), there, every, 0)
    assert len(one.rows) == 2
    # 10x10 against 10x4: IoU 0.4; the small one is 3 px off
    two = match_frame(seen((0, 0, 0, 0, 10, 4), (1, 1, 53, 50, 55, 54)), there, every, 0)
    assert (len(two.rows), len(two.false), len(two.missed)) == (0, 2, 2)
    # IoU 0.4 again, now with the same centre: that is enough for small boxes only
    three = match_frame(seen((0, 0, 0, 3, 10, 7)), there, every, 0)
    assert len(three.rows) == 0


def test_pairs_are_one_to_one():
    there = truth([(0, 0, 0, 0, 10, 10)])
    found = match_frame(seen((0, 0, 0, 0, 10, 10), (0, 1, 0, 0, 10, 9)), there, np.ones(1, bool), 0)
    assert (len(found.rows), found.false.tolist(), found.iou.tolist()) == (1, [0], [1.0])
    assert totals([found])["precision"] == 0.5
    assert totals([found])["f1"] == pytest.approx(2 / 3)


def test_an_ignored_box_is_no_miss_and_excuses_what_is_half_inside():
    there = truth([(0, 1, 0, 0, 10, 10)])
    nothing = np.zeros(1, bool)
    assert len(match_frame(seen(), there, nothing, 0).missed) == 0
    # 5 of the 10 columns of the prediction lie inside, then 4
    assert len(match_frame(seen((0, 0, 5, 0, 15, 10)), there, nothing, 0).false) == 0
    assert len(match_frame(seen((0, 0, 6, 0, 16, 10)), there, nothing, 0).false) == 1


def test_counted_is_what_moves():
    moving = [(frame, 0, frame, 0, frame + 2, 4) for frame in range(3)]
    still = [(frame, 1, 50, 50, 58, 54) for frame in range(3)]
    assert moving_categories(truth(moving + still)) == [0]


def test_a_box_in_which_nothing_is_drawn_is_not():
    pictures = [picture_of(), picture_of((14, 10, 10, 2, 4)), picture_of()]
    there = truth([(1, 0, 10, 10, 12, 14), (2, 0, 10, 10, 12, 14)], pictures)
    assert visible_boxes(there).tolist() == [True, False]


def test_types_stand_for_what_they_meet_most():
    there = truth([(0, 0, 0, 0, 8, 8), (1, 0, 0, 0, 8, 8), (2, 1, 0, 0, 8, 8)])
    every = np.ones(3, bool)
    frames = [match_frame(seen((7, 0, 0, 0, 8, 8)), there, every, frame) for frame in range(3)]
    assert majority_categories(frames, there) == {7: 0}
    assert type_purity(frames, there) == pytest.approx(2 / 3)


def test_a_switch_is_another_track_for_the_same_thing():
    there = truth([(frame, 0, frame, 0, frame + 8, 8) for frame in range(3)])
    tracks = [0, 0, 5]
    frames = [
        match_frame(seen((0, tracks[f], f, 0, f + 8, 8)), there, np.ones(3, bool), f)
        for f in range(3)
    ]
    assert identity_switches(frames, there, 1) == {0: 1}


def test_boxes_that_are_ignored_have_a_recall_of_their_own():
    # two bricks that never move, in three frames: one is seen in two of the three, one never; the
    # ball is not asked for. Four of four boxes from frame 1 on, one found: 1/4
    bricks = [(f, 1, left, 0, left + 10, 10) for f in range(3) for left in (0, 50)]
    there = truth([*bricks, (1, 0, 90, 90, 94, 94)])
    rows = there.category == 1
    per_frame = [seen((0, 0, 0, 0, 10, 10)), seen((0, 0, 0, 0, 10, 10)), seen()]
    found = still_or_hidden(per_frame, there, candidate_boxes(there.screens), rows, 1)
    assert found == {"Brick": {"boxes": 4, "recall": 0.25, "ceiling": 0.0}}  # the screen is empty


def test_the_ceiling_of_a_still_box_is_what_can_be_seen_of_it():
    # a brick in front of the background in one frame of three, in the first scored one of two
    pictures = [picture_of(), picture_of((RED, 0, 0, 10, 10)), picture_of()]
    there = truth([(f, 1, 0, 0, 10, 10) for f in range(3)], pictures)
    candidates = candidate_boxes(there.screens)
    found = still_or_hidden([seen()] * 3, there, candidates, there.category == 1, 1)
    assert found == {"Brick": {"boxes": 2, "recall": 0.0, "ceiling": 0.5}}


@pytest.mark.slow
def test_a_detector_that_learns_by_play_is_scored_on_the_whole_recording(capsys):
    assert main(["--detector", "motion", "--frames", str(PONG), "--play", "pong"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["split"], result["player"]["category"]) == (0, "Player")
    assert result["overall"]["f1"] >= 0.95


def test_pong_scores(capsys, tmp_path):
    report = tmp_path / "scores.json"
    arguments = ["--detector", "motion", "--frames", str(PONG)]
    assert main([*arguments, "--json", str(report), "--png", str(tmp_path)]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result == json.loads(report.read_text())
    assert result["overall"]["f1"] >= 0.95
    assert result["overall"]["centre_error_px"] <= 1
    assert result["player"]["category"] == "Player"
    assert result["split"] == 120
    assert set(result["categories"]) == {"Player", "Ball", "Enemy"}
    assert list(tmp_path.glob("worst_*.png"))


def test_a_saved_detector_is_scored_as_it_is(pong_detector, tmp_path, capsys):
    pong_detector.save(tmp_path)
    assert main(["--detector", str(tmp_path), "--frames", str(PONG)]) == 0
    assert '"ball": "Ball"' in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--detector=motion", "--frames=/nowhere.npz"], 1),
        (["--detector=motion", "--frames=/"], 1),
        (["--detector=motion", f"--frames={__file__}"], 1),
        (["--detector=/nowhere", f"--frames={PONG}"], 1),
        (["--detector=motion", f"--frames={PONG}", "--split=0.0001"], 1),  # 0 frames to learn from
        (["--detector=motion", f"--frames={PONG}", "--split=1"], 2),
        (["--detector=motion", f"--frames={PONG}", "--play=pongg"], 1),
        (["--detector=/nowhere", f"--frames={PONG}", "--play=pong"], 1),
        (["--detector=motion", "--frames=x", "--what=1"], 2),
        ([f"--frames={PONG}"], 2),
    ],
)
def test_what_cannot_work_is_two_lines(arguments, code, capsys):
    assert main(arguments) == code
    shown = capsys.readouterr().err
    assert shown.startswith("ERROR ")
    assert "\n  fix: " in shown


def test_help_says_what_a_file_holds(capsys):
    assert main(["--help"]) == 0
    assert "episode_start" in capsys.readouterr().out

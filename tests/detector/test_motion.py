import json

import numpy as np
import pytest
from made_up import BLUE, LABELS, RED, WHITE, bouncing, picture_of
from reference import PlainDetector

from diffses.config import MotionDetector
from diffses.detector import kernel
from diffses.detector.learn import learn_motion_detector
from diffses.detector.motion import MotionObjectDetector
from diffses.errors import ArtifactError
from diffses.zoo.champion import open_champion


def test_pong_is_found(pong_detector):
    assert pong_detector.features == (
        "player.y", "player.vy", "player.pushy",
        "ball.x", "ball.y", "ball.vx", "ball.vy", "ball.present",
        "enemy.y", "enemy.vy", "enemy.present",
        "ball.y-player.y", "enemy.y-player.y", "enemy.y-ball.y",
    )  # fmt: skip
    assert pong_detector.model.schema.player == "player"
    assert pong_detector.units["ball.y-player.y"].startswith("100 px below player")


def test_compiled_and_plain_give_the_same_bits(pong, pong_detector):
    plain = PlainDetector(pong_detector.model)
    pushed = set()
    for frame, screen in enumerate(pong.screens):
        if pong.starts[frame] or frame == 100:
            pong_detector.reset()
            plain.reset()
        elif frame % 50:  # and now and then nothing is said
            pong_detector.set_last_action(int(pong.action_tm1[frame]))
            plain.set_last_action(int(pong.action_tm1[frame]))
        row = pong_detector.observe(screen)
        assert row.tobytes() == plain.observe(screen).tobytes()
        pushed.add(row[pong_detector.features.index("player.pushy")])
    assert pushed == {-1.0, 0.0, 1.0}


def test_what_was_done_last_is_told_until_the_next_action_or_episode(pong, pong_detector):
    pushy = pong_detector.features.index("player.pushy")
    names = ("NOOP", "FIRE", "RIGHT", "LEFT", "RIGHTFIRE", "LEFTFIRE")  # RIGHT moves it up
    for action, push in zip(range(6), (0, 0, -1, 1, -1, 1), strict=True):
        pong_detector.set_last_action(action)
        for screen in pong.screens[:2]:
            assert pong_detector.observe(screen)[pushy] == push, names[action]
    pong_detector.set_last_action(99)  # an action that was not there to learn from
    assert pong_detector.observe(pong.screens[2])[pushy] == 0
    pong_detector.set_last_action(2)
    pong_detector.reset()
    assert pong_detector.observe(pong.screens[0])[pushy] == 0


def test_compiled_and_plain_agree_where_things_stretch_cross_and_crowd():
    steps = 150
    x, z = bouncing(steps, 10, 130, 20, 3), bouncing(steps, 10, 130, 90, 4)
    screens = []
    for step in range(steps):
        arm = [(RED, int(x[step]) + 8, 104, 9, 2)] if step % 5 == 0 else []
        group = [(WHITE, int(z[step]), 40 + 12 * number, 3, 4) for number in range(6)]
        body = (RED, int(x[step]), 100, 8, 12)
        screens.append(picture_of(body, *arm, (BLUE, int(z[step]), 108, 6, 6), *group))
    starts = np.arange(steps) % 70 == 0
    detector = learn_motion_detector(
        np.array(screens), starts, np.arange(steps) % 3, MotionDetector(slots=2), {}
    )
    assert detector.model.schema.params.type_params[:, kernel.CORE_W].any()
    plain = PlainDetector(detector.model)
    for frame, picture in enumerate(screens):
        if starts[frame]:
            detector.reset()
            plain.reset()
        assert detector.observe(picture).tobytes() == plain.observe(picture).tobytes()
        assert len(detector.objects) >= 6


def invaded(steps):
    """A cannon that obeys, and six invaders in two rows, one of which is shot every 10 steps."""
    random = np.random.default_rng(0)
    actions = random.integers(0, 3, steps)
    cannon = np.clip(80 + 4 * np.cumsum(actions - 1), 0, 150)
    x, y = bouncing(steps, 0, 60, 10, 2), 30 + np.arange(steps) // 10 * 3
    screens = []
    for step in range(steps):
        alive = [n for n in range(6) if n * 10 + 20 > step % 80]
        group = [
            (WHITE, int(x[step]) + 20 * (n % 3), int(y[step]) + 16 * (n // 3), 8, 8) for n in alive
        ]
        screens.append(picture_of((RED, int(cannon[step]), 190, 7, 6), *group))
    return np.array(screens), np.arange(steps) % 80 == 0, actions


def test_a_crowd_is_told_alike_by_compiled_plain_and_loaded(tmp_path):
    screens, starts, actions = invaded(160)
    detector = learn_motion_detector(screens, starts, actions, MotionDetector(slots=2), {})
    told = {name for name in detector.features if name.startswith("object1.")}
    assert told == {
        "object1.count", "object1.nearest.x", "object1.nearest.y", "object1.nearest.vx",
        "object1.nearest.vy", "object1.nearest.present", "object1.leftmost.x",
        "object1.rightmost.x", "object1.highest.y", "object1.lowest.y",
        "object1.nearest.x-player.x", "object1.coming.x", "object1.coming.y", "object1.coming.vx",
        "object1.coming.vy", "object1.coming.present", "object1.coming.x-player.x",
        "object1.nearest.drifty",
    }  # fmt: skip
    detector.save(tmp_path)
    loaded, plain = MotionObjectDetector.load(tmp_path), PlainDetector(detector.model)
    assert loaded.features == detector.features
    counts = set()
    for frame, screen in enumerate(screens):
        for one in (detector, loaded, plain):
            if starts[frame]:
                one.reset()
        row = detector.observe(screen).copy()
        assert row.tobytes() == plain.observe(screen).tobytes() == loaded.observe(screen).tobytes()
        now = [number for number, name in enumerate(detector.features) if ".drift" not in name]
        assert detector.features_of(detector.objects)[now] == pytest.approx(row[now], abs=1e-6)
        counts.add(round(10 * row[detector.features.index("object1.count")]))
    assert counts == set(range(7))


def test_where_features_are_many_drifts_give_way_before_their_type_does():
    screens, starts, actions = invaded(160)
    every = learn_motion_detector(screens, starts, actions, MotionDetector(slots=2), {}).features
    fewer = MotionDetector(slots=2, features=len(every) - 1)
    told = learn_motion_detector(screens, starts, actions, fewer, {}).features
    assert set(every) - set(told) == {"object1.nearest.drifty"}


def test_what_is_drawn_in_every_other_frame_is_seen_at_every_step(tmp_path):
    steps = 160
    random = np.random.default_rng(0)
    actions = random.integers(0, 3, steps)
    cannon = np.clip(80 + 4 * np.cumsum(actions - 1), 40, 120)
    screens, before = [], []
    for step in range(steps):
        player = (RED, int(cannon[step]), 190, 7, 6)
        seen = (WHITE, 60 + 10 * (step // 40), 30 + 4 * (step % 40), 2, 8)
        hidden = (WHITE, 110 - 10 * (step // 40), 30 + 4 * ((step + 20) % 40), 2, 8)
        screens.append(picture_of(player, seen))
        before.append(picture_of(player, hidden))
    screens, before, starts = np.array(screens), np.array(before), np.arange(steps) == 0
    blind = learn_motion_detector(screens, starts, actions, MotionDetector(slots=2), {})
    detector = learn_motion_detector(screens, starts, actions, MotionDetector(slots=2), {}, before)
    assert (blind.looks_back, detector.looks_back) == (False, True)
    assert [kind.slots for kind in blind.types] == [1, 1]
    assert [kind.slots for kind in detector.types] == [1, 2]
    assert "object1.coming.x-player.x" in detector.features
    detector.save(tmp_path)
    loaded, plain = MotionObjectDetector.load(tmp_path), PlainDetector(detector.model)
    for frame, (screen, earlier) in enumerate(zip(screens, before, strict=True)):
        row = detector.observe(screen, earlier)
        assert row.tobytes() == plain.observe(screen, earlier).tobytes()
        assert row.tobytes() == loaded.observe(screen, earlier).tobytes()
        assert len(detector.objects) == 3, frame
    detector.reset()
    detector.observe(screens[0])  # the last frame alone shows what it shows
    assert len(detector.objects) == 2
    still = learn_motion_detector(screens, starts, actions, MotionDetector(slots=2), {}, screens)
    assert not still.looks_back


def test_features_are_where_things_are(pong, pong_detector):
    names = list(pong_detector.features)
    worst = 0.0
    for frame, screen in enumerate(pong.screens):
        row = pong_detector.observe(screen)
        ball = (pong.frame == frame) & (pong.category == pong.names.index("Ball"))
        assert row[names.index("ball.present")] == ball.any()
        if ball.any():
            true = pong.boxes[ball][0]
            worst = max(worst, abs((true[1] + true[3]) / 200 - row[names.index("ball.y")]))
    assert worst < 0.005  # half a pixel


def test_no_velocity_jumps_when_an_episode_restarts(pong, pong_detector):
    names = list(pong_detector.features)
    moves = [names.index(f"{name}.vy") for name in ("player", "ball", "enemy")]
    for screen in pong.screens[:60]:
        pong_detector.observe(screen)
    pong_detector.reset()
    row = pong_detector.observe(pong.screens[150])
    assert row[moves].tolist() == [0, 0, 0]
    assert row[names.index("player.y")] > 0


def test_reset_forgets_everything(pong, pong_detector):
    first = [pong_detector.observe(screen).copy() for screen in pong.screens[:40]]
    pong_detector.reset()
    again = [pong_detector.observe(screen).copy() for screen in pong.screens[:40]]
    np.testing.assert_array_equal(first, again)


def test_saved_and_loaded_it_sees_the_same(pong, pong_detector, tmp_path):
    pong_detector.save(tmp_path)
    loaded = MotionObjectDetector.load(tmp_path)
    assert loaded.features == pong_detector.features
    assert loaded.types == pong_detector.types
    for screen in pong.screens[:60]:
        row = pong_detector.observe(screen).copy()
        np.testing.assert_array_equal(loaded.observe(screen), row)
        assert loaded.objects.tolist() == pong_detector.objects.tolist()
    assert json.loads((tmp_path / "detector.json").read_text())["player"] == "player"


@pytest.mark.parametrize("game", ["boxing", "breakout", "freeway", "pong", "space_invaders"])
def test_a_shipped_detector_is_written_as_it_was_read(game, tmp_path):
    # the names in files are a format: renaming a field must not reach them
    folder = open_champion(game).detector
    MotionObjectDetector.load(folder).save(tmp_path)
    shipped, written = (json.loads((f / "detector.json").read_text()) for f in (folder, tmp_path))
    assert written == shipped
    with np.load(folder / "detector.npz") as old, np.load(tmp_path / "detector.npz") as new:
        assert set(new.files) == set(old.files)
        for name in set(old.files) - {"colours"}:
            np.testing.assert_array_equal(new[name], old[name])
        # older files hold one row of colours, for the search mask
        np.testing.assert_array_equal(new["colours"][-1], np.atleast_2d(old["colours"])[-1])


def test_learning_twice_writes_the_same_bytes(pong, tmp_path):
    written = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        learn_motion_detector(
            pong.screens, pong.starts, pong.action_tm1, MotionDetector(), LABELS
        ).save(folder)
        files = ("detector.json", "detector.npz")
        written.append([(folder / file).read_bytes() for file in files])
    assert written[0] == written[1]


def test_objects_know_their_type_and_slot(pong, pong_detector):
    shown = np.isin(np.arange(len(pong.screens)), pong.frame[pong.category == 1])  # the ball
    for screen in pong.screens[: np.flatnonzero(shown)[5]]:
        pong_detector.observe(screen)
    kinds = [pong_detector.types[kind].name for kind in pong_detector.objects["type"]]
    assert kinds == ["player", "ball", "enemy"]
    tracks = [pong_detector.track_names[track] for track in pong_detector.objects["track"]]
    assert tracks == ["player", "ball", "enemy"]


def test_placing_objects_gives_the_features_of_seeing_them(pong, pong_detector):
    for screen in pong.screens[:80]:
        row = pong_detector.observe(screen).copy()
        assert pong_detector.features_of(pong_detector.objects) == pytest.approx(row, abs=1e-6)


def test_a_folder_without_a_detector_is_refused(tmp_path):
    with pytest.raises(ArtifactError, match="no detector"):
        MotionObjectDetector.load(tmp_path)
    (tmp_path / "detector.json").write_text("{}")
    with pytest.raises(ArtifactError, match="no detector"):
        MotionObjectDetector.load(tmp_path)


def test_a_screen_of_another_shape_is_refused(pong_detector):
    with pytest.raises(ValueError, match="want a uint8 screen"):
        pong_detector.observe(np.zeros((84, 84), np.uint8))

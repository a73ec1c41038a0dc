import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from diffses.cli import score_detector as score
from diffses.cli.record_frames import main
from diffses.config import ArcadeEnv, MotionDetector
from diffses.detector.base import observe_env
from diffses.detector.ground_truth import read_ground_truth
from diffses.detector.motion import MotionObjectDetector
from diffses.detector.recording import (
    Explorer,
    ExplorerSpec,
    read_recording,
    record_play,
    recording_for,
    save_recording,
)
from diffses.detector.tracker import replay_action
from diffses.envs.ale import AtariEnv, v5
from diffses.errors import ConfigError
from diffses.pipeline import resolve, run
from diffses.policy.forest import Forest
from diffses.seeds import seed_for
from diffses.stages.detector import learn_detector
from diffses.store import Spec, Store, Workspace
from diffses.teacher.agent import TeacherSpec
from diffses.zoo.champion import open_champion


def test_a_recording_is_whole_episodes_and_the_same_again(protocol):
    short = protocol(max_frames=96)  # a first screen and 24 steps an episode
    one, again, other = (recording_for(short, MotionDetector(steps=60, seed=s)) for s in (3, 3, 4))
    assert one.screens.shape == (60, 210, 160)
    assert np.flatnonzero(one.starts).tolist() == [0, 25, 50]
    np.testing.assert_array_equal(one.screens, again.screens)
    assert (one.action_tm1 != other.action_tm1).any()


def test_actions_are_held_for_a_while(protocol):
    actions = record_play(protocol(), ExplorerSpec(), 120, 0).action_tm1
    changes = (np.diff(actions) != 0).sum()
    assert 8 <= changes <= 40  # 6.5 steps on average; drawn anew each step it would be about 100


class Looking(Explorer):
    """Explores, and notes what a detector sees at each step at play."""

    def __init__(self, detector):
        self.detector, self.rows = detector, []

    def build(self, env):
        return self

    def reset(self, env, seed):
        super().reset(env, seed)
        self.detector.reset()

    def act(self, env):
        self.rows.append(observe_env(self.detector, env).copy())
        return super().act(env)


@pytest.mark.parametrize("game", ["boxing", "pong"])
def test_a_recording_is_seen_as_the_play_was(protocol, game, tmp_path):
    folder = open_champion(game).detector
    at_play = Looking(MotionObjectDetector.load(folder))
    save_recording(
        record_play(protocol(game, max_frames=400), at_play, 230, 0), tmp_path / "play.npz", None
    )
    play, detector = read_recording(tmp_path / "play.npz"), MotionObjectDetector.load(folder)
    rows = []
    for frame, screen in enumerate(play.screens):
        replay_action(detector, frame, play.starts, play.action_tm1)
        rows.append(detector.observe(screen, play.before[frame]).copy())
    # episodes of a first screen and 100 steps; of the screens at 100, 201 and 229 (the last of an
    # episode or of all) nothing is decided, so that nobody looked there
    decided = np.delete(np.array(rows), [100, 201, 229], axis=0)
    assert np.flatnonzero(play.starts).tolist() == [0, 101, 202]
    np.testing.assert_array_equal(decided, np.array(at_play.rows))
    told = {name: set(decided[:, i]) for i, name in enumerate(detector.features)}
    felt = ["pushy", "button", "rest"] + ["pushx"] * (game == "boxing")
    assert all(len(told[f"player.{quantity}"]) > 1 for quantity in felt)


def test_frames_are_as_the_console_renders_them(protocol):
    # a PAL game, with more lines and other colours than most
    play = record_play(protocol("air_raid"), ExplorerSpec(), 30, 0)
    assert play.screens.shape == (30, 250, 160)
    env = AtariEnv(protocol("air_raid"))
    env.reset(seed_for(0, "detector", 0))
    np.testing.assert_array_equal(play.frames[0], env.rgb())


class Summing(Explorer):
    """Explores, and notes the lives and the score as the console's memory has them."""

    def build(self, env):
        self.lives, self.score = [], []
        return self

    def act(self, env):
        self.lives.append(int(env.ram()[57]))  # of Breakout: balls that are left
        self.score.append([int(env.ram()[at]) for at in (76, 77)])  # decimal, two digits a byte
        return super().act(env)


def test_rewards_and_lost_lives_are_those_of_the_step_that_led_to_the_screen(protocol, tmp_path):
    noting = Summing()
    play = record_play(protocol("breakout"), noting, 400, 0)
    save_recording(play, tmp_path / "play.npz", None)
    read = read_recording(tmp_path / "play.npz")
    np.testing.assert_array_equal(read.reward, play.reward)
    np.testing.assert_array_equal(read.life_lost, play.life_lost)
    first = slice(0, int(np.flatnonzero(play.starts)[1]) - 1)  # the first episode but its last step
    lost = np.concatenate([[0], -np.diff(noting.lives[first])])
    np.testing.assert_array_equal(play.life_lost[first], lost.astype(bool))
    assert play.life_lost[first].sum() >= 3
    digits = [f"{high & 15}{low:02x}" for high, low in noting.score[first]]
    np.testing.assert_array_equal(np.cumsum(play.reward[first]), np.array(digits).astype(int))
    assert play.reward.sum() > 0


def test_a_recording_in_other_colours_is_read_as_it_was_seen(protocol, tmp_path):
    play = record_play(protocol("air_raid"), ExplorerSpec(), 5, 0)
    save_recording(play, tmp_path / "play.npz", None)
    read = read_recording(tmp_path / "play.npz")
    np.testing.assert_array_equal(read.screens, play.screens)
    np.testing.assert_array_equal(read.frames, play.frames)
    np.testing.assert_array_equal(read.before, play.before)
    assert (play.before[0] == play.screens[0]).all()
    assert (play.before[1:] != play.screens[1:]).any()


def test_the_command_leaves_a_file_that_can_be_learned_from_but_not_scored(tmp_path, capsys):
    out, pictures = tmp_path / "play.npz", tmp_path / "png"
    arguments = [f"--out={out}", "--play=random", "--seed=5", f"--png={pictures}"]
    assert main(["--env=freeway", "--steps=20", *arguments]) == 0
    with np.load(out) as file:
        assert file["frames"].shape == (20, 210, 160, 3)
        assert (file["actions"].dtype, file["episode_start"].dtype) == (np.int16, bool)
        last, screens = file["frames"][19], file["screens"]
        plain = {name: file[name] for name in ("frames", "actions", "episode_start")}
    np.testing.assert_array_equal(cv2.imread(str(pictures / "000019.png"))[:, :, ::-1], last)
    read = read_recording(out)
    assert read.game == "freeway"
    np.testing.assert_array_equal(read.frames[19], last)
    np.savez(out, **plain)  # as others write it
    found = recording_for(v5(ArcadeEnv(game="freeway")), MotionDetector(recording=str(out)))
    np.testing.assert_array_equal(found.screens, screens)
    assert score.main(["--detector=motion", f"--frames={out}"]) == 1
    assert "no true boxes to score against" in capsys.readouterr().err


def test_a_forest_can_be_recorded(pong_detector, tmp_path):
    pong_detector.save(tmp_path)
    Forest(("player.y",), ("NOOP", "RIGHT"), (0, 2), ((0.0,), (1.0,))).save(tmp_path / "f.json")
    out = f"--out={tmp_path / 'play.npz'}"
    forest = [f"--forest={tmp_path / 'f.json'}", f"--detector={tmp_path}"]
    assert main(["--env=pong", "--steps=8", out, "--play=forest", *forest]) == 0
    assert read_recording(tmp_path / "play.npz").action_tm1.tolist() == [0] + [2] * 7


@pytest.mark.parametrize(
    ("arguments", "code", "fix"),
    [
        (["--out=x.npz"], 2, "python -m diffses record-frames --env pong"),
        (["--env=pong", "--out=x.npz", "--steps=none"], 2, "--steps 3000"),
        (["--env=pong", "--out=x.npz", "--steps=-1"], 2, "--steps 3000"),
        (["--env=pong", "--out=/", "--steps=5"], 2, "python -m diffses record-frames"),
        (["--env=pong", "--out=x.npz", "--play=randm"], 2, "--play random"),
        (["--env=pung", "--out=x.npz", "--steps=5"], 2, "--env pong"),
        (["--env=pong", "--out=x.npz", "--play=teacher"], 1, "--play teacher --teacher PATH"),
        (
            ["--env=pong", "--out=x.npz", "--play=forest", "--forest=/nowhere"],
            1,
            "--play forest --forest PATH --detector PATH",
        ),
    ],
)
def test_what_cannot_be_recorded_is_two_lines(arguments, code, fix, capsys):
    assert main(arguments) == code
    problem, solution = capsys.readouterr().err.splitlines()
    assert problem.startswith("ERROR ")
    assert solution.startswith(f"  fix: {fix}")


@pytest.fixture(scope="module")
def pong_play():
    return record_play(v5(ArcadeEnv(game="pong")), ExplorerSpec(), 8, 0)


def parts(play):
    """The arrays of its file."""
    return {
        "frames": play.frames, "actions": play.action_tm1, "episode_start": play.starts,
        "screens": play.screens, "before": play.before, "game": np.array("pong"),
        "reward": play.reward, "life_lost": play.life_lost,
    }  # fmt: skip


def test_a_file_that_is_no_recording_is_refused(tmp_path, pong_play):
    path = tmp_path / "play.npz"
    with pytest.raises(ConfigError, match="is no recording: does not exist"):
        read_recording(path)
    save_recording(pong_play, path, None)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ConfigError, match="is no recording: is not a whole"):
        read_recording(path)
    with pytest.raises(ConfigError, match="is no recording: is not a whole"):
        read_ground_truth(path)
    middle = whole.index(b"frames.npy") + 200  # of the compressed data
    path.write_bytes(whole[:middle] + b"damaged" + whole[middle + 7 :])
    with pytest.raises(ConfigError, match="is no recording: frames is damaged") as refused:
        read_recording(path)
    assert len(str(refused.value).splitlines()) == 2
    assert refused.value.fix == (
        "detector.recording=<a file of python -m diffses record-frames, with frames, actions, "
        "episode_start>"
    )


@pytest.mark.parametrize(
    ("name", "change", "problem"),
    [
        ("actions", lambda a: None, "it lacks actions"),
        ("actions", lambda a: a[:-1], "actions is int16 (7,), want integers (8,)"),
        ("actions", lambda a: a.astype(float), "actions is float64 (8,), want integers (8,)"),
        ("actions", lambda a: a - 1, "actions go from -1 to"),
        ("actions", lambda a: a.astype(object), "actions cannot be read: Object arrays"),
        ("episode_start", lambda a: a[:, None], "episode_start is bool (8, 1), want bool (8,)"),
        ("frames", lambda a: a[..., 0], "frames is uint8 (8, 210, 160), want uint8 (n, h, w, 3)"),
        ("frames", lambda a: a / 255, "frames is float64 (8, 210, 160, 3), want uint8"),
        ("frames", lambda a: a[:0], "frames is uint8 (0, 210, 160, 3), want uint8 (n, h, w, 3)"),
        ("screens", lambda a: a[:, :84], "screens is uint8 (8, 84, 160), want uint8 (8, 210, 160)"),
        ("screens", lambda a: a * 0, "screens are not the palette indices of its frames"),
        ("before", lambda a: a[1:], "before is uint8 (7, 210, 160), want uint8 (8, 210, 160)"),
        ("game", lambda a: np.array(7), "game is int64 (), want a text"),
        ("reward", lambda a: a[1:], "reward is float32 (7,), want numbers (8,)"),
        ("reward", lambda a: a + np.nan, "reward has values that are not finite"),
        ("life_lost", lambda a: a * 0.5, "life_lost is float64 (8,), want bool (8,)"),
    ],
)  # fmt: skip
def test_an_array_of_another_form_is_named(tmp_path, pong_play, name, change, problem):
    arrays, path = parts(pong_play), tmp_path / "play.npz"
    arrays[name] = change(arrays[name])
    np.savez(path, **{one: array for one, array in arrays.items() if array is not None})
    with pytest.raises(ConfigError) as refused:
        read_recording(path)
    assert refused.value.problem.startswith(f"{path} is no recording: {problem}")


def test_a_recording_of_another_game_is_refused(tmp_path, pong_play, caplog):
    path, pong, breakout = (
        tmp_path / "play.npz",
        *(v5(ArcadeEnv(game=game)) for game in ("pong", "breakout")),
    )
    settings = MotionDetector(recording=str(path))
    save_recording(pong_play, path, None)
    assert recording_for(pong, settings).game == "pong"
    with pytest.raises(ConfigError, match="is a recording of pong, and env is breakout"):
        recording_for(breakout, settings)
    assert not caplog.records
    older = parts(pong_play)
    del older["game"]
    np.savez(path, **older)
    assert recording_for(pong, settings).game is None
    assert f"{path} does not say its game; it is taken for one of pong" in caplog.text
    older["actions"][3] = 5  # Pong has six actions, Breakout four
    np.savez(path, **older)
    recording_for(pong, settings)
    with pytest.raises(ConfigError, match=r"has action 5, and breakout has 0 to 3"):
        recording_for(breakout, settings)
    save_recording(record_play(v5(ArcadeEnv(game="air_raid")), ExplorerSpec(), 3, 0), path, None)
    with np.load(path) as file:
        older = {name: file[name] for name in file.files if name != "game"}
    np.savez(path, **older)
    with pytest.raises(ConfigError, match=r"has screens \(250, 160\), and pong has \(210, 160\)"):
        recording_for(pong, settings)


def noise(frames):
    """Frames as a video codec leaves them."""
    added = np.random.default_rng(0).integers(0, 4, frames.shape, dtype=np.uint8)
    return (frames // 2 + added).astype(np.uint8)


@pytest.mark.parametrize(
    ("name", "change", "problem"),
    [
        ("boxes", lambda a: a["x"], r"boxes is int16 \(462,\), want records of frame, category"),
        ("boxes", lambda a: a[:, None], "boxes is .*462, 1"),
        ("categories", lambda a: a[:1], "the category of a box is not in 0 to 0"),
        ("categories", lambda a: np.arange(3), "categories is int64"),
        ("frames", lambda a: a[:90], r"actions is int16 \(180,\), want integers \(90,\)"),
        ("frames", noise, r"is no recording: the recording has \d+ colours; at most 256"),
    ],
)
def test_true_boxes_of_another_form_are_named(tmp_path, name, change, problem):
    with np.load(Path(__file__).parent.parent / "data" / "pong_screens.npz") as file:
        arrays = {one: file[one] for one in file.files}
    np.savez(tmp_path / "play.npz", **arrays | {name: change(arrays[name])})
    with pytest.raises(ConfigError, match=problem):
        read_ground_truth(tmp_path / "play.npz")


def test_a_detector_is_not_scored_on_another_game(tmp_path, pong_detector):
    truth = tmp_path / "play.npz"
    with np.load(Path(__file__).parent.parent / "data" / "pong_screens.npz") as file:
        np.savez(truth, **file, game="pong")

    def learned_from(game):
        store, settings = Store(tmp_path / "store"), {"env": {"game": game}}
        return store.get_or_build(
            Spec("detector", 1, settings, {}), lambda made: pong_detector.save(made.out)
        )

    result, *_ = score.evaluate(str(learned_from("pong")), truth, 0.667)
    assert result["split"] == 120  # 0.667 of 180 frames
    with pytest.raises(ConfigError, match="is of breakout, and --frames of pong"):
        score.evaluate(str(learned_from("breakout")), truth, 0.667)


@pytest.mark.slow
def test_the_stage_leaves_a_detector(tmp_path):
    workspace = Workspace(out=tmp_path, scratch=tmp_path, store=Store(tmp_path))
    learn_detector(
        ArcadeEnv(game="pong"), MotionDetector(steps=400), inputs={}, workspace=workspace
    )
    assert (tmp_path / "sample.png").stat().st_size > 1000
    words = json.loads((tmp_path / "detector.json").read_text())
    assert {"types", "features", "units"} <= words.keys()
    assert MotionObjectDetector.load(tmp_path).features == tuple(words["features"])


@pytest.mark.slow
def test_it_can_learn_from_the_teachers_play(config, tmp_path):
    overrides = ["stage=detector", "detector.frames=teacher", "detector.steps=200"]
    chosen = resolve(config("env=pong", *overrides))
    folder = run(chosen, Store(tmp_path), lambda step, seconds: None)["detector"]
    assert MotionObjectDetector.load(folder).tracker.schema.player == "player"
    teacher = next((tmp_path / "teacher").glob("*/teacher.json")).parent
    watched = record_play(v5(chosen.env), TeacherSpec(str(teacher)), 200, 0)
    learned_from = recording_for(v5(chosen.env), chosen.detector, TeacherSpec(str(teacher)))
    np.testing.assert_array_equal(watched.action_tm1, learned_from.action_tm1)
    explored = record_play(v5(chosen.env), ExplorerSpec(), 200, 0)
    assert (watched.action_tm1 != explored.action_tm1).any()

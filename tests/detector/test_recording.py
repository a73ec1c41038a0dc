import json

import cv2
import numpy as np
import pytest

from diffses.cli import score_detector as score
from diffses.cli.record_frames import main
from diffses.config import ArcadeEnv, MotionDetector
from diffses.detector.base import observe_env
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
from diffses.store import Store, Workspace
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
    np.testing.assert_array_equal(read.frames[19], last)
    np.savez(out, **plain)  # as others write it
    found = recording_for(None, MotionDetector(recording=str(out)))
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


def test_a_file_that_is_no_recording_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="no recording"):
        read_recording(tmp_path / "nothing.npz")
    np.savez(tmp_path / "half.npz", frames=np.zeros((2, 210, 160, 3), np.uint8))
    with pytest.raises(ConfigError, match="no recording"):
        read_recording(tmp_path / "half.npz")


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

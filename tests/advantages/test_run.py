"""A snapshot: a run that is taken back goes on byte for byte as one that never stopped."""

import zlib
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from diffses.advantages.run import Run
from diffses.agents.forest_agent import ForestAgent, detector_at
from diffses.detector import kernel, oracle
from diffses.detector.identity import Identity
from diffses.detector.oracle import OracleObjectDetector
from diffses.detector.segmentation import TrackerParams
from diffses.detector.space.clusters import Clusters
from diffses.detector.space.detector import SpaceDetections, SpaceObjectDetector
from diffses.detector.space.network import CODE
from diffses.envs.base import random_action
from diffses.envs.gymnasium import GymnasiumProtocol
from diffses.policy.forest import Forest
from diffses.teacher.agent import PixelTeacher, TeacherAgent

ZOO = Path(__file__).parents[2] / "diffses" / "zoo"
COPIED = ["CartPole-v1", "Acrobot-v1", "MountainCarContinuous-v0", "Pendulum-v1"]
REPLAYED = ["LunarLander-v3", "BipedalWalker-v3"]  # Box2D
MUJOCO = ["HalfCheetah-v5", "Ant-v5"]


def changing(features, env):
    """A forest that uses all features, so that all actions get their turn."""
    random = np.random.default_rng(5)
    trees = []
    for _ in env.action_names:
        a, b = (int(n) for n in random.integers(len(features), size=2))
        trees.append(("add", "mul", float(random.normal()), a, "mul", float(random.normal()), b))
    ids = tuple(range(len(trees)))
    return Forest(tuple(features), env.action_names, ids, tuple(trees), env.bounds)


def run_of(env, detector, advisers=()):
    return Run(env, ForestAgent(changing(detector.features, env), detector), advisers)


def step(run, random, watched):
    """One step, at random in a third of the cases; all that can be seen of it."""
    action = random_action(run.env, random) if random.random() < 0.3 else run.action
    reward = run.step(action, watched=watched)
    frame = run.env.previous_frame() if hasattr(run.env, "previous_frame") else np.zeros(0)
    seen = (run.row, run.env.observation(), frame, np.asarray(run.action), np.asarray(run.advice))
    return (reward, run.env.steps, run.env.done, *(one.tobytes() for one in seen))


def continued(run, steps, watched=False):
    random, seen = np.random.default_rng(8), []
    while not run.env.done and len(seen) < steps:
        seen.append(step(run, random, watched))
    return seen


def goes_on_as_it_did(run, elsewhere, *, before=60, steps=200, watched=False, seed=3):
    """Whether a run and another one, both taken back, do what the run did without a stop."""
    random = np.random.default_rng(4)
    run.reset(seed)
    for _ in range(before):
        step(run, random, watched)
    kept = run.snapshot()
    row = kept.row.copy()
    unbroken = continued(run, steps, watched)
    again = []
    for other in (run, elsewhere):
        other.reset(seed + 1)
        for _ in range(25):
            step(other, random, watched)
        other.restore(kept)
        assert (other.row == row).all()
        again.append(continued(other, steps, watched))
    assert len(unbroken) > 10
    return unbroken == again[0] == again[1]


# space_invaders' detector looks at the last two frames of a step
@pytest.mark.parametrize("game", ["pong", "space_invaders"])
@pytest.mark.parametrize("sticky", [0.0, 0.25])
def test_motion_detector(protocol, game, sticky):
    def made():
        return run_of(protocol(game, sticky).make_env(), detector_at(str(ZOO / game)))

    assert goes_on_as_it_did(made(), made())


def test_a_sticky_console_repeats_what_was_played_there(protocol):
    env = protocol("breakout").make_env()
    env.reset(0)
    for number in range(12):
        for _ in range(6):
            env.step(2 + number % 2)
        kept = env.clone_state()
        env.step(0)
        after = env.ram().tobytes()
        for _ in range(6):
            env.step(3 - number % 2)
        assert env.restore_state(kept) == 5  # 20 frames: 0.25 ** 20 is 1e-12
        env.step(0)
        assert env.ram().tobytes() == after
        env.restore_state(kept)


def test_pixel_teacher_as_adviser(protocol):
    def made():
        teacher = PixelTeacher(lambda stack: np.eye(6)[zlib.crc32(stack) % 6])
        advisers = [TeacherAgent(teacher)]
        return run_of(protocol().make_env(), detector_at(str(ZOO / "pong")), advisers)

    assert goes_on_as_it_did(made(), made(), steps=60, watched=True)


class Colours:
    """In place of SPACE's network, which remembers nothing: a box around each rare colour."""

    def detect(self, screens):
        boxes, codes = [], []
        for colour in np.unique(screens[0]):
            y, x = np.nonzero(screens[0] == colour)
            if len(y) < 400:
                boxes.append((x.min(), y.min(), x.max(), y.max()))
                codes.append(np.eye(CODE)[colour % 3])
        return [SpaceDetections(np.array(boxes, np.int32), np.array(codes))]


def test_space_detector(protocol):
    schema = detector_at(str(ZOO / "pong")).tracker.schema
    params = schema.params
    any_size = params.type_params.copy()
    any_size[:, [kernel.MIN_W, kernel.MIN_H]], any_size[:, [kernel.MAX_W, kernel.MAX_H]] = 0, 300
    colours = np.zeros_like(params.type_colours)
    np.fill_diagonal(colours, True)
    schema = replace(schema, params=TrackerParams(any_size, colours, params.patience))
    clusters = Clusters(np.eye(3, CODE), np.ones(CODE), np.arange(3))

    def made():
        detector = SpaceObjectDetector(Colours(), clusters, schema)
        return run_of(protocol().make_env(), detector)

    run = made()
    run.reset(3)
    assert run.row.any()
    assert goes_on_as_it_did(run, made(), steps=100)


def test_oracle(protocol, monkeypatch):
    """OCAtari's objects remember where they were."""

    class Thing:
        category, xywh = "Ball", (0, 0, 2, 4)

    def detect(things, ram, game, hud):
        x = (things[0].xywh[0] + int(ram[49])) // 2  # half of it is memory
        things[0].xywh = (x % 150, 50, 2, 4)

    ocatari = ModuleType("ocatari")
    ocatari.get_max_objects = lambda game, hud: {"Ball": 1}
    ocatari.init_objects = lambda game, hud: [Thing()]
    ocatari.detect_objects_ram = detect
    monkeypatch.setattr(oracle, "_ocatari", lambda: ocatari)

    def made():
        schema = detector_at(str(ZOO / "pong")).tracker.schema
        detector = OracleObjectDetector("pong", (210, 160), schema)
        return run_of(protocol().make_env(), detector)

    assert goes_on_as_it_did(made(), made(), steps=60)


@pytest.mark.parametrize("task", [*COPIED, *REPLAYED, *MUJOCO])
def test_control_tasks(task):
    if task in MUJOCO:
        pytest.importorskip("mujoco")

    def made():
        env = GymnasiumProtocol(task).make_env()
        return run_of(env, Identity([f"o{i}" for i in range(env.width)]))

    assert goes_on_as_it_did(made(), made(), before=6)


def test_a_time_limit_goes_on_where_it_was():
    env = GymnasiumProtocol("Pendulum-v1").make_env()  # 200 steps
    env.reset(0)
    for _ in range(150):
        env.step(np.zeros(1))
    kept = env.clone_state()
    env.reset(1)
    assert env.restore_state(kept) == 0
    for _ in range(50):
        assert not env.done
        env.step(np.zeros(1))
    assert env.truncated


def test_steps_that_are_played_again_are_told():
    env = GymnasiumProtocol("LunarLander-v3").make_env()
    env.reset(0)
    for action in (0, 2, 3, 1):
        env.step(action)
    assert env.restore_state(env.clone_state()) == 4


@pytest.mark.parametrize("task", ["atari", "LunarLander-v3"])
def test_a_donor_gives_other_noise_and_always_the_same(protocol, task):
    played = protocol("breakout") if task == "atari" else GymnasiumProtocol(task)
    env = played.make_env()

    def seen():
        return env.ram().tobytes() if task == "atari" else env.observation().tobytes()

    def after(donor):
        env.restore_state(kept, donor)
        assert seen() == there
        path = []
        for number in range(30):
            env.step(2 + number % 2)
            path.append(seen())
        return b"".join(path)

    donors = []
    for seed in (1, 2):
        env.reset(seed)
        env.step(2)
        donors.append(env.clone_state())
    env.reset(0)
    for _ in range(20):
        env.step(3)
    kept, there = env.clone_state(), seen()
    own, one, two = after(None), after(donors[0]), after(donors[1])
    assert len({own, one, two}) == 3
    assert after(kept) == own  # its own generator, put in as a donor's
    assert after(donors[0]) == one
    assert env.drew_since(kept)

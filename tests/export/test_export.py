"""Exported policies choose the same actions as the stored forest."""

import ctypes
import dataclasses
import importlib.util
import shutil
import subprocess
import sys

import numpy as np
import pytest
from concept_reference import with_concepts

from diffses.agents.forest_agent import ForestSpec
from diffses.cli.export import main, text
from diffses.config import ArcadeEnv, GymnasiumEnv, MotionDetector
from diffses.detector.identity import Identity
from diffses.detector.motion import MotionObjectDetector
from diffses.envs.registry import search_protocol
from diffses.envs.rollout import Job, play_one
from diffses.errors import ConfigError
from diffses.export.export import export
from diffses.export.standalone import to_standalone
from diffses.policy.forest import Forest
from diffses.policy.operators import OPERATORS
from diffses.seeds import seed_for
from diffses.zoo.champion import FOLDER, Champion

FEATURES = ("ball.y", "player.y", "ball.y-player.y", "max", "int", "np")
STATES = 10_000


@pytest.fixture(scope="module")
def forest():
    """Every operator, awkward names, negative constants, ties, and NaN."""
    text = """
        NOOP = -0.5*ball.y + max(ball.y, -2.0) - -3.0*int + -(0.25) + 0.0001
        RIGHT = (ball.y-player.y)/(player.y + -1e-05) - abs(max)*tanh(np) + sqrt(ball.y)
        LEFT = logical(ball.y, player.y, log(max), min(int, np)) + is_above(ball.y, 0.5)
        FIRE = is_below(np, int) + is_left_of(max, 1.0)*is_right_of(ball.y, player.y)
        UP = 1e+300*max*1e+300 - 1e+300*max*1e+300
    """
    made = Forest.from_text(text, FEATURES, (0, 2, 3, 1, 5))
    used = {token for tree in made.trees for token in tree if isinstance(token, str)}
    assert used == set(OPERATORS)
    return made


@pytest.fixture(scope="module")
def rows():
    drawn = np.random.default_rng(0).normal(size=(STATES, len(FEATURES))) * 2
    drawn[: STATES // 4] = np.round(drawn[: STATES // 4])  # ties, and divisors of 0
    return drawn


def load(source, path):
    path.write_text(source)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def actions(forest, rows):
    return np.array(forest.action_ids)[forest.choose(rows)]


def test_python_equals_the_forest(forest, rows, tmp_path):
    source = export(forest, "python", "A policy.", {"ball.y": "100 px from the top edge"})
    module = load(source, tmp_path / "exported.py")
    np.testing.assert_array_equal(module.values(rows), forest.scores(rows))
    np.testing.assert_array_equal(module.act(rows), actions(forest, rows))
    assert [int(module.act(row)) for row in rows[:200]] == actions(forest, rows[:200]).tolist()
    assert "diffses" not in source.replace("exported by diffses", "")
    assert "100 px from the top edge" in module.__doc__


def test_python_squashes_box_actions(rows, tmp_path):
    made = dataclasses.replace(
        Forest.from_text("u0 = 3*np + log(max)\nu1 = 1e+300*int*1e+300", FEATURES),
        bounds=((-2.0, 2.0), (0.0, 0.5)),
    )
    module = load(export(made, "python", "A policy."), tmp_path / "exported.py")
    np.testing.assert_array_equal(module.act(rows), made.squash(made.scores(rows)))
    assert module.act(rows[0]).shape == (2,)


@pytest.mark.skipif(shutil.which("gcc") is None, reason="no C compiler")
def test_c_equals_the_forest(forest, rows, tmp_path):
    (tmp_path / "policy.c").write_text(export(forest, "c", "A policy."))
    flags = ["-std=c99", "-Wall", "-Werror", "-O2", "-ffp-contract=off", "-shared", "-fPIC"]
    subprocess.run(["gcc", *flags, "-o", "policy.so", "policy.c", "-lm"], cwd=tmp_path, check=True)
    library = ctypes.CDLL(str(tmp_path / "policy.so"))
    found = [library.act(row.ctypes.data_as(ctypes.c_void_p)) for row in rows]
    assert found == actions(forest, rows).tolist()
    out = np.zeros(len(forest.trees))
    library.scores(*(a.ctypes.data_as(ctypes.c_void_p) for a in (rows[7], out)))
    np.testing.assert_allclose(out, forest.scores(rows[7:8])[0], rtol=1e-15)


@pytest.mark.skipif(shutil.which("gcc") is None, reason="no C compiler")
def test_c_squashes_box_actions(rows, tmp_path):
    made = dataclasses.replace(Forest.from_text("u0 = 3*np", FEATURES), bounds=((-2.0, 1.0),))
    (tmp_path / "policy.c").write_text(export(made, "c", "A policy."))
    flags = ["-ffp-contract=off", "-shared", "-fPIC"]
    subprocess.run(["gcc", *flags, "-o", "policy.so", "policy.c", "-lm"], cwd=tmp_path, check=True)
    act, out = ctypes.CDLL(str(tmp_path / "policy.so")).act, np.zeros(1)
    for row in rows[:100]:
        act(row.ctypes.data_as(ctypes.c_void_p), out.ctypes.data_as(ctypes.c_void_p))
        assert out == pytest.approx(made.squash(made.scores(row[None]))[0], rel=1e-14)


def test_sympy_equals_the_forest_up_to_rounding(forest, rows, tmp_path):
    import sympy

    module = load(export(forest, "sympy", "A policy."), tmp_path / "exported.py")
    assert [symbol.name for symbol in module.FEATURES] == list(FEATURES)
    scores = forest.scores(rows[:300])
    for index, action in enumerate(forest.actions[:4]):
        function = sympy.lambdify(module.FEATURES, module.TREES[action], "math")
        with np.errstate(all="ignore"):
            found = [float(function(*row)) for row in rows[:300]]
        np.testing.assert_allclose(found, scores[:, index], rtol=1e-9, atol=1e-9)


def test_json_and_latex(forest):
    assert Forest.from_json(export(forest, "json", "A policy.")) == forest
    assert r"\begin{aligned}" in export(forest, "latex", "A policy.")


def detector_of(game, folder):
    from diffses.detector.learn import learn_motion_detector
    from diffses.detector.recording import recording_for
    from diffses.envs.ale import v5

    settings = MotionDetector(steps=600)
    seen = recording_for(v5(ArcadeEnv(game=game)), settings)
    folder.mkdir()
    found = learn_motion_detector(
        seen.screens, seen.starts, seen.action_tm1, settings, {}, seen.before
    )
    found.save(folder)
    return found


def printed(folder, *words):
    """What Python prints, run apart from this package."""
    command = [sys.executable, "-I", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


@pytest.mark.slow
def test_one_file_plays_from_pixels_with_flicker(tmp_path):
    detector = detector_of("space_invaders", tmp_path / "detector")
    assert detector.looks_back
    bomb = next(name for name in detector.features if name.endswith(".coming.x-player.x"))
    shot = bomb.replace("1.coming", "2.coming")  # of another type than the invaders
    text_ = f"FIRE = 0.01\nRIGHT = 0.0 - {shot}\nLEFT = {shot}"
    forest = Forest.from_text(text_, (shot,), (1, 2, 3))
    env = ArcadeEnv(game="space_invaders", max_frames=1200)
    source = to_standalone(forest, env, tmp_path / "detector", "A policy.")
    (tmp_path / "played.py").write_text(source)
    played = printed(tmp_path, "played.py", "--seed", "5")
    job = Job(
        ForestSpec(forest, str(tmp_path / "detector")), search_protocol(env), seed_for(5, "test", 0)
    )
    expected = play_one(job)
    assert f"episode 0: return {expected.score:g}, {expected.steps} steps\n" in played
    module, atari = load(source, tmp_path / "again.py"), search_protocol(env).make_env()
    atari.reset(3)
    one, hidden = module.Detector(module.FITTED), 0
    blind = MotionObjectDetector(dataclasses.replace(detector.model, looks_back=False))
    for _ in range(100):
        atari.step(1)
        told, seen = (
            each.observe(atari.observation(), atari.previous_frame()) for each in (one, detector)
        )
        column = detector.features.index(shot)
        assert told.tolist() == [seen[column]]
        hidden += blind.observe(atari.observation())[column] != seen[column]
    assert hidden > 0


@pytest.mark.parametrize("game", ["pong", "space_invaders"])
def test_one_file_computes_concepts_as_the_compiled_code_does(game, tmp_path):
    detector = with_concepts(MotionObjectDetector.load(FOLDER / game))
    detector.save(tmp_path)
    concepts = [feature.name for feature in detector.tracker.schema.features if feature.is_concept]
    wanted = tuple(concepts[:: max(1, len(concepts) // 40)][::-1])
    names = (*wanted, detector.features[0])
    forest = Forest.from_text(f"NOOP = {' + '.join(names)}", (*names, detector.features[1]), (0,))
    source = to_standalone(forest, ArcadeEnv(game=game), tmp_path, "A policy.")
    module, atari = (
        load(source, tmp_path / "one.py"),
        search_protocol(ArcadeEnv(game=game)).make_env(),
    )
    atari.reset(3)
    one, columns = module.Detector(module.FITTED), [*map(detector.features.index, names)]
    detector.reset()
    for step in range(25):
        screens = atari.observation(), atari.previous_frame()
        told, row = one.observe(*screens), detector.observe(*screens)
        assert told.tolist() == row[columns].tolist()
        action = step // 5 % len(atari.action_names)
        atari.step(action)
        one.set_last_action(action)
        detector.set_last_action(action)


@pytest.mark.slow
def test_one_file_plays_pong_from_pixels(tmp_path):
    detector = detector_of("pong", tmp_path / "detector")
    differences = [name for name in detector.features if "-" in name and ".y" in name]
    wanted = (differences[0], *detector.features[::-1])
    forest = Forest.from_text(
        f"NOOP = 0.1\nRIGHT = -5*({differences[0]})\nLEFT = 5*({differences[0]})",
        tuple(dict.fromkeys(wanted)),
        (0, 2, 3),
    )
    env = ArcadeEnv(game="pong", max_frames=3000)
    source = to_standalone(forest, env, tmp_path / "detector", "A policy.")
    (tmp_path / "pong.py").write_text(source)
    # as where nothing but numpy and ale-py is installed
    absent = ("gymnasium", "numba", "scipy", "diffses", "torch", "cv2")
    start = (
        f"import runpy, sys; sys.modules.update(dict.fromkeys({absent!r})); "
        "sys.argv = ['pong.py', '--episodes', '2', '--seed', '5']; "
        "runpy.run_path('pong.py', run_name='__main__')"
    )
    played = printed(tmp_path, "-c", start)
    for episode in range(2):
        job = Job(
            ForestSpec(forest, str(tmp_path / "detector")),
            search_protocol(env),
            seed_for(5, "test", episode),
        )
        expected = play_one(job)
        line = f"episode {episode}: return {expected.score:g}, {expected.steps} steps\n"
        assert line in played
    # RGB frames are read as well as palette indices
    module, atari = load(source, tmp_path / "again.py"), search_protocol(env).make_env()
    atari.reset(3)
    one, two = module.Detector(module.FITTED), module.Detector(module.FITTED)
    for _ in range(20):
        atari.step(2)
        np.testing.assert_array_equal(one.observe(atari.observation()), two.observe(atari.rgb()))


@pytest.mark.slow
def test_one_file_plays_a_control_task(tmp_path):
    features = ["x", "v", "angle", "turn"]
    env = GymnasiumEnv(id="CartPole-v1", features=features)
    forest = Forest.from_text("LEFT = 0.0\nRIGHT = 3*turn + angle", ("turn", "angle"), (0, 1))
    source = text(Champion(forest, env, None, {}), "python", pixels=False)
    (tmp_path / "cartpole.py").write_text(source)
    played = printed(tmp_path, "cartpole.py", "--episodes", "3")
    returns = [float(line.split()[3].rstrip(",")) for line in played.splitlines()[:3]]
    assert min(returns) > 100
    assert played.splitlines()[3] == f"mean {np.mean(returns):g}"


def test_pixels_need_frames(forest):
    task = Champion(forest, GymnasiumEnv(id="CartPole-v1"), None, {})
    with pytest.raises(ConfigError, match="this task has none"):
        text(task, "python", pixels=True)
    game = Champion(forest, ArcadeEnv(game="pong"), None, {})
    with pytest.raises(ConfigError, match="--to python --pixels"):
        text(game, "c", pixels=True)
    with pytest.raises(ConfigError, match="its detector, which is not known"):
        text(game, "python", pixels=True)


def test_only_a_motion_detector_fits_into_one_file(forest, tmp_path):
    Identity(FEATURES).save(tmp_path)
    game = Champion(forest, ArcadeEnv(game="pong"), tmp_path, {})
    with pytest.raises(ConfigError, match="the detector Identity cannot be put into one file"):
        text(game, "python", pixels=True)


def test_the_command_line(forest, tmp_path, capsys):
    forest.save(tmp_path / "my.json")
    assert main([str(tmp_path / "my.json"), "--to", "json"]) == 0
    assert capsys.readouterr().out == forest.to_json()
    output = tmp_path / "new" / "policy.py"
    assert main([str(tmp_path / "my.json"), "-o", str(output)]) == 0
    assert output.read_text().startswith('"""A policy')
    assert main(["nowhere", "--zoo", str(tmp_path / "zoo")]) == 1
    assert "fix: a shipped one (none yet), or a key" in capsys.readouterr().err

"""The stage: its files, its place in the pipeline, and what does not change with it."""

import dataclasses
import json
import shutil

import numpy as np
import pytest

from diffses.advantages.estimate import Advantages
from diffses.config import AdvantagesConfig, GymnasiumEnv
from diffses.dataset.data import Dataset, Layout, Part, save
from diffses.detector.identity import name_observation
from diffses.envs.gymnasium import gymnasium_protocol
from diffses.pipeline import STAGES, order
from diffses.policy.forest import Forest
from diffses.stages.advantages import arms_of, measure_advantages
from diffses.store import Store, Workspace

ENV = GymnasiumEnv("CartPole-v1", features=["x", "vx", "angle", "turn"])
SETTINGS = AdvantagesConfig(
    states=8, replicates=2, horizon=30, hold=8, spacing=10, teacher_arm=False, workers=1
)


@pytest.fixture
def inputs(tmp_path):
    """A dataset whose teacher pushes the way the pole falls, without the teacher."""
    env, random = gymnasium_protocol(ENV).make_env(), np.random.default_rng(0)
    rows = []
    for episode in range(6):
        env.reset(episode)
        while not env.done:
            rows.append(env.observation().copy())
            env.step(int(random.integers(2)))
    rows = np.array(rows)
    fall = rows[:, 2] + rows[:, 3]
    logits, actions = np.stack([-fall, fall], axis=1), np.zeros(len(rows), np.int16)
    part = vars(Part(rows, logits, actions, np.zeros(len(rows), np.int32)))
    layout = Layout(tuple(ENV.features), ("A0", "A1"), ((0,), (1,)))
    for name in ("dataset", "detector", "teacher"):
        (tmp_path / name).mkdir()
    save(tmp_path / "dataset", layout, {"train": part, "held_out": part}, {}, imported=False)
    name_observation(ENV).save(tmp_path / "detector")
    return {name: tmp_path / name for name in ("detector", "teacher", "dataset")}


def measured(inputs, tmp_path, name):
    workspace = Workspace(tmp_path / name, tmp_path / "scratch", Store(tmp_path))
    workspace.out.mkdir()
    workspace.scratch.mkdir(exist_ok=True)
    measure_advantages(ENV, SETTINGS, inputs=inputs, workspace=workspace)
    return workspace.out


def test_it_labels_states_of_the_linear_student(inputs, tmp_path):
    out = measured(inputs, tmp_path, "first")
    found = Advantages.open(out / "advantages.npz")
    about = json.loads((out / "advantages.json").read_text())
    assert found.arms == ("base", "A0", "A1")
    assert about["arms"] == list(found.arms)
    assert about["steps"] == found.steps
    assert about["statistics"]["states"] == 8
    # it pushes where the pole falls; pushing one way for 8 steps loses it in some states
    student = Forest.load(out / "base.json")
    chosen = [student.action_ids[i] for i in student.choose(found.rows)]
    assert found.chosen.tolist() == chosen
    assert found.advantages.min() < 0
    assert (out / "states.png").is_file() == (about["statistics"]["gap"] > 0)


def test_a_build_that_is_resumed_or_made_again_has_the_same_files(inputs, tmp_path):
    first = measured(inputs, tmp_path, "first")
    kept = sorted((tmp_path / "scratch").iterdir())
    kept[0].unlink()
    resumed = measured(inputs, tmp_path, "resumed")
    shutil.rmtree(tmp_path / "scratch")
    again = measured(inputs, tmp_path, "again")
    for path in first.iterdir():
        assert (resumed / path.name).read_bytes() == path.read_bytes()
        assert (again / path.name).read_bytes() == path.read_bytes()


def test_it_runs_when_it_is_asked_for_alone(config):
    def names(stage):
        return [stage.name for stage in order(config(f"stage={stage}"))]

    assert "advantages" not in names("all")
    assert names("advantages") == ["detector", "teacher", "dataset", "advantages"]
    assert {"advantages", "report"} <= set(names("[all,advantages]"))
    assert "advantages" in STAGES["report"].needs(config("stage=[report,advantages]"))


def test_a_sweep_shares_it_and_its_settings_are_keyed(config):
    given = config("stage=advantages")
    parents = dict.fromkeys(("detector", "teacher", "dataset"), "0")

    def key(run_seed=0, **changes):
        section = dataclasses.replace(given.advantages, **changes)
        changed = dataclasses.replace(given, seed=run_seed, advantages=section)
        return STAGES["advantages"].spec(changed, parents).key

    assert key() == key(run_seed=3) == key(workers=1)
    settings = [field.name for field in dataclasses.fields(AdvantagesConfig)]
    settings.remove("workers")
    others = {"teacher_arm": False, "gamma": 0.5, "random_actions": 0.5, "nudge": 0.5}
    keys = {key(**{name: others.get(name, 7)}) for name in settings}
    assert len(keys | {key()}) == len(settings) + 1


def test_box_actions_are_nudged(inputs):
    about = json.loads((inputs["dataset"] / "dataset.json").read_text())
    about |= {"actions": ["u0"], "groups": [[0]], "bounds": [[-2, 2]]}
    (inputs["dataset"] / "dataset.json").write_text(json.dumps(about))
    arms = arms_of(Dataset.open(inputs["dataset"]), inputs["detector"], 0.25)
    assert arms.names == ("base", "u0 less", "u0 more")
    assert [arm.shift for arm in arms.arms[1:]] == [-1, 1]

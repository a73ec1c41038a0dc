"""The evaluate stage: shared episodes, and the rows of the results."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from concept_reference import with_concepts

from diffses.config import ArcadeEnv, EvaluationConfig
from diffses.detector.concepts import CONCEPTS
from diffses.detector.motion import MotionObjectDetector
from diffses.envs.rollout import RandomSpec
from diffses.logger.progress import Bar
from diffses.policy.forest import Forest
from diffses.stages.evaluate import (
    EvaluatedPolicy,
    content_digests,
    evaluate,
    result_row,
    shared_episodes,
)
from diffses.store import Store, Workspace
from diffses.zoo.champion import FOLDER

RANDOM = EvaluatedPolicy("random", RandomSpec(), {"random": "uniform"})


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tmp_path / "out", tmp_path / "scratch", Store(tmp_path / "store"))


def play(policy, protocol, workspace, **settings):
    settings = EvaluationConfig(workers=1, max_steps=20, **settings)
    with Bar(None, "episode", "test") as progress:
        return shared_episodes(policy, protocol, settings, workspace, progress), settings


def test_episodes_are_played_once_for_all_runs(protocol, workspace, monkeypatch):
    first, _ = play(RANDOM, protocol(), workspace, episodes=3)
    monkeypatch.setattr(
        "diffses.stages.evaluate.evaluate_policy", lambda *_, **__: pytest.fail("played again")
    )
    again, _ = play(RANDOM, protocol(), workspace, episodes=3)
    assert again == first
    assert [row["steps"] for row in first] == [20, 20, 20]
    assert all(row["cut"] == 1 for row in first)


def test_what_is_forced_is_played_again(protocol, workspace):
    play(RANDOM, protocol(), workspace, episodes=2)
    (made,) = (workspace.store.root / "play").glob("*/manifest.json")
    first = made.read_text()
    play(RANDOM, protocol(), replace(workspace, rebuild_if_before=datetime.now(UTC)), episodes=2)
    assert made.read_text() != first


def test_another_policy_or_seed_is_played_anew(protocol, workspace):
    play(RANDOM, protocol(), workspace, episodes=2)
    play(RANDOM, protocol(), workspace, episodes=2, seed=1)
    play(
        EvaluatedPolicy("random", RandomSpec(), {"random": "other"}),
        protocol(),
        workspace,
        episodes=2,
    )
    assert len(list((workspace.store.root / "play").glob("*/manifest.json"))) == 3


def test_what_an_artifact_is_made_of_tells_one_that_was_built_again(tmp_path):
    (tmp_path / "policy.zip").write_bytes(b"one")
    before = content_digests(tmp_path)
    (tmp_path / "manifest.json").write_text("{}")  # when it was built does not matter
    assert content_digests(tmp_path) == before
    (tmp_path / "policy.zip").write_bytes(b"two")
    assert content_digests(tmp_path) != before


def test_the_size_is_told_with_concepts_written_out(tmp_path, workspace):
    detector = with_concepts(MotionObjectDetector.load(FOLDER / "pong"))
    (tmp_path / "detector").mkdir()
    detector.save(tmp_path / "detector")
    miss = next(name for name in detector.features if name.endswith(".miss_y"))
    forest = Forest.from_text(f"UP = 0.0 - {miss}\nDOWN = {miss}", (miss,), (2, 3))
    forest.save(tmp_path / "finetuned.json")
    workspace.out.mkdir()
    settings = EvaluationConfig(workers=1, max_steps=5, episodes=1, v4=False)
    evaluate(ArcadeEnv(game="pong"), settings, inputs={"finetune": tmp_path}, workspace=workspace)
    tested = json.loads((workspace.out / "results.json").read_text())[-1]
    assert tested["policy"] == "finetuned"
    assert (tested["size"], tested["size_expanded"]) == (4, 2 + 2 * CONCEPTS["miss_y"].nodes)


def test_v4_plays_every_start_once_and_gives_no_interval(protocol, workspace):
    v4 = protocol(sticky=0.0, noop_max=3)
    played, settings = play(RANDOM, v4, workspace, episodes=30)
    row = result_row(RANDOM, v4, played, settings)
    assert [one["seed"] for one in played] == [0, 1, 2]
    assert row["episodes"] == 3
    assert row["ci95"] is None


def test_a_row_says_what_it_rests_on(protocol, workspace):
    played, settings = play(RANDOM, protocol(), workspace, episodes=4)
    row = result_row(RANDOM, protocol(), played, settings)
    returns = [one["return"] for one in played]
    assert row["mean"] == pytest.approx(sum(returns) / 4)
    assert row["ci95"][0] <= row["mean"] <= row["ci95"][1]
    assert (row["size"], row["agreement"], row["cut"], row["max_steps"]) == (None, None, 4, 20)

"""Going on from a policy that was found before."""

import json

import numpy as np
import pytest

from diffses.config import SearchFinetune, Start
from diffses.dataset.data import Dataset, Part
from diffses.errors import ConfigError
from diffses.finetune.initialization import initial_population, warm_start
from diffses.finetune.lineage import Lineage
from diffses.finetune.variation import PrimitiveSet
from diffses.policy.forest import Forest

FEATURES = ("ball.x", "ball.y", "player.y")
ACTIONS = ("NOOP", "FIRE", "UP", "DOWN")
GROUPS = ((0, 1), (2,), (3,))


def data():
    random = np.random.default_rng(0)
    part = Part(
        random.normal(size=(20, 3)), np.eye(4)[np.zeros(20, int)], np.zeros(20, np.int16),
        np.zeros(20, np.int32),
    )  # fmt: skip
    return Dataset(part, part, FEATURES, ACTIONS, GROUPS)


def found():
    """UP below 1, else FIRE; made with its features in another order, and one more."""
    trees = ((0.0,), ("sub", 1.0, 0))
    return Forest(("player.y", "enemy.x", "ball.x"), ("FIRE", "UP"), (1, 2), trees)


def test_a_policy_of_fewer_actions_and_other_order_plays_the_same(tmp_path):
    path = tmp_path / "finetuned.json"
    found().save(path)
    begun = warm_start(path, data())
    assert begun.features == FEATURES
    assert begun.actions == ("FIRE", "UP", "DOWN")
    assert begun.action_ids == (1, 2, 3)
    rows = np.array([[0.3, 0.1, 0.5], [0.3, 0.1, 1.5]])
    assert [begun.actions[i] for i in begun.choose(rows)] == ["UP", "FIRE"]
    champion = tmp_path / "pong.json"
    champion.write_text(json.dumps({"forest": json.loads(found().to_json()), "size": 4}))
    assert warm_start(champion, data()) == begun


def test_actions_that_have_come_to_share_a_tree_are_refused(tmp_path):
    both = Forest(FEATURES, ("NOOP", "FIRE"), (0, 1), ((0.0,), (1,)))
    both.save(tmp_path / "both.json")
    with pytest.raises(ConfigError, match="NOOP and FIRE of the policy"):
        warm_start(tmp_path / "both.json", data())


def test_actions_that_a_policy_does_without_stay_unused(tmp_path):
    low = Forest(FEATURES, ("FIRE", "UP"), (1, 2), (("sub", 0, 300.0), ("sub", -300.0, 0)))
    low.save(tmp_path / "low.json")
    begun = warm_start(tmp_path / "low.json", data())
    rows = data().train.features
    played = [begun.actions[i] for i in begun.choose(rows)]
    assert played == [low.actions[i] for i in low.choose(rows)]


def test_a_policy_larger_than_the_limit_is_refused(tmp_path):
    path = tmp_path / "finetuned.json"
    found().save(path)
    (tmp_path / "hall_of_fame.csv").write_text("file,linear\n")
    (tmp_path / "detector.json").write_text('{"kind": "identity"}')
    settings = SearchFinetune(start_from=str(path), starts=[Start.pursuit], max_nodes=3)
    primitives = PrimitiveSet.of(data(), data().train.features, settings.operators, 3)
    begun = initial_population(tmp_path, tmp_path, data(), primitives, settings, 0)
    assert Lineage.start("given", 0) in [member.lineage for member in begun]
    settings.max_nodes = 2
    with pytest.raises(ConfigError, match="3 nodes"):
        initial_population(tmp_path, tmp_path, data(), primitives, settings, 0)


def test_without_a_start_within_the_limit_the_least_limit_is_said(tmp_path):
    path = tmp_path / "finetuned.json"
    found().save(path)
    (tmp_path / "forests").mkdir()
    found().save(tmp_path / "forests" / "line.json")
    (tmp_path / "hall_of_fame.csv").write_text("file,linear\nline.json,True\n")
    settings = SearchFinetune(starts=[Start.linear], max_nodes=2)
    primitives = PrimitiveSet.of(data(), data().train.features, settings.operators, 2)
    with pytest.raises(ConfigError) as caught:
        initial_population(tmp_path, tmp_path, data(), primitives, settings, 0)
    assert caught.value.fix == "finetune.max_nodes=3"
    settings.max_nodes = 3
    assert initial_population(tmp_path, tmp_path, data(), primitives, settings, 0)


def test_a_policy_of_other_features_or_no_policy_is_refused(tmp_path):
    path = tmp_path / "finetuned.json"
    Forest(("enemy.x",), ("FIRE", "UP"), (1, 2), ((0.0,), (0,))).save(path)
    with pytest.raises(ConfigError, match=r"enemy\.x"):
        warm_start(path, data())
    Forest(("ball.x",), ("FIRE", "JUMP"), (1, 2), ((0.0,), (0,))).save(path)
    with pytest.raises(ConfigError, match="JUMP"):
        warm_start(path, data())
    path.write_text("[1]")
    with pytest.raises(ConfigError, match="holds no policy"):
        warm_start(path, data())

"""Which way the actions push the player, from the detector's artifact."""

import json
from pathlib import Path

import numpy as np
import pytest

import diffses.zoo
from diffses.dataset.data import Dataset, Part
from diffses.finetune.action_effects import action_effects

ZOO = Path(diffses.zoo.__file__).parent
PART = Part(*np.zeros((4, 0, 0)))
# of each shipped detector: the groups of actions of equal effect, and which way each group goes
SHIPPED = {
    "breakout": (((0,), (1,), (2,), (3,)), {"x": [0, 0, 1, -1]}),
    "freeway": (((0,), (1,), (2,)), {"y": [0, -1, 1]}),
    "pong": (((0, 1), (2, 4), (3, 5)), {"y": [0, -1, 1]}),
    "space_invaders": (tuple((a,) for a in range(6)), {"x": [0, 0, 1, -1, 1, -1]}),
    "boxing": (
        tuple((a,) for a in range(18)),
        {
            "x": [0, 0, 0, 1, -1, 0, 1, -1, 1, -1, 0, 1, -1, 0, 1, -1, 1, -1],
            "y": [0, 0, -1, 0, 0, 1, -1, -1, 1, 1, -1, 0, 0, 1, -1, -1, 1, 1],
        },
    ),
}


def effects(folder, groups, features, bounds=None):
    names = tuple(str(action) for group in groups for action in group)
    found = action_effects(folder, Dataset(PART, PART, tuple(features), names, groups, bounds))
    return found and {axis: signs.tolist() for axis, signs in found.effects.items()}


@pytest.mark.parametrize("name", SHIPPED)
def test_the_shipped_detectors_say_which_way_each_action_goes(name):
    groups, wanted = SHIPPED[name]
    features = json.loads((ZOO / name / "detector.json").read_text())["features"]
    assert effects(ZOO / name, groups, features) == wanted
    others = [feature for feature in features if ".push" not in feature]
    assert effects(ZOO / name, groups, others) is None


def test_a_group_goes_the_way_of_its_members_that_move(tmp_path):
    # action 3 is beyond the table: it does nothing
    about = {"player": "me", "pushes_of_actions": [[0, 1, 0], [0, -1, 0], [0, 0, 1]]}
    (tmp_path / "detector.json").write_text(json.dumps(about))
    told = ["me.pushx", "me.pushy"]
    assert effects(tmp_path, ((0, 2), (1, 3)), told) == {"y": [1, -1]}
    assert effects(tmp_path, ((0, 1), (2, 3)), told) is None
    assert effects(tmp_path, ((0, 2), (1, 3)), told, ((-1.0, 1.0),)) is None


def test_without_a_player_there_are_none(tmp_path):
    (tmp_path / "detector.json").write_text('{"kind": "identity", "features": ["me.pushx"]}')
    assert effects(tmp_path, ((0,), (1,)), ["me.pushx"]) is None

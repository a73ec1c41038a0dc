"""What the search proposes: simple policies, and one-step changes of a policy."""

import numpy as np
import pytest

from diffses.finetune.action_head import ActionHead
from diffses.finetune.drives import DrivePolicy, Rule, Sum, Term
from diffses.finetune.growth import Change, Distinct, Growth, sample_changes
from diffses.finetune.simple_policies import simple_policies
from diffses.finetune.vocabulary import Meaning, Vocabulary
from diffses.policy.forest import Forest

FEATURES = ("ball.x-player.x", "ball.y-player.y", "ball.vx", "player.x", "ball.present")
MEANINGS = (
    Meaning("ball", "difference in x", "x", aim=True),
    Meaning("ball", "difference in y", "y", aim=True),
    Meaning("ball", "vx", "x"),
    Meaning("player", "x", "x", of_player=True),
    Meaning("ball", "present"),
)
ACTIONS = ("NOOP", "LEFT", "RIGHT", "UP", "DOWN")
HEAD = ActionHead(
    ("x", "y", "still"),
    Forest(FEATURES, ACTIONS, (0, 1, 2, 3, 4), ((0.0,),) * 5),
    ((0, 0, 1), (-1, 0, 0), (1, 0, 0), (0, -1, 0), (0, 1, 0)),
    factored=True,
)
CHASE = HEAD.empty.put((0,), Sum((Term(0),)))


@pytest.fixture
def words():
    random = np.random.default_rng(0)
    rows = random.normal(size=(400, 5))
    rows[:, 3] = random.uniform(0.2, 1.2, 400)
    rows[:, 4] = random.integers(2, size=400)
    return Vocabulary(MEANINGS, rows)


def test_simple_policies_follow_what_lies_along_their_axis(words):
    families = dict(simple_policies(HEAD, words))
    assert CHASE in families["one feature"]
    used = {
        drive.terms[0].feature for one in families["one feature"] for drive in one.drives if drive
    }
    assert used == {0, 1}  # velocities and places are no aims
    both = DrivePolicy((Sum((Term(0, -1.0),)), Sum((Term(1, -1.0),)), None))
    assert both in families["both axes of one thing"]
    assert len(families["constant"]) == 9
    rules = [one.drives[0] for one in families["one condition"] if one.drives[0] is not None]
    assert Rule(Term(4), 0.5, Sum((), 1.0), Sum((), 0.0)) in rules


def test_one_step_changes(words):
    changes = Growth(HEAD, CHASE, words, np.random.default_rng(0)).changes()
    drives = {kind: [one.drive for one in found] for kind, found in changes.items()}
    assert Sum((), -1.0) in drives["replace"]
    added = [one for one in drives["add"] if one.terms[1].feature == 2]
    deviation = words.deviation(2)
    weights = sorted({round(one.terms[1].weight * deviation, 1) for one in added})
    assert weights == [-1.0, -0.3, 0.3, 1.0]  # spread of the added term, in that of the drive
    assert all(one.terms[1].feature in (2, 3) for one in drives["add"])  # along x
    fork = next(one for one in drives["fork"] if one.condition == Term(2) and one.threshold == 0)
    assert fork.above.offset == -fork.below.offset
    assert changes["prune"] == [Change("prune", (0,), None)]
    assert any(isinstance(one, Rule) and CHASE.drives[0] in (one.above, one.below)
               for one in drives["split"])  # fmt: skip


def test_sampled_changes_decide_differently(words):
    odds = {"replace": 1.0, "split": 1.0, "add": 1.0, "shift": 1.0, "fork": 1.0, "prune": 1.0}
    found = sample_changes(HEAD, CHASE, words, 40, odds, np.random.default_rng(1), 20)
    assert len(found) == 40
    distinct = Distinct(words.rows)
    decided = {distinct.decisions(HEAD.forest(one.applied(CHASE))).tobytes() for one in found}
    assert len(decided) == 40
    assert distinct.decisions(HEAD.forest(CHASE)).tobytes() not in decided
    kinds = {one.kind for one in found}
    assert {"replace", "split", "add", "shift", "fork", "prune"} <= kinds
    again = sample_changes(HEAD, CHASE, words, 40, odds, np.random.default_rng(1), 20)
    assert again == found


def test_changes_at_places_within_each_other_exclude_each_other():
    inner, outer = Change("shift", (0, "above"), None), Change("prune", (0,), None)
    assert not inner.disjoint(outer)
    assert not outer.disjoint(inner)
    assert inner.disjoint(Change("shift", (0, "below"), None))
    assert inner.disjoint(Change("shift", (1,), None))

"""Measured advantages as a proposer of changes."""

import numpy as np
import pytest

from diffses.advantages.estimate import Advantages
from diffses.finetune.growth import Change
from diffses.finetune.labels import Labeller, Labels, best_changes
from diffses.policy.forest import Forest
from tests.advantages.corridor import CorridorProtocol, base

ARM_OF = [[1], [2], [1, 2]]  # the third action has no arm of its own
CHANGE = Change("replace", (0,), None)


def found(returns, episodes=(0, 0, 1, 1)):
    rows = np.array([[0.0], [1.0], [2.0], [3.0]])
    chosen = np.zeros(4, np.int64)
    names = ("base", "left", "right")
    episode = np.array(episodes)
    return Advantages(rows, names, returns, chosen, episode, np.zeros(4, np.int32), 400, 0.0)


def forest(*tree):
    """Takes action 1 where the tree is above 0, else 0."""
    return Forest(("x",), ("A", "B", "C"), (0, 1, 2), ((0.0,), tree, (-9.0,)))


@pytest.fixture
def returns():
    """Action 1 gains 2 in the last two states, and loses 1 in the first two."""
    base_, left = np.full((4, 2), 5.0), np.full((4, 2), 5.0)
    right = np.array([[4.0, 4.0], [4.0, 4.0], [7.0, 7.0], [7.0, 7.0]])
    return np.stack([base_, left, right], axis=2)


def test_a_change_is_worth_what_its_actions_are_worth(returns):
    labels = Labels(found(returns, (0, 1, 2, 3)), ARM_OF)
    # gains 0, 0, 2, 2: mean 1; standard error sqrt(4 * 1) / 4; mean gap 1 in half of the states
    assert labels.mean_gap == 1.0
    assert labels.score(forest("sub", 0, 1.5)) == pytest.approx(1 - 1.5 * 0.5 - 0.1 * 0.5)
    assert labels.score(forest(-1.0)) == 0.0
    assert labels.score(forest(1.0)) < labels.score(forest("sub", 0, 1.5))


def test_states_of_one_episode_are_no_independent_evidence(returns):
    apart = Labels(found(returns, (0, 1, 2, 3)), ARM_OF).score(forest("sub", 0, 1.5))
    together = Labels(found(returns), ARM_OF).score(forest("sub", 0, 1.5))
    assert together < apart


def test_labels_that_do_not_agree_tell_nothing(returns):
    assert Labels(found(returns), ARM_OF).tell
    noisy = returns.copy()
    noisy[:, 1, 1:] = noisy[:, 1, :0:-1]  # in the other replicate the other arm is better
    labels = Labels(found(noisy), ARM_OF)
    assert labels.agreement == 0.5  # in the first two states the base is best either way
    assert not labels.tell


def test_an_action_without_an_arm_is_worth_the_mean_of_its_parts(returns):
    labels = Labels(found(returns, (0, 1, 2, 3)), ARM_OF)
    third = Forest(("x",), ("A", "C"), (0, 2), ((0.0,), ("sub", 0, 1.5)))
    assert labels.score(third) == pytest.approx(0.5 - 1.5 * 0.25 - 0.1 * 0.5)


def test_the_best_changes_come_first_and_few_are_alike(returns):
    labels = Labels(found(returns, (0, 1, 2, 3)), ARM_OF)
    good, better = forest("sub", 0, 2.5), forest("sub", 0, 1.5)
    changed = [(Change("add", (i,), None), better, (7,)) for i in range(5)]
    changed += [(CHANGE, forest(-1.0), ()), (Change("fork", (0,), None), good, (8,))]
    best = best_changes(labels, changed, 10)
    assert [change.kind for change in best] == ["add"] * 3


def test_states_are_labelled_by_restored_rollouts(tmp_path):
    spec = base(tmp_path / "detector", 0)
    names, groups = ("STAY", "RIGHT", "HURT"), ((0,), (1,), (2,))
    labeller = Labeller(
        CorridorProtocol(), spec.detector, names, groups, (), 1, tmp_path / "scratch"
    )
    (tmp_path / "scratch").mkdir()
    labels, steps = labeller.label(spec.forest, 3, 12)
    assert labels is not None
    assert len(labels) == 12
    fewer, less = labeller.label(spec.forest, 3, 5)
    assert fewer is not None
    assert len(fewer) == 5
    assert 5 < less < steps
    right = Forest(("x", "steps"), ("STAY", "RIGHT"), (0, 1), ((0.0,), (1.0,)))
    # held for 3 steps it pays 1 each, discounted by 0.98; the gap is the same everywhere
    gain = 1 + 0.98 + 0.98**2
    assert labels.score(right) == pytest.approx(0.9 * gain)


def test_episodes_too_short_for_labels_have_none_but_are_counted(tmp_path):
    spec = base(tmp_path / "detector", 2)  # loses its three lives in three steps
    names, groups = ("STAY", "RIGHT", "HURT"), ((0,), (1,), (2,))
    (tmp_path / "scratch").mkdir()
    short = CorridorProtocol(length=1)
    labeller = Labeller(short, spec.detector, names, groups, (), 1, tmp_path / "scratch")
    labels, steps = labeller.label(spec.forest, 12, 1)
    assert labels is None
    assert steps == 3  # episodes

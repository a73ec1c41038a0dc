import numpy as np

from diffses.finetune.lineage import Lineage
from diffses.finetune.prune import prune, shortened, without_unused
from diffses.finetune.validation import Candidate
from diffses.policy.forest import Forest
from diffses.stages.finetune import pruned

ROWS = np.random.default_rng(0).normal(size=(1000, 2))


def forest(*trees):
    names = tuple("ABC"[: len(trees)])
    return Forest(("a", "b"), names, tuple(range(len(trees))), trees)


def test_what_decides_nothing_is_cut():
    # 5*a + 0*b + 0 against 0: the sign of a decides, so that a alone is enough
    full = forest((0.0,), ("add", "add", "mul", 5.0, 0, "mul", 0.0, 1, 0.0))
    assert prune(full, ROWS, 0.0) == forest((0.0,), (0,))


def test_what_decides_stays():
    both = forest((0.0,), ("add", 0, 1))
    assert prune(both, ROWS, 0.0) == both


def test_a_tolerance_cuts_what_decides_seldom():
    # a + 0.01*b decides as a does but for |a| < 0.01*|b|: some 0.3 % of the states
    nearly = forest((0.0,), ("add", 0, "mul", 0.01, 1))
    assert prune(nearly, ROWS, 0.0) == nearly
    assert prune(nearly, ROWS, 0.02) == forest((0.0,), (0,))


def test_every_operator_is_replaced_by_each_argument_and_by_zero():
    tree = ("add", "neg", 0, 2.0)
    assert set(shortened(tree)) == {
        ("neg", 0), (2.0,), (0.0,), ("add", 0, 2.0), ("add", 0.0, 2.0),
    }  # fmt: skip


def test_box_actions_are_kept_as_near_as_the_tolerance_says():
    # tanh(x + 0.01 y) of -2..2: without y it moves by about 0.2 % of the range, without x by much
    rows = np.random.default_rng(0).normal(size=(500, 2))
    tree = ("add", 0, "mul", 0.01, 1)
    box = Forest(("x", "y"), ("u0",), (0,), (tree,), ((-2.0, 2.0),))
    assert prune(box, rows, 0.0) == box
    assert prune(box, rows, 0.01).trees == ((0,),)


def test_an_action_that_is_never_taken_is_left_out():
    three = forest((0.5,), (-100.0,), ("mul", 2.0, 0))
    assert without_unused(three, ROWS) == Forest(
        ("a", "b"), ("A", "C"), (0, 2), ((0.5,), ("mul", 2.0, 0))
    )
    two = forest((0.5,), ("mul", 2.0, 0))
    assert without_unused(two, ROWS) == two


def test_what_never_varied_in_recorded_play_may_stay_where_an_action_goes():
    # b was always 1 there, so that cutting it changes nothing that was seen; C is never taken
    rows = np.column_stack([ROWS[:, 0], np.ones(len(ROWS))])
    full = forest((0.1,), ("mul", 0, 1), (-100.0,))
    found = [one for one, _ in pruned(Candidate(full, Lineage.start("test", 0)), rows)]
    assert forest((0.1,), (0,)) in found
    assert forest((0.1,), ("mul", 0, 1)) in found

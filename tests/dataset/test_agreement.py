"""Agreement with the teacher, worked by hand."""

import numpy as np
import pytest

from diffses.dataset.agreement import action_agreement, exact_agreement
from diffses.dataset.data import Part
from diffses.policy.forest import Forest

GROUPS = ((0, 1), (2,))  # actions 0 and 1 do the same


def part(features, logits):
    steps = len(features)
    return Part(
        np.array(features, float), np.array(logits, float), np.zeros(steps), np.zeros(steps, int)
    )


def test_actions_of_equal_effect_agree():
    # The teacher takes 1, 2, 2, 0. The forest takes 2 where a > 0 and else 0, so 0, 2, 0, 0:
    # the same action in steps 1 and 3, an action of the same effect in step 0 as well.
    steps = part([[-1], [1], [-1], [-1]], [[0, 1, 0], [0, 0, 1], [0, 0, 1], [1, 0, 0]])
    forest = Forest(("a",), ("NOOP", "UP"), (0, 2), ((0.0,), (0,)))
    assert action_agreement(forest, steps, GROUPS) == 3 / 4
    assert exact_agreement(forest, steps) == 2 / 4


def test_box_actions_agree_as_far_as_they_are_near():
    # The forest always acts in the middle of -2..2, that is 0. The teacher acts with 0, 1, -2, 2:
    # |distance| / 4 = 0, 1/4, 1/2, 1/2, on average 5/16.
    steps = part([[0]] * 4, [[0], [1], [-2], [2]])
    forest = Forest(("a",), ("push",), (0,), ((0.0,),), ((-2.0, 2.0),))
    assert action_agreement(forest, steps, ((0,),)) == pytest.approx(1 - 5 / 16)
    assert exact_agreement(forest, steps) == action_agreement(forest, steps, ((0,),))

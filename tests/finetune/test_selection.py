"""Return and size as two objectives."""

import numpy as np
import pytest

from diffses.finetune.evaluator import Individual
from diffses.finetune.lineage import Lineage
from diffses.finetune.selection import crowding_distance, non_dominated_sort, select, unique
from diffses.policy.forest import Forest


def member(value, size, episodes=5):
    forest = Forest(("a",), ("A",), (0,), (("neg",) * (size - 1) + (float(value),),))
    return Individual(
        forest, Lineage.start(str(value), size), [float(value)] * episodes, [0.0] * episodes
    )


def test_fronts_by_hand():
    # (3, -5) and (1, -1) beat nobody of each other; (2, -6) loses to the first, (0, -7) to all
    values = np.array([[3.0, -5.0], [1.0, -1.0], [2.0, -6.0], [0.0, -7.0]])
    assert non_dominated_sort(values) == [[0, 1], [2], [3]]


def test_the_ends_of_a_front_are_never_crowded():
    values = np.array([[0.0, 3.0], [1.0, 2.0], [1.1, 1.9], [3.0, 0.0]])
    distance = crowding_distance(values)
    # both widths are 3; row 1: (1.1 - 0) / 3 + (3 - 1.9) / 3, row 2: (3 - 1) / 3 + (2 - 0) / 3
    assert distance.tolist() == pytest.approx([np.inf, 2.2 / 3, 4 / 3, np.inf])


def test_half_survive_by_return_and_half_by_the_front():
    members = [member(10, 9), member(9, 8), member(8, 9), member(7, 10), member(-5, 1)]
    kept = select(members, 4)
    assert [m.lineage.label for m in kept[:2]] == ["10/9", "9/8"]
    assert "-5/1" in [m.lineage.label for m in kept]  # the smallest, though it returns least
    assert "7/10" not in [m.lineage.label for m in kept]


def test_of_equal_forests_the_one_that_played_most_stays():
    few, many = member(1, 2, episodes=2), member(1, 2, episodes=9)
    assert unique([few, many]) == [many]

"""Both evaluators are given the same trees."""

import numpy as np
import pytest

from benchmarks import fitness
from diffses.policy import expression as trees_
from diffses.policy.compiled import Batch


def test_the_translated_trees_say_what_gplearn_says():
    rows, made = fitness.data(50), fitness.programs(60)
    trees = [fitness.to_expression(one.program) for one in made]
    for tree in trees:
        trees_.check_tree(tree, fitness.FEATURES)
    named = {token for tree in trees for token in tree if isinstance(token, str)}
    assert named == set(fitness.OPERATORS)
    fitness.check(Batch(rows).scores(trees), np.stack([one.execute(rows) for one in made]))


def test_other_numbers_are_noticed():
    rows = fitness.data(20)
    with pytest.raises(AssertionError):
        fitness.check(rows, rows + 1e-12)


def test_the_trees_are_half_and_half_of_depth_2_to_6():
    depths = [trees_.depth(fitness.to_expression(one.program)) for one in fitness.programs()]
    assert len(depths) == 200
    # full trees have the depth that was drawn, grown ones may be less deep
    assert max(depths) == 6
    assert set(depths) <= set(range(7))


def test_the_trees_are_the_same_every_time():
    first, again = (
        [fitness.to_expression(one.program) for one in fitness.programs(5)] for _ in range(2)
    )
    assert first == again

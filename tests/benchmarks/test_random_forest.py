"""What is played in the benchmarks of play."""

import pytest

from benchmarks.play import OPERATORS, random_forest

FEATURES = tuple(f"ball.x{i}" for i in range(9))


@pytest.mark.parametrize("actions", [3, 4, 6, 18])
def test_a_random_forest_has_about_200_nodes(actions):
    names = tuple(f"A{i}" for i in range(actions))
    forest = random_forest(FEATURES, names, 200)
    # trees of binary operators have an odd number of nodes: each may lack one or two
    assert 200 - 2 * actions <= sum(map(len, forest.trees)) <= 200
    used = {token for tree in forest.trees for token in tree if isinstance(token, str)}
    assert used == set(OPERATORS)
    assert forest == random_forest(FEATURES, names, 200)

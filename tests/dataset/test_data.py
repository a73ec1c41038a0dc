import numpy as np
import pytest

from diffses.dataset.data import Layout, Part, centred, merge

GROUPS = ((0, 1), (2, 4), (3, 5))


def test_merged_odds_by_hand():
    # odds 1, 3, 2, 1, 2, 1: groups 4, 4, 2
    logits = np.log([[1.0, 3.0, 2.0, 1.0, 2.0, 1.0]])
    assert np.exp(merge(logits, GROUPS)) == pytest.approx(np.array([[4.0, 4.0, 2.0]]))


def test_merging_survives_large_scores():
    assert merge(np.array([[1000.0, 1000.0, -1000.0, 0, 0, 0]]), GROUPS)[0, 0] == pytest.approx(
        1000 + np.log(2)
    )


def test_centred_scores_sum_to_nothing():
    scores = np.random.default_rng(0).normal(size=(5, 3))
    assert centred(scores).sum(axis=1) == pytest.approx(0)
    assert centred(scores).argmax(axis=1).tolist() == scores.argmax(axis=1).tolist()


def test_a_group_acts_as_the_teacher_does_most_often():
    logits = np.zeros((10, 6))
    logits[:4, 4] = 1  # RIGHTFIRE 4 times, RIGHT once: the group acts as RIGHTFIRE
    logits[4, 2] = 1
    logits[5:, 0] = 1
    part = Part(np.zeros((10, 1)), logits, np.zeros(10), np.zeros(10))
    names = ("NOOP", "FIRE", "RIGHT", "LEFT", "RIGHTFIRE", "LEFTFIRE")
    empty = Layout(("a.x",), names, GROUPS).template(part)
    assert empty.actions == ("NOOP", "RIGHTFIRE", "LEFT")
    assert empty.action_ids == (0, 4, 3)

"""Features that did well are tried more often."""

import numpy as np
import pytest

from diffses.finetune.credit import Credit
from diffses.finetune.vocabulary import Meaning

MEANINGS = (Meaning("ball", "miss"), Meaning("ball", "vx"), Meaning("lamp", "vx"))


def test_a_score_counts_for_thing_and_quantity():
    credit = Credit(MEANINGS)
    assert credit.odds().tolist() == [1.0, 1.0, 1.0]
    credit.learn([({0}, 10.0), ({2}, 0.0), (set(), 99.0)])
    # scores 1 and -1, each shrunk by 4 average candidates: 1/5 for ball and miss, -1/5 for lamp, vx
    assert credit.odds() == pytest.approx(np.exp([2 * 0.4, 0.0, -2 * 0.4]))


def test_a_race_in_which_all_are_equal_teaches_nothing():
    credit = Credit(MEANINGS)
    credit.learn([({0}, 5.0), ({1}, 5.0)])
    credit.learn([])
    assert credit.odds().tolist() == [1.0, 1.0, 1.0]

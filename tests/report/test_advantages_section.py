"""The report's section about measured advantages."""

import numpy as np
import pytest
from PIL import Image

from diffses.advantages.estimate import Advantages
from diffses.report.advantages import draw_states, largest_gaps, section
from diffses.report.costs import steps_of
from diffses.report.run_artifacts import read
from tests.fake_artifacts import build


def labels(returns, episode, observations=None):
    count = len(returns)
    rows, none = np.arange(count * 3.0).reshape(count, 3), np.arange(count)
    seen = rows if observations is None else observations
    names = tuple(f"arm {i}" for i in range(returns.shape[2]))
    return Advantages(rows, names, returns, none, np.array(episode), none, 90, 0.0, seen)


@pytest.fixture
def gaps():
    """States with a gap of 5, 4, 3, 2, 1 and noise alone; the first two of one episode."""
    returns = np.zeros((6, 2, 3))
    returns[:5, :, 1] = np.array([[5, 4, 3, 2, 1]]).T
    returns[5] = [[9, -9, 0], [-9, 9, 0]]
    return labels(returns, [7, 7, 1, 2, 3, 4])


def test_the_largest_gaps_are_shown_one_of_an_episode(gaps):
    assert largest_gaps(gaps) == [0, 2, 3]


def width(path):
    with Image.open(path) as image:
        return image.width


def test_a_picture_for_each_of_them(gaps, tmp_path):
    draw_states(gaps, ("x", "y", "z"), tmp_path / "states.png")
    wide = width(tmp_path / "states.png")
    few = labels(gaps.returns[4:], [1, 2], np.zeros((2, 210, 160), np.uint8))
    draw_states(few, (), tmp_path / "few.png")
    assert width(tmp_path / "few.png") * 3 == pytest.approx(wide, abs=3)
    draw_states(labels(gaps.returns[5:], [1]), (), tmp_path / "none.png")
    assert not (tmp_path / "none.png").exists()


def test_there_is_a_section_where_advantages_were_measured(tmp_path):
    paths = build(tmp_path)
    paths.pop("report")
    shown = read(paths)
    found = section(shown)
    values = {row[0]: row[1] for row in found["table"].rows}
    assert values["arms"] == "base, NOOP, RIGHT, LEFT"
    assert values["states (episodes)"] == "12 (4)"
    assert values["cost of a label"] == "750 steps, 8,000 ms"  # 96 s
    assert "50.0 %" in values["states where the arms differ by more than their noise"]
    assert steps_of("advantages", shown) == 9_000
    paths.pop("advantages")
    assert section(read(paths)) is None

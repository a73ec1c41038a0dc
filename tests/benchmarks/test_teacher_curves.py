"""The learning curves: what is read from them, and that a training goes on."""

import numpy as np
import pytest

from benchmarks import teacher_curves
from benchmarks.teacher_curves import compared, read


def write(folder, name, rows):
    lines = [",".join(teacher_curves.COLUMNS), *(",".join(map(str, row)) for row in rows)]
    (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize(
    ("ours", "said"), [(-15.0, "counts"), (-16.5, "does not count: worse than stock's - 1")]
)
def test_curves_are_compared_at_equal_steps(tmp_path, ours, said):
    # stock ends first, at 500,000; ours lies half-way between its rows there
    write(tmp_path, "stock", [(1000, 1, "nan"), (500_000, 30, -15.0)])
    write(tmp_path, "default", [(400_000, 9, ours - 1), (600_000, 12, ours + 1)])
    line = compared(tmp_path)
    assert line.startswith(f"return after 500,000 steps: ours {ours}, stock -15.0; ")
    assert line.endswith(f"the row {said}")


def test_short_curves_do_not_count(tmp_path):
    assert "no curves yet" in compared(tmp_path)
    for name in ("stock", "default"):
        write(tmp_path, name, [(1000, 1, -20.0), (2000, 2, -20.0)])
    assert "does not count: the curves end before 500,000 steps" in compared(tmp_path)


@pytest.mark.slow
def test_a_training_goes_on_where_it_ended(tmp_path):
    for steps in (2000, 5000):
        teacher_curves.main(
            ["default", "--steps", str(steps), "--folder", str(tmp_path), "--scratch",
             str(tmp_path / "scratch")]
        )  # fmt: skip
        assert read(tmp_path / "default.csv")[-1]["steps"] >= steps
    rows = read(tmp_path / "default.csv")
    assert [row["steps"] for row in rows] == [2048, 4096, 6144]
    assert np.all(np.diff([row["minutes"] for row in rows]) >= 0)
    assert (tmp_path / "curves.png").stat().st_size > 1000

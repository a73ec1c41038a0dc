"""The rows, their arithmetic, and the command line."""

import json

import pytest

from benchmarks import __main__ as command
from benchmarks.rows import Row, alone, compared, in_turn, table

KEYS = ["name", "ratio", "bar", "higher_is_better", "ours", "theirs", "unit", "runs"]


def test_a_ratio_is_the_median_of_the_turns():
    # ratios 4/2 = 2, 9/3 = 3, 8/8 = 1: their median is 2, the medians of the sides are 8 and 3
    row = compared("x", [(4, 2), (9, 3), (8, 8)], bar=2.5, unit="steps/s")
    assert (row.ratio, row.ours, row.theirs, row.runs) == (2, 8, 3, 3)
    assert row.verdict == "missed"


def test_a_row_has_these_keys_and_no_others():
    row = compared("x", [(4.0, 2.0)], bar=None, unit="steps/s", note="seen below the table")
    assert list(row.to_json()) == KEYS
    with_cpu = compared("x", [(4.0, 2.0)], bar=None, unit="steps/s", extra={"cpu_ours": 1.5})
    assert with_cpu.to_json() == row.to_json() | {"cpu_ours": 1.5}


def test_of_seconds_less_is_better():
    row = alone("help_seconds", [3.0, 1.0, 2.0], bar=2.0, unit="s")
    assert (row.ratio, row.ours, row.theirs, row.higher_is_better) == (2, 2, None, False)
    assert row.verdict == "reached"
    assert alone("help_seconds", [2.1], bar=2.0, unit="s").verdict == "missed"


def test_the_sides_take_turns_at_being_first():
    order = []
    pairs = in_turn(lambda: order.append("ours") or 1.0, lambda: order.append("theirs") or 2.0, 3)
    assert order == ["ours", "theirs", "theirs", "ours", "ours", "theirs"]
    assert pairs == [(1.0, 2.0)] * 3


def test_the_table_shows_what_could_not_be_measured():
    row = Row("detect", None, None, True, 12345.6, None, "frames/s", 2, note="no OCAtari")
    head, line, note = table([row]).splitlines()
    assert head.split() == ["row", "ratio", "bar", "ours", "theirs", "unit", "runs"]
    assert line.split() == ["detect", "-", "12,346", "-", "frames/s", "2"]
    assert note == "detect: no OCAtari"


def test_every_benchmark_can_be_found():
    from importlib import import_module

    for one in command.BENCHMARKS.values():
        module, function, *_ = one.where.split(":")
        assert callable(getattr(import_module(f"benchmarks.{module}"), function))


def test_without_a_name_all_rows_are_measured():
    names = command.chosen([])
    assert {"play_pong", "fitness", "fitness_1_thread", "memory", "scaling"} <= set(names)
    assert "profile" not in names


@pytest.mark.parametrize(
    ("argument", "fix"),
    [("play_pongg", "play_pong"), ("zzz", "play_pong | "), ("--nothing", "--help")],
)
def test_an_unknown_argument_is_two_lines(capsys, argument, fix):
    assert command.main([argument]) == 1
    problem, repair = capsys.readouterr().err.splitlines()
    assert argument in problem
    assert repair.startswith(f"  fix: python -m benchmarks {fix}")


def test_help_lists_every_row(capsys):
    with pytest.raises(SystemExit) as ended:
        command.main(["--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in command.BENCHMARKS)


def test_rows_are_written_and_a_missed_bar_is_no_failure(monkeypatch, capsys, tmp_path):
    missed = compared("fitness", [(1.0, 2.0)], bar=5.0, unit="M node-rows/s")
    monkeypatch.setattr(command.Benchmark, "run", lambda self, effort: [missed])
    file = tmp_path / "new" / "rows.json"
    assert command.main(["fitness", "--json", str(file)]) == 0
    assert json.loads(file.read_text()) == [missed.to_json()]
    assert "missed" in capsys.readouterr().out


@pytest.mark.slow
def test_two_rows_are_measured(capsys, tmp_path):
    file = tmp_path / "rows.json"
    assert command.main(["fitness_play", "help_seconds", "--quick", "--json", str(file)]) == 0
    rows = json.loads(file.read_text())
    assert [(row["name"], row["runs"]) for row in rows] == [
        ("fitness_play", 1),
        ("help_seconds", 1),
    ]
    assert all(list(row) == KEYS and row["ratio"] > 0 for row in rows)

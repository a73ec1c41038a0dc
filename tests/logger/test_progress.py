import io
import logging
import sys

import pytest

from diffses.logger import progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def _turned_on(monkeypatch):
    monkeypatch.setenv("DIFFSES_PROGRESS", "1")


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test moves."""
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_the_line_by_hand(clock):
    with progress.Bar(900, "step", "finetune") as bar:
        clock[0] = 5.0
        bar.update(300, ret=-3.456789)
        # 300 steps in 5 s: 60 a second; 600 are left: 10 s
        assert bar.line() == "finetune: 300/900 steps (33 %), 60 steps/s, 10 s left, ret -3.457"


def test_an_unknown_total_has_no_share_and_no_end(clock):
    bar = progress.Bar(None, "episode", "evaluate")
    clock[0] = 2.0
    bar.update(5)
    assert bar.line() == "evaluate: 5 episodes, 2.5 episodes/s"


def test_without_a_terminal_it_logs_ever_more_seldom(clock, caplog, monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    caplog.set_level(logging.INFO)
    with progress.Bar(1000, "step", "teacher") as bar:
        for second in range(100):
            clock[0] = float(second)
            bar.update(10)
    # the first after 10 s, then 20 s, then 40 s: at 10, 30, 70
    assert [record.message.split(" ")[1] for record in caplog.records] == [
        "110/1,000",
        "310/1,000",
        "710/1,000",
    ]
    assert sys.stderr.getvalue() == ""


def test_on_a_terminal_it_is_a_bar(caplog, monkeypatch):
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(sys, "stderr", Terminal())
    with progress.Bar(4, "episode", "evaluate") as bar:
        bar.update(4, ret=12.5)
        bar._bar.refresh()
        shown = sys.stderr.getvalue()
    assert "evaluate" in shown
    assert "4/4" in shown
    assert "ret=12.5" in shown
    assert caplog.records == []


def test_it_can_be_turned_off(clock, caplog, monkeypatch):
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("DIFFSES_PROGRESS", "0")
    with progress.Bar(4, "episode", "evaluate") as bar:
        clock[0] = 100.0
        bar.update(4)
    assert sys.stderr.getvalue() == ""
    assert caplog.records == []


def test_a_worker_process_draws_no_bar(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    with progress.Bar(10, "step", "play") as drawn:
        assert drawn._bar is not None
    process = type("Process", (), {"name": "LokyProcess-1"})
    monkeypatch.setattr(progress.multiprocessing, "current_process", process)
    with progress.Bar(10, "step", "play") as drawn:
        assert drawn._bar is None

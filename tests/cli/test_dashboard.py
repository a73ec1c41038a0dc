"""The W&B dashboard: its definition, and what wandb-workspaces makes of it."""

import json
import os

import pytest

from diffses.cli import dashboard
from diffses.cli.dashboard import main
from diffses.evaluation.results import POLICIES, PROTOCOLS
from diffses.pipeline import STAGES
from diffses.stages import finetune as search
from diffses.teacher import callback


def test_the_definition_is_printed_as_json(capsys):
    assert main([]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == dashboard.dashboard()
    (first, *_) = printed["sections"]
    assert first["name"] == "Test returns"
    assert first["panels"][0]["metrics"] == ["v5/finetuned/mean"]


def test_wandb_workspaces_takes_it():
    pytest.importorskip("wandb_workspaces")
    made = dashboard.workspace(dashboard.dashboard(), "somebody", "diffses")
    text = made._to_model().model_dump_json(by_alias=True, exclude_none=True)
    for section in dashboard.dashboard()["sections"]:
        assert section["name"] in text
        for panel in section["panels"]:
            y = panel.get("y", ())
            for metric in (*panel.get("metrics", ()), *([y] if isinstance(y, str) else y)):
                assert metric in text
    assert json.loads(text)


def test_pushing_without_a_key_says_so_in_two_lines(monkeypatch, tmp_path, capsys):
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert main(["push"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "ERROR W&B: the dashboard cannot be pushed without a key or login"
    assert lines[1].startswith("  fix: `wandb login`")
    assert len(lines) == 2


HALL = ("rank", "size", "linear", "selection_agreement", "held_out_agreement")
LOGGED = {"finetune": search.CURVE, "teacher": callback.CURVE_COLUMNS, "distill": HALL}


def known(metric):
    """Whether runs log it: a column of a curve or of the hall of fame, what a stage cost, or a
    result of some policy under some protocol."""
    first, *rest = metric.split("/")
    if first in PROTOCOLS:  # as `wandb_media.numbers` names them
        return len(rest) == 2 and rest[0] in POLICIES and rest[1] in ("mean", "size")
    if rest == ["seconds"]:
        return first in STAGES
    return len(rest) == 1 and rest[0] in LOGGED.get(first, ())


@pytest.mark.parametrize(
    "panel", [p for s in dashboard.dashboard()["sections"] for p in s["panels"]]
)
def test_its_metrics_are_ones_that_runs_log(panel):
    y = panel.get("y", [])
    for metric in (*panel.get("metrics", []), *([y] if isinstance(y, str) else y)):
        assert known(metric), metric
    assert known(panel.get("x", "distill/rank"))

"""`python -m diffses.MODULE`, the commands' old forms, still work and name the new one."""

import json
import runpy
import sys

import pytest

from diffses.cli.old_commands import OLD, translated


def run(module, *arguments):
    """The exit code of `python -m MODULE ARGUMENTS`, in this process."""
    argv, sys.argv = sys.argv, [module, *arguments]
    try:
        with pytest.raises(SystemExit) as ended:
            runpy.run_module(module, run_name="__main__")
    finally:
        sys.argv = argv
    return ended.value.code


@pytest.mark.parametrize("module", OLD)
def test_every_old_form_leads_to_its_command(module, capsys):
    assert run(module, "--help") == 0
    shown = capsys.readouterr()
    new = f"python -m diffses {OLD[module].command}"
    assert shown.err == f"NOTE python -m {module} goes with the next release; now: {new} --help\n"
    assert shown.out.startswith(f"usage: {new} ")


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        ("diffses.store", ["rm", "a=b"], ["store", "rm", "a=b"]),
        (
            "diffses.detector.frames",
            ["env=pong", "out=a b.npz", "seed=-1"],
            ["record-frames", "--env=pong", "--out=a b.npz", "--seed=-1"],
        ),
        (
            "diffses.detector.score",
            ["detector=motion", "frames=a=b.npz"],
            ["score-detector", "--detector=motion", "--frames=a=b.npz"],
        ),
        ("diffses.detector.survey", ["games=pong,asterix"], ["survey", "--games=pong,asterix"]),
        (
            "diffses.dataset.original",
            ["97a3", "x=1.json", "outputs=/tmp"],
            ["export-dataset", "97a3", "x=1.json", "--outputs=/tmp"],
        ),
        (
            "diffses.regressor.tune",
            ["env=pong", "trials=3", "storage=sqlite:///a.db"],
            ["tune-regressor", "env=pong", "--trials=3", "--storage=sqlite:///a.db"],
        ),
        ("diffses.sweep", ["multirun_sweeps/a"], ["report", "multirun_sweeps/a"]),
    ],
)
def test_settings_become_options(module, old, new):
    assert translated(OLD[module], old) == new


def test_the_store_is_listed(tmp_path, capsys):
    assert run("diffses.store", "--outputs", str(tmp_path), "ls") == 0
    assert capsys.readouterr().out.split()[:2] == ["stage", "key"]


def test_champions_are_listed(capsys):
    assert run("diffses.zoo", "ls") == 0
    assert "pong" in capsys.readouterr().out


def test_a_policy_is_exported(capsys):
    assert run("diffses.policy.export", "cartpole", "--to", "json") == 0
    assert "trees" in json.loads(capsys.readouterr().out)


def test_a_policy_is_played(capsys):
    assert run("diffses.play", "mountain_car_continuous", "--episodes", "1") == 0
    assert "(protocol gym)" in capsys.readouterr().out


def test_the_dashboard_is_shown(capsys):
    assert run("diffses.dashboard") == 0
    assert json.loads(capsys.readouterr().out)["group_by"] == "Group"


def test_frames_are_recorded(tmp_path, capsys):
    out = tmp_path / "play.npz"
    assert run("diffses.detector.frames", "env=pong", "steps=3", f"out={out}") == 0
    assert out.is_file()
    assert "3 frames of pong" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("module", "arguments", "code"),
    [
        ("diffses.report", ["/nowhere"], 1),
        ("diffses.sweep", [], 2),
        ("diffses.ablation", ["/nowhere"], 1),
        ("diffses.detector.score", ["frames=x", "colour=red"], 2),
        ("diffses.detector.survey", ["games=pung"], 2),
        ("diffses.dataset.original", ["abcd", "x.json", "outputs=/nowhere"], 1),
        ("diffses.regressor.tune", ["trials=0"], 2),
    ],
)
def test_exit_codes_are_passed_on(module, arguments, code, capsys):
    assert run(module, *arguments) == code
    assert "  fix: " in capsys.readouterr().err

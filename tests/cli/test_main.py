"""The command line, as a user types it."""

import csv
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from diffses.cli.main import main, set_log_level
from diffses.config import Verbosity
from diffses.store.store import verify
from tests import fake_artifacts
from tests.conftest import ROOT


def run(*arguments, cwd=ROOT, **environment):
    """Exit code, stdout and stderr of `python run.py arguments`."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "run.py"), *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        env=os.environ | {"HYDRA_FULL_ERROR": ""} | environment,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("argument", "problem", "fix"),
    [
        ("env=pang", "env=pang: there is no such variant", "env=pong"),
        ("teachr=ppo", "there is no setting or group teachr", "teacher=ppo"),
        ("sead=1", "there is no setting or group sead", "seed=1"),
        ("teacher.path2=1", "no setting or group teacher.path2", "teacher.path=1"),
        ("teacher.total_timesteps=9", "chosen teacher has no setting", "teacher=ppo"),
        ("env.labels={a:largest}", "env.labels is a mapping", "+env.labels.KEY=VALUE"),
        ("dataset.rounds=100", "dataset.states=150 cannot be divided", "dataset.rounds=12"),
        ("env.sticky=0", "env.sticky=0: search, validation and test", "env.sticky=0.01"),
        ("seed=1.5", "seed: Value '1.5' of type 'float'", "seed=<a whole number>"),
        ("seed=-1", "seed=-1 is out of range", "seed=<a value from 0 to 2147483647>"),
        ("seed=1,2", "Ambiguous value", "seed=1,2 -m"),
        ("stage=tea", "stage=tea is not a stage", "stage=<one of all, detector"),
        ("force=[tea]", "force=tea is not a stage", "force=<one of detector"),
        ("experiment=smok", "experiment=smok: there is no such variant", "experiment=smoke"),
        ("+env.labels.others=largest", "env.labels.others: no name", "not others"),
        ("env.labels.ball=red", "env.labels.ball: Invalid value 'red'", "controllable | smallest"),
        ("finetune.sigma0=0", "finetune.sigma0=0", "<1e-06 or more>"),
        ("finetune.guidance=nan", "finetune.guidance=nan is out of range", "<0 or more>"),
        ("regressor.crossover=-0.5", "regressor.crossover=-0.5 is out of", "from 0 to 1>"),
        ("evaluation.episodes=0", "evaluation.episodes=0 is out of range", "<1 or more>"),
        ("+foo=1", "there is no setting foo", "leave out +foo"),
        ("env.game=pongg", "env.game=pongg is not a game", "env.game=pong"),
        ("env.game=joust", "env.game=joust has no mode for one player", "env.game=<one of"),
        ("a=[", "a=[", "python run.py --help"),
    ],
)
def test_a_mistake_is_two_lines_and_builds_nothing(tmp_path, argument, problem, fix):
    code, _, err = run(argument, "teacher=smoke" if "game" in argument else "dataset.states=150",
                       f"outputs={tmp_path}/store", "logger=none")  # fmt: skip
    lines = err.strip().splitlines()
    assert code == 1
    assert len(lines) == 2, err
    assert lines[0].startswith("ERROR ")
    assert problem in lines[0]
    assert lines[1].startswith("  fix: ")
    assert fix in lines[1]
    assert not list(tmp_path.glob("store/*/*/manifest.json"))


def test_an_unknown_flag_is_a_usage_error(capsys):
    assert main(["--foo", "env=pong"]) == 2
    problem, fix = capsys.readouterr().err.splitlines()
    assert problem == "ERROR there is no flag --foo"
    assert fix == "  fix: python run.py --help; settings are written name=value"


def test_a_run_leaves_what_it_sets_for_hydra_as_it_was(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(sys, "argv", ["pytest", "tests"])
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
    words = ["env=pang", f"hydra.run.dir={tmp_path}"]
    assert main(words) == 1
    assert "fix: env=pong" in capsys.readouterr().err
    assert sys.argv == ["pytest", "tests"]
    assert os.environ["HYDRA_FULL_ERROR"] == "0"


@pytest.mark.slow
def test_an_interrupted_run_says_so_in_its_status(tmp_path):
    words = ["experiment=smoke", "stage=teacher", "teacher.total_timesteps=900000", "logger=none"]
    folder = tmp_path / "log"
    process = subprocess.Popen(
        [sys.executable, "run.py", *words, f"outputs={tmp_path}/store", f"hydra.run.dir={folder}"],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        # a shell's background job is told to ignore the signal, and hands that down
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    started = tmp_path / "store"
    while not list(started.glob("teacher/*/scratch/curve.csv")):  # until it trains
        assert process.poll() is None
        time.sleep(0.1)
    assert json.loads((folder / "status.json").read_text())["status"] == "running"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "goes on from the last checkpoint" in err
    assert json.loads((folder / "status.json").read_text())["status"] == "was interrupted"


@pytest.mark.slow
def test_a_traceback_on_request():
    _, _, err = run("env=pang", HYDRA_FULL_ERROR="1")
    assert "Traceback" in err


@pytest.mark.slow
def test_help_explains_every_group_and_lists_every_variant():
    code, out, _ = run("--help")
    assert code == 0
    for group in (ROOT / "conf").iterdir():
        if group.is_dir() and group.name != "hydra":
            assert f"{group.name} " in out or f"{group.name}:" in out
            for variant in group.glob("*.yaml"):
                assert variant.stem in out


@pytest.mark.slow
def test_a_dry_run_builds_nothing_and_shares_all_but_the_search(tmp_path):
    _, out, _ = run(
        "experiment=smoke", "dry_run=true", f"outputs={tmp_path}/store", "-m", "seed=1,2",
        f"hydra.sweep.dir={tmp_path}/sweep", cwd=tmp_path,
    )  # fmt: skip
    rows = [line.split() for line in out.splitlines()]
    keys = {}
    for row in rows:
        if len(row) > 2 and row[2] == "build":
            keys.setdefault(row[0], set()).add(row[1])
    assert {stage: len(found) for stage, found in keys.items()} == {
        "detector": 1, "teacher": 1, "dataset": 1,
        "distill": 2, "finetune": 2, "evaluate": 2, "report": 2,
    }  # fmt: skip
    assert not (tmp_path / "store").exists()


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    """One run of the whole pipeline on real Pong, from another directory."""
    folder = tmp_path_factory.mktemp("smoke")
    started = time.monotonic()
    code, out, err = run(
        "env=pong", "stage=all", "experiment=smoke", f"outputs={folder}/store",
        f"hydra.run.dir={folder}/log", cwd=folder,
    )  # fmt: skip
    assert code == 0, err
    return folder, out, time.monotonic() - started


def only(folder, stage):
    (path,) = (folder / "store" / stage).glob("*/manifest.json")
    return path.parent


@pytest.mark.slow
def test_the_whole_pipeline_on_real_pong(smoke):
    folder, out, _ = smoke
    rows = json.loads((only(folder, "evaluate") / "results.json").read_text())
    assert [row["policy"] for row in rows] == [
        "random", "teacher", "linear", "distilled", "finetuned",
    ]  # fmt: skip
    for row in rows:
        assert {
            "policy",
            "protocol",
            "episodes",
            "mean",
            "iqm",
            "ci95",
            "size",
            "agreement",
        } <= set(row)
        assert row["protocol"] == "v5"
        assert row["episodes"] == row["cut"] == 2
        assert row["max_steps"] == 300
        assert -21 <= row["mean"] <= 21
    assert len((only(folder, "finetune") / "curve.csv").read_text().splitlines()) > 1
    page = only(folder, "report") / "report.html"
    assert str(page.relative_to(folder)) in out
    assert not list(folder.glob("wandb"))
    assert list((folder / "log").glob("wandb/*run*/*.wandb"))
    status = json.loads((folder / "log" / "status.json").read_text())
    assert status["status"] == "done"


@pytest.mark.slow
def test_the_made_up_artifacts_of_other_tests_are_as_a_run_leaves_them(smoke, tmp_path):
    """Their files, and the names in these; what a teacher leaves, of the shipped one."""
    folder, _, _ = smoke
    code, _, err = run(
        "env=pong", "stage=teacher", "teacher=pretrained", f"outputs={tmp_path}/real/store",
        "logger=none", f"hydra.run.dir={tmp_path}/log", cwd=tmp_path,
    )  # fmt: skip
    assert code == 0, err
    made_up = fake_artifacts.build(tmp_path / "made_up", v4=False)
    for stage in ("detector", "teacher", "dataset", "distill", "finetune", "evaluate"):
        real = only(tmp_path / "real" if stage == "teacher" else folder, stage)
        assert fake_artifacts.shape(made_up[stage]) == fake_artifacts.shape(real), stage
        assert verify(made_up[stage]).config.keys() == verify(real).config.keys()


@pytest.mark.slow
def test_advantages_are_measured_when_they_are_asked_for(smoke, tmp_path):
    assert not (smoke[0] / "store" / "advantages").exists()
    shutil.copytree(smoke[0] / "store", tmp_path / "store")
    code, _, err = run(
        "env=pong", "stage=[all,advantages]", "experiment=smoke", f"outputs={tmp_path}/store",
        "logger=none", f"hydra.run.dir={tmp_path}/log", cwd=tmp_path,
    )  # fmt: skip
    assert code == 0, err
    made = only(tmp_path, "advantages")
    made_up = fake_artifacts.build(tmp_path / "made_up", v4=False)["advantages"]
    real = fake_artifacts.shape(made)
    real.setdefault("states.png", None)  # there is none where no state of so few has a gap
    assert fake_artifacts.shape(made_up) == real
    pages = [path.read_text() for path in tmp_path.glob("store/report/*/report.html")]
    assert sum("Where it matters what one does" in page for page in pages) == 1


@pytest.mark.slow
def test_the_report_plays_a_test_episode_again(smoke):
    folder, _, _ = smoke
    report = only(folder, "report")
    shown = json.loads((report / "episode.json").read_text())
    assert shown["as_evaluated"]
    with (only(folder, "evaluate") / "episodes.csv").open(newline="") as handle:
        rows = [row for row in csv.DictReader(handle) if row["policy"] == "finetuned"]
    played = {(int(row["seed"]), float(row["return"]), int(row["steps"])) for row in rows}
    assert (shown["seed"], shown["return"], shown["steps"]) in played
    assert (report / "decision.png").stat().st_size > 10_000
    assert (report / "report.html").stat().st_size < 6_000_000
    records = [json.loads(x) for x in (folder / "log" / "metrics.jsonl").read_text().splitlines()]
    kinds = {(record["kind"], record.get("name", record.get("stage"))) for record in records}
    assert {("html", "formula"), ("image", "tree"), ("table", "front")} <= kinds
    assert ("artifact", "finetune") in kinds


@pytest.mark.slow
def test_a_second_run_builds_nothing(smoke):
    folder, _, _ = smoke
    before = {path: path.stat().st_mtime_ns for path in folder.glob("store/*/*/manifest.json")}
    code, out, _ = run(
        "env=pong", "stage=all", "experiment=smoke", f"outputs={folder}/store", "logger=none",
        f"hydra.run.dir={folder}/log2",
    )  # fmt: skip
    assert code == 0
    assert out.count(" reused") == 7
    after = {path: path.stat().st_mtime_ns for path in folder.glob("store/*/*/manifest.json")}
    assert after == before


@pytest.mark.slow
def test_the_documented_sweep_line_shares_what_it_can(smoke):
    folder, _, _ = smoke
    code, _, err = run(
        "env=pong", "stage=all", "-m", "seed=1,2,3", "experiment=smoke",
        f"outputs={folder}/store", f"hydra.sweep.dir={folder}/sweep", "hydra/launcher=joblib",
        "hydra.launcher.n_jobs=2",
    )  # fmt: skip
    assert code == 0, err
    count = {s: len(list((folder / "store" / s).glob("*/manifest.json"))) for s in
             ("detector", "teacher", "dataset", "distill", "finetune", "evaluate")}  # fmt: skip
    assert count == {"detector": 1, "teacher": 1, "dataset": 1, "distill": 4, "finetune": 4,
                     "evaluate": 4}  # fmt: skip
    summary = json.loads((folder / "sweep" / "summary.json").read_text())
    assert len(summary["jobs"]) == 3
    assert (folder / "sweep" / "summary.html").is_file()


@pytest.mark.slow
def test_a_failed_job_does_not_lose_the_others(smoke):
    folder, _, _ = smoke
    code, _, err = run(
        "env=pong", "stage=all", "-m", "seed=0,-1", "experiment=smoke", "logger=none",
        f"outputs={folder}/store", f"hydra.sweep.dir={folder}/failing",
    )  # fmt: skip
    assert code == 1
    assert "ERROR seed=-1 is out of range" in err
    states = {
        path.parent.name: json.loads(path.read_text())["status"]
        for path in (folder / "failing").glob("*/status.json")
    }
    assert states == {"0": "done", "1": "failed"}
    assert (folder / "failing" / "summary.json").is_file()


@pytest.mark.parametrize(
    ("verbosity", "own", "others", "bars"),
    [
        ("quiet", "WARNING", "WARNING", "0"),
        ("normal", "INFO", "WARNING", "1"),
        ("debug", "DEBUG", "INFO", "1"),
    ],
)
def test_verbosity(monkeypatch, verbosity, own, others, bars):
    monkeypatch.setenv("DIFFSES_PROGRESS", "1")
    for name in ("diffses", None):
        monkeypatch.setattr(logging.getLogger(name), "level", logging.ERROR)
    set_log_level(Verbosity[verbosity])
    assert logging.getLevelName(logging.getLogger("diffses").level) == own
    assert logging.getLevelName(logging.getLogger().level) == others
    assert os.environ["DIFFSES_PROGRESS"] == bars


@pytest.mark.slow
@pytest.mark.parametrize("game", ["asterix", "skiing"])
def test_a_game_without_settings_of_its_own_goes_through_every_stage(tmp_path, game):
    code, _, err = run(
        "env=ale", f"env.game={game}", "experiment=smoke", "stage=evaluate",
        f"outputs={tmp_path}/store", "logger=none",
    )  # fmt: skip
    assert code == 0, err
    (results,) = tmp_path.glob("store/evaluate/*/results.json")
    played = {row["policy"] for row in json.loads(results.read_text())}
    assert played == {"random", "teacher", "linear", "distilled", "finetuned"}

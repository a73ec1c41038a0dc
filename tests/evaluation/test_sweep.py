"""The summary of a sweep, from jobs that are done, failed, killed or never wrote a word."""

import csv
import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

from diffses.cli.report import main
from diffses.csv_rows import write_rows
from diffses.errors import DiffsesError
from diffses.evaluation.statistics import iqm, stratified_interval
from diffses.report.sweep import compare, summarise
from diffses.report.sweep_text import summary_text
from diffses.report.wording import number
from tests.fake_artifacts import build

ERROR = {"problem": "the emulator <died>", "fix": "seed=3 again", "traceback": "Traceback: line 1"}


def job(sweep, name, seed, artifacts, **status):
    folder = sweep / name
    folder.mkdir(parents=True)
    told = {
        "status": "done",
        "seed": seed,
        "overrides": ["env=pong", "stage=all", f"seed={seed}"],
        "artifacts": {stage: path.name for stage, path in artifacts.items()},
        "outputs": None if not artifacts else str(next(iter(artifacts.values())).parents[1]),
        "seconds": 600.0,
        "error": None,
    }
    (folder / "status.json").write_text(json.dumps(told | status))


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """Two jobs that are done, one that failed early, one killed, one that never began."""
    root = tmp_path_factory.mktemp("sweep")
    sweep, outputs = root / "2026-03-01_09-30-00-123456", root / "outputs"
    for number_, seed in enumerate((1, 2)):
        job(sweep, str(number_), seed, build(outputs, seed, bonus=2.0 * number_))
    early = {s: p for s, p in build(outputs, 3).items() if s in ("detector", "teacher", "dataset")}
    job(sweep, "2", 3, early, status="failed", error=ERROR)
    job(sweep, "10", 5, {}, status="running")
    (sweep / "9" / ".hydra").mkdir(parents=True)
    (sweep / ".submitit").mkdir()  # no job
    return sweep, outputs, summarise(sweep)


@pytest.fixture
def no_pictures(monkeypatch):
    """Drawing takes most of a page's time."""
    monkeypatch.setattr("diffses.report.figures.seeds", lambda rows: "data:,")
    monkeypatch.setattr("diffses.report.figures.sweep_curves", lambda jobs: "data:,")


def returns(outputs, key, policy, protocol):
    with (outputs / "evaluate" / key / "episodes.csv").open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    return [
        float(row["return"])
        for row in rows
        if (row["policy"], row["protocol"]) == (policy, protocol)
    ]


def across(summary, policy, protocol="v5"):
    rows = summary["across"]
    return next(r for r in rows if (r["policy"], r["protocol"]) == (policy, protocol))


def test_every_job_is_named_in_its_order(swept):
    _, _, summary = swept
    states = [(job["job"], job["seed"], job["status"]) for job in summary["jobs"]]
    assert states == [
        ("0", 1, "done"),
        ("1", 2, "done"),
        ("2", 3, "failed"),
        ("9", None, "missing"),
        ("10", 5, "running"),
    ]
    assert summary["failed"] == ["2", "9", "10"]


def test_mean_over_seeds_and_its_interval(swept):
    _, outputs, summary = swept
    keys = [job["artifacts"]["evaluate"] for job in summary["jobs"][:2]]
    strata = [returns(outputs, key, "finetuned", "v5") for key in keys]
    row = across(summary, "finetuned")
    means = [np.mean(found) for found in strata]
    assert row["mean"] == pytest.approx(np.mean(means))
    assert row["spread"] == pytest.approx(abs(means[0] - means[1]) / np.sqrt(2))  # of two, n - 1
    assert (row["low"], row["high"]) == pytest.approx((min(means), max(means)))
    assert row["ci95"] == list(stratified_interval(strata, seed=0))
    # the mean of two independent means has the standard error sqrt(v1/n1 + v2/n2) / 2, and 60
    # returns are enough for the normal distribution: 1.96 of them on either side
    error = np.sqrt(sum(np.var(found) / len(found) for found in strata)) / 2
    low, high = row["ci95"]
    assert (row["mean"] - low, high - row["mean"]) == pytest.approx(
        (1.96 * error, 1.96 * error), rel=0.1
    )
    assert (row["seeds"], row["episodes"]) == (2, 60)


def test_a_shared_policy_is_counted_once(swept):
    _, outputs, summary = swept
    row = across(summary, "teacher")
    found = returns(outputs, summary["jobs"][0]["artifacts"]["evaluate"], "teacher", "v5")
    assert row["episodes"] == len(found) == 30
    assert row["spread"] is None
    assert row["ci95"] == list(stratified_interval([found], seed=0))


def test_v4_has_no_interval(swept):
    _, _, summary = swept
    assert across(summary, "finetuned", "v4")["ci95"] is None


@pytest.mark.usefixtures("no_pictures")
def test_the_best_is_chosen_on_validation_not_on_test(swept, tmp_path):
    _, outputs, _ = swept
    shutil.copytree(outputs, tmp_path / "outputs")
    sweep = tmp_path / "sweep"
    for index, (seed, validated) in enumerate([(1, 15.5), (2, 11.5)]):
        made = build(tmp_path / "outputs", seed)
        rows = [
            {"policy": "lucky in a first look", "mean": 30.0, "champion": False},
            {"policy": "finetuned", "mean": validated, "champion": True},
        ]
        write_rows(made["finetune"] / "validation.csv", rows)
        job(sweep, str(index), seed, made)
    summary = summarise(sweep)
    tests = [
        next(r["mean"] for r in j["results"] if (r["policy"], r["protocol"]) == ("finetuned", "v5"))
        for j in summary["jobs"]
    ]
    assert tests[1] > tests[0]  # test would have chosen the other
    assert (summary["best"]["job"], summary["best"]["validation"]) == ("0", 15.5)
    assert summary["best"]["results"][0]["mean"] == tests[0]


def test_shared_stages(swept):
    _, _, summary = swept
    assert set(summary["shared"]) == {"detector", "teacher", "dataset", "advantages"}


def test_files_and_page(swept):
    sweep, _, summary = swept
    assert json.loads((sweep / "summary.json").read_text()) == summary
    with (sweep / "summary.csv").open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert len(rows) == 2 * 10 + 3  # ten results of each job that is done, a line of each other
    first = next(
        r for r in rows if (r["job"], r["policy"], r["protocol"]) == ("0", "teacher", "v5")
    )
    teacher = next(r for r in summary["jobs"][0]["results"] if r["policy"] == "teacher")
    assert float(first["mean"]) == teacher["mean"]
    assert float(first["ci95_low"]) == teacher["ci95"][0]
    page = (sweep / "summary.html").read_text()
    assert "the emulator &lt;died&gt;" in page
    assert "Traceback: line 1" in page
    row = across(summary, "finetuned")
    low, high = row["ci95"]
    assert f"score {number(row['mean'])} points a game on average over 2 seeds" in page
    assert f"interval {number(low)} to {number(high)})" in page
    assert 'src="http' not in page
    assert sorted(path.name for path in sweep.glob("*.tmp")) == []


def test_terminal(swept):
    sweep, _, summary = swept
    text = summary_text(sweep)
    assert "FAILED job 2 (seed 3): the emulator <died>\n  fix: seed=3 again" in text
    assert "NOT DONE job 9 (seed None) never started" in text
    assert "NOT DONE job 10 (seed 5) was still running, or was killed" in text
    assert "shared by all jobs: detector, teacher, dataset" in text
    assert number(across(summary, "finetuned")["mean"]) in text
    assert "NOTE" not in text
    assert text.endswith("summary.html")


@pytest.mark.usefixtures("no_pictures")
def test_other_settings_than_the_seed_are_kept_apart(tmp_path):
    for index, (seed, regressor) in enumerate([(1, "gplearn"), (2, "gplearn"), (1, "linear")]):
        words = ["env=pong", f"regressor={regressor}", f"seed={seed}"]
        made = build(tmp_path / f"outputs{index}", seed)
        job(tmp_path / "sweep", str(index), seed, made, overrides=words)
    summary = summarise(tmp_path / "sweep")
    found = [r for r in summary["across"] if (r["policy"], r["protocol"]) == ("finetuned", "v5")]
    assert [(row["variant"], row["seeds"]) for row in found] == [
        ("regressor=gplearn", 2),
        ("regressor=linear", 1),
    ]
    assert "fine-tuned formula, regressor=linear" in summary_text(tmp_path / "sweep")


@pytest.mark.usefixtures("no_pictures")
def test_searches_that_return_the_same_are_still_two(tmp_path):
    first, second = (build(tmp_path / "outputs", seed) for seed in (1, 2))
    for name in ("results.json", "episodes.csv"):
        shutil.copyfile(first["evaluate"] / name, second["evaluate"] / name)
    for index, made in enumerate((first, second)):
        job(tmp_path / "sweep", str(index), index + 1, made)
    row = across(summarise(tmp_path / "sweep"), "finetuned")
    one = len(returns(tmp_path / "outputs", first["evaluate"].name, "finetuned", "v5"))
    assert (row["seeds"], row["episodes"], row["spread"]) == (2, 2 * one, 0.0)
    shutil.copyfile(*(made["finetune"] / "finetuned.json" for made in (first, second)))
    row = across(summarise(tmp_path / "sweep"), "finetuned")  # what both found was played once
    assert (row["seeds"], row["episodes"], row["spread"]) == (2, one, 0.0)


@pytest.mark.usefixtures("no_pictures")
def test_a_policy_that_the_seed_does_not_change_is_one(tmp_path):
    made = [build(tmp_path / "outputs", seed) for seed in (1, 2)]
    for name in ("results.json", "episodes.csv"):
        shutil.copyfile(made[0]["evaluate"] / name, made[1]["evaluate"] / name)
    shutil.copyfile(*(one["distill"] / "distilled.json" for one in made))
    for index, one in enumerate(made):
        job(tmp_path / "sweep", str(index), index + 1, one)
    summary = summarise(tmp_path / "sweep")
    row = across(summary, "distilled")
    once = len(returns(tmp_path / "outputs", made[0]["evaluate"].name, "distilled", "v5"))
    assert (row["seeds"], row["episodes"], row["spread"]) == (2, once, None)
    over = {one["over_policy"]: one["runs"] for one in summary["improvement"]}
    assert over["distilled"] == [2, 1]


@pytest.mark.usefixtures("no_pictures")
def test_returns_of_different_games_are_not_compared(tmp_path):
    for index, game in enumerate(("pong", "freeway")):
        words = [f"env={game}", "seed=1"]
        made = build(tmp_path / f"outputs{index}", 1)
        job(tmp_path / "sweep", str(index), 1, made, overrides=words, game=game)
    summary = summarise(tmp_path / "sweep")
    assert summary["best"] is None
    assert {(row["variant"], row["over_variant"]) for row in summary["improvement"]} == {
        ("env=pong", "env=pong"),
        ("env=freeway", "env=freeway"),
    }


@pytest.mark.usefixtures("no_pictures")
def test_a_short_evaluation_says_so(tmp_path):
    for index, seed in enumerate((1, 2)):
        made = build(tmp_path / "outputs", seed, episodes=2, max_steps=300)
        job(tmp_path / "sweep", str(index), seed, made)
    summarise(tmp_path / "sweep")
    assert "Every test episode was cut after 300 steps" in summary_text(tmp_path / "sweep")
    assert "Only 2 test episodes" in (tmp_path / "sweep" / "summary.html").read_text()


def test_no_job_that_got_anywhere(tmp_path):
    job(tmp_path, "0", 1, {}, status="failed", error={"problem": "no", "fix": "try"})
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "status.json").write_text('{"status": "run')  # torn
    summary = summarise(tmp_path)
    assert summary["failed"] == ["0", "1"]
    assert (summary["best"], summary["across"], summary["shared"]) == (None, [], {})
    assert "FAILED job 0" in summary_text(tmp_path)


def test_results_that_are_damaged_fail_the_job(tmp_path):
    made = build(tmp_path / "outputs")
    (made["evaluate"] / "results.json").write_text("[{")
    job(tmp_path / "sweep", "0", 1, made)
    summary = summarise(tmp_path / "sweep")
    assert summary["failed"] == ["0"]
    assert "holds no results" in summary["jobs"][0]["error"]["problem"]


@pytest.mark.usefixtures("no_pictures")
def test_exit_codes(swept, tmp_path, capsys):
    sweep, _, _ = swept
    assert main([str(sweep)]) == 1  # a job failed
    job(tmp_path / "good", "0", 1, build(tmp_path / "outputs"))
    assert main([str(tmp_path / "good")]) == 0
    assert main([]) == 2
    assert main([str(tmp_path / "nowhere")]) == 1
    assert "fix:" in capsys.readouterr().err
    with pytest.raises(DiffsesError, match="no job"):
        summarise(tmp_path / "outputs")


@pytest.mark.slow
def test_as_a_module(swept):
    sweep, _, _ = swept
    (sweep / "summary.html").unlink()
    done = subprocess.run(
        [sys.executable, "-m", "diffses", "report", str(sweep)], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "Best on validation" in done.stdout
    assert (sweep / "summary.html").is_file()


def test_the_curve_of_each_search(swept):
    _, _, summary = swept
    curves = [job["curve"] for job in summary["jobs"]]
    assert [curve is None for curve in curves] == [False, False, True, True, True]
    assert curves[0]["name"] == "leader"
    assert curves[0]["steps"] == [50_000.0 * generation for generation in range(1, 31)]


def test_who_does_better(swept):
    _, _, summary = swept
    assert [row["over_policy"] for row in summary["improvement"]] == [
        "teacher",
        "linear",
        "distilled",
    ]
    teacher, _, distilled = summary["improvement"]
    assert (teacher["probability"], teacher["ci95"], teacher["runs"]) == (1.0, None, [2, 1])
    assert (distilled["ci95"], distilled["runs"]) == ([1.0, 1.0], [2, 2])


def test_the_interval_of_the_interquartile_mean(swept):
    _, outputs, summary = swept
    keys = [job["artifacts"]["evaluate"] for job in summary["jobs"][:2]]
    strata = [returns(outputs, key, "finetuned", "v5") for key in keys]
    expected = stratified_interval(strata, seed=0, statistic=iqm)
    assert tuple(across(summary, "finetuned")["iqm_ci95"]) == expected
    assert across(summary, "finetuned", "v4")["iqm_ci95"] is None


@pytest.mark.usefixtures("no_pictures")
def test_several_sweeps_side_by_side(tmp_path, capsys):
    for number_, name in enumerate(("one", "two")):
        for seed in (1, 2):
            made = build(tmp_path / name, 10 * number_ + seed, bonus=-5.0 * number_)
            job(tmp_path / "sweeps" / name, str(seed), seed, made)
    folders = [tmp_path / "sweeps" / name for name in ("one", "two")]
    summary = compare(folders, tmp_path / "page.html")
    assert [job["job"] for job in summary["jobs"]] == ["one/1", "one/2", "two/1", "two/2"]
    assert {row["variant"] for row in summary["across"]} == {"one", "two"}
    rivals = {
        (row["variant"], row["over_variant"]): row["probability"]
        for row in summary["improvement"]
        if row["over_policy"] == "finetuned"
    }
    assert rivals == {("one", "two"): 1.0, ("two", "one"): 0.0}
    assert "one and two" in (tmp_path / "page.html").read_text()
    assert main([str(folder) for folder in folders]) == 0
    assert "comparison.html" in capsys.readouterr().out
    assert (tmp_path / "sweeps" / "comparison.html").is_file()

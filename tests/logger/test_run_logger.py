"""The log of a run: `metrics.jsonl`, and the same messages read back from W&B's own file."""

import json
import logging
import math
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import wandb
from PIL import Image

from diffses.config import Mode, NoLogger, WandbLogger
from diffses.errors import DiffsesError
from diffses.logger import run_logger as logger
from diffses.logger import wandb_view
from tests.wandb_file import read_wandb

CONFIG = {"env": {"game": "pong"}, "seed": 1}


@pytest.fixture(autouse=True)
def _no_login(monkeypatch, tmp_path_factory):
    """No key, and a home folder that must stay empty."""
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("NETRC", str(home / "netrc"))
    yield
    assert list(home.rglob("*")) == []


def lines(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def wandb_runs(folder):
    return [read_wandb(path) for path in sorted(folder.glob("wandb/offline-run-*/*.wandb"))]


def test_record_alone(tmp_path):
    with logger.open_logger(NoLogger(), tmp_path / "new", config=CONFIG, name="seed=1") as run:
        run.log("distill", {"fit": np.float32(0.5), "size": np.int64(7)}, 3, "generation")
        run.summary({"evaluate/mean": -3.5, "worst": math.nan})
        run.table("evaluate", "results", ["policy", "mean"], [["random", np.float64(-20)]])
    start, metrics, summary, table, end = lines(tmp_path / "new")
    assert (start["kind"], start["name"], start["config"]) == ("start", "seed=1", CONFIG)
    assert (metrics["stage"], metrics["step_name"], metrics["step"]) == ("distill", "generation", 3)
    assert metrics["values"] == {"fit": 0.5, "size": 7}
    assert summary["values"] == {"evaluate/mean": -3.5, "worst": None}  # JSON has no NaN
    assert table["rows"] == [["random", -20]]
    assert (end["kind"], end["exit_code"]) == ("end", 0)
    assert not (tmp_path / "new" / "wandb").exists()


def test_stages_report_to_the_open_logger_only(tmp_path):
    logger.log("distill", {"lost": 1})  # none is open: messages are dropped
    logger.current().table("evaluate", "results", ["mean"], [[1.0]])
    logger.current().close()
    with logger.open_logger(NoLogger(), tmp_path / "outer", config={}, name="outer"):
        with logger.open_logger(NoLogger(), tmp_path / "inner", config={}, name="inner"):
            logger.log("distill", {"where": "inner"})
        logger.log("distill", {"where": "outer"})
    assert not logger.current().is_open
    assert [line["values"] for line in lines(tmp_path / "inner")[1:-1]] == [{"where": "inner"}]
    assert [line["values"] for line in lines(tmp_path / "outer")[1:-1]] == [{"where": "outer"}]


def test_a_line_is_on_disk_as_soon_as_it_is_logged(tmp_path):
    with logger.open_logger(NoLogger(), tmp_path, config={}, name="run"):
        logger.log("teacher", {"return": 1.0}, step=100, step_name="steps")
        assert lines(tmp_path)[-1]["values"] == {"return": 1.0}


def test_a_value_that_is_no_metric_raises(tmp_path):
    with (
        logger.open_logger(NoLogger(), tmp_path, config={}, name="run"),
        pytest.raises(TypeError, match="ndarray"),
    ):
        logger.log("teacher", {"returns": np.zeros(3)})


@pytest.mark.parametrize(
    ("left_by", "code"),
    [
        (RuntimeError("power cut"), 1),
        (KeyboardInterrupt(), 1),
        (SystemExit(3), 1),
        (SystemExit(0), 0),
    ],
)
def test_exit_code(tmp_path, left_by, code):
    def leave():
        with logger.open_logger(NoLogger(), tmp_path, config={}, name="run"):
            raise left_by

    with pytest.raises(type(left_by)):
        leave()
    assert lines(tmp_path)[-1]["exit_code"] == code


def test_only_the_first_close_is_written(tmp_path):
    with logger.open_logger(NoLogger(), tmp_path, config={}, name="run") as run:
        run.close(1)
        run.log("report", {"late": 1})
    assert [line["kind"] for line in lines(tmp_path)] == ["start", "end"]
    assert lines(tmp_path)[-1]["exit_code"] == 1


def _log_from_a_worker():
    logger.log("finetune", {"worker": 1})
    run = logger._current
    if run is not None:
        run.log("finetune", {"worker": 2})
        run.close(1)


def test_a_forked_worker_does_not_write(tmp_path):
    with logger.open_logger(NoLogger(), tmp_path, config={}, name="run"):
        # fork, not spawn: only a forked worker inherits the open file
        worker = multiprocessing.get_context("fork").Process(target=_log_from_a_worker)
        worker.start()
        worker.join(20)
        assert worker.exitcode == 0
    assert [line["kind"] for line in lines(tmp_path)] == ["start", "end"]
    assert lines(tmp_path)[-1]["exit_code"] == 0


def test_wandb_file_holds_the_run(tmp_path):
    picture, page = tmp_path / "tree.png", tmp_path / "report.html"
    Image.new("RGB", (4, 4)).save(picture)
    page.write_text("<p>formula</p>")
    settings = WandbLogger(project="games")
    with logger.open_logger(
        settings,
        tmp_path,
        config=CONFIG,
        name="seed=1",
        group="sweep",
        tags=["pong"],
        job_type="all",
    ):
        for generation in (0, 1):
            logger.log("distill", {"fit": 0.5 + generation}, generation, "generation")
        logger.log("teacher", {"return": -3.5}, step=1000, step_name="steps")
        logger.current().summary({"evaluate/mean": 12.5})
        logger.current().table("evaluate", "results", ["policy", "mean"], [["random", -20.25]])
        logger.current().html("report", "page", page)
        logger.current().image("report", "tree", picture)
        logger.current().artifact("distill", "0123456789abcdef", tmp_path)
    (run,) = wandb_runs(tmp_path)
    assert (run.project, run.group, run.job_type, run.name) == ("games", "sweep", "all", "seed=1")
    assert run.tags == ["pong"]
    assert run.config["env"] == {"game": "pong"}
    assert run.config["seed"] == 1
    assert run.axes == {"distill/*": "distill/generation", "teacher/*": "teacher/steps"}
    steps = [(row.get("distill/generation"), row.get("distill/fit")) for row in run.history[:2]]
    assert steps == [(0, 0.5), (1, 1.5)]
    assert run.history[2]["teacher/return"] == -3.5
    assert run.history[2]["teacher/steps"] == 1000
    assert run.summary["evaluate/mean"] == 12.5
    assert "distill-0123456789abcdef" in run.artifacts
    assert any("report/page._type" in row or "report/page.path" in row for row in run.history)
    assert run.exit_code == 0
    pages = list(tmp_path.glob("wandb/offline-run-*/files/media/html/*/*.html"))
    assert [path.read_text() for path in pages] == ["<p>formula</p>"]


def test_a_failed_job_is_marked_and_the_next_has_its_own_run(tmp_path):
    """As in a joblib worker, which runs one job after another in one process."""
    with (
        pytest.raises(RuntimeError, match="job 0"),
        logger.open_logger(WandbLogger(), tmp_path / "0", config={"seed": 0}, name="seed=0"),
    ):
        raise RuntimeError("job 0")
    with logger.open_logger(WandbLogger(), tmp_path / "1", config={"seed": 1}, name="seed=1"):
        logger.log("distill", {"fit": 1.5})
    (failed,), (next_one,) = wandb_runs(tmp_path / "0"), wandb_runs(tmp_path / "1")
    assert (failed.exit_code, failed.config["seed"]) == (1, 0)
    assert (next_one.exit_code, next_one.config["seed"]) == (0, 1)
    assert [row["distill/fit"] for row in next_one.history] == [1.5]
    assert not {"WANDB_DATA_DIR", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR"} & set(os.environ)


def test_a_view_that_fails_is_dropped_and_the_run_goes_on(tmp_path, caplog):
    class Broken:
        calls = 0

        def metrics(self, **fields):
            Broken.calls += 1
            raise ConnectionError("server went away")

    run = logger.Logger(tmp_path, Broken())
    with caplog.at_level(logging.WARNING):
        run.log("teacher", {"return": 1})
        run.log("teacher", {"return": 2})
    run.close()
    assert Broken.calls == 1
    assert "server went away" in caplog.text
    assert [line["values"]["return"] for line in lines(tmp_path)[:2]] == [1, 2]


@pytest.fixture
def fresh_wandb(tmp_path):
    """W&B reads its environment once, until it is torn down."""
    wandb.teardown()
    with wandb_view.wandb_folders(tmp_path):
        yield
        wandb.teardown()


@pytest.mark.usefixtures("fresh_wandb")
def test_auto_is_online_where_there_is_a_login(monkeypatch):
    assert wandb_view.resolve_mode(Mode.auto) == "offline"
    host = wandb.setup().settings.base_url.removeprefix("https://")
    netrc = Path(os.environ["NETRC"])
    netrc.write_text(f"machine {host}\n  login user\n  password {'0' * 40}\n")
    assert wandb_view.resolve_mode(Mode.auto) == "online"
    netrc.write_text(f"machine another.example.org\n  login user\n  password {'0' * 40}\n")
    assert wandb_view.resolve_mode(Mode.auto) == "offline"
    netrc.unlink()
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    assert wandb_view.resolve_mode(Mode.auto) == "online"
    monkeypatch.setenv("WANDB_MODE", "offline")  # said outright
    assert wandb_view.resolve_mode(Mode.auto) == "offline"
    assert wandb_view.resolve_mode(Mode.online) == "online"


@pytest.mark.usefixtures("fresh_wandb")
def test_auto_with_a_key_but_no_server_goes_on_offline(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")  # nothing listens there
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    monkeypatch.setattr(wandb_view, "INIT_SECONDS", 1)
    with logger.open_logger(WandbLogger(), tmp_path, config=CONFIG, name="seed=1"):
        logger.log("distill", {"fit": 0.5})
    histories = [run.history for run in wandb_runs(tmp_path)]
    assert [[row["distill/fit"] for row in history] for history in histories] == [[0.5]]


@pytest.mark.usefixtures("fresh_wandb")
def test_online_without_a_login_raises_with_the_fix(tmp_path):
    with (
        pytest.raises(DiffsesError, match=r"fix: `wandb login`"),
        logger.open_logger(WandbLogger(mode=Mode.online), tmp_path, config={}, name="run"),
    ):
        pass
    assert not logger.current().is_open


def test_wandb_is_not_imported_unless_it_is_opened():
    code = "import sys, diffses.logger; sys.exit('wandb' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_scatter_plots_and_videos(tmp_path):
    imageio = pytest.importorskip("imageio.v2")
    pytest.importorskip("imageio_ffmpeg")
    with imageio.get_writer(tmp_path / "play.mp4", fps=15, macro_block_size=2) as film:
        for _ in range(3):
            film.append_data(np.zeros((64, 64, 3), np.uint8))
    with logger.open_logger(
        WandbLogger(Mode.offline), tmp_path / "run", config=CONFIG, name="run"
    ) as run:
        assert run.has_view
        rows = [[21.0, -3.0, "a"], [30.0, 2.0, "b"]]
        run.table("report", "front", ["size", "mean", "source"], rows, x="size", y="mean")
        run.video("report", "episode", tmp_path / "play.mp4")
    kinds = [(line["kind"], line.get("x"), line.get("name")) for line in lines(tmp_path / "run")]
    assert ("table", "size", "front") in kinds
    assert ("video", None, "episode") in kinds
    (made,) = wandb_runs(tmp_path / "run")
    kept = {name: value for row in made.history for name, value in row.items()}
    assert kept["report/episode._type"] == "video-file"
    assert any(name.startswith("report/front") for name in kept)

"""The page a run ends with, made from made-up artifacts, and its short form in the terminal."""

import base64
import csv
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from diffses import logger
from diffses.config import NoLogger
from diffses.csv_rows import write_rows
from diffses.errors import ArtifactError
from diffses.policy.forest import Forest
from diffses.report.costs import steps_of
from diffses.report.figures import undominated
from diffses.report.page import page, validation_table
from diffses.report.run_artifacts import read
from diffses.report.terminal import summary_text
from diffses.report.wandb_media import show
from diffses.report.wording import DASH, MINUS, cut_short, number
from diffses.stages.report import write_report
from diffses.store import Store, Workspace
from tests.fake_artifacts import START, build, config


class Text(HTMLParser):
    """The page as its reader sees it: text without tags, and what the page would load."""

    def __init__(self, html):
        super().__init__()
        self.loads, self.links, self.parts, self.open_tags = [], [], [], []
        self.feed(html)
        self.text = re.sub(r"\s+", " ", "".join(self.parts))  # also no-break ones

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.loads += [given[name] for name in ("src", "srcset", "poster") if name in given]
        if tag in ("link", "script", "iframe", "object", "embed"):
            self.loads.append(given.get("href", given.get("src", tag)))
        elif "href" in given:
            self.links.append(given["href"])
        if tag not in ("img", "meta", "link", "br"):
            self.open_tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open_tags.pop() == tag

    def handle_data(self, data):
        if self.open_tags and self.open_tags[-1] not in ("style", "title"):
            self.parts.append(data + " ")


def write(tmp_path, **evaluation):
    paths = build(tmp_path / "outputs", **evaluation)
    report = paths.pop("report")
    workspace = Workspace(
        out=report, scratch=tmp_path / "scratch", store=Store(tmp_path / "outputs")
    )
    with pytest.MonkeyPatch.context() as patch:  # to play an episode takes seconds
        patch.setattr("diffses.stages.report.play_again", lambda env, shown: None)
        write_report(config()["env"], 1, inputs=paths, workspace=workspace)
    return paths, report


@pytest.fixture
def no_pictures(monkeypatch):
    """Drawing takes most of a page's time."""
    for name in ("figures.returns", "figures.curves"):
        monkeypatch.setattr(f"diffses.report.{name}", lambda shown: None)
    monkeypatch.setattr("diffses.report.page.draw_tree", lambda forest, index: "data:,")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """One full page and what it was made from: (folders, page's folder, page)."""
    paths, report = write(tmp_path_factory.mktemp("report"))
    return paths, report, Text((report / "report.html").read_text())


def test_one_file_that_loads_nothing(whole):
    _, report, shown = whole
    assert {path.name for path in report.iterdir()} == {"manifest.json", "report.html"}
    assert len(shown.loads) >= 4  # pictures
    assert all(source.startswith("data:") for source in shown.loads)
    assert "url(" not in (report / "report.html").read_text().split("</style>")[0]
    assert "@import" not in (report / "report.html").read_text()
    assert shown.open_tags == []  # every tag was closed, in order


def test_the_numbers_are_those_of_the_artifact(whole):
    paths, _, shown = whole
    rows = json.loads((paths["evaluate"] / "results.json").read_text())
    assert len(rows) == 10
    for row in rows:
        assert number(row["mean"]) in shown.text
        assert number(row["iqm"]) in shown.text
    champion = next(r for r in rows if (r["policy"], r["protocol"]) == ("finetuned", "v5"))
    low, high = champion["ci95"]
    sentence = (
        f"From pixels, a formula of 21 nodes scores {number(champion['mean'])} points a game of "
        f"Pong (95 % interval {number(low)} to {number(high)}, 30 test episodes)."
    )
    assert sentence in shown.text


def test_protocols_stay_apart(whole):
    _, report, _ = whole
    html = (report / "report.html").read_text()
    tables = re.findall(r'<table class="results">.*?</table>', html, flags=re.DOTALL)
    texts = [Text(table).text for table in tables]
    assert len(texts) == 2
    assert " to " in texts[0]  # v5 has intervals
    assert " to " not in texts[1]  # v4 is exhaustive and has none


def test_it_compares_with_the_teacher(whole):
    _, _, shown = whole
    teacher = f"its teacher, a neural network ({MINUS}6.2), the formula before fine-tuning"
    assert f"It plays better than {teacher}" in shown.text


def test_the_formula_is_on_the_page_with_every_digit_and_to_save(whole):
    paths, _, shown = whole
    stored = (paths["finetune"] / "finetuned.json").read_text()
    forest = Forest.from_json(stored)
    for line in forest.text().splitlines():
        assert line in shown.text
    saved = [link for link in shown.links if link.startswith("data:application/json")]
    assert base64.b64decode(saved[0].split(",")[1]).decode() == stored


def test_a_linear_formula_is_also_a_table(whole):
    paths, _, shown = whole
    forest = Forest.load(paths["distill"] / "linear.json")
    zero = forest.scores(np.zeros((1, 14)))[0]
    one = forest.scores(np.eye(14)[:1])[0] - zero
    assert f"player.x {number(one[0], 2)} {number(one[1], 2)} {number(one[2], 2)}" in shown.text


def test_agreement_is_given_both_ways(whole):
    _, _, shown = whole
    assert "83.0 %" in shown.text
    assert "only the very same action, that of the fine-tuned formula is 41.0 %." in shown.text


def test_the_validation_that_chose_it(whole):
    paths, _, shown = whole
    with (paths["finetune"] / "validation.csv").open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert len(rows) == 3
    for row in rows:
        assert f"{row['source']} {number(float(row['mean']))} " in shown.text


def test_keys_times_versions_and_command(whole):
    paths, _, shown = whole
    for folder in paths.values():
        assert folder.name in shown.text
    assert "6 min 52 s" in shown.text  # of finetune
    assert "0123456789abcdef0123456789abcdef01234567" in shown.text
    assert "2.13.0" in shown.text
    command = "python run.py env=pong env.frame_skip"
    assert command not in shown.text  # only what differs from the presets
    assert "regressor.population=400" in shown.text
    assert "seed=1 " in shown.text


def test_a_full_evaluation_has_no_warning(whole):
    _, report, _ = whole
    assert 'class="warning"' not in (report / "report.html").read_text()


def test_measured_advantages_have_a_section(whole):
    _, _, shown = whole
    told = shown.text.split("Where it matters what one does")[1]
    assert "with 20 % of its steps at random, each arm was followed for 3 steps" in told
    assert "750 steps, 8,000 ms" in told


@pytest.mark.usefixtures("no_pictures")
def test_a_short_evaluation_says_so_first(tmp_path):
    _, report = write(tmp_path, episodes=2, max_steps=300, v4=False)
    shown = Text((report / "report.html").read_text())
    warning = shown.text.index("Every test episode was cut after 300 steps")
    assert shown.text.index("Only 2 test episodes under protocol v5") > warning
    assert warning < shown.text.index("From pixels, a formula")
    assert "points in the first 300 steps of Pong" in shown.text
    assert "It plays better" not in shown.text  # two beginnings of games compare nothing
    assert "NOTE Every test episode was cut after 300 steps" in summary_text(report)


@pytest.mark.usefixtures("no_pictures")
def test_a_limit_that_no_episode_reached_is_not_mentioned(tmp_path):
    _, report = write(tmp_path, episodes=2, max_steps=9000, v4=False)  # episodes have 8000 steps
    for text in (Text((report / "report.html").read_text()).text, summary_text(report)):
        assert "cut after" not in text
        assert "points a game of Pong" in text.replace("\n", " ")


def test_a_warning_counts_the_episodes_that_were_cut():
    rows = [
        {"episodes": 30, "cut": 0, "max_steps": 300},
        {"episodes": 30, "cut": 12, "max_steps": 300},
    ]
    assert cut_short(rows[:1]) == []
    assert cut_short(rows)[0].startswith(  # 0 + 12 of 30 + 30
        "12 of 60 test episodes (of all policies together) were cut after 300 steps. Their returns"
    )
    every = [{"episodes": 12, "cut": 12, "max_steps": 300}]
    assert cut_short(every)[0].startswith("Every test episode was cut after 300 steps. The returns")


@pytest.mark.usefixtures("no_pictures")
def test_a_stage_built_before_the_run_is_said_to_be_reused(tmp_path):
    paths = build(tmp_path)
    paths.pop("report")
    opened = START.timestamp() + 5 * 60 - 1  # a second before finetune, the sixth
    shown = Text(page("pong", 1, read(paths), opened)).text
    found = re.findall(r"(\w+) [0-9a-f]{16} 2026-03-01 \d\d:\d\d (built|reused)", shown)
    assert [(stage, state) for stage, state in found if state == "built"] == [
        ("finetune", "built"),
        ("evaluate", "built"),
    ]
    assert len(found) == 7
    assert "In the run that wrote this page, 8 min 20 s" in shown  # 412 s + 88 s


ATTACK = "<script>alert(1)</script>"


@pytest.mark.usefixtures("no_pictures")
def test_what_is_written_into_a_page_is_escaped(tmp_path):
    """A feature, its unit, a candidate, a package, a commit and an environment named as a script
    would be."""
    paths = build(tmp_path)
    paths.pop("report")
    about = json.loads((paths["detector"] / "detector.json").read_text())
    about |= {"features": [f"{ATTACK}.x"], "units": {f"{ATTACK}.x": ATTACK}}
    (paths["detector"] / "detector.json").write_text(json.dumps(about))
    rows = [{"source": ATTACK, "mean": 1.0, "episodes": 4, "size": 1, "champion": True}]
    write_rows(paths["finetune"] / "validation.csv", rows)
    manifest = json.loads((paths["distill"] / "manifest.json").read_text())
    manifest |= {"packages": {ATTACK: ATTACK}, "git": ATTACK}
    manifest["config"]["seed"] = ATTACK
    (paths["distill"] / "manifest.json").write_text(json.dumps(manifest))
    html = page(ATTACK, 1, read(paths), None)
    assert "<script" not in html
    shown = Text(html).text
    assert f"{ATTACK}.x {ATTACK}" in shown  # the feature and its unit
    assert f"{ATTACK} 1.0 {DASH} 4 1" in shown  # the candidate
    assert f", {ATTACK} (a + means" in shown  # the commit
    assert f"{ATTACK} {ATTACK}" in shown  # the package and its version


def test_it_does_without_what_is_optional(tmp_path):
    """No teacher, no curves, no picture, no single episodes, no v4."""
    paths = build(tmp_path, v4=False)
    for name in ("report", "teacher"):
        paths.pop(name)
    for path in (
        paths["finetune"] / "curve.csv",
        paths["finetune"] / "validation.csv",
        paths["evaluate"] / "episodes.csv",
        paths["detector"] / "sample.png",
    ):
        path.unlink()
    rows = json.loads((paths["evaluate"] / "results.json").read_text())
    rows = [row for row in rows if row["policy"] in ("random", "finetuned")]
    (paths["evaluate"] / "results.json").write_text(json.dumps(rows))
    shown = Text(page("pong", 1, read(paths), None)).text
    assert "How it was learnt" not in shown
    assert "its teacher" in shown  # a dash stands for its return
    assert "Protocol v4" not in shown


def test_rows_come_in_the_order_of_the_pipeline(tmp_path):
    paths = build(tmp_path)
    rows = json.loads((paths["evaluate"] / "results.json").read_text())
    (paths["evaluate"] / "results.json").write_text(json.dumps(rows[::-1]))
    found = [(row["protocol"], row["policy"]) for row in read(paths).results]
    assert found[:2] == [("v5", "random"), ("v5", "teacher")]
    assert found[-1] == ("v4", "finetuned")


def test_results_that_cannot_be_read_name_the_way_out(tmp_path):
    paths = build(tmp_path)
    (paths["evaluate"] / "results.json").write_text("[{")
    with pytest.raises(ArtifactError, match=r"fix: build it again: force=\[evaluate\]"):
        read(paths)


@pytest.mark.usefixtures("no_pictures")
def test_a_finished_run_shows_itself_in_the_open_logger(tmp_path):
    _, report = write(tmp_path)
    show(report)  # without one, nothing
    with logger.open_logger(NoLogger(), tmp_path / "log", config={}, name="run"):
        show(report)
    lines = [json.loads(x) for x in (tmp_path / "log" / "metrics.jsonl").read_text().splitlines()]
    named = {(line["kind"], line.get("name")): line for line in lines}
    assert named["html", "page"]["path"] == str(report / "report.html")
    assert "<math" in Path(named["html", "formula"]["path"]).read_text()
    assert Path(named["image", "tree"]["path"]).stat().st_size > 2000
    assert len(named["table", "results"]["rows"]) == 10
    formulas = named["table", "formulas"]["rows"]
    assert [row[:2] for row in formulas[:3]] == [
        ["finetuned", x] for x in ("NOOP", "RIGHT", "LEFT")
    ]
    front = named["table", "front"]
    assert (front["x"], front["y"], len(front["rows"])) == ("size", "mean", 3)
    values = named["summary", None]["values"]
    assert values["v5/finetuned/size"] == 21
    assert values["v5/finetuned/low"] < values["v5/finetuned/mean"] < values["v5/finetuned/high"]
    assert "v4/finetuned/low" not in values


def test_the_terminal_shows_formula_table_and_path(whole, monkeypatch):
    paths, report, _ = whole
    monkeypatch.chdir(report.parent)
    text = summary_text(report)
    forest = Forest.load(paths["finetune"] / "finetuned.json")
    for line in forest.text(digits=3).splitlines():
        assert f"  {line}\n" in text
    rows = json.loads((paths["evaluate"] / "results.json").read_text())
    teacher = next(row for row in rows if row["policy"] == "teacher")
    assert re.search(
        rf"teacher \(network\) +{number(teacher['mean'])} .* 30 +{DASH} +{DASH}\n", text
    )
    assert text.endswith(f"report: {report.name}/report.html")
    assert max(len(line) for line in text.splitlines()) <= 100


@pytest.mark.usefixtures("no_pictures")
def test_the_story_of_the_champion(tmp_path):
    paths, _ = write(tmp_path, episodes=2, v4=False)
    step = {
        "step": "one feature",
        "policy": "y = ball.y-player.y",
        "size": 1,
        "return": -11.5,
        "standard_error": 1.25,
        "games": 3,
        "tried": 45,
        "steps": 66_000,
    }
    last = step | {"step": "split", "policy": "y = 1\nx = 2", "return": 3.5, "steps": 150_000}
    tally = {"played": 64, "confirmed": 2, "accepted": 1, "gain": 15.0, "steps": 84_000.0}
    about = {
        "story": [step, last],
        "drives": "y = 1\nx = 2",
        "size": {"compact": 2, "expanded": 17},
        "untuned": step,
        "proposers": {"split": tally},
    }
    assert "How it came about" not in Text(page("pong", 1, read(paths), None)).text
    (paths["finetune"] / "search.json").write_text(json.dumps(about))
    text = Text(page("pong", 1, read(paths), None)).text
    assert "How it came about" in text
    assert f"with nothing tuned, returned {MINUS}11.5" in text
    assert "one feature y = ball.y-player.y" in text
    assert re.search(r"split y = 1\W+x = 2 3.5 1.2 3 1 45 150,000", text)
    assert re.search(r"split 64 2 1 15.0 84,000", text)


def test_the_front_of_return_against_size():
    points = [(10, 1.0), (20, 0.5), (20, 3.0), (30, 3.0), (40, 4.0), (10, -2.0)]
    assert undominated(points) == [(10, 1.0), (20, 3.0), (40, 4.0)]


def test_the_steps_each_stage_played(whole):
    paths, _, _ = whole
    (paths["finetune"] / "search.json").write_text(
        json.dumps({"search_steps": 1_500_000, "validation_steps": 25_000})
    )
    found = {stage: steps_of(stage, read(paths)) for stage in paths}
    assert found["detector"] == 3000
    assert found["dataset"] == 25_000
    assert found["distill"] is None
    assert found["finetune"] == 1_525_000
    assert found["evaluate"] == 5 * 60 * 8000


@pytest.mark.usefixtures("no_pictures")
def test_a_stage_that_read_a_file_played_no_steps(tmp_path):
    paths, _ = write(tmp_path, episodes=2, v4=False)
    about = json.loads((paths["dataset"] / "dataset.json").read_text())
    (paths["dataset"] / "dataset.json").write_text(json.dumps(about | {"imported": True}))
    shown = read(paths)
    shown.built["detector"].config["detector"]["recording"] = "play.npz"
    assert steps_of("dataset", shown) is None
    assert steps_of("detector", shown) is None


def test_the_champion_is_marked_and_not_who_played_few_games():
    rows = [
        {"source": "early", "mean": "500", "episodes": "4", "champion": "False"},
        {"source": "champion", "mean": "482", "episodes": "16", "champion": "True"},
    ]
    shown = validation_table(rows)
    assert shown.rows[shown.marked][0] == "champion"

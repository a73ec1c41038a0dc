"""The episode player: its record, and the page in a real browser."""

import dataclasses
import json
import re

import numpy as np
import pytest

from diffses.agents.forest_agent import ForestSpec
from diffses.config import ArcadeEnv, GymnasiumEnv, MotionDetector
from diffses.detector.identity import Identity
from diffses.envs.registry import search_protocol
from diffses.envs.rollout import Job, play_one
from diffses.policy.forest import Forest
from diffses.report.decision import draw_decision, telling
from diffses.report.episode_player import player
from diffses.report.html import document
from diffses.report.replay import record
from diffses.zoo.champion import Champion
from tests.report.browser import CHROMIUM, Browser

TASK = GymnasiumEnv(id="CartPole-v1", features=["x", "v", "angle", "turn"])
ACTS = Forest.from_text("LEFT = 0.0\nRIGHT = 3*turn + angle - x", TASK.features, (0, 1))


@pytest.fixture
def task_row(tmp_path):
    """The episode of CartPole with seed 4 as evaluation would note it."""
    Identity(TASK.features).save(tmp_path)
    done = play_one(Job(ForestSpec(ACTS, str(tmp_path)), search_protocol(TASK), 4))
    return {"episode": 0, "seed": 4, "return": done.score, "steps": done.steps}


def test_a_task_without_frames(task_row, tmp_path):
    found = record(Champion(ACTS, TASK, None, {}), "finetuned", task_row, None)
    about = found.record
    assert about["as_evaluated"]
    assert (about["return"], about["steps"]) == (task_row["return"], task_row["steps"])
    assert found.frames == []
    shown = len(about["rows"])
    assert shown == min(about["steps"], 400)
    rows = np.array(about["rows"])
    np.testing.assert_array_equal(about["chosen"], ACTS.choose(rows))
    np.testing.assert_allclose(about["values"], ACTS.scores(rows), rtol=1e-4, atol=1e-5)
    for step in range(shown):
        lead = abs(np.subtract(*about["values"][step]))
        assert sum(share for _, share in about["why"][step]) == pytest.approx(lead, abs=1e-5)
    draw_decision(found, telling(found), tmp_path / "decision.png")
    assert (tmp_path / "decision.png").stat().st_size > 10_000
    json.dumps(about, allow_nan=False)


def test_an_episode_that_came_out_otherwise_says_so(task_row):
    other = task_row | {"return": 3.0}
    found = record(Champion(ACTS, TASK, None, {}), "finetuned", other, None)
    assert "evaluation found another" in player(found, 0)


def test_the_data_of_an_episode_cannot_end_its_script(task_row):
    found = record(Champion(ACTS, TASK, None, {}), "finetuned", task_row, None)
    found.record["features"][0] = "</script><script>alert(1)</script>"
    shown = player(found, 0)
    assert shown.count("<script") == 2  # the data and the program
    (data,) = re.findall(r'<script type="application/json" id="episode">(.*?)</script>', shown)
    assert json.loads(data)["record"] == json.loads(json.dumps(found.record))


def test_box_actions(tmp_path):
    env = GymnasiumEnv(id="Pendulum-v1", features=["cos", "sin", "speed"])
    forest = dataclasses.replace(
        Forest.from_text("u0 = -sin - 0.1*speed", env.features), bounds=((-2.0, 2.0),)
    )
    row = {"episode": 0, "seed": 1, "return": 0.0, "steps": 0}
    found = record(Champion(forest, env, None, {}), "finetuned", row, 20)
    about = found.record
    assert about["steps"] == 20
    assert about["chosen"] == [None] * 20
    np.testing.assert_allclose(
        about["moves"], forest.squash(forest.scores(np.array(about["rows"]))), rtol=1e-4
    )
    draw_decision(found, telling(found), tmp_path / "decision.png")


@pytest.fixture
def browser():
    if CHROMIUM is None:
        pytest.skip("no browser")
    made = Browser()
    yield made
    made.close()


def numbers(browser, name):
    """The numbers that a part of the player shows."""
    found = f"document.querySelectorAll('[data-player={name}] .value')"
    texts = browser.run(f"[...{found}].map(x => x.textContent)")
    return [float(text.replace("\N{MINUS SIGN}", "-")) for text in texts]


def shows(browser, about, step):
    """Checks that the page shows a step, counted from 0, as it was recorded."""
    assert browser.run("document.querySelector('[data-player=step]').textContent") == (
        f"step {step + 1} of {len(about['rows'])}"
    )
    assert numbers(browser, "values") == pytest.approx(about["values"][step], rel=1e-3)
    assert numbers(browser, "row") == pytest.approx(about["rows"][step], rel=1e-3)
    why = [share for _, share in about["why"][step]]
    assert numbers(browser, "why") == pytest.approx(why, rel=1e-3)
    action = browser.run("document.querySelector('[data-player=action]').textContent")
    if about["bounds"] is None:
        assert action.startswith(f"plays {about['actions'][about['chosen'][step]]}")


@pytest.mark.slow
def test_the_player_steps_in_a_browser(browser, tmp_path):
    from diffses.detector.learn import learn_motion_detector
    from diffses.detector.recording import recording_for
    from diffses.envs.ale import v5

    env = ArcadeEnv(game="pong", max_frames=480)
    settings = MotionDetector(steps=600)
    seen = recording_for(v5(env), settings)
    detector = learn_motion_detector(seen.screens, seen.starts, seen.action_tm1, settings, {})
    detector.save(tmp_path)
    name = next(name for name in detector.features if name.endswith(".y"))
    forest = Forest.from_text(
        f"NOOP = 0.3\nRIGHT = -{name} + 0.5\nLEFT = {name}", detector.features, (0, 2, 3)
    )
    row = {"episode": 0, "seed": 9, "return": 0.0, "steps": 120}
    found = record(Champion(forest, env, tmp_path, {}), "finetuned", row, None)
    assert len(found.frames) == found.record["steps"] == 120
    page = tmp_path / "page.html"
    page.write_text(document("Pong", player(found, 7)))
    browser.open(page.as_uri())
    shows(browser, found.record, 7)
    browser.run("document.querySelector('[data-player=forth]').click()")
    shows(browser, found.record, 8)
    browser.run("document.querySelector('[data-player=back]').click()")
    shows(browser, found.record, 7)
    browser.run("location.hash = 'step=50'")
    browser.wait("document.querySelector('[data-player=step]').textContent.startsWith('step 50 ')")
    shows(browser, found.record, 49)
    browser.run("document.querySelector('[data-player=play]').click()")
    browser.wait("document.querySelector('[data-player=slider]').value > 52")
    browser.run("document.querySelector('[data-player=play]').click()")
    stopped = browser.run("document.querySelector('[data-player=slider]').value")
    shows(browser, found.record, int(stopped))
    painted = browser.run(
        "[...document.querySelector('canvas').getContext('2d')"
        ".getImageData(240, 300, 1, 1).data].slice(0, 3)"
    )
    assert painted == [144, 72, 17]  # Pong's ground
    assert browser.problems == []


@pytest.mark.slow
def test_a_page_without_frames_in_a_browser(browser, task_row, tmp_path):
    found = record(Champion(ACTS, TASK, None, {}), "finetuned", task_row, None)
    page = tmp_path / "page.html"
    page.write_text(document("CartPole", player(found, 0)))
    browser.open(f"{page.as_uri()}#step=3")
    shows(browser, found.record, 2)
    assert browser.problems == []

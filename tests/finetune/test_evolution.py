"""The search as a whole, on CartPole."""

import json
from dataclasses import replace

import numpy as np
import pytest

from diffses.config import GuidedFinetune
from diffses.envs.rollout import Episode
from diffses.finetune.evaluator import Arena, Member, ranked
from diffses.finetune.initialization import random_starts, steady
from diffses.finetune.search import Search
from diffses.finetune.validation import Judge, Judged, write_front
from diffses.finetune.variation import Material
from diffses.policy.forest import Forest

SETTINGS = GuidedFinetune(
    steps=20_000,
    population=10,
    n_constant_searches=2,
    episode_steps=200,
    evolution_share=0.4,
    gradient=0.0,
    validation_episodes=8,
)


def begin(data, protocol, detector, settings=SETTINGS):
    arena = Arena(protocol, detector, settings.episode_steps, workers=1)
    rows = data.train.features
    material = Material.of(data, rows, settings.operators, settings.max_nodes)
    search = Search(data, material, arena, settings, seed=1)
    begun = [Member(*start) for start in random_starts(data, material, 6, seed=1)]
    return search, begun


def finish(search, steps=SETTINGS.steps):
    while search.steps < steps and search.step() is not None:
        pass


@pytest.fixture
def searched(data, protocol, detector):
    search, begun = begin(data, protocol, detector)
    search.screen(begun)
    finish(search)
    return search


def test_it_improves_within_its_budget(searched, arena):
    start = [m for m in searched.members if m.source.startswith("random")]
    best = searched.finalists()[0]
    fresh = range(1000, 1010)
    assert arena.play([best.forest], fresh)[0].mean() > 80  # random play: 22
    assert searched.steps < SETTINGS.steps * 1.5
    assert set(searched.spent) == {"screen", "climb", "breed"}
    assert searched.spent["breed"] / searched.steps == pytest.approx(0.35, abs=0.2)
    assert all(max(m.forest.sizes) <= SETTINGS.max_nodes for m in searched.members + start)
    assert [row["steps"] for row in searched.curve] == sorted(r["steps"] for r in searched.curve)
    assert searched.curve[-1]["leader"] == ranked(searched.members)[0].mean


def test_a_killed_search_goes_on_as_if_nothing_had_been(searched, data, protocol, detector):
    search, begun = begin(data, protocol, detector)
    search.screen(begun)
    finish(search, steps=5_000)
    saved = json.loads(json.dumps(search.state()))
    again, _ = begin(data, protocol, detector)
    again.restore(saved)
    finish(again)
    assert again.curve == searched.curve
    assert [m.forest for m in again.finalists()] == [m.forest for m in searched.finalists()]


def test_where_steps_are_few_some_of_each_kind_are_screened_and_some_steps_are_left(
    data, protocol, detector
):
    few = replace(SETTINGS, steps=4_000)
    search, _ = begin(data, protocol, detector, few)
    random = random_starts(data, search._material, 120, seed=1)
    begun = [Member(forest, f"{'ab'[n >= 100]}/{n}") for n, (forest, _) in enumerate(random)]
    search.screen(begun)
    assert search.steps < 0.8 * few.steps
    heard = [start.source for start in begun if start.returns]
    assert {source[0] for source in heard} == {"a", "b"}
    assert len(heard) < 60  # all of them would have cost some 5,000
    enough, _ = begin(data, protocol, detector, replace(few, steps=100_000))
    again = [Member(start.forest, start.source) for start in begun]
    enough.screen(again)
    assert sum(bool(start.returns) for start in again) == 60  # the better half of each kind


def test_screening_keeps_to_its_share_however_long_episodes_are(
    data, protocol, detector, monkeypatch
):
    def play(jobs, workers):
        for job in jobs:
            yield Episode(job, 0.0, job.max_steps, True, None)

    monkeypatch.setattr("diffses.finetune.evaluator.play", play)
    for steps in (5_000, 60_000, 100_000, 300_000):
        settings = replace(GuidedFinetune(), steps=steps)
        search, _ = begin(data, protocol, detector, settings)
        random = random_starts(data, search._material, 150, seed=1)
        begun = [Member(forest, f"{'abcde'[n % 5]}/{n}") for n, (forest, _) in enumerate(random)]
        search.screen(begun)
        assert 0.5 * steps < search.steps < (0.7 if steps > 10_000 else 1) * steps
        assert search.screened in begun


def test_a_step_that_leads_farther_from_the_budget_is_not_begun(searched):
    assert abs(SETTINGS.steps - searched.steps) < 0.75 * max(searched._cost.values())
    row, searched._cost["climb"] = searched.step(), 10**9
    assert row is None
    searched.spent["breed"] = 10**9  # so that it is the climbs' turn
    assert searched.step() is None


def test_where_every_candidate_returns_the_same_a_climb_ends(data, protocol, detector):
    settings = GuidedFinetune(
        population=4, n_constant_searches=1, episode_steps=1, evolution_share=0.0, steps=100_000
    )
    search, begun = begin(data, protocol, detector, settings)  # all return 1 in the first step
    search.screen(begun)
    finish(search, steps=100_000)
    assert search.steps < 1_000
    assert all(climb.stalled for climb in search.climbs)


def test_a_gradient_gets_its_share_and_what_it_makes_is_kept(data, protocol, detector, cartpole):
    settings = GuidedFinetune(
        steps=12_000,
        population=4,
        n_constant_searches=1,
        episode_steps=100,
        evolution_share=0.0,
        gradient=0.4,
    )
    arena = Arena(protocol, detector, 100, workers=1)
    material = Material.of(data, data.train.features, settings.operators, settings.max_nodes)
    asked = []

    def tuner(forest, steps, seed):
        asked.append((steps, seed))
        return cartpole("add", "mul", 1.0 + len(asked) / 10, 2, 3)  # it balances

    search = Search(data, material, arena, settings, 1, tuner)
    search.screen([Member(*start) for start in random_starts(data, material, 4, seed=1)])
    finish(search, steps=12_000)
    assert [steps for steps, _ in asked] == [1600] * len(asked)
    assert len({seed for _, seed in asked}) == len(asked) > 1
    assert any("tuned" in member.source for member in search.finalists())
    assert search.spent["tune"] >= 1600 * len(asked)


def test_the_judge_looks_longer_at_the_best_and_writes_the_front(
    protocol, detector, cartpole, tmp_path
):
    judge = Judge(protocol, GuidedFinetune(validation_episodes=8, workers=1), detector)
    good = cartpole("add", 2, "mul", 0.3, 3)
    found = judge.race([(cartpole(2), "angle"), (cartpole(0), "place"), (good, "both")], keep=2)
    assert found.source == "both"
    assert {one.source: len(one.returns) for one in judge.judged} == {
        "angle": 8,
        "place": 2,
        "both": 8,
    }
    write_front(tmp_path, judge)
    header, *rows = (tmp_path / "front.csv").read_text().splitlines()
    assert header == "return,standard_error,episodes,size,file,source"
    assert [row.split(",")[-1] for row in rows] == ["both", "angle"]
    assert Forest.load(tmp_path / "front" / "00.json") == good
    assert float(rows[0].split(",")[0]) == pytest.approx(np.mean(judge.best().returns))


def test_who_was_given_up_early_is_beaten_in_the_episodes_that_both_played(
    protocol, detector, cartpole
):
    judge = Judge(protocol, GuidedFinetune(validation_episodes=4, workers=1), detector)
    champion = Judged(cartpole("add", 2, 3), "champion", [300.0, 200.0, 100.0, 100.0])
    dropped = Judged(cartpole("add", 2, "add", 2, 3), "dropped", [250.0, 200.0])  # its mean: 225
    small = Judged(cartpole(2), "small", [50.0])
    judge.judged = [dropped, champion, small]
    assert [one.source for one in judge.front()] == ["champion", "small"]


def test_a_forest_named_twice_takes_no_place_from_another(protocol, detector, cartpole):
    judge = Judge(protocol, GuidedFinetune(validation_episodes=4, workers=1), detector)
    named = [(cartpole(2), "angle"), (cartpole(0), "place"), (cartpole(2), "again")]
    judge.race(named, keep=2)
    assert {one.source: len(one.returns) for one in judge.judged} == {"angle": 4, "place": 4}


def test_the_champion_is_the_smallest_that_is_as_good_as_the_best(protocol, detector, cartpole):
    judge = Judge(protocol, GuidedFinetune(validation_episodes=4), detector)
    large = Judged(cartpole("add", 0, "mul", 2.0, 1), "large", [10.0, 20.0, 30.0, 40.0])
    behind = 0.25 * large.error
    near = Judged(cartpole("add", 0, 1), "near", [r - 0.9 * behind for r in large.returns])
    far = Judged(cartpole(0), "far", [r - 1.1 * behind for r in large.returns])
    early = Judged(cartpole(1), "early", [50.0])
    judge.judged = [large, far, early]
    assert judge.best() is large
    judge.judged.append(near)
    assert judge.best() is near


def test_doing_always_the_same_is_a_start(data):
    found = steady(data)
    rows = data.train.features
    assert [set(one.choose(rows).tolist()) for one in found] == [{0}, {1}]
    assert steady(replace(data, bounds=((-1.0, 1.0),))) == []


def test_the_best_of_a_generation_lives_on_by_what_it_returns_elsewhere(searched):
    best = [m for m in searched.members if m.source.endswith(", best")]
    assert best
    for member in best:
        assert len(member.returns) >= 4
        assert not any(climb.made(member.source) for climb in searched.climbs)

"""The search as a whole, on CartPole."""

import json
from dataclasses import replace

import numpy as np
import pytest

from diffses.config import SearchFinetune
from diffses.envs.rollout import Episode
from diffses.finetune.evaluator import FitnessEvaluator, Individual, ranked
from diffses.finetune.initialization import constant_policies, random_starts
from diffses.finetune.lineage import Kind, Lineage
from diffses.finetune.search import Search
from diffses.finetune.validation import Candidate, Validator, write_front
from diffses.finetune.variation import PrimitiveSet
from diffses.policy.forest import Forest

SETTINGS = SearchFinetune(
    steps=20_000,
    population=10,
    n_constant_searches=2,
    episode_steps=200,
    evolution_share=0.4,
    gradient=0.0,
    validation_episodes=8,
)


def named(name):
    return Lineage.start(name, 0)


def begin(data, protocol, detector, settings=SETTINGS):
    evaluator = FitnessEvaluator(protocol, detector, settings.episode_steps, workers=1)
    rows = data.train.features
    primitives = PrimitiveSet.of(data, rows, settings.operators, settings.max_nodes)
    search = Search(data, primitives, evaluator, settings, seed=1)
    starts = [Individual(*start) for start in random_starts(data, primitives, 6, seed=1)]
    return search, starts


def finish(search, steps=SETTINGS.steps):
    while search.steps < steps and search.step() is not None:
        pass


@pytest.fixture
def searched(data, protocol, detector):
    search, starts = begin(data, protocol, detector)
    search.screen(starts)
    finish(search)
    return search


def test_steps_are_spent_as_the_shares_say(searched):
    assert set(searched.spent) == {"screen", "climb", "breed"}
    assert sum(searched.spent.values()) == searched.steps
    most = max(searched._cost.values())  # of one generation: shares are kept to the nearest
    assert abs(searched.steps - SETTINGS.steps) < most
    assert abs(0.6 * searched.spent["breed"] - 0.4 * searched.spent["climb"]) < most
    assert [row["steps"] for row in searched.curve] == sorted(r["steps"] for r in searched.curve)
    assert searched.curve[-1]["leader"] == ranked(searched.population)[0].mean
    assert all(max(one.forest.sizes) <= SETTINGS.max_nodes for one in searched.population)


def test_constant_searches_alone_improve_a_start_and_keep_its_structure(
    data, protocol, detector, evaluator
):
    search, starts = begin(data, protocol, detector, replace(SETTINGS, evolution_share=0.0))
    search.screen(starts)
    finish(search)
    assert set(search.spent) == {"screen", "climb"}
    best, before = ranked(search.population)[0], search.best_start
    assert best.lineage.kind in (Kind.mean, Kind.best)
    assert best.forest.sizes == before.forest.sizes
    assert (best.forest.constants() != before.forest.constants()).any()
    fresh = range(1000, 1010)  # of at most 200 steps
    returns, _ = evaluator.play([before.forest, best.forest], fresh)
    assert returns.mean(axis=1) == pytest.approx([23.5, 195], abs=6)
    first = search.constant_searches[0]
    assert first.lineage == before.lineage
    assert first.curve[-1]["mean"] > 2 * first.curve[0]["mean"]


def test_children_alone_improve_on_the_starts_and_change_structure(
    data, protocol, detector, evaluator
):
    search, starts = begin(data, protocol, detector, replace(SETTINGS, evolution_share=1.0))
    search.screen(starts)
    finish(search)
    assert set(search.spent) == {"screen", "breed"}
    assert search.generation == len(search.curve) > 5
    best = ranked(search.population)[0]
    assert {one.lineage.kind for one in search.population} == {Kind.child}
    assert best.forest.sizes not in [start.forest.sizes for start in starts]
    fresh = range(1000, 1010)
    returns, _ = evaluator.play([best.forest, *(start.forest for start in starts)], fresh)
    before = returns[1:].mean(axis=1).max()
    assert before < 30
    assert returns[0].mean() > 5 * before


def test_a_killed_search_goes_on_as_if_nothing_had_been(searched, data, protocol, detector):
    search, starts = begin(data, protocol, detector)
    search.screen(starts)
    finish(search, steps=5_000)
    saved = json.loads(json.dumps(search.state()))
    again, _ = begin(data, protocol, detector)
    again.restore(saved)
    finish(again)
    assert again.curve == searched.curve
    assert [m.forest for m in again.finalists()] == [m.forest for m in searched.finalists()]


def test_with_few_steps_some_of_each_family_are_screened_and_steps_are_left(
    data, protocol, detector
):
    few = replace(SETTINGS, steps=4_000)
    search, _ = begin(data, protocol, detector, few)
    random = random_starts(data, search._primitives, 120, seed=1)
    starts = [
        Individual(forest, Lineage.start("ab"[n >= 100], n)) for n, (forest, _) in enumerate(random)
    ]
    search.screen(starts)
    assert search.steps < 0.8 * few.steps
    screened = [start.lineage.family for start in starts if start.returns]
    assert set(screened) == {"a", "b"}
    assert len(screened) < 60  # all of them would have cost some 5,000
    enough, _ = begin(data, protocol, detector, replace(few, steps=100_000))
    again = [Individual(start.forest, start.lineage) for start in starts]
    enough.screen(again)
    assert sum(bool(start.returns) for start in again) == 60  # the better half of each kind


def test_an_interrupted_screening_leaves_the_step_limit_as_it_was(
    data, protocol, detector, monkeypatch
):
    def interrupted(individuals, seeds):
        assert evaluator.max_steps == 100  # half as long
        raise KeyboardInterrupt

    search, starts = begin(data, protocol, detector)
    evaluator = search._evaluator
    monkeypatch.setattr(evaluator, "evaluate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        search.screen(starts)
    assert evaluator.max_steps == 200


def test_screening_keeps_to_its_share_however_long_episodes_are(
    data, protocol, detector, monkeypatch
):
    def play(jobs, workers):
        for job in jobs:
            yield Episode(job, 0.0, job.max_steps, True, None)

    monkeypatch.setattr("diffses.finetune.evaluator.play", play)
    for steps in (5_000, 60_000, 100_000, 300_000):
        settings = replace(SearchFinetune(), steps=steps)
        search, _ = begin(data, protocol, detector, settings)
        random = random_starts(data, search._primitives, 150, seed=1)
        starts = [
            Individual(forest, Lineage.start("abcde"[n % 5], n))
            for n, (forest, _) in enumerate(random)
        ]
        search.screen(starts)
        assert 0.5 * steps < search.steps < (0.7 if steps > 10_000 else 1) * steps
        assert search.best_start in starts


def test_a_step_that_leads_farther_from_the_budget_is_not_begun(searched):
    assert abs(SETTINGS.steps - searched.steps) < 0.75 * max(searched._cost.values())
    row, searched._cost["climb"] = searched.step(), 10**9
    assert row is None
    searched.spent["breed"] = 10**9  # so that it is the climbs' turn
    assert searched.step() is None


def test_where_every_candidate_returns_the_same_a_constant_search_stalls(data, protocol, detector):
    settings = SearchFinetune(
        population=4, n_constant_searches=1, episode_steps=1, evolution_share=0.0, steps=100_000
    )
    search, starts = begin(data, protocol, detector, settings)  # all return 1 in the first step
    search.screen(starts)
    finish(search, steps=100_000)
    assert search.steps < 1_000
    assert all(climb.stalled for climb in search.constant_searches)


def test_ppo_gets_its_share_and_its_result_competes(data, protocol, detector, cartpole):
    settings = SearchFinetune(
        steps=12_000,
        population=4,
        n_constant_searches=1,
        episode_steps=100,
        evolution_share=0.0,
        gradient=0.4,
    )
    evaluator = FitnessEvaluator(protocol, detector, 100, workers=1)
    primitives = PrimitiveSet.of(data, data.train.features, settings.operators, settings.max_nodes)
    asked = []

    def tuner(forest, steps, seed):
        asked.append((steps, seed))
        return cartpole("add", "mul", 1.0 + len(asked) / 10, 2, 3)  # it balances

    search = Search(data, primitives, evaluator, settings, 1, tuner)
    search.screen([Individual(*start) for start in random_starts(data, primitives, 4, seed=1)])
    finish(search, steps=12_000)
    assert [steps for steps, _ in asked] == [1600] * len(asked)
    assert len({seed for _, seed in asked}) == len(asked) > 1
    assert any(member.lineage.kind is Kind.ppo for member in search.finalists())
    assert search.spent["tune"] >= 1600 * len(asked)


def test_validation_halves_the_candidates_and_writes_the_front(
    protocol, detector, cartpole, tmp_path
):
    validator = Validator(protocol, SearchFinetune(validation_episodes=8, workers=1), detector)
    good = cartpole("add", 2, "mul", 0.3, 3)
    found = validator.successive_halving(
        [(cartpole(2), named("angle")), (cartpole(0), named("place")), (good, named("both"))],
        keep=2,
    )
    assert found.lineage == named("both")
    assert {one.lineage.family: len(one.returns) for one in validator.candidates} == {
        "angle": 8,
        "place": 2,
        "both": 8,
    }
    write_front(tmp_path, validator)
    header, *rows = (tmp_path / "front.csv").read_text().splitlines()
    assert header == "return,standard_error,episodes,size,file,source"
    assert [row.split(",")[-1] for row in rows] == ["both/0", "angle/0"]
    assert Forest.load(tmp_path / "front" / "00.json") == good
    assert float(rows[0].split(",")[0]) == pytest.approx(np.mean(validator.best().returns))


def test_the_front_compares_two_candidates_on_the_episodes_both_played(
    protocol, detector, cartpole
):
    validator = Validator(protocol, SearchFinetune(validation_episodes=4, workers=1), detector)
    champion = Candidate(cartpole("add", 2, 3), named("champion"), [300.0, 200.0, 100.0, 100.0])
    dropped = Candidate(
        cartpole("add", 2, "add", 2, 3), named("dropped"), [250.0, 200.0]
    )  # its mean: 225
    small = Candidate(cartpole(2), named("small"), [50.0])
    validator.candidates = [dropped, champion, small]
    assert [one.lineage.family for one in validator.front()] == ["champion", "small"]


def test_a_forest_named_twice_takes_no_place_from_another(protocol, detector, cartpole):
    validator = Validator(protocol, SearchFinetune(validation_episodes=4, workers=1), detector)
    twice = [
        (cartpole(2), named("angle")),
        (cartpole(0), named("place")),
        (cartpole(2), named("again")),
    ]
    validator.successive_halving(twice, keep=2)
    assert {one.lineage.family: len(one.returns) for one in validator.candidates} == {
        "angle": 4,
        "place": 4,
    }


def test_the_champion_is_the_smallest_that_is_as_good_as_the_best(protocol, detector, cartpole):
    validator = Validator(protocol, SearchFinetune(validation_episodes=4), detector)
    large = Candidate(cartpole("add", 0, "mul", 2.0, 1), named("large"), [10.0, 20.0, 30.0, 40.0])
    behind = 0.25 * large.standard_error
    near = Candidate(
        cartpole("add", 0, 1), named("near"), [r - 0.9 * behind for r in large.returns]
    )
    far = Candidate(cartpole(0), named("far"), [r - 1.1 * behind for r in large.returns])
    early = Candidate(cartpole(1), named("early"), [50.0])
    validator.candidates = [large, far, early]
    assert validator.best() is large
    validator.candidates.append(near)
    assert validator.best() is near


def test_constant_policies_are_starts(data):
    found = constant_policies(data)
    rows = data.train.features
    assert [set(one.choose(rows).tolist()) for one in found] == [{0}, {1}]
    assert constant_policies(replace(data, bounds=((-1.0, 1.0),))) == []


def test_the_best_of_a_generation_survives_by_its_returns_in_other_episodes(searched):
    best = [m for m in searched.population if m.lineage.kind is Kind.best]
    assert best
    for member in best:
        assert len(member.returns) >= 4
        assert not any(climb.is_own_mean(member.lineage) for climb in searched.constant_searches)

"""The search that discovers, as a whole, on CartPole."""

import json

import pytest

from diffses.config import ActionHeadKind, DiscoverFinetune
from diffses.finetune import games as games_
from diffses.finetune.action_head import action_head
from diffses.finetune.discovery import Discovery
from diffses.finetune.drives import DrivePolicy, Rule, Sum, Term
from diffses.finetune.games import Games
from diffses.finetune.growth import pruned
from diffses.finetune.labels import Labeller
from diffses.finetune.line import Finalist
from diffses.finetune.lineage import Lineage
from diffses.finetune.story import choose, story
from diffses.finetune.validation import Validator
from diffses.finetune.vocabulary import Vocabulary, meanings

SETTINGS = DiscoverFinetune(
    steps=30_000,
    label_states=20,
    short_steps=60,
    middle_steps=100,
    whole_steps=200,
    lines=2,
    proposals=12,
    confirmations=2,
    validation_episodes=6,
    validation_candidates=3,
    workers=1,
)


@pytest.fixture
def head(data, detector):
    return action_head(data, detector, ActionHeadKind.factored)


@pytest.fixture
def begin(data, protocol, detector, head, tmp_path):
    """`begin(folder)`: a search that keeps its journal there."""

    def make(folder):
        (tmp_path / folder).mkdir(exist_ok=True)
        games = Games(protocol, detector, 1, tmp_path / folder, SETTINGS.whole_steps)
        words = Vocabulary(meanings(detector, data.features), data.train.features[:1000])
        labeller = Labeller(
            protocol, str(detector), data.actions, data.groups, (), 1, tmp_path / folder
        )
        return Discovery(head, words, games, SETTINGS, 1, labeller)

    return make


def outcome(search):
    return (
        [(one.policy, one.lineage, one.story) for one in search.finalists],
        search.curve,
        search.tallies,
        search.games.spent_on,
        search.games.played,
    )


@pytest.mark.slow
def test_it_finds_a_policy_within_its_steps(begin, protocol, detector, head):
    search = begin("one")
    search.run()
    assert sum(search.games.spent_on.values()) == search.games.spent
    assert search.games.spent <= 1.1 * SETTINGS.steps
    validator = Validator(protocol, SETTINGS, detector)
    champion = choose(validator, search.finalists, head, SETTINGS.validation_candidates)
    mean = next(one.mean for one in validator.candidates if one.forest == champion.forest)
    assert search.untuned["return"] < mean
    assert mean > 150  # random play gets about 22
    about = json.loads(json.dumps(story(search, champion, None)))
    assert about["labels"][0]["steps"] > 0
    assert sum(one["steps"] for one in about["labels"]) == search.games.spent_on["labels"]
    steps = [one["steps"] for one in about["story"]]
    assert steps == sorted(steps)
    assert DrivePolicy.from_json(about["structure"]) == champion.finalist.policy
    assert about["size"]["compact"] == champion.finalist.policy.size


@pytest.mark.slow
def test_a_search_that_is_killed_goes_on_to_the_byte(begin, monkeypatch):
    whole = begin("whole")
    whole.run()
    play, left = games_.play, [150]

    def dies(jobs, workers):
        for episode in play(jobs, workers):
            left[0] -= 1
            if left[0] == 0:
                raise KeyboardInterrupt
            yield episode

    monkeypatch.setattr(games_, "play", dies)
    with pytest.raises(KeyboardInterrupt):
        begin("killed").run()
    resumed = begin("killed")
    resumed.run()
    assert left[0] < -100  # it went on playing
    assert outcome(resumed) == outcome(whole)


def test_pruning_removes_what_decides_nothing(head, data, detector):
    words = Vocabulary(meanings(detector, data.features), data.train.features[:500])
    fall = Sum((Term(2, 3.0), Term(3, 1.0)))
    idle = Rule(Term(0), 90.0, Sum((), 1.0), fall)  # the cart is never there
    policy = head.empty.put((1,), idle)
    assert pruned(head, policy, words, 0.0) == head.empty.put((1,), fall)
    assert pruned(head, policy, words, 1.0) == head.empty


def test_the_smaller_of_two_equally_good_finalists_is_chosen(head, protocol, detector):
    fall = head.empty.put((1,), Sum((Term(2, 3.0), Term(3, 1.0))))
    longer = head.empty.put((1,), Sum((Term(2, 3.0), Term(3, 1.0)), 1e-9))
    falls_over = head.empty.put((1,), Sum((), 1.0))
    finalists = [
        Finalist(policy, Lineage.start("made", i))
        for i, policy in enumerate((longer, falls_over, fall))
    ]
    chosen = choose(Validator(protocol, SETTINGS, detector), finalists, head, 3)
    assert chosen.finalist.policy == fall

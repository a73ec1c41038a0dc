"""The rollout engine."""

import pytest

from diffses.envs.rollout import (
    DISCOUNT,
    Job,
    RandomSpec,
    close,
    evaluate_policy,
    play,
    play_episode,
    play_one,
)


def test_a_cut_episode_says_so(protocol):
    episode = play_one(Job(RandomSpec(), protocol(), seed=1, max_steps=20))
    assert (episode.steps, episode.truncated) == (20, True)


def test_a_whole_game_of_random_pong_is_lost(protocol):
    episode = play_one(Job(RandomSpec(), protocol(), seed=1))
    assert not episode.truncated
    assert -21 <= episode.score < -15


def test_scores_come_in_the_order_of_the_seeds(protocol):
    seeds = [11, 5, 8]
    found = evaluate_policy(RandomSpec(), protocol(), seeds, max_steps=30, workers=1)
    assert [episode.job.seed for episode in found] == seeds


class Paid:
    """An environment that pays at given steps, and ends after the tenth."""

    bounds, action_names = None, ("wait",)

    def __init__(self, rewards):
        self.rewards = rewards

    def reset(self, seed):
        self.steps = 0

    @property
    def done(self):
        return self.steps == 10

    def step(self, action):
        self.steps += 1
        return self.rewards.get(self.steps - 1, 0.0)


def test_what_is_paid_sooner_and_lost_later_is_worth_more():
    job = Job(RandomSpec(), None, seed=0)
    for better, worse in (({2: 1.0}, {5: 1.0}), ({5: -1.0}, {2: -1.0})):
        one, other = (
            play_episode(job, Paid(pay), RandomSpec().build(None)) for pay in (better, worse)
        )
        assert one.score == other.score
        assert one.discounted_return > other.discounted_return
    assert one.discounted_return == -(DISCOUNT**5)


@pytest.mark.slow
@pytest.mark.parametrize("game", ["pong", "breakout", "space_invaders"])
def test_the_result_does_not_depend_on_the_number_of_workers(protocol, game):
    jobs = [Job(RandomSpec(), protocol(game), seed, max_steps=400) for seed in range(6)]
    alone = {(e.job.seed, e.score, e.steps) for e in play(jobs, workers=1)}
    together = {(e.job.seed, e.score, e.steps) for e in play(jobs, workers=2)}
    close()
    assert together == alone

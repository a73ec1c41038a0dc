"""The rollout engine."""

import pytest

from diffses.envs.play import Job, RandomSpec, close, play, play_one, scores


def test_a_cut_episode_says_so(rules):
    episode = play_one(Job(RandomSpec(), rules(), seed=1, max_steps=20))
    assert (episode.steps, episode.cut) == (20, True)


def test_a_whole_game_of_random_pong_is_lost(rules):
    episode = play_one(Job(RandomSpec(), rules(), seed=1))
    assert not episode.cut
    assert -21 <= episode.score < -15


def test_scores_come_in_the_order_of_the_seeds(rules):
    seeds = [11, 5, 8]
    found = scores(RandomSpec(), rules(), seeds, max_steps=30, workers=1)
    assert [episode.job.seed for episode in found] == seeds


@pytest.mark.slow
@pytest.mark.parametrize("game", ["pong", "breakout", "space_invaders"])
def test_the_result_does_not_depend_on_the_number_of_workers(rules, game):
    jobs = [Job(RandomSpec(), rules(game), seed, max_steps=400) for seed in range(6)]
    alone = {(e.job.seed, e.score, e.steps) for e in play(jobs, workers=1)}
    together = {(e.job.seed, e.score, e.steps) for e in play(jobs, workers=2)}
    close()
    assert together == alone

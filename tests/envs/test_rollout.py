"""The rollout engine."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

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


PARENT = """
import sys, time
from diffses.envs.rollout import prepare_worker, spawning

def wait():
    prepare_worker()
    print("ready", flush=True)
    time.sleep(120)

if __name__ == "__main__":
    child = spawning().Process(target=wait)
    child.start()
    print(child.pid, flush=True)
    child.join()
"""


@pytest.mark.skipif(not Path("/proc").exists(), reason="needs /proc to look for a process")
def test_a_worker_ends_when_its_parent_is_killed(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        assert parent.stdout.readline().strip() == "ready"
        parent.kill()
    for _ in range(50):
        status = Path(f"/proc/{worker}/status")
        if not status.exists() or "State:\tZ" in status.read_text():
            return
        time.sleep(0.1)
    os.kill(worker, signal.SIGKILL)
    pytest.fail("the worker is still there after 5 s")

"""Distillation: what is ranked on what."""

import csv

import numpy as np

from diffses.config import LinearRegressor
from diffses.dataset.agreement import action_agreement
from diffses.dataset.data import Dataset, Part
from diffses.policy.forest import Forest
from diffses.stages.distill import distill_policy, front, split
from diffses.store import Store, Workspace

GROUPS = ((0, 1), (2,))


def part(steps=200, episodes=10, seed=0):
    """A teacher whose choice is the sign of a: action 2 where a > 0, else 1 (group 0)."""
    rows = np.random.default_rng(seed).normal(size=(steps, 2))
    logits = np.stack([np.full(steps, -9.0), np.zeros(steps), 4 * rows[:, 0]], axis=1)
    episode = np.arange(steps) * episodes // steps
    return Part(rows, logits, logits.argmax(axis=1), episode)


def forest(*trees, ids=(1, 2)):
    return Forest(("a", "b"), ("FIRE", "UP"), ids, trees)


def test_candidates_are_ranked_on_episodes_they_were_not_fitted_to():
    fit, select = split(part())
    assert set(fit.episode) & set(select.episode) == set()
    assert len(fit) + len(select) == 200
    assert set(select.episode) == {4, 9}


def test_one_episode_is_split_by_its_steps():
    fit, select = split(part(episodes=1))
    assert (len(fit), len(select)) == (160, 40)


def test_the_front_keeps_what_nothing_beats():
    exact = forest((0.0,), ("add", 0, "mul", 0.0, 1))  # 6 nodes, agrees always
    small = forest((0.0,), (0,))  # 2 nodes, agrees always
    wrong = forest((0.0,), (1,))  # 2 nodes, agrees half of the time
    large_wrong = forest((0.0,), ("add", 1, 1))
    assert front([exact, wrong, large_wrong], part(), GROUPS, 8) == [exact, wrong]
    assert front([exact, small, wrong], part(), GROUPS, 8) == [small]
    assert front([exact, wrong], part(), GROUPS, 1) == [exact]


def test_a_distillation_leaves_the_linear_fit_and_a_hall_of_fame(tmp_path, monkeypatch):
    data = Dataset(part(), part(seed=1), ("a", "b"), ("NOOP", "FIRE", "UP"), GROUPS)
    monkeypatch.setattr(Dataset, "open", lambda folder: data)
    workspace = Workspace(tmp_path / "out", tmp_path / "scratch", Store(tmp_path))
    workspace.out.mkdir()
    distill_policy(LinearRegressor(), 0, inputs={"dataset": tmp_path}, workspace=workspace)
    linear = Forest.load(workspace.out / "linear.json")
    assert action_agreement(linear, data.held_out, GROUPS) > 0.98
    with (workspace.out / "hall_of_fame.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert sum(row["linear"] == "True" for row in rows) == 1
    assert {row["file"] for row in rows} == {p.name for p in (workspace.out / "forests").iterdir()}
    assert data.layout.template(data.train).action_ids == linear.action_ids


def test_forests_that_tie_in_all_are_ordered_by_their_text():
    # a feature and an operator in the same place do not compare as tokens
    same = part()
    same.features[:, 1] = same.features[:, 0]
    tied = [forest((0.0,), ("neg", "neg", 0)), forest((0.0,), ("max", 0, 1))]
    swapped = [forest((0.0,), ("max", 0, 1)), forest((0.0,), ("max", 1, 0))]
    mixed = [forest((0.0,), ("add", 0, "neg", 1)), forest((0.0,), ("add", "neg", 1, 0))]
    for pair in (tied, swapped, mixed):
        assert len(front(pair, same, GROUPS, 8)) == 1

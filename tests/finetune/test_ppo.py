"""Constants by gradient: the forest as a policy of SB3, and what PPO makes of it."""

import dataclasses

import gymnasium as gym
import numpy as np
import pytest
import torch

from diffses.agents.forest_agent import ForestSpec
from diffses.config import ConstantsFinetune, GymnasiumEnv
from diffses.dataset.data import Dataset, Part
from diffses.detector.identity import name_observation
from diffses.envs.registry import search_protocol
from diffses.envs.rollout import evaluate_policy as returns
from diffses.finetune.fisher import kl_divergence, natural_gradient_basis, softmax, teacher_targets
from diffses.finetune.forest_actor import ACTOR_LR_MULTIPLIER, ForestActor, ForestPolicy
from diffses.finetune.lineage import Lineage
from diffses.finetune.ppo import (
    PpoResult,
    finetune_constants,
    initial_temperature,
    run_ppo,
    teacher_outputs,
)
from diffses.finetune.validation import Validator
from diffses.policy.forest import Forest
from diffses.policy.operators import OPERATORS
from tests.policy.conftest import EDGES, random_tree

FEATURES = ("o0", "o1", "o2", "o3")
CARTPOLE = GymnasiumEnv(id="CartPole-v1")
ROOM = gym.spaces.Box(-np.inf, np.inf, (4,), np.float32)
# looks at where the pole leans, and hardly at how it turns: falls soon
POOR = Forest(
    FEATURES,
    ("A0", "A1"),
    (0, 1),
    ((0.05,), ("add", "mul", 1.0, 2, "add", "mul", -0.05, 3, "mul", 0.3, 1)),
)
PUSH = Forest(FEATURES, ("u0",), (0,), (("add", "mul", 0.5, 0, 0.1),), ((-2.0, 2.0),))


def dataset(logits=None, bounds=None, count=400):
    """States around the upright pole, and a teacher that keeps it there."""
    random = np.random.default_rng(0)
    rows = random.normal(0, [1.0, 1.0, 0.1, 1.0], (count, 4))
    if logits is None:
        lean = 3 * rows[:, 2] + rows[:, 3] + 0.1 * rows[:, 0] + 0.3 * rows[:, 1]
        logits = np.stack([-4 * lean, 4 * lean], axis=1)
    part = Part(rows, logits, logits.argmax(axis=1), np.zeros(count, np.int32))
    groups = tuple((i,) for i in range(logits.shape[1]))
    names = tuple(f"A{i}" for i in range(logits.shape[1]))
    return Dataset(part, part, FEATURES, names, groups, bounds)


@pytest.fixture
def world(tmp_path):
    """Where a forest is tuned: rules, and the folder of a detector."""
    name_observation(CARTPOLE).save(tmp_path)
    torch.set_num_threads(1)
    return search_protocol(CARTPOLE), tmp_path


def policy_of(forest, data, temperature=1.0):
    rows = data.train.features
    own = rows[:, [data.features.index(name) for name in forest.features]]
    space = gym.spaces.Discrete(len(forest.trees))
    if forest.bounds is not None:
        low, high = np.array(forest.bounds, np.float32).T
        space = gym.spaces.Box(low, high)
    actor = {
        "forest": forest, "features": data.features, "axes": natural_gradient_basis(forest, own),
        "temperature": temperature,
    }  # fmt: skip
    policy = ForestPolicy(ROOM, space, lambda _: 1e-2, actor=actor, rows=rows)
    policy.set_teacher(rows, teacher_outputs(forest, data), seed=1)
    return policy


def test_the_likeliest_action_is_the_one_the_forest_plays():
    data = dataset()
    forest = Forest(FEATURES[1:], POOR.actions, (0, 1), ((0.05,), ("sub", 1, "mul", 0.4, 0)))
    policy = policy_of(forest, data, temperature=0.3)
    rows = data.train.features.astype(np.float32)
    chosen, _ = policy.predict(rows, deterministic=True)
    assert chosen.tolist() == forest.choose(rows[:, 1:].astype(float)).tolist()
    odds = policy.get_distribution(torch.tensor(rows)).distribution.probs
    by_hand = softmax(forest.scores(rows[:, 1:].astype(float)) / 0.3)
    np.testing.assert_allclose(odds.detach(), by_hand, atol=1e-6)


def test_a_box_action_is_spread_around_the_one_the_forest_plays():
    data = dataset(np.zeros((400, 1)), bounds=((-2.0, 2.0),))
    policy = policy_of(PUSH, data)
    rows = data.train.features
    chosen, _ = policy.predict(rows.astype(np.float32), deterministic=True)
    np.testing.assert_allclose(chosen, PUSH.squash(PUSH.scores(rows)), atol=1e-5)
    spread = policy.get_distribution(torch.tensor(rows)).distribution.stddev
    assert spread[0].item() == pytest.approx(0.5)  # a quarter of half the range


def test_what_is_trained_lands_in_the_tree():
    actor = ForestActor(POOR, FEATURES, np.eye(4), temperature=2.0)
    actor.point.data[2] = 0.01
    wanted_constants = POOR.constants() + np.array([0, 0, 0.01 * ACTOR_LR_MULTIPLIER, 0])
    assert actor.forest() == POOR.with_constants(wanted_constants)
    rows = torch.tensor(dataset().train.features)
    shown = Forest.from_text(actor.forest().text(), FEATURES, (0, 1))
    assert shown == actor.forest()
    logits = actor(rows).detach().numpy()
    np.testing.assert_allclose(logits, shown.scores(rows.numpy()) / 2, rtol=1e-5, atol=1e-6)


def test_gradients_are_finite_for_every_operator():
    names = ("a", "b", "c", "d", "e")
    random = np.random.default_rng(4)
    trees = [(name, *[0.7, 0, 1, -0.2][: op.arity]) for name, op in OPERATORS.items()]
    trees += [random_tree(random, list(OPERATORS), 5, 1 + i % 5) for i in range(40)]
    rows = random.choice([*EDGES, 1e200, np.inf, np.nan], (300, 5))
    rows = torch.tensor(
        np.where(random.random(rows.shape) < 0.5, rows, random.normal(size=(300, 5)))
    )
    for start in range(0, len(trees), 6):
        some = tuple(trees[start : start + 6])
        ids = tuple(range(len(some)))
        forest = Forest(names, tuple(f"A{i}" for i in ids), ids, some)
        for bounds in (None, ((-1.0, 1.0),) * len(some)):
            made = Forest(names, forest.actions, ids, some, bounds)
            count = len(made.constants())
            actor = ForestActor(made, names, np.eye(count), temperature=1.0)
            out = actor(rows)
            assert out.isfinite().all()
            loss = out.sum() if bounds else torch.log_softmax(out, dim=1).square().sum()
            loss.backward()
            grads = [
                p.grad for p in (actor.point, actor.log_inverse_temperature) if p.grad is not None
            ]
            assert all(grad.isfinite().all() for grad in grads)


def test_a_gradient_that_overflows_is_left_out():
    forest = Forest(("a",), ("A0", "A1"), (0, 1), ((0.0,), ("mul", "mul", 0.5, 0, 0)))

    def slope(rows):
        actor = ForestActor(forest, ("a",), np.eye(2), temperature=1.0)
        torch.log_softmax(actor(torch.tensor(rows)), dim=1)[:, 0].sum().backward()
        return actor.point.grad

    # the square of 1e200 is infinite, and the slope there is infinity times 0
    assert slope([[1.0], [1e200]])[1] == slope([[1.0]])[1] != 0


@pytest.mark.parametrize(
    ("forest", "data"),
    [
        (POOR, dataset()),
        (PUSH, dataset(np.random.default_rng(1).uniform(-2, 2, (400, 1)), ((-2.0, 2.0),))),
    ],
    ids=["discrete", "box"],
)
def test_guidance_draws_towards_the_teacher(forest, data):
    policy = policy_of(forest, data)
    rows = data.train.features
    teacher = teacher_targets(data, np.arange(len(rows)))
    before = policy.kl_to_teacher()
    assert before == pytest.approx(kl_divergence(forest, rows, teacher), rel=1e-3)
    policy.kl_coef = 1.0
    seen = torch.tensor(rows, dtype=torch.float32)
    for _ in range(100):
        _, _, added = policy.evaluate_actions(seen, torch.zeros(len(rows), 1))
        policy.optimizer.zero_grad()
        (-added.mean()).backward()
        policy.optimizer.step()
    assert policy.kl_to_teacher() < 0.8 * before


def test_without_guidance_only_the_entropy_is_added():
    data = dataset()
    policy = policy_of(POOR, data)
    policy.entropy_coef = 0.5
    rows = torch.tensor(data.train.features[:8], dtype=torch.float32)
    _, _, added = policy.evaluate_actions(rows, torch.zeros(8))
    entropy = policy.get_distribution(rows).entropy()
    assert added.tolist() == (0.5 * entropy).tolist()
    policy.kl_coef = 0.2
    _, _, drawn = policy.evaluate_actions(rows, torch.zeros(8))
    assert (drawn < added).all()


def test_the_temperature_does_not_hang_on_the_scale_of_the_scores():
    rows = dataset().train.features
    for scale in (1e-3, 1.0, 50.0):
        forest = POOR.with_constants(scale * POOR.constants())
        log_p = np.log(softmax(forest.scores(rows) / initial_temperature(forest, rows)))
        entropy = -(np.exp(log_p) * log_p).sum(axis=1).mean()
        assert entropy == pytest.approx(0.5 * np.log(2), rel=1e-6)
    assert initial_temperature(POOR.with_constants(np.zeros(4)), rows) == 1


def test_the_teachers_outputs_are_of_groups_of_actions():
    data = dataset(np.log([[0.5, 0.2, 0.3]] * 400))
    grouped = Dataset(data.train, data.held_out, FEATURES, data.actions, ((0,), (1, 2)))
    forest = Forest(FEATURES, ("A2", "A0"), (2, 0), ((0.0,), (1.0,)))
    view = teacher_outputs(forest, grouped)
    np.testing.assert_allclose(np.exp(view[0]), [0.5, 0.5])


SMALL = ConstantsFinetune(n_envs=4, n_steps=32, batch_size=64, n_epochs=2)


def test_the_same_seed_gives_the_same_forest_within_the_budget(world):
    first = run_ppo(POOR, dataset(), *world, SMALL, 700, seed=3)
    again = run_ppo(POOR, dataset(), *world, SMALL, 700, seed=3).forest
    assert first.snapshots[-1] == (640, again)  # five updates of 128 steps
    assert again != POOR
    assert run_ppo(POOR, dataset(), *world, SMALL, 700, seed=4).forest != again
    assert {row["steps"] for row in first.curve} <= {128, 256, 384, 512, 640}
    assert all(row["best"] >= row["mean"] > 0 for row in first.curve)


def test_a_small_budget_is_spent_in_small_updates(world):
    assert run_ppo(POOR, dataset(), *world, SMALL, 20, seed=3).snapshots[-1][0] == 16


def test_a_forest_that_no_constant_moves_is_given_back(world):
    forest = Forest(FEATURES, ("A0", "A1"), (0, 1), (("sub", 2, 2), (3,)))
    assert run_ppo(forest, dataset(), *world, SMALL, 700, seed=3).forest == forest


def test_a_killed_training_goes_on_from_its_checkpoint(world, tmp_path, monkeypatch):
    monkeypatch.setattr("diffses.finetune.ppo.CHECKPOINT_EVERY", 384)
    whole = PpoResult.save

    def killed(self, path):
        whole(self, path)
        raise KeyboardInterrupt

    monkeypatch.setattr(PpoResult, "save", killed)
    with pytest.raises(KeyboardInterrupt):
        run_ppo(POOR, dataset(), *world, SMALL, 640, 3, scratch=tmp_path)
    monkeypatch.setattr(PpoResult, "save", whole)
    kept = PpoResult.load(tmp_path / "ppo.json")
    assert kept.steps == 512  # of which 128 before the first update
    done = run_ppo(POOR, dataset(), *world, SMALL, 640, 3, scratch=tmp_path)
    assert done.steps == 640
    assert done.snapshots[: len(kept.snapshots)] == kept.snapshots
    assert done.curve[: len(kept.curve)] == kept.curve
    assert [steps for steps, _ in done.snapshots] == [256, 384, 512, 640]


def test_snapshots_are_validated_beside_the_start(world, tmp_path):
    protocol, detector = world
    settings = dataclasses.replace(SMALL, steps=700, validation_episodes=4, workers=1)
    validator = Validator(protocol, settings, detector)
    found = [(POOR, Lineage.start("distill", "00"))]
    curve, spent = finetune_constants(
        found, validator, dataset(), protocol, detector, settings, 3, tmp_path / "none"
    )
    assert spent == 640
    assert curve[-1]["steps"] == 640
    assert {row["start"] for row in curve} == {"distill/00"}
    sources = [one.lineage.label for one in validator.candidates]
    assert sources[0] == "distill/00"
    assert sources[-1] == "distill/00, 640 steps of PPO"
    assert validator.best().mean >= validator.candidates[0].mean


@pytest.mark.slow
@pytest.mark.parametrize("guidance", [0.0, 0.3])
def test_a_poor_balancer_learns_to_balance(world, guidance):
    protocol, detector = world

    def mean(forest):
        spec = ForestSpec(forest, str(detector))
        seeds = protocol.seeds("validation", 0, 20)
        return np.mean([episode.score for episode in returns(spec, protocol, seeds, workers=1)])

    settings = ConstantsFinetune(guidance=guidance)
    better = run_ppo(POOR, dataset(), protocol, detector, settings, 30_000, seed=1).forest
    assert mean(POOR) < 100
    assert mean(better) > 300
    assert better.sizes == POOR.sizes

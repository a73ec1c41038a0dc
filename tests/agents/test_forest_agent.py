"""A forest's return: the same for any number of workers, and for the plain reference."""

import numpy as np
import pytest
from ale_py import Action, ALEInterface, roms
from reference import PlainDetector

from diffses.agents.forest_agent import ForestSpec, detector_at
from diffses.config import MotionDetector
from diffses.detector.learn import learn_motion_detector
from diffses.detector.motion import MotionObjectDetector
from diffses.detector.recording import recording_for
from diffses.envs.ale import AtariEnv
from diffses.envs.rollout import Job, close, play
from diffses.policy.forest import Forest
from diffses.zoo.champion import open_champion

STEPS = 160


def some_forest(features, env, seed):
    """Random products of two features for each action, so that all of them get their turn."""
    random = np.random.default_rng(seed)
    trees = []
    for _ in env.actions:
        a, b, c = (int(n) for n in random.integers(len(features), size=3))
        w, v = (float(x) for x in random.normal(size=2))
        trees.append(("add", "mul", w, a, "max", "mul", v, b, "sub", c, 0.3))
    ids = tuple(range(len(trees)))
    return Forest(tuple(features), env.action_names, ids, tuple(trees))


def plain_return(protocol, forest, model, seed):
    """One ALE that skips frames itself, the numpy detector, the numpy trees."""
    ale = ALEInterface()
    ale.setFloat("repeat_action_probability", protocol.sticky)
    ale.setInt("frame_skip", 1)
    ale.setInt("random_seed", seed)
    ale.loadROM(roms.get_rom_path(protocol.game))
    actions = ale.getMinimalActionSet()
    for _ in range(protocol.noops(seed)):
        ale.act(Action.NOOP)
    if Action.FIRE in actions:
        for _ in range(4):
            ale.act(Action.FIRE)
    detector = PlainDetector(model)
    total = 0
    for _ in range(STEPS):
        if ale.game_over():
            break
        row = detector.observe(ale.getScreen())
        action = forest.action_ids[forest.choose(row[None])[0]]
        total += sum(ale.act(actions[action]) for _ in range(4))
        detector.set_last_action(action)
    return total


@pytest.mark.slow
@pytest.mark.parametrize("game", ["pong", "breakout", "boxing", "space_invaders"])
def test_a_return_does_not_depend_on_workers_and_equals_the_plain_reference(
    protocol, game, tmp_path
):
    settings = MotionDetector(steps=400)
    seen = recording_for(protocol(game), settings)
    learn_motion_detector(seen.screens, seen.starts, seen.action_tm1, settings, {}).save(tmp_path)
    model = MotionObjectDetector.load(tmp_path).model
    env = AtariEnv(protocol(game))
    for number in range(3, 13):  # the first random forest that scores
        forest = some_forest(MotionObjectDetector.load(tmp_path).features, env, number)
        spec = ForestSpec(forest, str(tmp_path))
        jobs = [
            Job(spec, protocol(game, sticky=sticky), seed, STEPS)
            for sticky in (0.25, 0.0)
            for seed in range(3)
        ]
        alone = {(e.job.protocol, e.job.seed): e.score for e in play(jobs, workers=1)}
        if any(alone.values()):
            break
    assert any(alone.values())
    together = {(e.job.protocol, e.job.seed): e.score for e in play(jobs, workers=2)}
    close()
    assert together == alone
    for (named, seed), score in list(alone.items())[::3]:
        assert plain_return(named, forest, model, seed) == score


def chosen(agents, envs, steps):
    """The actions of each agent, all taking their steps in turn: (agents, steps)."""
    actions = []
    for seed, (agent, env) in enumerate(zip(agents, envs, strict=True)):
        env.reset(seed)
        agent.reset(env, seed)
    for _ in range(steps):
        turn = [agent.act(env) for agent, env in zip(agents, envs, strict=True)]
        for env, action in zip(envs, turn, strict=True):
            env.step(action)
        actions.append(turn)
    return np.array(actions).T.tolist()


def test_players_of_one_process_do_not_mix_up_what_they_saw(protocol):
    champion = open_champion("pong")
    spec = ForestSpec(champion.forest, str(champion.detector))
    envs = [AtariEnv(protocol()), AtariEnv(protocol())]
    alone = []
    for seed, env in enumerate(envs):
        agent = spec.build(env)
        env.reset(seed)
        agent.reset(env, seed)
        alone.append([])
        for _ in range(STEPS):
            alone[-1].append(agent.act(env))
            env.step(alone[-1][-1])
    assert alone[0] != alone[1]
    assert chosen([spec.build(env) for env in envs], envs, STEPS) == alone


def test_a_detector_is_read_once_and_shares_what_it_learned(monkeypatch):
    folder = str(open_champion("freeway").detector)
    first = detector_at(folder)
    monkeypatch.setattr(
        "diffses.agents.forest_agent.open_detector", None
    )  # which is not called again
    second = detector_at(folder)
    assert second.model.segmentation is first.model.segmentation
    assert second.tracker.table is not first.tracker.table

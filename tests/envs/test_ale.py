"""`AtariEnv`: episodes depend on seeds only; frames of a step."""

import numpy as np
import pytest
from ale_py import ALEInterface, roms
from ale_py.vector_env import AtariVectorEnv

from diffses.envs.ale import AtariEnv, games
from diffses.envs.equivalent_actions import equivalent_actions
from diffses.envs.preprocessing import AtariPreprocessing
from diffses.errors import ConfigError


def trace(env, seed, steps=120):
    """Rewards and the last screen of an episode of fixed pseudo-random actions."""
    actions = np.random.default_rng(9).integers(len(env.actions), size=steps)
    env.reset(seed)
    rewards = [env.step(int(action)) for action in actions]
    return rewards, env.observation().tobytes()


def test_an_episode_is_named_by_its_seed(protocol):
    env = AtariEnv(protocol())
    first, other = trace(env, 3), trace(env, 4)
    assert first != other
    assert trace(env, 3) == first  # from the kept state
    assert trace(AtariEnv(protocol()), 3) == first  # in an environment that never played


def test_an_episode_does_not_hang_on_how_the_one_before_ended(protocol):
    """Sticky actions may repeat the last action in the next frame; ALE's states do not hold it."""
    env = AtariEnv(protocol())

    def opening(seed):
        env.reset(seed)
        screens = []
        for _ in range(3):
            env.step(0)
            screens.append(env.observation().copy())
        return np.stack(screens)

    for seed in range(8):
        seen = []
        for last in (0, 3, 3):
            seen.append(opening(seed))
            for _ in range(20):
                env.step(last)
        assert (seen[0] == seen[1]).all()
        assert (seen[0] == seen[2]).all()


def views(env):
    """All that a player can see of the present step."""
    seen = (env.observation(), env.previous_frame(), env.rgb(), env.frame_pair(), env.ram())
    return [view.copy() for view in seen]


def opening(env, seed, steps=60):
    """Rewards and frames of an episode's first steps, with fixed pseudo-random actions."""
    actions = np.random.default_rng(seed).integers(len(env.actions), size=steps)
    env.reset(seed)
    record = [(0.0, env.lives, env.done, views(env))]
    for action in actions:
        reward = env.step(int(action), frame_pair=True)
        record.append((reward, env.lives, env.done, views(env)))
    return record


def same(one, other):
    return len(one) == len(other) and all(
        a[:3] == b[:3] and all((x == y).all() for x, y in zip(a[3], b[3], strict=True))
        for a, b in zip(one, other, strict=True)
    )


def first_and_again(protocol, seeds, others):
    """Which of `seeds` show or pay something else when they are started again."""
    env, wrong = AtariEnv(protocol), []
    first = {seed: opening(AtariEnv(protocol), seed) for seed in seeds}
    wrong += [seed for seed in seeds if not same(opening(env, seed), first[seed])]
    for seed in (*seeds, *others):
        env.reset(seed)
        for action in np.random.default_rng(seed + 1).integers(len(env.actions), size=150):
            env.step(int(action))
        env.reset(others[0])
        env.step(len(env.actions) - 1)
        wrong += [one for one in seeds if not same(opening(env, one), first[one])]
    return sorted(set(wrong))


def no_ops(protocol, count):
    """An episode seed with so many opening no-ops."""
    return next(seed for seed in range(1000) if protocol.noops(seed) == count)


# without a FIRE at the start (freeway, asterix) the first picture is that of the opening
@pytest.mark.parametrize("game", ["freeway", "asterix", "pong"])
def test_an_episode_that_starts_again_looks_and_goes_as_it_did_first(protocol, game):
    played = protocol(game)
    seeds = [no_ops(played, count) for count in (0, 17)]
    assert first_and_again(played, seeds, [2001]) == []


@pytest.mark.slow
@pytest.mark.parametrize("game", games())
def test_every_game_starts_again_as_it_did_first(protocol, game):
    played = protocol(game)
    seeds = [no_ops(played, count) for count in (0, 1, 2, 29)]
    assert first_and_again(played, seeds, [2001, 2002]) == []


@pytest.mark.parametrize("game", ["freeway", "pong"])
def test_a_step_that_was_kept_shows_what_it_showed_and_goes_on_so(protocol, game):
    env = AtariEnv(protocol(game, sticky=0.0))
    opening(env, 3, steps=40)
    kept, seen = env.clone_state(), views(env)
    after = [(env.step(1, frame_pair=True), views(env)) for _ in range(20)]
    for _ in range(2):
        opening(env, 4, steps=30)
        env.restore_state(kept)
        assert (env.steps, env.last_action) == (40, kept.last_action)
        assert all((a == b).all() for a, b in zip(views(env), seen, strict=True))
        for reward, then in after:
            assert env.step(1, frame_pair=True) == reward
            assert all((a == b).all() for a, b in zip(views(env), then, strict=True))
    env.restore_state(kept)
    again = env.clone_state()  # before any step since
    opening(env, 4, steps=30)
    env.restore_state(again)
    assert all((a == b).all() for a, b in zip(views(env), seen, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("game", games())
def test_every_game_goes_on_from_a_step_that_was_kept(protocol, game):
    env = AtariEnv(protocol(game))
    opening(env, 3, steps=40)
    kept = env.clone_state()

    def after():
        actions = np.random.default_rng(1).integers(len(env.actions), size=50)
        return [(env.step(int(action)), env.lives, env.done, views(env)) for action in actions]

    first = after()
    opening(env, 4, steps=5)
    env.restore_state(kept)
    assert same(after(), first)


def test_stepping_frame_by_frame_is_what_ale_does_itself(protocol):
    env = AtariEnv(protocol(noop_max=1, fire_reset=False))
    env.reset(5)
    ale = ALEInterface()
    ale.setFloat("repeat_action_probability", 0.25)
    ale.setInt("frame_skip", 4)
    ale.setInt("random_seed", 5)
    ale.loadROM(roms.get_rom_path("pong"))
    for action in np.random.default_rng(0).integers(6, size=400):
        assert env.step(int(action)) == ale.act(env.actions[action])
    assert (env.observation() == ale.getScreen()).all()


@pytest.mark.parametrize("frame_pair", [False, True])
def test_the_frame_before_is_the_last_but_one_of_a_step(protocol, frame_pair):
    env = AtariEnv(protocol("space_invaders", noop_max=1, fire_reset=False))
    env.reset(5)
    assert (env.previous_frame() == env.observation()).all()
    ale = ALEInterface()
    ale.setFloat("repeat_action_probability", 0.25)
    ale.setInt("frame_skip", 1)
    ale.setInt("random_seed", 5)
    ale.loadROM(roms.get_rom_path("space_invaders"))
    apart = 0
    for action in np.random.default_rng(0).integers(6, size=100):
        env.step(int(action), frame_pair=frame_pair)
        frames = []
        for _ in range(4):
            ale.act(env.actions[action])
            frames.append(ale.getScreen())
        assert (env.previous_frame() == frames[2]).all()
        assert (env.observation() == frames[3]).all()
        apart += int((frames[2] != frames[3]).any())
    assert apart > 50
    env.reset(6)  # of an episode that begins there is one frame
    assert (env.previous_frame() == env.observation()).all()


@pytest.mark.parametrize("game", ["pong", "breakout", "space_invaders"])
def test_the_pixel_view_is_that_of_the_vector_environment(protocol, game):
    games = AtariVectorEnv(
        game,
        1,
        noop_max=0,
        use_fire_reset=False,
        repeat_action_probability=0.25,
        reward_clipping=False,
    )
    expected, _ = games.reset(seed=np.array([77]))
    env, view = AtariEnv(protocol(game, noop_max=1, fire_reset=False)), AtariPreprocessing()
    env.reset(77)
    view.reset()
    assert (view.add(env.frame_pair()) == expected[0]).all()
    for action in np.random.default_rng(0).integers(len(env.actions), size=130):
        expected, reward, *_ = games.step(np.array([action]))
        assert env.step(int(action), frame_pair=True) == reward[0]
        assert (view.add(env.frame_pair()) == expected[0]).all()
    games.close()


def test_without_sticky_actions_a_seed_is_its_no_ops(protocol):
    v4 = protocol(sticky=0.0)
    assert v4.seeds("test", 123, 5) == list(range(30))
    assert [v4.noops(seed) for seed in (0, 7, 29)] == [0, 7, 29]
    env = AtariEnv(v4)
    ends = {trace(env, seed, steps=40)[1] for seed in (0, 1, 2, 3)}
    assert len(ends) == 4


def test_namespaces_share_no_episode(protocol):
    names = ("train", "validation", "test")
    seeds = [seed for name in names for seed in protocol().seeds(name, 0, 500)]
    assert len(set(seeds)) == len(seeds)


def test_an_episode_ends_at_the_frame_limit(protocol):
    env = AtariEnv(protocol(max_frames=40))
    env.reset(0)
    while not env.done:
        env.step(0)
    assert env.steps == 10


def test_a_negative_seed_is_refused(protocol):
    with pytest.raises(ValueError, match="episode seed"):
        AtariEnv(protocol()).reset(-1)


def test_an_unknown_game_is_named(protocol):
    with pytest.raises(ConfigError, match=r"fix: env\.game=<one of adventure"):
        AtariEnv(protocol("pongg"))


def test_pongs_six_actions_are_three(protocol):
    assert equivalent_actions(protocol(), seed=1) == ((0, 1), (2, 4), (3, 5))


@pytest.mark.slow
def test_breakouts_fire_is_not_a_no_op(protocol):
    assert equivalent_actions(protocol("breakout"), seed=1) == ((0,), (1,), (2,), (3,))

"""The console: episodes named by seeds, and the two views of a step."""

import numpy as np
import pytest
from ale_py import ALEInterface, roms
from ale_py.vector_env import AtariVectorEnv

from diffses.envs.ale import Arcade, games
from diffses.envs.equivalent_actions import equal_actions
from diffses.envs.preprocessing import PixelView
from diffses.errors import ConfigError


def trace(console, seed, steps=120):
    """Rewards and the last screen of an episode of fixed pseudo-random actions."""
    actions = np.random.default_rng(9).integers(len(console.actions), size=steps)
    console.start(seed)
    rewards = [console.step(int(action)) for action in actions]
    return rewards, console.screen().tobytes()


def test_an_episode_is_named_by_its_seed(rules):
    console = Arcade(rules())
    first, other = trace(console, 3), trace(console, 4)
    assert first != other
    assert trace(console, 3) == first  # from the kept state
    assert trace(Arcade(rules()), 3) == first  # from a console that never played


def test_an_episode_does_not_hang_on_how_the_one_before_ended(rules):
    """A sticky console may repeat the last action in its first frame, and ALE does not keep it."""
    console = Arcade(rules())

    def opening(seed):
        console.start(seed)
        screens = []
        for _ in range(3):
            console.step(0)
            screens.append(console.screen().copy())
        return np.stack(screens)

    for seed in range(8):
        seen = []
        for last in (0, 3, 3):
            seen.append(opening(seed))
            for _ in range(20):
                console.step(last)
        assert (seen[0] == seen[1]).all()
        assert (seen[0] == seen[2]).all()


def views(console):
    """All that a player can see of the present step."""
    seen = (console.screen(), console.before(), console.rgb(), console.grey(), console.ram())
    return [view.copy() for view in seen]


def opening(console, seed, steps=60):
    """All that is seen and paid in an episode's first steps, of fixed pseudo-random actions."""
    actions = np.random.default_rng(seed).integers(len(console.actions), size=steps)
    console.start(seed)
    console.look()
    told = [(0.0, console.lives, console.over, views(console))]
    for action in actions:
        reward = console.step_seen(int(action))
        told.append((reward, console.lives, console.over, views(console)))
    return told


def same(one, other):
    return len(one) == len(other) and all(
        a[:3] == b[:3] and all((x == y).all() for x, y in zip(a[3], b[3], strict=True))
        for a, b in zip(one, other, strict=True)
    )


def first_and_again(rules, seeds, others):
    """Which of `seeds` show or pay something else when they are started again."""
    console, wrong = Arcade(rules), []
    first = {seed: opening(Arcade(rules), seed) for seed in seeds}
    wrong += [seed for seed in seeds if not same(opening(console, seed), first[seed])]
    for seed in (*seeds, *others):
        console.start(seed)
        for action in np.random.default_rng(seed + 1).integers(len(console.actions), size=150):
            console.step(int(action))
        console.start(others[0])
        console.step(len(console.actions) - 1)
        wrong += [one for one in seeds if not same(opening(console, one), first[one])]
    return sorted(set(wrong))


def no_ops(rules, count):
    """An episode seed with so many opening no-ops."""
    return next(seed for seed in range(1000) if rules.noops(seed) == count)


# without a FIRE at the start (freeway, asterix) the first picture is that of the opening
@pytest.mark.parametrize("game", ["freeway", "asterix", "pong"])
def test_an_episode_that_starts_again_looks_and_goes_as_it_did_first(rules, game):
    played = rules(game)
    seeds = [no_ops(played, count) for count in (0, 17)]
    assert first_and_again(played, seeds, [2001]) == []


@pytest.mark.slow
@pytest.mark.parametrize("game", games())
def test_every_game_starts_again_as_it_did_first(rules, game):
    played = rules(game)
    seeds = [no_ops(played, count) for count in (0, 1, 2, 29)]
    assert first_and_again(played, seeds, [2001, 2002]) == []


@pytest.mark.parametrize("game", ["freeway", "pong"])
def test_a_step_that_was_kept_shows_what_it_showed_and_goes_on_so(rules, game):
    console = Arcade(rules(game, sticky=0.0))
    opening(console, 3, steps=40)
    kept, seen = console.keep(), views(console)
    after = [(console.step_seen(1), views(console)) for _ in range(20)]
    for _ in range(2):
        opening(console, 4, steps=30)
        console.restore(kept)
        assert (console.steps, console.last) == (40, kept.last)
        assert all((a == b).all() for a, b in zip(views(console), seen, strict=True))
        for reward, then in after:
            assert console.step_seen(1) == reward
            assert all((a == b).all() for a, b in zip(views(console), then, strict=True))
    console.restore(kept)
    again = console.keep()  # before any step since
    opening(console, 4, steps=30)
    console.restore(again)
    assert all((a == b).all() for a, b in zip(views(console), seen, strict=True))


def test_stepping_frame_by_frame_is_what_ale_does_itself(rules):
    console = Arcade(rules(noop_max=1, fire_reset=False))
    console.start(5)
    ale = ALEInterface()
    ale.setFloat("repeat_action_probability", 0.25)
    ale.setInt("frame_skip", 4)
    ale.setInt("random_seed", 5)
    ale.loadROM(roms.get_rom_path("pong"))
    for action in np.random.default_rng(0).integers(6, size=400):
        assert console.step(int(action)) == ale.act(console.actions[action])
    assert (console.screen() == ale.getScreen()).all()


@pytest.mark.parametrize("look", ["step", "step_seen"])
def test_the_frame_before_is_the_last_but_one_of_a_step(rules, look):
    console = Arcade(rules("space_invaders", noop_max=1, fire_reset=False))
    console.start(5)
    assert (console.before() == console.screen()).all()
    ale = ALEInterface()
    ale.setFloat("repeat_action_probability", 0.25)
    ale.setInt("frame_skip", 1)
    ale.setInt("random_seed", 5)
    ale.loadROM(roms.get_rom_path("space_invaders"))
    apart = 0
    for action in np.random.default_rng(0).integers(6, size=100):
        getattr(console, look)(int(action))
        frames = []
        for _ in range(4):
            ale.act(console.actions[action])
            frames.append(ale.getScreen())
        assert (console.before() == frames[2]).all()
        assert (console.screen() == frames[3]).all()
        apart += int((frames[2] != frames[3]).any())
    assert apart > 50
    console.start(6)  # of an episode that begins there is one frame
    assert (console.before() == console.screen()).all()


@pytest.mark.parametrize("game", ["pong", "breakout", "space_invaders"])
def test_the_pixel_view_is_that_of_the_vector_environment(rules, game):
    games = AtariVectorEnv(
        game,
        1,
        noop_max=0,
        use_fire_reset=False,
        repeat_action_probability=0.25,
        reward_clipping=False,
    )
    expected, _ = games.reset(seed=np.array([77]))
    console, view = Arcade(rules(game, noop_max=1, fire_reset=False)), PixelView()
    console.start(77)
    console.look()
    view.begin()
    assert (view.add(console.grey()) == expected[0]).all()
    for action in np.random.default_rng(0).integers(len(console.actions), size=130):
        expected, reward, *_ = games.step(np.array([action]))
        assert console.step_seen(int(action)) == reward[0]
        assert (view.add(console.grey()) == expected[0]).all()
    games.close()


def test_without_sticky_actions_a_seed_is_its_no_ops(rules):
    v4 = rules(sticky=0.0)
    assert v4.seeds("test", 123, 5) == list(range(30))
    assert [v4.noops(seed) for seed in (0, 7, 29)] == [0, 7, 29]
    console = Arcade(v4)
    ends = {trace(console, seed, steps=40)[1] for seed in (0, 1, 2, 3)}
    assert len(ends) == 4


def test_namespaces_share_no_episode(rules):
    names = ("train", "validation", "test")
    seeds = [seed for name in names for seed in rules().seeds(name, 0, 500)]
    assert len(set(seeds)) == len(seeds)


def test_an_episode_ends_at_the_frame_limit(rules):
    console = Arcade(rules(max_frames=40))
    console.start(0)
    while not console.over:
        console.step(0)
    assert console.steps == 10


def test_a_negative_seed_is_refused(rules):
    with pytest.raises(ValueError, match="episode seed"):
        Arcade(rules()).start(-1)


def test_an_unknown_game_is_named(rules):
    with pytest.raises(ConfigError, match=r"fix: env\.game=<one of adventure"):
        Arcade(rules("pongg"))


def test_pongs_six_actions_are_three(rules):
    assert equal_actions(rules(), seed=1) == ((0, 1), (2, 4), (3, 5))


@pytest.mark.slow
def test_breakouts_fire_is_not_a_no_op(rules):
    assert equal_actions(rules("breakout"), seed=1) == ((0,), (1,), (2,), (3,))

"""What contact does, on made-up tracks whose truth is known."""

import numpy as np
import pytest

from diffses.config import MotionDetector
from diffses.detector import contact
from diffses.detector.contact import contact_effects, find_contacts, fit_effects
from diffses.detector.contact_value import Contact, Estimate, TypeContact
from diffses.detector.motion import MotionObjectDetector
from diffses.detector.object_log import ObjectLog
from diffses.detector.object_schema import contact_rank, schema_from_boxes
from diffses.detector.recording import Outcomes
from diffses.detector.tracker import Tracker, replay_action

PLAYER, PRIZE, ENEMY, CLOUD, SHOT, COIN = range(6)
KINDS = 6


class Game:
    """A player on a line; now and then one thing comes to it, or passes at a distance."""

    def __init__(self, seed=0, frames=0):
        self.random = np.random.default_rng(seed)
        self.rows, self.tracks, self.now = [], 0, 1
        self.rewards, self.deaths = {}, set()

    def add(self, frame, kind, track, x, y, vx=0.0, vy=0.0, size=8.0):
        box = (x - size / 2, y - size / 2, x + size / 2, y + size / 2)
        self.rows.append((frame, kind, track, *box, vx, vy))

    def visit(self, kinds, speed=6.0, through=False, distance=0.0, apart=0.0):
        """Things of these kinds come from the right side by side. Returns the frame of contact.

        through: they go on after the contact; else they vanish at it. distance: px by which they
        pass below the player.
        """
        met = None
        for number, kind in enumerate(kinds):
            self.tracks += 1
            for step in range(16):
                x = 80 + 60 - speed * step + 4 * number
                touches = abs(x - 80 - speed) <= 9 and distance < 9
                if touches and met is None:
                    met = self.now + step
                self.add(self.now + step, kind, self.tracks, x, 100 + distance, -speed)
                if touches and not through:
                    break
        self.now += 16
        return met

    def wait(self, steps):
        self.now += steps

    def arrays(self):
        frames = self.now + 80
        for frame in range(frames):
            self.add(frame, PLAYER, 0, 80, 100)
        table = np.array(sorted(self.rows))
        whole = table[:, :3].astype(np.int64)
        log = ObjectLog(whole[:, 0], whole[:, 1], whole[:, 2], table[:, 3:7], table[:, 7:], frames)
        reward, life_lost = np.zeros(frames), np.zeros(frames, bool)
        for frame, size in self.rewards.items():
            reward[frame] += size
        life_lost[list(self.deaths)] = True
        return log, KINDS, PLAYER, np.arange(frames) == 0, reward, life_lost


def test_each_types_value_is_found_though_deaths_are_told_late():
    game = Game()
    for _ in range(40):
        kind = int(game.random.choice([PRIZE, ENEMY, CLOUD]))
        met = game.visit([kind], through=kind == CLOUD)
        if kind == PRIZE and game.random.random() < 0.9:
            game.rewards[met + 1] = 50
        if kind == ENEMY:
            game.deaths.add(met + 25)
        game.wait(int(game.random.integers(0, 12)))
    found = contact_effects(*game.arrays())
    prize, enemy, cloud = (found.touched[kind] for kind in (PRIZE, ENEMY, CLOUD))
    assert min(prize.count, enemy.count, cloud.count) >= 8
    assert prize.reward.value == pytest.approx(45, abs=2.5 * prize.reward.error)
    assert prize.reward.value > 3 * prize.reward.error
    assert prize.life_lost.value < 2 * prize.life_lost.error
    assert enemy.life_lost.value == pytest.approx(1, abs=0.25)
    assert enemy.life_lost.value > 3 * enemy.life_lost.error
    assert enemy.reward.value < 2 * enemy.reward.error
    assert cloud.reward.value < 2 * cloud.reward.error
    assert cloud.life_lost.value < 2 * cloud.life_lost.error
    assert prize.vanishes.value > 3 * prize.vanishes.error
    assert cloud.vanishes.value < 2 * cloud.vanishes.error
    assert found.projectile is None


def test_of_two_types_that_come_together_only_the_one_that_pays_alone_gets_the_credit():
    game = Game(1)
    for number in range(40):  # clouds come alone, and beside each prize
        met = game.visit([PRIZE, CLOUD] if number % 2 else [CLOUD])
        if number % 2:
            game.rewards[met + 1] = 10
    found = contact_effects(*game.arrays())
    assert found.touched[PRIZE].reward.value == pytest.approx(10, abs=1.5)
    assert found.touched[CLOUD].reward.value < 2 * found.touched[CLOUD].reward.error
    game = Game(1)
    for _ in range(30):  # always together: it cannot be told apart, and the errors say so
        game.rewards[game.visit([PRIZE, CLOUD]) + 1] = 10
    both = contact_effects(*game.arrays()).touched
    assert both[PRIZE].reward.value + both[CLOUD].reward.value == pytest.approx(10, abs=1.5)
    assert both[PRIZE].reward.value < 2 * both[PRIZE].reward.error


def test_rewards_that_come_anyway_are_nobodys():
    game = Game(2)
    for _ in range(60):
        game.visit([CLOUD])
    for frame in game.random.choice(game.now, 100, replace=False).tolist():
        game.rewards[frame] = 1
    cloud = contact_effects(*game.arrays()).touched[CLOUD]
    assert cloud.count == 60
    assert abs(cloud.reward.value) < 2 * cloud.reward.error
    assert cloud.reward.error < 0.5


def test_penalties_count_against_rewards():
    game = Game(3)
    for number in range(40):
        game.rewards[game.visit([ENEMY]) + 1] = -3 if number % 4 else 3
    enemy = contact_effects(*game.arrays()).touched[ENEMY]
    assert enemy.reward.value == pytest.approx(-1.5, abs=0.4)


def test_what_the_player_shoots_is_an_actor():
    game = Game(4)
    for number in range(30):
        game.tracks += 1
        kind = ENEMY if number % 2 else CLOUD
        for step in range(7):  # the shot goes up from the player
            game.add(game.now + step, SHOT, game.tracks, 80, 95 - 10 * step, 0, -10, size=2.0)
        game.tracks += 1
        for step in range(7 if kind == ENEMY else 14):  # in its way, far from the player
            game.add(game.now + step, kind, game.tracks, 80, 28)
        if kind == ENEMY:
            game.rewards[game.now + 7] = 20
        game.wait(20)
    found = contact_effects(*game.arrays())
    assert (found.projectile, found.own_share) == (SHOT, 1.0)
    assert found.touched[ENEMY].count == found.touched[SHOT].count == 0
    assert found.hit[ENEMY].count == found.hit[CLOUD].count == 15
    assert found.hit[ENEMY].reward.value == pytest.approx(20, abs=3)
    assert found.hit[ENEMY].vanishes.value > 0.6
    assert found.hit[CLOUD].reward.value < 2 * found.hit[CLOUD].reward.error


def test_what_does_not_leave_the_player_is_another_shape_of_it():
    game = Game()
    for _ in range(20):
        game.tracks += 1
        for step in range(3):
            game.add(game.now + step, SHOT, game.tracks, 80, 98 - 4 * step, 0, -4)
        game.wait(12)
    assert contact_effects(*game.arrays()).projectile is None


def test_what_comes_back_where_it_was_going_has_not_vanished():
    game = Game()
    for step in range(4):
        game.add(step, CLOUD, 1, 20 + 6 * step, 50, 6)
    game.add(8, CLOUD, 2, 20 + 6 * 8, 52, 6)  # seen again
    game.add(9, CLOUD, 3, 120, 52, 6)  # another one
    game.add(12, ENEMY, 4, 20 + 6 * 12, 52, 6)  # another type
    log = game.arrays()[0]
    gone, new = contact.ends_and_beginnings(log)
    rest = log.kind != PLAYER
    assert log.track[gone & rest].tolist() == [2, 3, 4]
    assert log.track[new & rest].tolist() == [1, 3, 4]


def contacts_of(*rows, frames=10):
    """The contacts of the player with what the rows (frame, kind, track, x, y, vx) are; 8 px each,
    the player at (80, 100) in all frames but those in which it hides."""
    game = Game()
    for frame, kind, track, x, y, *vx in rows:
        game.add(frame, kind, track, x, y, *vx)
    game.now = frames - 80
    log, _, player, starts, *_ = game.arrays()
    mine = contact.player_rows(log, player, np.cumsum(starts))
    return find_contacts(log, contact.displacements(log), mine, log.kind == player)


def test_a_contact_is_an_overlap_or_one_within_the_steps_motion():
    passing = [(2, CLOUD, 1, 110, 100, -10), (3, CLOUD, 1, 50, 100, -60)]  # through it in a step
    found = contacts_of(*passing)
    assert (found.first.tolist(), found.last.tolist()) == ([2], [2])
    coming = contacts_of((2, CLOUD, 1, 110, 100, -22))  # is gone in the next frame: goes on at 22
    assert coming.first.tolist() == [2]
    assert len(contacts_of((2, CLOUD, 1, 110, 100, -20)).first) == 0  # 2 px are left between them
    assert len(contacts_of((2, CLOUD, 1, 110, 110, -60)).first) == 0  # passes 2 px below
    beside = contacts_of(*[(frame, CLOUD, 1, 89, 100) for frame in (2, 3, 4, 8, 9)])  # 1 px apart
    assert (beside.first.tolist(), beside.last.tolist()) == ([2], [9])
    again = contacts_of(*[(frame, CLOUD, 1, 88, 100) for frame in (2, 3, 8, 9)])
    assert (again.first.tolist(), again.last.tolist()) == ([2, 8], [3, 9])


def test_events_are_not_shared_across_episodes():
    first = np.arange(5, 480, 10)
    cause = np.zeros(len(first), int)
    episode = np.arange(500) // 10
    size = np.ones(len(first))
    late, _ = fit_effects(first + 8, size, first, cause, 1, episode, 60)  # in the next episode
    alone, delay = fit_effects(first + 4, size, first, cause, 1, episode, 60)
    assert alone[0].value == pytest.approx(1, abs=0.1)
    assert late[0].value < 0.2
    assert delay in (2, 4, 6)


def test_the_error_covers_the_truth():
    missed = 0
    for seed in range(12):
        random = np.random.default_rng(seed)
        frames = 1500
        first = np.sort(random.choice(frames - 50, 60, replace=False))
        cause = random.integers(0, 3, 60)
        truth = np.array([0.0, 0.3, 0.8])
        hit = random.random(60) < truth[cause]
        here = np.zeros(frames, bool)
        here[first[hit] + 12] = True
        here |= random.random(frames) < 0.01
        events, episode = np.flatnonzero(here), np.zeros(frames, int)
        found, _ = fit_effects(events, np.ones(len(events)), first, cause, 3, episode, 60)
        missed += sum(
            abs(one.value - t) > 2 * one.error for one, t in zip(found, truth, strict=True)
        )
    assert missed <= 5  # of 36


def test_what_was_touched_once_is_shrunk_towards_the_others():
    first = np.arange(10, 410, 10)
    cause = np.array([0] * 39 + [1])
    events = np.array([first[-1] + 1])
    found, _ = fit_effects(events, np.ones(1), first, cause, 2, np.zeros(500, int), 12)
    assert 0.2 < found[1].value < 0.5
    assert found[1].sign == 0


def test_causes_that_always_come_together_have_large_errors():
    first = np.arange(10, 610, 10).repeat(2)
    cause = np.tile([0, 1], 60)
    events, size, episode = first[::2] + 1, np.ones(60), np.zeros(700, int)
    both, _ = fit_effects(events, size, first, cause, 2, episode, 12)
    alone, _ = fit_effects(events, size, first[::2], cause[::2], 1, episode, 12)
    assert both[0].value + both[1].value == pytest.approx(alone[0].value, abs=0.1)
    assert min(both[0].error, both[1].error) > 2.5 * alone[0].error


def test_no_events_are_no_certainty():
    first = np.array([3, 9])
    found, _ = fit_effects(
        np.zeros(0, int), np.zeros(0), first, np.zeros(2, int), 2, np.zeros(20, int), 60
    )
    assert [one.value for one in found] == [0.0, 0.0]
    assert found[0].error == pytest.approx(0.25)
    assert found[1].error == pytest.approx(0.5)


def test_nothing_touched():
    found = contact_effects(*Game().arrays())
    assert {one.count for one in found.touched} == {0}
    assert found.projectile is None
    none = np.zeros(0, np.int64)
    empty = ObjectLog(none, none, none, np.zeros((0, 4)), np.zeros((0, 2)), 20)
    ones = np.ones(20)
    found = contact_effects(empty, KINDS, PLAYER, np.arange(20) == 0, ones, ones > 0)
    assert [one.count for one in found.touched] == [0] * KINDS


def test_types_by_their_value_are_groups_that_concepts_describe(pong_detector, tmp_path):
    game = Game(5)
    for number in range(60):
        kind = (PRIZE, ENEMY, CLOUD, COIN)[number % 4]
        met = game.visit([kind], through=kind == CLOUD)
        if kind in (PRIZE, COIN):
            game.rewards[met + 1] = 10
        if kind == ENEMY:
            game.deaths.add(met + 3)
        game.wait(4)
    log, _, _, starts, reward, lost = game.arrays()
    actions = game.random.integers(0, 3, (log.frames + 4) // 5).repeat(5)[: log.frames]
    wobble = np.array([0, 2, -2])[actions]  # the player goes a bit right and left
    boxes = []
    for frame in range(log.frames):
        rows = log.of_frame(frame)
        box, kind = log.box[rows].copy(), log.kind[rows]
        box[kind == PLAYER, 0::2] += wobble[frame]
        box[:, 2:] -= 1
        boxes.append(np.column_stack([kind, box, np.full(len(box), 64)]).astype(np.int32))
    names = ["player", "plum", "crab", "cloud", "none", "coin"]

    def learn(outcomes):
        settings = MotionDetector(concepts=True)
        return schema_from_boxes(
            boxes, 6, starts, actions, settings, 3, {}, names, outcomes=outcomes
        )

    schema = learn(Outcomes(starts, reward, lost))
    values = {kind.name: kind.contact.value for kind in schema.types}
    assert values == {"player": 0, "plum": 1, "crab": -1, "cloud": 0, "coin": 1}
    assert [kind.name for kind in schema.types] == ["player", "cloud", "plum", "coin", "crab"]
    offered = {feature.name for feature in schema.features}
    assert {"prize.nearest.dx", "prize.coming.dx"} <= offered
    assert "harm.nearest.dx" not in offered  # it is crab.dx, the only one
    plain = {feature.name for feature in learn(None).features}
    assert "prize.nearest.dx" not in plain
    assert "crab.dx" in plain

    tracker, seen = Tracker(schema), []
    at = tracker.schema.features.index(
        next(one for one in schema.features if one.name == "prize.nearest.dx")
    )
    for frame in range(200):
        replay_action(tracker, frame, starts, actions)
        value = float(tracker.update(boxes[frame])[at])
        prizes = [row for row in boxes[frame] if row[0] in (PRIZE, COIN)]
        if prizes and frame > 2:  # one at a time
            mine = boxes[frame][boxes[frame][:, 0] == PLAYER][0]
            assert value == pytest.approx((prizes[0][1] - mine[1]) / 100)
            seen.append(value)
    assert len(set(seen)) > 10

    pong_detector.with_schema(schema).save(tmp_path)
    read = MotionObjectDetector.load(tmp_path).tracker.schema
    assert [kind.contact for kind in read.types] == [kind.contact for kind in schema.types]
    assert read.features == schema.features


def test_each_groups_types_are_side_by_side():
    pays, harms = Estimate(5.0, 1.0), Estimate(0.0, 0.1)
    good, bad = Contact(9, pays, harms, harms), Contact(9, harms, pays, harms)
    kinds = [TypeContact(one, two) for one in (None, good, bad) for two in (None, good, bad)]
    ranked = sorted(kinds, key=contact_rank)
    for chosen in (lambda k: k.value > 0, lambda k: k.target, lambda k: k.value < 0):
        places = [place for place, kind in enumerate(ranked) if chosen(kind)]
        assert len(places) == 3 == places[-1] - places[0] + 1
    assert contact_rank(kinds[0]) == contact_rank(kinds[2]) == 0


def test_its_sign_is_known_only_where_it_is_certain():
    def of(reward, life):
        return Contact(9, Estimate(*reward), Estimate(*life), Estimate(0.0, 0.1))

    assert of((10, 4), (0.0, 0.1)).sign == 1
    assert of((10, 6), (0.0, 0.1)).sign == 0
    assert of((-10, 4), (0.0, 0.1)).sign == -1
    assert of((10, 4), (0.5, 0.1)).sign == -1
    assert str(of((10, 4), (0.5, 0.1))).startswith("harms (n 9: reward 10 ± 4")
    harms = of((0, 4), (0.5, 0.1))
    shares = (0.0, 0.2, 0.8)  # of the type's objects that the player shoots itself
    assert [TypeContact(harms, None, share).value for share in shares] == [-1, -1, 0]

import numpy as np
import pytest

from diffses.config import OTHERS
from diffses.detector import kernel
from diffses.detector.features import (
    MAX_PAIRED_SLOTS,
    GroupMember,
    ObjectGroup,
    Slot,
    candidate_features,
    feature_plan,
    varying_features,
)
from diffses.detector.segmentation import empty_table
from diffses.policy.printing import check_feature

ONE, TWO = Slot("player", 0, "player"), Slot("ball", 1, "ball")


def row_of(table, features, hold=0):
    how = feature_plan(features)
    row = np.full(len(features), np.nan)
    max_coast_steps = np.full(len(table), hold)
    chosen = np.zeros(len(how.members), np.int64)
    kernel.compute_features(
        table, max_coast_steps, how.members, how.places, how.columns, how.scales, chosen, row
    )
    return dict(zip([feature.name for feature in features], row, strict=True))


def table():
    found = empty_table(2)
    #           x    y   w  h  vx vy unseen age
    found[:, : kernel.DRIFT_X] = (140, 100, 4, 16, 0, -6, 0, 9), (80, 105, 2, 4, 5, 2, 0, 3)
    return found


def test_scales_and_differences():
    row = row_of(table(), candidate_features([ONE, TWO], [], ONE, differences=True))
    assert row["ball.y"] == 1.05  # 100 px
    assert row["player.vy"] == -0.6  # 10 px per step
    assert row["ball.present"] == 1
    assert row["ball.y-player.y"] == 0.05
    assert row["ball.x-player.x"] == -0.6


def test_an_empty_slot_is_all_zero():
    empty = table()
    empty[1, kernel.AGE] = -1
    row = row_of(empty, candidate_features([ONE, TWO], [], ONE, differences=True))
    assert {name for name, value in row.items() if value != 0} == {
        "player.x", "player.y", "player.vy", "player.w", "player.h", "player.present",
    }  # fmt: skip


def test_out_of_sight_it_goes_on_where_its_type_is_held_and_is_gone_where_not():
    hidden = table()
    hidden[1, kernel.UNSEEN] = 2
    features = candidate_features([ONE, TWO], [], ONE, differences=False)
    assert row_of(hidden, features, hold=2)["ball.x"] == 0.9  # 80 + 2 * 5 px
    assert row_of(hidden, features, hold=1)["ball.present"] == 0


def test_what_never_varies_is_dropped():
    features = candidate_features([ONE, TWO], [], ONE, differences=True)
    rows = []
    for step in range(20):
        moving = table()
        moving[0, kernel.Y] = 100 + step
        moving[1, [kernel.X, kernel.Y]] = 80 + 2 * step, 105 - step
        rows.append(list(row_of(moving, features).values()))
    kept = [feature.name for feature in varying_features(features, np.array(rows))]
    assert kept == ["player.y", "ball.x", "ball.y", "ball.y-player.y"]


def test_how_fast_what_moves_in_jumps_goes_is_told_over_several_steps():
    features = candidate_features([ONE, TWO], [], ONE, differences=False)
    assert not any(f.quantity == "driftx" for f in features if f.slot == ONE)  # the player
    blobs = np.zeros((1, 6), np.int32)

    def played(places):
        """What is told of a ball that is seen at these places, px."""
        table, rows = empty_table(2), []
        table[1, kernel.AGE] = 0
        table[1, [kernel.X, kernel.Y, kernel.W, kernel.H]] = places[0], 50, 2, 4
        for place in places[1:]:
            blobs[0] = 0, place - 1, 48, place, 51, 8
            kernel.update_track(table[1], blobs[0])
            rows.append(list(row_of(table, features).values()))
        names = [feature.name for feature in varying_features(features, np.array(rows))]
        return names, np.array(rows)[:, [f.name for f in features].index("ball.driftx")]

    names, drift = played([20 + 4 * (step // 4) for step in range(60)])  # 4 px every 4 steps
    assert {"ball.vx", "ball.driftx"} <= set(names)
    assert "ball.drifty" not in names
    assert drift[8:] == pytest.approx(0.1, abs=0.04)  # 1 px per step
    names, drift = played([20 + step + step // 4 for step in range(60)])
    assert "ball.driftx" not in names
    assert drift[10:] == pytest.approx(0.125, abs=0.03)


def test_being_cut_off_at_an_edge_is_no_change_of_size():
    features = candidate_features([ONE], [], ONE, differences=False)
    rows = []
    for top in range(150, 200):
        cut = table()
        bottom = min(top + 16, 194)
        if bottom <= top:
            break
        cut[0, [kernel.Y, kernel.H]] = (top + bottom) / 2, bottom - top
        rows.append(list(row_of(cut, features).values()))
    kept = [feature.name for feature in varying_features(features, np.array(rows))]
    assert "player.h" not in kept
    assert "player.y" in kept


# --- groups ---

INVADERS = ObjectGroup("invader", 1, 5)


def crowded():
    found = empty_table(5)
    found[0, : kernel.DRIFT_X] = 80, 180, 8, 8, 0, 0, 0, 9  # the player
    found[1, : kernel.DRIFT_X] = 20, 40, 8, 8, 2, 0, 0, 9
    found[2, : kernel.DRIFT_X] = 70, 60, 8, 8, 2, 0, 0, 9
    found[3, : kernel.DRIFT_X] = 90, 60, 8, 8, 2, 0, 0, 9  # as near as the one before
    return found  # and one place is empty


def test_a_crowd_is_counted_and_its_nearest_and_outermost_are_told():
    features = candidate_features([ONE], [INVADERS], ONE, differences=True)
    for feature in features:
        check_feature(feature.name)
    row = row_of(crowded(), features)
    told = {name: value for name, value in row.items() if name.startswith("invader")}
    assert told == {
        "invader.count": 0.3,
        "invader.nearest.x": 0.7, "invader.nearest.y": 0.6,
        "invader.nearest.vx": 0.2, "invader.nearest.vy": 0.0, "invader.nearest.present": 1.0,
        "invader.nearest.driftx": 0.0, "invader.nearest.drifty": 0.0,
        "invader.leftmost.x": 0.2, "invader.rightmost.x": 0.9,
        "invader.highest.y": 0.4, "invader.lowest.y": 0.6,
        "invader.nearest.x-player.x": -0.1, "invader.nearest.y-player.y": -1.2,
        "invader.coming.x": 0.0, "invader.coming.y": 0.0, "invader.coming.vx": 0.0,
        "invader.coming.vy": 0.0, "invader.coming.present": 0.0,  # none does
        "invader.coming.x-player.x": 0.0, "invader.coming.y-player.y": 0.0,
    }  # fmt: skip


def test_those_out_of_sight_do_not_count_and_nothing_is_near_to_no_player():
    features = candidate_features([ONE], [INVADERS], ONE, differences=True)
    hidden = crowded()
    hidden[[1, 3], kernel.UNSEEN] = 1
    row = row_of(hidden, features)
    assert (row["invader.count"], row["invader.leftmost.x"]) == (0.1, 0.7)
    hidden[0, kernel.AGE] = -1
    row = row_of(hidden, features)
    assert row["invader.count"] == 0.1
    assert row["invader.nearest.x"] == row["invader.nearest.present"] == 0
    assert row["invader.nearest.x-player.x"] == 0
    names = [f.name for f in candidate_features([], [INVADERS], None, differences=True)]
    assert "invader.count" in names
    assert not any("nearest" in name for name in names)


def test_of_several_it_is_told_which_would_reach_the_player_first():
    bombs = ObjectGroup("bomb", 1, 5, few=True)
    features = candidate_features([ONE], [bombs], ONE, differences=True)
    assert {f.slot.which for f in features if isinstance(f.slot, GroupMember)} == {"coming"}
    falling = crowded()  # the player is at 80, 180
    falling[1, : kernel.DRIFT_X] = 90, 100, 2, 8, 0, 8, 0, 9  # there in 10 steps
    falling[2, : kernel.DRIFT_X] = 70, 140, 2, 8, 0, 2, 0, 9  # in 20
    falling[3, : kernel.DRIFT_X] = 101, 170, 2, 8, 0, 8, 0, 9  # sooner, but it misses by 21 px
    falling[4, : kernel.DRIFT_X] = 80, 150, 2, 8, 0, -8, 0, 9  # the player's own shot
    row = row_of(falling, features)
    assert (row["bomb.coming.x"], row["bomb.coming.vy"]) == (0.9, 0.8)
    assert row["bomb.coming.y-player.y"] == -0.8
    falling[3, kernel.X] = 100
    assert row_of(falling, features)["bomb.coming.x"] == 1.0
    falling[1:4, kernel.VY] *= -1
    assert row_of(falling, features)["bomb.coming.present"] == 0
    falling[1, kernel.VX : kernel.VY + 1] = -1, 8  # aslant: it passes the player in the end
    assert row_of(falling, features)["bomb.coming.x"] == 0.9
    names = [f.name for f in candidate_features([], [bombs], None, differences=True)]
    assert names == []  # without a player


def test_a_player_in_a_crowd_is_not_the_nearest_to_itself():
    group = ObjectGroup("car", 0, 5)
    row = row_of(
        crowded(), candidate_features([], [group], Slot("car_1", 0, "car"), differences=True)
    )
    assert row["car.nearest.x-car_1.x"] == -0.1
    assert row["car.count"] == 0.3


def test_of_many_only_the_differences_to_the_player_are_offered():
    slots = [Slot(f"car{number}", number, f"car{number}") for number in range(MAX_PAIRED_SLOTS + 1)]
    found = candidate_features(slots, [], slots[0], differences=True)
    assert {f.other for f in found if f.other is not None} == {slots[0]}
    fewer = candidate_features(slots[:MAX_PAIRED_SLOTS], [], slots[0], differences=True)
    assert sum(f.other is not None for f in fewer) == MAX_PAIRED_SLOTS * (
        MAX_PAIRED_SLOTS - 1
    )  # x and y of each pair


def test_of_many_types_it_is_told_what_is_next_each_way_the_actions_push():
    everything = ObjectGroup(OTHERS, 0, 5)
    for axes in ((0, 1), (1,)):
        features = candidate_features([ONE], [everything], ONE, differences=True, axes=axes)
        asked = {f.slot.which for f in features if isinstance(f.slot, GroupMember)}
        vertical = {"above", "below", "above2", "below2"}
        level = {"left", "right", "left2", "right2"} if 0 in axes else set()
        assert asked == {"nearest"} | vertical | level
    features = candidate_features([ONE], [everything], ONE, differences=True)
    for feature in features:
        check_feature(feature.name)
    row = row_of(crowded(), features)  # those at 20, 40; 70, 60 and 90, 60; the player at 80, 180
    assert row["others.above.x"] == 0.7  # the first of two as high
    assert row["others.above.y-player.y"] == -1.2
    assert row["others.left.x-player.x"] == -0.1
    assert row["others.right.x-player.x"] == 0.1
    assert row["others.below.present"] == row["others.below.x-player.x"] == 0
    assert row["others.nearest.x"] == 0.7
    level = crowded()
    level[1:4, kernel.Y] = 180
    row = row_of(level, features)
    assert (
        row["others.above.present"] == row["others.below.present"] == 0
    )  # neither above nor below
    level[0, kernel.AGE] = -1
    assert row_of(level, features)["others.left.present"] == 0  # of no player


def test_what_comes_after_the_next_begins_beyond_where_that_ends():
    features = candidate_features([ONE], [ObjectGroup(OTHERS, 0, 5)], ONE, differences=True)
    found = crowded()  # next above the player at 80, 180 are two at 60, then one at 40
    row = row_of(found, features)
    assert row["others.above2.x"] == 0.2
    assert row["others.above2.y-player.y"] == -1.4
    assert row["others.left2.x-player.x"] == -0.6  # at 70 is the next to the left, then 20
    assert row["others.right2.present"] == 0
    found[2, kernel.H] = 20  # the next one, which is as high as the one beside it, ends at 40 now
    assert row_of(found, features)["others.above2.present"] == 0
    found[1, kernel.Y] = 39
    assert row_of(found, features)["others.above2.x"] == 0.2


def test_of_what_is_next_and_slow_it_is_told_how_fast_it_goes_over_several_steps():
    features = candidate_features([ONE], [ObjectGroup(OTHERS, 0, 5)], ONE, differences=False)
    names = [feature.name for feature in features]
    for pace, told in ((lambda t: t % 5 > 0, True), (lambda t: 4 * (t % 5 > 0), False)):
        rows = np.zeros((50, len(names)))
        rows[:, names.index("others.above.vx")] = [pace(t) / 10 for t in range(50)]
        rows[:, names.index("others.above.driftx")] = np.arange(50)
        assert ("others.above.driftx" in [f.name for f in varying_features(features, rows)]) == told

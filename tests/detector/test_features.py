import numpy as np

from diffses.detector import kernel
from diffses.detector.features import Slot, every_feature, plan, varying
from diffses.detector.scene import empty_table

ONE, TWO = Slot("player", 0), Slot("ball", 1)


def row_of(table, features, hold=0):
    how = plan(features)
    row = np.full(len(features), np.nan)
    holds = np.full(len(table), hold)
    kernel.fill(table, holds, how.places, how.columns, how.scales, row)
    return dict(zip([feature.name for feature in features], row, strict=True))


def table():
    found = empty_table(2)
    #           x    y   w  h  vx vy unseen age
    found[0] = 140, 100, 4, 16, 0, -6, 0, 9
    found[1] = 80, 105, 2, 4, 5, 2, 0, 3
    return found


def test_scales_and_differences():
    row = row_of(table(), every_feature([ONE, TWO], differences=True))
    assert row["ball.y"] == 1.05  # 100 px
    assert row["player.vy"] == -0.6  # 10 px per step
    assert row["ball.present"] == 1
    assert row["ball.y-player.y"] == 0.05
    assert row["ball.x-player.x"] == -0.6


def test_an_empty_slot_is_all_zero():
    empty = table()
    empty[1, kernel.AGE] = -1
    row = row_of(empty, every_feature([ONE, TWO], differences=True))
    assert {name for name, value in row.items() if value != 0} == {
        "player.x", "player.y", "player.vy", "player.w", "player.h", "player.present",
    }  # fmt: skip


def test_out_of_sight_it_goes_on_where_its_type_is_held_and_is_gone_where_not():
    hidden = table()
    hidden[1, kernel.UNSEEN] = 2
    features = every_feature([ONE, TWO], differences=False)
    assert row_of(hidden, features, hold=2)["ball.x"] == 0.9  # 80 + 2 * 5 px
    assert row_of(hidden, features, hold=1)["ball.present"] == 0


def test_what_never_varies_is_dropped():
    features = every_feature([ONE, TWO], differences=True)
    rows = []
    for step in range(20):
        moving = table()
        moving[0, kernel.Y] = 100 + step
        moving[1, [kernel.X, kernel.Y]] = 80 + 2 * step, 105 - step
        rows.append(list(row_of(moving, features).values()))
    kept = [feature.name for feature in varying(features, np.array(rows))]
    assert kept == ["player.y", "ball.x", "ball.y", "ball.y-player.y"]


def test_being_cut_off_at_an_edge_is_no_change_of_size():
    features = every_feature([ONE], differences=False)
    rows = []
    for top in range(150, 200):
        cut = table()
        bottom = min(top + 16, 194)
        if bottom <= top:
            break
        cut[0, [kernel.Y, kernel.H]] = (top + bottom) / 2, bottom - top
        rows.append(list(row_of(cut, features).values()))
    kept = [feature.name for feature in varying(features, np.array(rows))]
    assert "player.h" not in kept
    assert "player.y" in kept

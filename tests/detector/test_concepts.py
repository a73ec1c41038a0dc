"""The compiled concepts, against plain Python and against values worked by hand."""

from dataclasses import replace

import numpy as np
import pytest
from concept_reference import PlainConcepts

from diffses.detector import concept_kernel as ck
from diffses.detector import features, kernel, tracker
from diffses.detector.concepts import CONCEPTS
from diffses.detector.dynamics import Dynamics, TypeDynamics
from diffses.detector.segmentation import TrackerParams, empty_table
from diffses.detector.tracker import ObjectSchema, Tracker, TypeInfo
from diffses.policy.printing import check_feature

WALLS = (10.0, 150.0, 30.0, 190.0)
STILL = TypeDynamics((None,) * 4, (False, False))
MEASURED = Dynamics(
    (STILL, TypeDynamics(WALLS, (False, False)), TypeDynamics((8.0, None, None, 200.0), (1, 0))),
    coast=(0.5, 0.25),
    lag=(3.0, 2.0),
    speed=(4.0, 5.0, 6.0, 7.0),
    range=(None, 140.0, 20.0, None),
    projectile=None,
    projectile_speed=(0.0, 0.0),
)
PUSHES = ((0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, -1.0, 0.0))


def schema_of(counts=(1, 1, 8), slots=(1, 1, 0), dynamics=MEASURED, pushes=PUSHES):
    """A player, a ball, and eight cars, which have no slots of their own."""
    params = np.zeros((len(counts), kernel.TYPE_PARAMS))
    params[:, kernel.END_PLACE] = np.cumsum(counts)
    params[1:, kernel.FIRST_PLACE] = np.cumsum(counts)[:-1]
    params[:, kernel.COAST_LIMIT] = 2
    rules = TrackerParams(params, np.ones((len(counts), kernel.MAX_COLOURS), bool), 2)
    names = ("player", "ball", "car", "bird")
    types = tuple(
        TypeInfo(name, 4, 4, (), own, 1.0, 1.0, None)
        for name, own in zip(names, slots, strict=False)
    )
    made = ObjectSchema(rules, types, "player", (), pushes, dynamics)
    return replace(made, features=tuple(tracker.candidate_concepts(made)))


def concepts_of(schema, table):
    """The concepts by name, equal to those of the plain reference."""
    made = Tracker(schema)
    plan = made.plan
    row = np.full(len(schema.features), np.nan)
    kernel.compute_features(
        table, made.max_coast_steps, plan.members, plan.places, plan.columns, plan.scales,
        made.chosen, row[:0],
    )  # fmt: skip
    made.write_concepts(table, row)
    plain = PlainConcepts(schema, made.player_place).row(list(schema.features), table)
    np.testing.assert_array_equal(row, plain)
    return dict(zip((f.name for f in schema.features), row.tolist(), strict=True))


def table_of(schema, *entries):
    """A table of (place, x, y, vx, vy) with boxes of 4 x 4 px."""
    table = empty_table(schema.params.places)
    for place, x, y, vx, vy in entries:
        table[place, : kernel.DRIFT_Y + 1] = x, y, 4, 4, vx, vy, 0, 9, vx / 2, vy / 2
    return table


def random_table(random, places):
    table = empty_table(places)
    table[:, kernel.X] = random.integers(0, 320, places) / 2
    table[:, kernel.Y] = random.integers(0, 420, places) / 2
    table[:, [kernel.W, kernel.H]] = random.integers(1, 20, (places, 2))
    table[:, [kernel.VX, kernel.VY]] = random.integers(-12, 13, (places, 2)) / random.integers(1, 4)
    table[:, [kernel.DRIFT_X, kernel.DRIFT_Y]] = random.normal(0, 3, (places, 2))
    table[:, kernel.UNSEEN] = random.choice([0, 0, 0, 1, 2, 3], places)
    table[:, kernel.AGE] = random.choice([-1, 3, 9], places, p=[0.2, 0.4, 0.4])
    table[0, kernel.AGE] = 5 if random.random() < 0.9 else -1
    table[0, kernel.PUSH_X : kernel.BUTTON] = random.integers(-1, 2, 2)
    return table


@pytest.mark.parametrize("seed", range(3))
def test_random_tables_give_the_bits_of_the_plain_reference(seed):
    random = np.random.default_rng(seed)
    few = schema_of((1, 3, 8), (1, 3, 0), replace(MEASURED, projectile_speed=(0.0, 9.0)))
    several_players = schema_of((2, 1, 4), (2, 1, 4))
    for schema in (schema_of(), few, several_players):
        for _ in range(60):
            row = concepts_of(schema, random_table(random, schema.params.places))
            assert np.isfinite(list(row.values())).all()


def test_values_by_hand():
    schema = schema_of()
    #                           player at (80, 180), ball 60 px above, 2 px right a step, 10 down
    table = table_of(schema, (0, 80, 180, 2, 0), (1, 90, 120, 2, 10))
    table[0, kernel.PUSH_X] = 1
    row = concepts_of(schema, table)
    assert row["player.stop_x"] == 0.84  # 80 + 0.5 * 2 + 3 * 1 px
    assert row["ball.dx"] == 0.1
    assert row["ball.abs_dy"] == 0.6
    assert row["ball.stop_dx"] == 0.06  # 90 - 84
    assert row["ball.ttc_y"] == 0.6  # 60 px at 10 px a step
    assert row["ball.ttc_x"] == 5.0  # it goes away along x
    assert row["ball.cross_x"] == 1.02  # 90 + 6 * 2
    assert row["ball.miss_x"] == pytest.approx(0.18)  # 102 - 84
    # 10 px right, 2 px a step for the 60 / 6.5 steps that the player needs along y
    assert row["ball.lead_x"] == pytest.approx(0.1 + 2 * 60 / 6.5 / 100)
    assert row["ball.velocity_y"] == 1.0
    assert row["ball.speed_x"] == 0.2


def test_hit_times_by_hand():
    schema = schema_of()
    # a ball 40 px left of the player comes with 4 px a step; boxes are 4 px wide
    row = concepts_of(schema, table_of(schema, (0, 80, 100, 0, 0), (1, 40, 100, 4, 0)))
    assert row["ball.hit_stay"] == 1.0  # 40 - 4 * 10 = 0 < 4; after 9 steps the gap is 4
    assert row["ball.hit_left"] == 0.5  # 40 - 8 * 5 = 0
    assert row["ball.hit_up"] == 3.0
    # to the right it flees with 5 px a step, up to 140 px: 60 px in 12 steps; then the ball comes
    assert row["ball.hit_right"] == 2.5  # 40 + 4 * 25 = 140; after 24 steps the gap is 4
    assert row["others.hit_left"] == 0.5
    assert row["car.hit_left"] == 3.0


def test_a_crossing_is_turned_back_at_the_walls_of_the_type():
    schema = schema_of()
    # 10 steps to the player's row: 140 + 10 * 4 = 180, turned back at 150 to 120
    row = concepts_of(schema, table_of(schema, (0, 80, 180, 0, 0), (1, 140, 80, 4, 10)))
    assert row["ball.cross_x"] == pytest.approx(1.2)
    # 20 - 10 * 20 = -180: at 10 to 200, at 150 to 100
    row = concepts_of(schema, table_of(schema, (0, 80, 180, 0, 0), (1, 20, 80, -20, 10)))
    assert row["ball.cross_x"] == pytest.approx(1.0)
    # a type with a left wall alone, whose velocity along x is averaged, i.e. here half
    row = concepts_of(schema, table_of(schema, (0, 80, 180, 0, 0), (2, 20, 80, -10, 10)))
    assert row["car.nearest.cross_x"] == pytest.approx(0.46)  # 20 - 50 = -30, at 8 to 46
    row = concepts_of(schema, table_of(schema, (0, 80, 180, 0, 0), (2, 150, 80, 10, 10)))
    assert row["car.nearest.cross_x"] == 2.0


def test_what_is_missing_does_not_read_like_contact():
    schema = schema_of()
    there = table_of(schema, (0, 80, 180, 0, 0))
    without_player = table_of(schema, (1, 80, 180, 0, 1))
    for table in (there, without_player, table_of(schema)):
        row = concepts_of(schema, table)
        for name, value in row.items():
            quantity = name.rsplit(".", 1)[1]
            if quantity.startswith("hit_"):
                assert value == 3.0, name
            elif quantity.startswith("ttc_"):
                assert value == 5.0, name
            elif quantity.startswith("abs_"):
                assert value == 3.0, name
            elif not name.startswith("player."):
                side = {"left": "-x", "right": "x", "above": "-y", "below": "y"}.get(
                    name.split(".")[1].split("_")[-1].removesuffix("2"), ""
                )
                given = quantity in (f"d{side[-1:]}", f"stop_d{side[-1:]}") and side
                assert value == (0.0 if not given else -3.0 if side[0] == "-" else 3.0), name


def test_what_does_not_come_within_fifty_steps_does_not_come():
    schema = schema_of()
    row = concepts_of(schema, table_of(schema, (0, 80, 180, 0, 0), (1, 80, 80, 0, 2)))
    assert (row["ball.ttc_y"], row["ball.abs_miss_x"]) == (5.0, 0.0)  # just in 50 steps
    row = concepts_of(schema, table_of(schema, (0, 80, 180, 0, 0), (1, 80, 79, 0, 2)))
    assert (row["ball.ttc_y"], row["ball.abs_miss_x"]) == (5.0, 3.0)


def test_in_the_row_are_those_whose_box_overlaps_along_the_other_axis():
    schema = schema_of()
    cars = ((2, 100, 183, 0, 0), (3, 90, 184, 0, 0), (4, 60, 180, 0, 0), (5, 78, 100, 0, 0))
    row = concepts_of(schema, table_of(schema, (0, 80, 180, 0, 0), *cars))
    assert row["car.row_right.dx"] == 0.2  # the nearer one is 4 px below, beside the row
    assert row["car.right.dx"] == 0.1
    assert row["car.row_left.dx"] == -0.2
    assert row["car.column_above.dy"] == -0.8
    assert row["car.column_below.abs_stop_dy"] == 3.0
    assert row["car.right2.dx"] == 0.2


def test_columns_of_the_table_are_the_kernels():
    names = ("X", "W", "VX", "UNSEEN", "AGE", "DRIFT_X", "PUSH_X")
    for name in names:
        assert getattr(ck, f"TABLE_{name}") == getattr(kernel, name), name


def test_names_can_stand_in_formulas():
    schema = schema_of()
    for feature in schema.features:
        check_feature(feature.name)
        assert feature.unit
    assert len({f.name for f in schema.features}) == len(schema.features)


def test_without_a_player_or_pushes_there_are_no_concepts():
    assert schema_of(pushes=()).features == ()
    assert not tracker.candidate_concepts(replace(schema_of(), player=None))


def test_concepts_come_after_the_other_features():
    schema = schema_of()
    plain = features.Feature(features.Slot("ball", 1, "ball"), "x")
    with pytest.raises(ValueError, match="after"):
        features.feature_plan([*schema.features, plain])


def test_every_concept_is_offered_somewhere():
    shooting = schema_of(dynamics=replace(MEASURED, projectile_speed=(3.0, 9.0)))
    assert {feature.quantity for feature in shooting.features} == set(CONCEPTS)


def test_a_schema_with_concepts_is_read_as_it_was_written():
    schema = schema_of((1, 3, 8, 1), (1, 3, 0, 1), replace(MEASURED, types=(STILL,) * 4))
    params = schema.params
    words = schema.describe()
    assert tracker.read_schema(words, params.type_params, params.type_colours) == schema

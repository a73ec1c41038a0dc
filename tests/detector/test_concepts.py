"""The compiled concepts, against plain Python and against values worked by hand."""

from dataclasses import replace

import numpy as np
import pytest
from concept_reference import PlainConcepts, with_concepts
from made_up import bouncing
from PIL import Image

from diffses.config import ArcadeEnv, MotionDetector
from diffses.detector import concept_kernel as ck
from diffses.detector import features, kernel, tracker
from diffses.detector.base import observe_env
from diffses.detector.concepts import CONCEPTS
from diffses.detector.dynamics import Dynamics, TypeDynamics
from diffses.detector.figures import SHOWN_OBJECTS, concept_lines, draw_detections
from diffses.detector.motion import MotionObjectDetector
from diffses.detector.object_schema import schema_from_boxes, with_button
from diffses.detector.palette import PALETTE
from diffses.detector.segmentation import TrackerParams, empty_table
from diffses.detector.tracker import ObjectSchema, Tracker, TypeInfo
from diffses.envs.ale import AtariEnv, v5
from diffses.policy.printing import check_feature
from diffses.zoo.champion import FOLDER

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
        for _ in range(12):
            row = concepts_of(schema, random_table(random, schema.params.places))
            assert np.isfinite(list(row.values())).all()


@pytest.mark.parametrize("game", ["pong", "space_invaders"])
def test_in_play_they_are_the_bits_of_the_plain_reference(game, protocol):
    detector = with_concepts(MotionObjectDetector.load(FOLDER / game))
    features = list(detector.tracker.schema.features)
    plain = PlainConcepts(detector.tracker.schema, detector.tracker.player_place)
    env = protocol(game).make_env()
    env.reset(1)
    detector.reset()
    random, told = np.random.default_rng(1), []
    count = sum(feature.is_concept for feature in features)
    for step in range(150):
        row = observe_env(detector, env)
        if step % 10 == 0:
            np.testing.assert_array_equal(row[-count:], plain.row(features, detector.tracker.table))
        told.append(row[-count:].copy())
        env.step(int(random.integers(len(env.action_names))))
    assert (np.ptp(np.array(told), axis=0) > 0).sum() > 20


def test_a_policy_has_only_its_own_features_computed():
    detector = with_concepts(MotionObjectDetector.load(FOLDER / "pong"))
    names = detector.features
    ball = next(name for name in names if name.endswith(".miss_y"))
    wanted = (ball, names[2], names[0])
    few = detector.with_features(wanted)
    assert few.features == (names[0], names[2], ball)
    screen = np.zeros((210, 160), np.uint8)
    screen[90:94, 80:82] = 52
    for _ in range(3):
        every = dict(zip(names, detector.observe(screen), strict=True))
        assert few.observe(screen).tolist() == [every[name] for name in few.features]
    assert few.fresh().features == few.features


def test_the_picture_shows_the_nearest_objects_each_once(tmp_path):
    detector = with_concepts(MotionObjectDetector.load(FOLDER / "space_invaders"))
    env = AtariEnv(v5(ArcadeEnv(game="space_invaders")))
    env.reset(1)
    detector.reset()
    for _ in range(60):
        observe_env(detector, env)
        env.step(1)
    lines = [text for text, _ in concept_lines(detector.tracker)]
    head = next(n for n, text in enumerate(lines) if text.startswith("nearest objects"))
    table = [line.split() for line in lines[head + 1 : lines.index("", head)]]
    assert 3 < len(table) <= SHOWN_OBJECTS
    names = list(detector.features)
    distances = []
    for name, dx, *_ in table:
        x, y = (detector.tracker.row[names.index(f"{name}.{q}")] for q in ("dx", "dy"))
        assert f"{x:.2f}" == dx
        distances.append(np.hypot(x, y))
    assert sorted(set(distances)) == distances  # each object once
    count = sum(feature.is_concept for feature in detector.tracker.schema.features)
    assert lines[-1] == f"all {count} concepts: detector.json"
    draw_detections(detector, env.observation(), PALETTE, tmp_path / "sample.png")
    with Image.open(tmp_path / "sample.png") as picture:
        assert picture.width < 3 * picture.height


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
    assert row["ball.hit_stay"] == 0.9  # 36 px between the boxes
    assert row["ball.hit_left"] == 0.45  # at 8 px a step
    assert row["ball.hit_up"] == 3.0
    # to the right it flees with 5 px a step, up to 140 px; the ball needs 24 steps to 136
    assert row["ball.hit_right"] == 2.4
    assert row["others.hit_left"] == 0.45
    assert row["car.hit_left"] == 3.0
    # boxes that pass each other within a step, and that overlap
    row = concepts_of(schema, table_of(schema, (0, 80, 100, 0, 0), (1, 50, 106, 20, 0)))
    assert row["ball.hit_down"] == pytest.approx(0.13)  # (30 - 4) / 20 steps, 9 px further down
    assert row["ball.hit_stay"] == 3.0
    row = concepts_of(schema, table_of(schema, (0, 80, 100, 0, 0), (1, 77, 103, 0, 0)))
    assert [row[f"ball.hit_{way}"] for way in ("left", "right", "up", "stay")] == [0, 0, 0, 0]


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
    found = tracker.read_schema(words, params.arrays())
    assert replace(found, params=params) == schema
    assert found.params.type_params is params.type_params


def test_a_schema_is_learned_with_all_concepts_that_vary_and_differ():
    random = np.random.default_rng(0)
    actions = np.repeat(random.integers(0, 3, 120), 6)
    xs = 80 + np.cumsum(np.array([0, 4, -4])[actions])
    xs = 40 + np.abs((xs - 40) % 160 - 80)  # turns back, so that it stays on the screen
    ball_x, ball_y = bouncing(720, 10, 150, 30, 3), bouncing(720, 30, 190, 60, 5)
    boxes = [
        np.array([[0, x, 180, x + 3, 183, 16], [1, u, v, u + 1, v + 1, 4]], np.int32)
        for x, u, v in zip(xs, ball_x, ball_y, strict=True)
    ]
    steps = np.diff(xs, prepend=80)
    actions = np.select([steps > 0, steps < 0], [1, 2], 0)  # what moved it
    learned = schema_from_boxes(
        boxes, 2, np.arange(720) == 0, actions, MotionDetector(concepts=True, features=1), 3, {},
        ["player", "ball"],
    )  # fmt: skip
    assert learned.dynamics is not None
    assert learned.dynamics.types[1].walls == pytest.approx((11, 151, 31, 191), abs=1)
    concepts = {feature.name for feature in learned.features if feature.is_concept}
    assert {"player.stop_x", "ball.dx", "ball.miss_x", "ball.ttc_y", "ball.hit_left"} <= concepts
    assert not concepts & {"ball.velocity_x", "ball.stop_dy", "ball.hit_up"}
    # the only limit is on the other features: it keeps those of the player, at least
    assert {f.of for f in learned.features if not f.is_concept} == {"player"}
    without = schema_from_boxes(
        boxes, 2, np.arange(720) == 0, actions, MotionDetector(features=60), 3, {},
        ["player", "ball"],
    )  # fmt: skip
    assert without.dynamics is None
    assert not any(feature.is_concept for feature in without.features)


def test_what_leaves_on_one_side_and_comes_back_on_the_other_is_no_fast_object():
    schema = schema_of()
    params = schema.params.type_params.copy()
    params[:, [kernel.MIN_W, kernel.MIN_H]], params[:, [kernel.MAX_W, kernel.MAX_H]] = 1, 9
    params[:, kernel.GATE_RADIUS] = 10
    colours = np.eye(3, kernel.MAX_COLOURS, dtype=bool)
    made = Tracker(replace(schema, params=TrackerParams(params, colours, 0)))
    names = [feature.name for feature in schema.features]
    told = []
    for left in (142, 148, 154, 2, 8):
        boxes = [[0, 78, 98, 81, 101, 16], [1, left, 40, left + 3, 43, 16]]
        row = made.update(np.array(boxes, np.int32))
        told.append([row[names.index(f"ball.{name}")] for name in ("velocity_x", "ttc_x", "dx")])
    assert np.round(told, 3).tolist() == [
        [0, 5, 0.64], [0.6, 5, 0.7], [0.6, 5, 0.76], [0, 5, -0.76], [0.6, 1.167, -0.7],
    ]  # fmt: skip


def test_the_button_has_its_features_before_the_concepts():
    schema = schema_of()
    player = features.Slot("player", 0, "player")
    plain = (features.Feature(player, "x"), features.Feature(player, "y"))
    whole = replace(schema, features=(*plain, *schema.features))
    pressed = with_button(whole, ("NOOP", "FIRE", "UP", "UPFIRE"))
    assert [f.name for f in pressed.features[:5]] == [
        "player.x", "player.y", "player.button", "player.rest", "player.stop_x",
    ]  # fmt: skip
    assert len(Tracker(pressed).concept_row) == len(schema.features)

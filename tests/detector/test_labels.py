import pytest

from diffses.config import Label
from diffses.detector.labels import TypeTraits, name_types, slot_names
from diffses.errors import ConfigError

PADDLE = TypeTraits(area=64, speed=5, mean_count=1, height=110, control=0.0)
OURS = TypeTraits(area=64, speed=6, mean_count=1, height=120, control=0.5)
BALL = TypeTraits(area=8, speed=7, mean_count=0.6, height=100, control=0.0)
PONG = {"player": Label.controllable, "ball": Label.smallest, "enemy": Label.largest}


def test_labels_go_in_order_to_those_still_unnamed():
    assert name_types([PADDLE, OURS, BALL], 1, PONG) == ["enemy", "player", "ball"]


def test_without_labels_types_are_numbered_and_the_player_is_named():
    assert name_types([PADDLE, OURS, BALL], 1, {}) == ["object1", "player", "object2"]
    assert name_types([PADDLE, BALL], None, {}) == ["object1", "object2"]


@pytest.mark.parametrize(
    ("label", "expected"),
    [(Label.fastest, 2), (Label.slowest, 0), (Label.highest, 2), (Label.lowest, 1)],
)
def test_each_label_goes_by_its_trait(label, expected):
    assert name_types([PADDLE, OURS, BALL], None, {"it": label})[expected] == "it"


def test_too_many_labels_and_no_player_are_errors_with_a_way_out():
    with pytest.raises(ConfigError, match="only 1 types"):
        name_types([BALL], None, {"ball": Label.smallest, "enemy": Label.largest})
    with pytest.raises(ConfigError, match="moves as the actions say"):
        name_types([BALL], None, PONG)


def test_slots_of_a_crowd_are_numbered():
    assert slot_names("ball", 1) == ["ball"]
    assert slot_names("car", 3) == ["car_1", "car_2", "car_3"]


def test_the_order_in_which_labels_are_written_does_not_matter():
    labels = {"quick": Label.fastest, "ball": Label.smallest, "us": Label.controllable}
    found = name_types([PADDLE, OURS, BALL], 1, labels)
    assert found == name_types([PADDLE, OURS, BALL], 1, dict(reversed(labels.items())))
    assert found == ["quick", "us", "ball"]

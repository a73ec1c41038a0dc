"""Compact and expanded sizes: the expansions are the concepts, written out."""

import re
from dataclasses import replace

import numpy as np
import pytest
from concept_reference import PlainConcepts
from test_concepts import MEASURED, schema_of, table_of

from diffses.detector import kernel
from diffses.detector.concepts import CONCEPTS
from diffses.detector.formula_size import feature_nodes, formula_size
from diffses.policy.forest import Forest
from tests.conftest import ROOT

WORKED = {
    "dx": 3,  # t - p
    "abs_dx": 4,
    "velocity_y": 1,
    "stop_y": 9,  # p + coast * v + lag * push
    "stop_dy": 11,
    "ttc_x": 15,  # logical(0, (t - p) * v, min(50, (p - t) / v), 50)
    "lead_x": 12,  # t - p + v * (|t - p| / s)
    "hit_stay": 95,
}


def value_of(tokens, names):
    """The value of a formula in prefix notation; `names` holds those of its leaves."""
    operators = {
        "add": (2, lambda a, b: a + b),
        "sub": (2, lambda a, b: a - b),
        "mul": (2, lambda a, b: a * b),
        "div": (2, lambda a, b: a / b if b else np.inf),
        "min": (2, min),
        "max": (2, max),
        "abs": (1, abs),
        "logical": (4, lambda a, b, c, d: c if a > b else d),
    }

    def read():
        token = next(left)
        if token in operators:
            arity, apply = operators[token]
            return apply(*(read() for _ in range(arity)))
        return names[token] if token in names else float(token)

    left = iter(tokens)
    value = read()
    assert next(left, None) is None
    return value


def situation(random):
    """A player and a ball that cannot meet a second wall, and the names of all that is measured."""
    measured = replace(MEASURED, range=(None,) * 4)
    schema = schema_of(dynamics=measured)
    x, y = random.uniform(30, 130, 2)
    vx, vy = random.uniform(-4, 4), random.choice([-9.0, 9.0])
    table = table_of(schema, (0, *random.uniform(60, 110, 2), *random.uniform(-3, 3, 2)))
    table[1, : kernel.AGE + 1] = x, y, 5, 7, vx, vy, 0, 3
    table[0, kernel.PUSH_X : kernel.BUTTON] = random.integers(-1, 2, 2)
    low_x, high_x, low_y, high_y = measured.types[1].walls
    names = {
        "low_x": low_x, "way_x": high_x - low_x, "high_x": high_x,
        "low_y": low_y, "way_y": high_y - low_y, "high_y": high_y,
        "lead_speed_x": measured.lead_speed[0], "lead_speed_y": measured.lead_speed[1],
    }  # fmt: skip
    for number, axis in enumerate("xy"):
        names |= {f"coast_{axis}": measured.coast[number], f"lag_{axis}": measured.lag[number]}
        names[f"p.push{axis}"] = table[0, kernel.PUSH_X + number]
    for number, name in enumerate(("left", "right", "up", "down")):
        names[f"speed_{name}"] = measured.speed[number]
    for place, thing in enumerate("pt"):
        for column, name in enumerate(("x", "y", "w", "h", "vx", "vy")):
            names[f"{thing}.{name}"] = table[place, column]
    return schema, table, names


def test_expansions_have_the_values_of_the_concepts():
    random = np.random.default_rng(0)
    compared = dict.fromkeys(CONCEPTS, 0)
    for _ in range(40):
        schema, table, names = situation(random)
        features = [f for f in schema.features if f.slot.name in ("player", "ball")]
        row = PlainConcepts(schema, 0).row(features, table)
        for feature, value in zip(features, row, strict=True):
            concept = CONCEPTS[feature.quantity]
            expanded = value_of(concept.expansion, names)
            if "hit" in feature.quantity or "ttc" in feature.quantity:
                expanded /= 10
            else:
                expanded /= 10 if concept.kind == CONCEPTS["velocity_x"].kind else 100
            if "miss" in feature.quantity and abs(value) in (0, 3):  # where it does not come
                assert expanded == 0
                continue
            assert value == pytest.approx(expanded, abs=1e-9)
            compared[feature.quantity] += 1
    assert min(compared.values()) > 5


def test_nodes_worked_by_hand():
    assert {name: CONCEPTS[name].nodes for name in WORKED} == WORKED


def test_a_forest_has_two_sizes():
    schema = schema_of()
    names = ("ball.stop_dy", "ball.ttc_x", "others.hit_up", "ball.dx")
    forest = Forest.from_text(
        "UP = ball.stop_dy - 2*ball.ttc_x\nDOWN = ball.stop_dy", names, (0, 1)
    )
    # 6 nodes, three features of which are written out with 11, 15 and 11
    assert formula_size(forest, schema) == (6, 6 + 10 + 14 + 10)
    assert formula_size(forest, None) == (6, 6)
    known = {feature.name: feature for feature in schema.features}
    one = CONCEPTS["hit_up"].nodes
    assert feature_nodes(known["ball.hit_up"]) == one
    assert feature_nodes(known["others.hit_up"]) == 9 * one + 8  # a ball and eight cars
    assert feature_nodes(known["car.hit_up"]) == 8 * one + 7


def test_the_documented_table_is_that_of_the_definitions():
    text = (ROOT / "docs" / "detector.md").read_text().partition("## Concepts")[2]
    rows = [line for line in text.splitlines() if re.match(r"\| `(t|player)\.", line)]
    told = {}
    for row in rows:
        names, *_, missing, nodes = (cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1])
        for name in re.findall(r"`(?:t|player)\.(\w+)`", names):
            told[name] = (missing, nodes)
    assert set(told) == {name for name in CONCEPTS if not re.match(r"abs_.*y$", name)}
    for name, (missing, nodes) in told.items():
        if nodes != "1 more":
            assert int(re.match(r"\d+", nodes)[0]) == CONCEPTS[name].nodes, name
        if missing != "as `dx`":
            assert missing[0] == CONCEPTS[name].missing[0], name

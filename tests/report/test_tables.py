"""The rows of results, with their cells by hand."""

from diffses.report.tables import (
    across_cells,
    job_cells,
    nodes,
    result_cells,
    results_table,
    select,
)
from diffses.report.wording import DASH, MINUS

TESTED = {
    "policy": "finetuned",
    "protocol": "v5",
    "mean": -12.345,
    "ci95": [-13.0, 1234.5],
    "iqm": 0.04,
    "episodes": 30,
    "size": 21,
    "agreement": 0.8349,
}
ACROSS = TESTED | {
    "variant": "regressor=linear",
    "seeds": 2,
    "spread": 1.25,
    "low": -1.0,
    "high": 2.0,
    "iqm_ci95": None,
}
JOB = {
    "job": "3",
    "seed": 7,
    "variant": "",
    "status": "done",
    "validation": 9.96,
    "results": [TESTED, TESTED | {"policy": "teacher", "mean": 5.0}],
    "seconds": 61.2,
}


def test_nodes_are_told_twice_where_features_stand_for_more():
    assert nodes({"size": 21, "size_expanded": 140}) == "21 (140)"
    assert nodes({"size": 21, "size_expanded": 21}) == nodes({"size": 21}) == "21"
    assert nodes({"size": None, "size_expanded": None}) == nodes({}) == DASH


def test_a_result():
    assert result_cells(TESTED) == {
        "policy": "fine-tuned formula",
        "mean": f"{MINUS}12.3",
        "95 % interval": f"{MINUS}13.0 to 1,234.5",
        "IQM": "0.0",
        "episodes": "30",
        "nodes": "21",
        "agreement": "83.5 %",
    }


def test_a_result_of_a_policy_that_is_no_formula():
    teacher = {"policy": "teacher", "mean": 1.0, "ci95": None, "iqm": 1.0, "episodes": 2}
    cells = result_cells(teacher)
    assert (cells["nodes"], cells["agreement"], cells["95 % interval"]) == (DASH, DASH, DASH)


def test_a_result_over_the_seeds():
    cells = across_cells(ACROSS)
    assert cells["policy"] == "fine-tuned formula, regressor=linear"
    assert (cells["seeds"], cells["between seeds"]) == ("2", "±1.2")  # 1.25 rounds to even
    assert (cells["range"], cells["its interval"]) == (f"{MINUS}1.0 to 2.0", DASH)
    same = across_cells(ACROSS | {"spread": None})  # one policy for all seeds
    assert (same["between seeds"], same["range"]) == (DASH, DASH)


def test_a_job_shows_its_champion_under_each_protocol():
    cells = job_cells(JOB, ["v5", "v4"])
    assert (cells["test v5"], cells["test v4"]) == (f"{MINUS}12.3", DASH)
    assert (cells["nodes"], cells["validation"], cells["time"]) == ("21", "10.0", "1 min 1 s")
    assert cells["settings"] == DASH


def test_a_job_that_was_not_tested():
    cells = job_cells(JOB | {"results": [], "seconds": None, "validation": None}, ["v5"])
    names = ("test v5", "95 % interval", "nodes", "agreement", "validation", "time")
    assert [cells[name] for name in names] == [DASH] * 6


def test_columns_are_chosen_by_their_heads():
    assert select(["b", "a"], [{"a": "1", "b": "2", "c": "3"}]) == [["2", "1"]]


def test_a_champion_is_marked_where_one_row_is_about_it():
    rows = [TESTED | {"policy": "teacher"}, TESTED]
    columns = ["policy", "mean"]
    made = results_table(columns, rows, map(result_cells, rows), "finetuned")
    assert (made.marked, made.rows[1][0].text) == (1, "fine-tuned formula")
    assert made.rows[0][0].dot != made.rows[1][0].dot
    twice = [TESTED, TESTED]  # two variants: neither is the champion
    assert results_table(columns, twice, map(result_cells, twice), "finetuned").marked is None

"""Tables as text."""

from diffses.text_table import aligned, markdown

ROWS = [["ball", "1"], ["a", "12.5"]]


def test_columns_are_as_wide_as_their_widest_cell():
    assert aligned(("name", "n"), ROWS).splitlines() == [
        "name     n",
        "ball     1",
        "a     12.5",
    ]


def test_the_sides_are_chosen_and_no_line_ends_in_spaces():
    assert aligned(("name", "n"), ROWS, "rl").splitlines() == [
        "name  n",
        "ball  1",
        "   a  12.5",
    ]


def test_a_rule_is_as_long_as_the_longest_line():
    assert aligned(("name", "n"), ROWS, rule=True).splitlines()[1] == "-" * len("a     12.5")


def test_a_short_row_is_empty_at_its_end():
    assert aligned(("a", "b"), [["x"]]) == "a  b\nx"


def test_no_rows_leave_the_heads():
    assert aligned(("a", "b"), []) == "a  b"


def test_markdown_aligns_by_its_second_line():
    assert markdown(("name", "n"), ROWS).splitlines() == [
        "| name | n |",
        "|---|--:|",
        "| ball | 1 |",
        "| a | 12.5 |",
    ]

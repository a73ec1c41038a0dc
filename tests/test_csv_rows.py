import pytest

from diffses.csv_rows import csv_text, read_rows, write_rows


def test_the_text_of_a_file(tmp_path):
    path = tmp_path / "a.csv"
    write_rows(path, [{"name": "a, b", "mean": 0.1 + 0.2, "best": True}, {"name": "c"}])
    # RFC 4180: lines end with CR LF, a comma is quoted; floats in full, None and missing empty
    assert path.read_bytes() == (b'name,mean,best\r\n"a, b",0.30000000000000004,True\r\nc,,\r\n')
    assert read_rows(path) == [
        {"name": "a, b", "mean": "0.30000000000000004", "best": "True"},
        {"name": "c", "mean": "", "best": ""},
    ]


def test_columns_are_in_the_order_asked_for(tmp_path):
    write_rows(tmp_path / "a.csv", [{"b": 1, "a": None}], ("a", "b"))
    assert (tmp_path / "a.csv").read_bytes() == b"a,b\r\n,1\r\n"
    write_rows(tmp_path / "b.csv", [], ("a", "b"))
    assert (tmp_path / "b.csv").read_bytes() == b"a,b\r\n"
    assert read_rows(tmp_path / "b.csv") == []


def test_a_column_that_the_header_has_not_is_an_error():
    with pytest.raises(ValueError, match="b"):
        csv_text([{"a": 1, "b": 2}], ["a"])


def test_other_line_ends():
    assert csv_text([{"a": "x"}], ["a"], line_end="\n") == "a\nx\n"


def test_a_line_break_in_a_cell_survives(tmp_path):
    write_rows(tmp_path / "a.csv", [{"a": "one\ntwo\r\nthree"}])
    assert read_rows(tmp_path / "a.csv") == [{"a": "one\ntwo\r\nthree"}]


def test_a_missing_file(tmp_path):
    assert read_rows(tmp_path / "a.csv", missing_ok=True) == []
    with pytest.raises(FileNotFoundError):
        read_rows(tmp_path / "a.csv")

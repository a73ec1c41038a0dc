"""The templates: what they escape, and what they refuse."""

import re

import pytest
from jinja2 import UndefinedError
from markupsafe import Markup

from diffses.report.html import TEMPLATES, Cell, Figure, Table, document, environment, render


def macro(name, *arguments):
    """One macro of the pages, without the line breaks of its template."""
    module = environment().get_template("macros.html.j2").module
    return re.sub(r"\n", "", getattr(module, name)(*arguments))


def test_a_cell_with_a_dot_code_and_text():
    assert macro("cell", "a < b") == "a &lt; b"
    assert macro("cell", Cell("teacher", dot="#123456")) == (
        '<span class="dot" style="background:#123456"></span>teacher'
    )
    assert macro("cell", Cell(codes=["<a>", "b"])) == "<code>&lt;a&gt;</code>, <code>b</code>"
    assert macro("cell", Cell("1.0", style="color:red")) == '<span style="color:red">1.0</span>'


def test_a_table_marks_a_row_and_tells_text_from_numbers():
    made = macro("table", Table(["name", "size"], [["a", "1"], ["b", "2"]], marked=1))
    assert '<th class="text">name</th><th class="number">size</th>' in made
    assert '<tr class="plain"><td class="text">a</td><td class="number">1</td></tr>' in made
    assert '<tr class="marked"><td class="text">b</td><td class="number">2</td></tr>' in made


def test_a_figure_is_escaped_in_its_attributes_too():
    made = macro("figure", Figure("data:,", '"><script>', "a & b"))
    assert 'alt="&#34;&gt;&lt;script&gt;"' in made
    assert "<figcaption>a &amp; b</figcaption>" in made


def test_no_line_breaks_before_a_per_cent_sign():
    assert macro("cell", "83.0 % of 5") == "83.0\N{NO-BREAK SPACE}% of 5"


def test_a_page_holds_its_parts_as_they_are_and_its_title_escaped():
    page = document("<b>", Markup("<p>one</p>"), Markup("<p>two</p>"))
    assert page.startswith("<!doctype html>")
    assert "<title>&lt;b&gt;</title>" in page
    assert "<p>one</p>\n<p>two</p>" in page
    assert (TEMPLATES / "style.css").read_text().strip() in page


def test_what_a_template_needs_must_be_given():
    with pytest.raises(UndefinedError, match="'lines' is undefined"):
        render("formula_typeset.html.j2", width=3)

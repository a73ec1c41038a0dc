"""The few pieces of HTML that the pages are put together from; every text is escaped here."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from diffses.report.style import CSS

KINDS = {".png": "image/png", ".jpg": "image/jpeg", ".svg": "image/svg+xml"}


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def escape(value: str) -> Markup:
    """Text as HTML; what is HTML already stays as it is."""
    if isinstance(value, Markup):
        return value
    # no line may break between a number and its per cent sign
    return Markup(re.sub(r"(?<=\d) %", "\N{NO-BREAK SPACE}%", html.escape(value)))


def tag(name: str, *content: str, **attributes: str) -> Markup:
    """`tag("p", "a < b", cls="note")`: an element; `cls` stands for `class`, `_` for `-`."""
    written = "".join(
        f' {"class" if key == "cls" else key.replace("_", "-")}="{html.escape(value)}"'
        for key, value in attributes.items()
    )
    inside = "".join(escape(part) for part in content)
    return Markup(f"<{name}{written}>{inside}</{name}>")


def join(parts: Iterable[str], between: str = "\n") -> Markup:
    return Markup(escape(between).join(escape(part) for part in parts))


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    left: int = 1,
    marked: int | None = None,
    cls: str = "plain",
) -> Markup:
    """A table: the first `left` columns are text, the others numbers; row `marked` stands out."""

    def cells(name: str, row: Sequence[str]) -> Markup:
        kinds = ["text" if index < left else "number" for index in range(len(row))]
        return join(tag(name, c, cls=kind) for c, kind in zip(row, kinds, strict=True))

    body = [
        tag("tr", cells("td", row), cls="marked" if index == marked else "plain")
        for index, row in enumerate(rows)
    ]
    head = tag("thead", tag("tr", cells("th", columns)))
    return tag("div", tag("table", head, tag("tbody", join(body)), cls=cls), cls="scroll")


def section(title: str, *content: str) -> Markup:
    return tag("section", tag("h2", title), join(content))


def details(title: str, *content: str) -> Markup:
    return tag("details", tag("summary", title), join(content))


def figure(picture: str, alt: str, caption: str, cls: str = "wide") -> Markup:
    """A picture from a data URI, with its caption."""
    image = Markup(f'<img src="{picture}" alt="{html.escape(alt)}">')
    return tag("figure", image, tag("figcaption", caption), cls=cls)


def picture_of(path: Path) -> str:
    """A picture file as a data URI."""
    return data_uri(path.read_bytes(), KINDS[path.suffix.lower()])


def data_uri(content: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def document(title: str, *body: str) -> str:
    """A whole page that loads nothing from outside."""
    head = (
        '<meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="icon" href="data:,">'
        f"<title>{html.escape(title)}</title><style>{CSS}</style>"
    )
    main = tag("main", join(body))
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>{main}</body></html>\n'

"""Pages from the templates in `templates/`: all text is escaped, and nothing is loaded."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

TEMPLATES = Path(__file__).parent / "templates"
KINDS = {".png": "image/png", ".jpg": "image/jpeg", ".svg": "image/svg+xml"}


@dataclass(frozen=True)
class Cell:
    """A table's cell that is more than text: a coloured dot, then pieces of code, then text."""

    text: str = ""
    dot: str = ""  # its colour
    codes: Sequence[str] = ()
    style: str = ""  # CSS of the code or the text


@dataclass(frozen=True)
class Table:
    """A table: the first `left` columns are text, the others numbers; row `marked` stands out."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str | Cell]]
    left: int = 1
    marked: int | None = None
    kind: str = "plain"  # its class in style.css


@dataclass(frozen=True)
class Figure:
    """A picture, as a data URI, with its caption."""

    picture: str
    alt: str
    caption: str
    kind: str = "wide"  # its class in style.css


def render(template: str, **context: Any) -> Markup:
    """A template filled in. Whatever is no Markup is escaped.

    Raises:
        UndefinedError: for a name that the template uses and the context lacks.
    """
    return Markup(environment().get_template(template).render(context))


def document(title: str, *body: Markup) -> str:
    """A whole page of parts that are rendered already."""
    return render("document.html.j2", title=title, body=Markup("\n").join(body))


def picture_of(path: Path) -> str:
    """A picture file as a data URI."""
    return data_uri(path.read_bytes(), KINDS[path.suffix.lower()])


def data_uri(content: bytes, kind: str) -> str:
    """Bytes of a MIME type as a link that holds them."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


@cache
def environment() -> Environment:
    """The templates: all escape, and all refuse a name that is undefined."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_joined_per_cent,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["asset"] = _asset
    made.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "allow_nan": False}
    return made


def _asset(name: str) -> Markup:
    """A style sheet or a script of this package, which goes into the page as it is."""
    return Markup((TEMPLATES / name).read_text(encoding="utf-8").strip())


def _joined_per_cent(value: Any) -> Any:
    """No line may break between a number and its per cent sign."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return re.sub(r"(?<=\d) %", "\N{NO-BREAK SPACE}%", value)
    return value

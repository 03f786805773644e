"""Rendering of self-contained HTML pages: one file each, no script, nothing fetched from elsewhere."""

import base64
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

_LAYOUT = Path(__file__).parent / "layout.html"
_PAGES = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def page(template: Path, title: str, **values: Any) -> str:
    """The page of a Jinja template that extends `layout`; every value is escaped, an undefined name is an error.

    The template begins with `{% extends layout %}` and fills the blocks `subtitle` and `content`.
    """
    return _read(template).render(layout=_read(_LAYOUT), title=title, **values)


def picture(png: bytes, text: str) -> Markup:
    """A PNG as an image inside the page; `text` is what a reader who cannot see it is told."""
    source = "data:image/png;base64," + base64.b64encode(png).decode()
    return Markup('<img src="{}" alt="{}">').format(source, text)


def _read(file: Path) -> Template:
    return _PAGES.from_string(file.read_text(encoding="utf-8"))

"""Pages: one self-contained file, every value escaped, nothing left undefined."""

from pathlib import Path

import pytest
from jinja2 import UndefinedError

from streamrec_explain.pages.rendering import page, picture

TEMPLATE = "{% extends layout %}{% block content %}<p>{{ said }}</p>{{ chart }}{% endblock %}"
PNG = b"\x89PNG"


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """A page of one paragraph and one picture."""
    file = tmp_path / "page.html"
    file.write_text(TEMPLATE, encoding="utf-8")
    return file


def test_values_are_escaped(template: Path) -> None:
    """What a user or an item title says can never become markup, in the title neither."""
    made = page(template, "<b>", said="<script>alert(1)</script>", chart="")
    assert "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>" in made
    assert "<title>&lt;b&gt;</title>" in made


def test_a_page_needs_no_other_file(template: Path) -> None:
    """Pictures lie inside, and nothing points outside."""
    made = page(template, "t", said="", chart=picture(PNG, 'a "chart"'))
    assert '<img src="data:image/png;base64,iVBORw==" alt="a &#34;chart&#34;">' in made
    assert "http" not in made
    assert "<link" not in made


def test_an_undefined_value_is_an_error(template: Path) -> None:
    """A page never shows a hole where a fact should stand."""
    with pytest.raises(UndefinedError, match="said"):
        page(template, "t", chart="")

"""The string that names a release."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamrec_explain.errors import InvalidInputError
from streamrec_explain.release.model_version import ModelVersion


def test_worked_example() -> None:
    """Version 13 of a release whose digest begins bdf93200."""
    assert "streamrec-release/13@bdf93200" == str(ModelVersion.of(13, "bdf93200" + "0" * 56))


@given(st.integers(min_value=1), st.text("0123456789abcdef", min_size=64, max_size=64))
def test_parse_inverts_format(version: int, digest: str) -> None:
    """Every model version is read back as it was."""
    name = ModelVersion.of(version, digest)
    assert name == ModelVersion.parse(str(name))


@pytest.mark.parametrize("text", ["", "streamrec-release/0@bdf93200", "streamrec-release/1@bdf9320", "x/1@bdf93200"])
def test_other_text_is_refused(text: str) -> None:
    """Version zero, a short digest, another model: not a model version."""
    with pytest.raises(InvalidInputError, match="is not a model version"):
        ModelVersion.parse(text)

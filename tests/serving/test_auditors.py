"""Auditors: the file of tokens is private, whole and not repeated in errors."""

from pathlib import Path

import pytest

from serving.auditors import Auditors
from streamrec_explain.errors import SettingsError


def test_no_file_names_nobody() -> None:
    """On one's own machine there are no tokens."""
    assert {} == Auditors.read(None).tokens


@pytest.mark.parametrize(
    ("text", "mode", "message"),
    [
        pytest.param('{"eve": "secret-but-torn', 0o600, "cannot be read", id="torn"),
        pytest.param('{"eve": 7}', 0o600, "cannot be read", id="no text"),
        pytest.param('{"eve": "sixteen-or-longer"}', 0o644, "chmod 600", id="open to others"),
        pytest.param('{"eve": "short"}', 0o600, "16 characters", id="short token"),
        pytest.param("{}", 0o600, "name an auditor", id="nobody"),
    ],
)
def test_bad_file_is_refused(text: str, mode: int, message: str, tmp_path: Path) -> None:
    """The error says what to do and never what the file holds."""
    path = tmp_path / "auditors.json"
    path.write_text(text)
    path.chmod(mode)
    with pytest.raises(SettingsError, match=message) as refused:
        Auditors.read(path)
    assert "secret" not in str(refused.value)


def test_absent_file_is_refused(tmp_path: Path) -> None:
    """A file that was named must be there."""
    with pytest.raises(SettingsError, match="cannot be read"):
        Auditors.read(tmp_path / "nowhere.json")

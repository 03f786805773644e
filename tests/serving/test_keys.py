"""The key ring of a deployment."""

from pathlib import Path

import pytest

from serving.keys import key_ring
from serving.settings import read_settings
from streamrec_explain.errors import SettingsError


def test_ring_is_made_once(tmp_path: Path) -> None:
    """A newcomer's first start makes a private ring, the next one reads it."""
    settings = read_settings({}, home=tmp_path / "home")
    first = key_ring(settings, 1)
    assert first == key_ring(settings, 2)
    assert 0o600 == settings.keys.stat().st_mode & 0o777


def test_ring_that_was_named_is_never_made_up(tmp_path: Path) -> None:
    """A named file that is absent is a mistake: pseudonyms under a new key would find nobody."""
    settings = read_settings({"STREAMREC_KEYS": str(tmp_path / "keys.json")}, home=tmp_path)
    with pytest.raises(SettingsError, match="no key ring"):
        key_ring(settings, 1)

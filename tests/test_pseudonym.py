"""Pseudonyms and their key ring: keyed, rotating, private on disk."""

import hashlib
import hmac
from collections.abc import Callable
from pathlib import Path

import pytest

from streamrec_explain.errors import SettingsError
from streamrec_explain.pseudonym import (
    KeyRing,
    create_key_file,
    load_key_file,
    new_key_ring,
    pseudonym,
    replace_key_file,
)


def _bytes_of(letter: bytes) -> Callable[[int], bytes]:
    return lambda count: letter * count


def _ring() -> KeyRing:
    return new_key_ring(1, _bytes_of(b"a")).rotated(2, _bytes_of(b"b"))


def test_a_pseudonym_is_the_first_half_of_the_hmac() -> None:
    """It is HMAC-SHA256 cut to 128 bits, and not a bare hash."""
    key = new_key_ring(1, _bytes_of(b"a")).current
    assert hmac.new(b"a" * 32, b"user", hashlib.sha256).hexdigest()[:32] == pseudonym("user", key)
    assert hashlib.sha256(b"user").hexdigest()[:32] != pseudonym("user", key)


def test_rotation_changes_new_pseudonyms_and_keeps_the_old_ones() -> None:
    """A user is found under every key of the ring after a rotation."""
    before, after = new_key_ring(1, _bytes_of(b"a")), _ring()
    assert before.pseudonym("user") != after.pseudonym("user")
    assert [before.pseudonym("user"), after.pseudonym("user")] == list(after.pseudonyms("user").values())


def test_a_region_may_have_keys_of_its_own() -> None:
    """Its pseudonyms are made with them, those of other regions as before; a user is found under all."""
    ring = _ring().rotated(3, _bytes_of(b"c"), region="EU")
    general, of_eu = ring.keys[1], ring.keys[2]
    assert (general, of_eu, general) == (ring.current, ring.current_in("EU"), ring.current_in("US"))
    assert (pseudonym("user", of_eu), pseudonym("user", general)) == (
        ring.pseudonym("user", "EU"),
        ring.pseudonym("user"),
    )
    assert 3 == len(set(ring.pseudonyms("user").values()))
    with pytest.raises(SettingsError, match="is current"):
        ring.without(of_eu.key_id)


def test_subjects_are_no_pseudonyms() -> None:
    """What ledgers keep of a person differs from what entries do, under every key."""
    ring = _ring()
    assert not set(ring.subjects("user").values()) & set(ring.pseudonyms("user").values())
    assert ring.subjects("user") != ring.subjects("other")


def test_a_forgotten_key_finds_nobody() -> None:
    """The old key can be dropped, the current one and an unknown one cannot."""
    ring = _ring()
    assert [ring.current] == list(ring.without(ring.keys[0].key_id).keys)
    with pytest.raises(SettingsError, match="is current"):
        ring.without(ring.current.key_id)
    with pytest.raises(SettingsError, match="no key 'other'"):
        ring.without("other")


def test_the_file_is_private_and_comes_back_equal(tmp_path: Path) -> None:
    """A created file has mode 0600 and holds the ring; so does a replaced one."""
    path = tmp_path / "deep" / "keys.json"
    create_key_file(path, new_key_ring(1, _bytes_of(b"a")))
    replace_key_file(path, _ring())
    assert 0o600 == path.stat().st_mode & 0o777
    assert _ring() == load_key_file(path)
    assert [path] == list(path.parent.iterdir())


def test_a_key_file_is_never_created_over_another(tmp_path: Path) -> None:
    """Creating where one exists is refused, and a rotation needs one that exists."""
    path = tmp_path / "keys.json"
    create_key_file(path, _ring())
    with pytest.raises(SettingsError, match="exists"):
        create_key_file(path, new_key_ring(1))
    assert _ring() == load_key_file(path)
    with pytest.raises(SettingsError, match="no key ring"):
        replace_key_file(tmp_path / "other.json", _ring())


def test_a_readable_key_file_is_refused(tmp_path: Path) -> None:
    """A ring that others may read is not used."""
    path = tmp_path / "keys.json"
    create_key_file(path, _ring())
    path.chmod(0o644)
    with pytest.raises(SettingsError, match="chmod 600"):
        load_key_file(path)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty file"),
        pytest.param('{"keys": []}', id="no key"),
        pytest.param('{"keys": [{"key_id": "k", "created_ms": 1, "secret": "c0ffee"}]}', id="short key"),
        pytest.param('{"keys": [{"key_id": "k", "created_ms": 1, "secret": "not hex"}]}', id="not hex"),
        pytest.param(
            '{"keys": [{"key_id": "k", "created_ms": 1, "region": "EU", "secret": "%s"}]}' % ("c0ffee00" * 8),
            id="no key for other regions",
        ),
        pytest.param("[1]", id="not a ring"),
    ],
)
def test_a_malformed_key_file_is_refused_without_its_content(tmp_path: Path, text: str) -> None:
    """The message names the file and repeats no secret."""
    path = tmp_path / "keys.json"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(SettingsError, match=r"keys\.json") as caught:
        load_key_file(path)
    assert "c0ffee" not in str(caught.value)


def test_a_key_never_shows_its_secret() -> None:
    """The repr of a ring holds no secret."""
    assert repr(b"a" * 32) not in repr(_ring())
    assert "aaaa" not in repr(_ring())

"""The key ring of a deployment: made once, and followed while the service runs."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from serving.auditor import create_auditor
from serving.keys import key_ring
from serving.service import Service
from serving.settings import read_settings
from streamrec_explain.audit_log.custody.key_use import entries_by_key
from streamrec_explain.audit_log.home_log import log_of
from streamrec_explain.cli.main import main
from streamrec_explain.errors import SettingsError
from streamrec_explain.pseudonym import load_key_file, replace_key_file
from tests.serving.asgi_client import AsgiClient
from tests.serving.deployments import NOW_MS, Deployment
from tests.serving.processes import running

PATH = "/v1/explanations"


def test_ring_is_made_once(tmp_path: Path) -> None:
    """A newcomer's first start makes a private ring, the next one reads it."""
    settings = read_settings({}, home=tmp_path / "home")
    first = key_ring(settings, 1)()
    assert first == key_ring(settings, 2)()
    assert 0o600 == settings.keys.stat().st_mode & 0o777


def test_ring_that_was_named_is_never_made_up(tmp_path: Path) -> None:
    """A named file that is absent is a mistake: pseudonyms under a new key would find nobody."""
    settings = read_settings({"STREAMREC_KEYS": str(tmp_path / "keys.json")}, home=tmp_path)
    with pytest.raises(SettingsError, match="no key ring"):
        key_ring(settings, 1)


def test_a_replaced_file_is_followed(tmp_path: Path) -> None:
    """At once, as often as it is replaced."""
    settings = read_settings({}, home=tmp_path / "home")
    ring = key_ring(settings, 1)
    for now_ms in range(2, 6):
        replace_key_file(settings.keys, ring().rotated(now_ms))
        assert now_ms == ring().current.created_ms
        assert ring() is ring()


def test_a_bad_file_leaves_the_ring_in_use_and_is_told(service: Service, deployment: Deployment) -> None:
    """Gone, malformed or open to others; once it is repaired nothing is wrong any more."""
    keys, path = deployment.home.keys, deployment.home.root / "kept.json"
    before = load_key_file(keys)
    keys.rename(path)
    assert before == service.keys()
    (warning,) = service.readiness().warnings
    assert ("no key ring" in warning, service.readiness().ready) == (True, True)
    keys.write_text("{}", encoding="utf-8")
    keys.chmod(0o600)
    assert before == service.keys()
    assert "is not a key ring" in service.readiness().warnings[0]
    keys.unlink()
    path.rename(keys)
    keys.chmod(0o644)
    assert before == service.keys()
    assert "chmod 600" in service.readiness().warnings[0]
    keys.chmod(0o600)
    assert before == service.keys()
    assert () == service.readiness().warnings


def test_a_rotation_reaches_a_running_service(deployment: Deployment, tmp_path: Path) -> None:
    """Over HTTP, two workers: entries carry the new key, queries find both, a repeated request its first answer."""

    def command(*words: str) -> None:
        done = CliRunner().invoke(main, [*words, f"--home={deployment.root}"], catch_exceptions=False)
        assert 0 == done.exit_code, done.output

    with running(deployment, log=tmp_path / "log", workers=2) as service:
        auditor = AsgiClient(create_auditor(deployment.settings(), key_ring(deployment.settings(), NOW_MS)))
        body = deployment.asked(size=2)
        first = service.post(body | {"request_id": "r0"})
        assert 200 == first.status_code
        command("keys", "rotate")
        for number in range(1, 9):
            assert 200 == service.post(body | {"request_id": f"r{number}"}).status_code
        assert first.content == service.post(body | {"request_id": "r0"}).content
        old, new = (key.key_id for key in load_key_file(deployment.home.keys).keys)
        assert {old: 2, new: 8 * 2} == entries_by_key(log_of(deployment.home))
        found = auditor.get(PATH, params={"user_id": "ann"}).json()["entries"]
        assert {f"r{n}.{place}" for n in range(9) for place in range(2)} == {each["explanation_id"] for each in found}

"""`streamrec keys`: rotation loses nobody, secrets lie in one file, a key that is needed stays."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from streamrec_explain.audit_log.evidence.sealing import seal
from streamrec_explain.audit_log.home_log import log_of, seals_of
from streamrec_explain.audit_log.journal.journal import Journal
from streamrec_explain.audit_log.shipping.shipper import ship_folder
from streamrec_explain.cli.main import main
from streamrec_explain.home import Home
from streamrec_explain.pseudonym import KeyRing, create_key_file, load_key_file, new_key_ring, replace_key_file
from tests.audit_log.audit_requests import request


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home with a ring of one key and nothing logged."""
    home = Home(tmp_path / "home")
    create_key_file(home.keys, new_key_ring(1))
    return home


def run(home: Home, *words: str) -> Result:
    """Run `streamrec` on the home."""
    return CliRunner().invoke(main, [*words, f"--home={home.root}"], catch_exceptions=False)


def asked(home: Home, *words: str) -> Any:
    """What a command prints as JSON."""
    done = run(home, *words, "--json")
    assert 0 == done.exit_code, done.output
    return json.loads(done.stdout)


def _explain(home: Home, number: int, region: str) -> None:
    """Log a list of ada's as the service does, with the current key of its region."""
    ring = load_key_file(home.keys)
    of_ada = {"user_id_hash": ring.pseudonym("ada", region), "key_id": ring.current_in(region).key_id}
    with Journal(home.journal / "worker-0.sqlite", clock=lambda: 1) as journal:
        journal.append(request(number, region=region, **of_ada), b"answer")


def test_a_user_is_found_over_rotations_and_regions(home: Home) -> None:
    """Three keys, three pseudonyms, one user."""
    _explain(home, 0, "US")
    asked(home, "keys", "rotate")
    _explain(home, 1, "US")
    asked(home, "keys", "rotate", "--region=EU")
    _explain(home, 2, "EU")
    _explain(home, 3, "US")
    ship_folder(home.journal, log_of(home).hot, clock=lambda: 2)
    found = asked(home, "audit-log", "query", "--user=ada")["entries"]
    assert {f"request-{n}.{position}" for n in range(4) for position in range(3)} == {
        e["explanation_id"] for e in found
    }
    assert 3 == len({each["user_id_hash"] for each in found})
    listed = asked(home, "keys", "list")
    assert [("", False, 6), ("", True, 12), ("EU", True, 6)] == [
        (each["region"], each["current"], each["entries"])
        for each in listed  # in the journal and in the table
    ]


def test_secrets_lie_in_the_key_file_alone(home: Home) -> None:
    """A byte search of everything else finds none, raw or as hex."""
    asked(home, "keys", "rotate")
    _explain(home, 0, "US")
    ship_folder(home.journal, log_of(home).hot, clock=lambda: 2)
    seal(log_of(home).tables(), seals_of(home), now_ms=3)
    asked(home, "audit-log", "query", "--user=ada")
    secrets = [form for key in load_key_file(home.keys).keys for form in (key.secret, key.secret.hex().encode())]
    holding = [
        path.name
        for path in home.root.rglob("*")
        if path.is_file() and any(secret in path.read_bytes() for secret in secrets)
    ]
    assert ["keys.json"] == holding
    assert not any(secret.decode() in run(home, "keys", "list").output for secret in secrets[1::2])


def test_a_key_is_kept_as_long_as_its_entries(home: Home) -> None:
    """Current ones, and old ones with entries; then it can go."""
    _explain(home, 0, "US")
    first = load_key_file(home.keys).current.key_id
    done = run(home, "keys", "forget", first)
    assert (2, True) == (done.exit_code, "is current" in done.stderr)
    asked(home, "keys", "rotate")
    done = run(home, "keys", "forget", first)
    assert (1, True) == (done.exit_code, f"3 entries live under {first}" in done.stderr)
    asked(home, "audit-log", "erase", "ada", "--apply")
    done = run(home, "keys", "forget", first)
    assert (1, True) == (done.exit_code, "replaced less than a minute ago" in done.stderr)
    ring = load_key_file(home.keys)
    replace_key_file(home.keys, KeyRing(tuple(msgspec.structs.replace(key, created_ms=1) for key in ring.keys)))
    asked(home, "keys", "forget", first)
    assert 1 == len(load_key_file(home.keys).keys)


def test_the_signing_key_rotates(home: Home) -> None:
    """Records under both keys are good, and the next one is signed with the new key."""
    _explain(home, 0, "US")
    ship_folder(home.journal, log_of(home).hot, clock=lambda: 2)
    asked(home, "audit-log", "seal")
    fresh = asked(home, "keys", "rotate-signing")["current"]
    asked(home, "audit-log", "hold", "add", "--item=item-1", "--reason=case 1")
    assert asked(home, "audit-log", "verify")["sound"]
    assert fresh == seals_of(home).ledger.signed_records()[-1].content.key_id

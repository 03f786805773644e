"""`streamrec audit-log` seal, verify, prove, erase, export, hold, accesses over a home of 30 requests, ten of ada's."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner, Result

from streamrec_explain.audit_log.evidence import verify_proof
from streamrec_explain.audit_log.evidence.signing import create_signing_key
from streamrec_explain.audit_log.journal.journal import Journal
from streamrec_explain.cli.audit_log import audit_log
from streamrec_explain.events.world_store import load_world, save_world
from streamrec_explain.explanation.audit_inputs import inputs_of
from streamrec_explain.features.snapshots import UserSnapshot, write_snapshot
from streamrec_explain.features.spec import DEFAULT_SPEC
from streamrec_explain.files_naming import files_naming
from streamrec_explain.home import Home
from streamrec_explain.pseudonym import KeyRing, create_key_file, load_key_file, new_key_ring
from streamrec_explain.records import AuditRequest, HistoryEvent, ListContext, ListItem
from tests.audit_log.audit_requests import START_MS, entry, request
from tests.reference.small_world import random_world

REQUESTS, ITEMS, USER = 30, 3, "ada-lovelace"


def _request(number: int, ring: KeyRing) -> AuditRequest:
    """A request with inputs as the service writes them; every third one is ada's, under an old or a new key."""
    key = ring.keys[number % 2]
    mine = {"user_id_hash": ring.pseudonyms(USER)[key.key_id], "key_id": key.key_id} if number % 3 == 0 else {}
    items = tuple(ListItem(f"item-{n}", n, 0.1, 0.2, {"item_ctr": 0.5}) for n in range(ITEMS))
    history = (HistoryEvent("v000001", 1, START_MS - 5),)
    context = ListContext("r", "h", "US", "en", START_MS, history, {"user_avg_watch_time": 0.25}, items)
    inputs, of_items = inputs_of(context)
    entries = tuple(entry(n, inputs=kept) for n, kept in enumerate(of_items))
    return request(number, **{"inputs": inputs, "entries": entries, "schema_version": 2, **mine})


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Twenty requests shipped, ten more in the journal; two user snapshots with ada in them."""
    stored, ring = Home(tmp_path / "home"), new_key_ring(START_MS).rotated(START_MS)
    create_key_file(stored.keys, ring)
    with Journal(stored.journal / "worker-0.sqlite", clock=lambda: START_MS) as journal:
        for number in range(REQUESTS):
            journal.append(_request(number, ring), b"{}")
            if number == 19:
                assert 0 == run(stored.root, "ship").exit_code
    names = DEFAULT_SPEC.names_of("user")
    for as_of in (1, 2):
        values = np.full((2, len(names)), 0.5 * as_of)
        write_snapshot(stored.users, UserSnapshot(as_of, names, (USER, "bob"), values))
    return stored.root


@pytest.fixture
def sealed(home: Path) -> Path:
    """The same home, sealed."""
    assert 3 == len(asked(home, "seal"))
    return home


def run(home: Path, *words: str) -> Result:
    """Run a command of the group."""
    return CliRunner().invoke(audit_log, [*words, f"--home={home}"], catch_exceptions=False)


def asked(home: Path, *words: str, code: int = 0) -> Any:
    """What a command prints as JSON."""
    done = run(home, *words, "--json")
    assert code == done.exit_code, done.output
    return json.loads(done.stdout)


def test_sealing_again_adds_nothing_and_makes_one_key(sealed: Path) -> None:
    """The key is private to its owner."""
    key = Home(sealed).signing_key
    made = key.read_bytes()
    assert "nothing new to seal\n" == run(sealed, "seal").stdout
    assert (made, 0o600) == (key.read_bytes(), key.stat().st_mode & 0o777)


def test_verify_is_sound_and_then_is_not(sealed: Path) -> None:
    """A damaged file is told by day and region, even one that ends the process that reads it."""
    verdict = asked(sealed, "verify")
    assert (True, 20 * ITEMS) == (verdict["sound"], sum(each["entries"] for each in verdict["partitions"]))
    file = next((sealed / "audit_log" / "hot").rglob("*region=EU/*.parquet"))
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 3] + bytes(64) + whole[len(whole) // 3 + 64 :])
    verdict = asked(sealed, "verify", code=1)
    assert {"EU": True, "JP": False, "US": False} == {v["region"]: bool(v["problems"]) for v in verdict["partitions"]}


def test_verify_knows_an_earlier_ledger_and_another_key(sealed: Path, tmp_path: Path) -> None:
    """A digest that is gone and a key that did not sign are told, for people too."""
    create_signing_key(tmp_path / "other.pem")
    done = run(sealed, "verify", "--region=EU", f"--known={'0' * 64}", f"--public-key={tmp_path / 'other.pub.pem'}")
    assert (1, True, True) == (done.exit_code, "it was cut or replaced" in done.stdout, "known key" in done.stdout)
    assert "2026-01-01 EU: sound, 21 entries, 7 requests sealed" in done.stdout
    assert 2 == run(sealed, "verify", f"--public-key={tmp_path / 'none'}").exit_code


def test_verify_says_so_when_the_reader_is_ended(sealed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As some damage does: each partition is then read by a process of its own."""
    ending = tmp_path / "python"
    whole, of_region = '"region":null', '"region":"EU"'
    script = (
        f"#!/bin/sh\ncase \"$*\" in *'{whole}'* | *'{of_region}'*) kill -6 $$;; esac\nexec {sys.executable} \"$@\"\n"
    )
    ending.write_text(script, encoding="utf-8")
    ending.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(ending))
    verdict = asked(sealed, "verify", code=1)
    found = {each["region"]: each["problems"] for each in verdict["partitions"]}
    assert {"EU": ["reading its files ends the reader: they are damaged"], "JP": [], "US": []} == found


def test_a_lost_signing_key_is_never_made_again(sealed: Path) -> None:
    """A ledger that was signed needs the same key, or one that is named."""
    Home(sealed).signing_key.unlink()
    done = run(sealed, "seal")
    assert (2, True) == (done.exit_code, "restore it from a backup" in done.stderr)
    done = run(sealed, "seal", f"--signing-key={sealed / 'none.pem'}")
    assert (2, True) == (done.exit_code, "no signing key at" in done.stderr)


def test_prove_and_check_alone(sealed: Path, tmp_path: Path) -> None:
    """The script is run as a file, with nothing but the proof and the public key."""
    out = tmp_path / "proof.json"
    asked(sealed, "prove", "request-7.1", f"--out={out}")
    command = [sys.executable, "-I", verify_proof.__file__, str(out), str(sealed / "signing_key.pub.pem")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (0, True) == (done.returncode, "proven: request-7.1" in done.stdout), done.stderr
    assert 1 == run(sealed, "prove", "request-29.1", f"--out={out}").exit_code
    asked(sealed, "prove-extension", "2026-01-01", "EU", "--version=1", f"--out={out}")
    assert 0 == verify_proof.main([str(out), str(sealed / "signing_key.pub.pem")])


def test_a_byte_search_finds_nothing_after_an_erasure(sealed: Path) -> None:
    """Not the id, nor a pseudonym under any key, in no file of the home; others are untouched and all is sound."""
    stored = Home(sealed)
    names = [USER, *load_key_file(stored.keys).pseudonyms(USER).values()]
    asked(sealed, "query", f"--user={USER}")
    assert 5 == len(files_naming(sealed, names))  # journal, log and files of the table, two snapshots
    plan = asked(sealed, "erase", USER)
    assert (None, True) == (plan["applied"], "nothing was changed" in run(sealed, "erase", USER).stdout)
    done = asked(sealed, "erase", USER, "--apply")
    assert ([], 0) == (done["left"], done["kept"])
    assert [] == files_naming(sealed, names)
    assert 20 * ITEMS == len(asked(sealed, "query", "--limit=1000")["entries"])
    assert ["bob"] == [name for path in stored.users.glob("*.arrow") for name in UserSnapshot.load(path).user_ids]
    assert asked(sealed, "verify")["sound"]
    assert 0 == asked(sealed, "erase", USER, "--apply")["applied"]
    assert not asked(sealed, "export", USER)["requests"]


def test_a_short_id_is_not_searched_byte_by_byte(sealed: Path) -> None:
    """Every file would hold it; that it was not is told."""
    (sealed / "notes.txt").write_text("bob bobs")
    done = run(sealed, "erase", "bob", "--apply")
    assert (0, True, False) == (done.exit_code, "too short to search" in done.stdout, "STILL NAMED" in done.stdout)
    assert {(USER,)} == {UserSnapshot.load(path).user_ids for path in Home(sealed).users.glob("*.arrow")}


def test_events_are_erased_from_the_copy_and_told_at_their_source(home: Path, tmp_path: Path) -> None:
    """The home's own copy loses the person; the folder that training read is named with what to do, and is left."""
    stored, data, other = Home(home), tmp_path / "data", tmp_path / "other"
    for folder in (data, other):
        folder.mkdir()
        (folder / "log.csv").write_text(f"user_id,item_id\n{USER},i1\nbob,i1\n{USER},i2\n", encoding="utf-8")
    world = random_world(1, n=20)
    users = pa.array([USER, *(["bob"] * (world.impressions.num_rows - 1))])
    impressions = world.impressions.set_column(1, world.impressions.schema.field(1), users)
    save_world(replace(world, impressions=impressions, source=str(data)), stored.values / "events")
    (stored.values / "events" / "type.json").write_text('"World"')
    planned = asked(home, "erase", USER)
    assert (True, 2) == (f"{stored.values / 'events'}: 1" in planned["plan"], planned["sources"][0]["rows"])
    held = asked(home, "export", USER)["events"]
    assert [(USER, 1)] == [(row["user_id"], len(held["impressions"])) for row in held["impressions"]]
    done = asked(home, "erase", USER, "--apply", f"--data={other}")
    assert [] == done["left"]
    assert [str(data), str(other)] == [each["uri"] for each in done["sources"]]
    command = f"streamrec events erase USER --data {data} --apply, then train again"
    assert [f"{data} holds 2 rows of the person (log.csv): {command}"] == done["to_do"][:1]
    assert f"AT ITS SOURCE: {data} holds 2 rows" in run(home, "erase", USER).stdout
    assert 2 == (data / "log.csv").read_text(encoding="utf-8").count(USER)
    assert ["bob"] * 19 == load_world(stored.values / "events").impressions["user_id"].to_pylist()
    (data / "log.csv").write_text("user_id,item_id\nbob,i1\n", encoding="utf-8")
    assert [] == asked(home, "erase", USER, "--apply")["to_do"]


def test_an_erasure_under_a_hold_completes_after_its_release(sealed: Path) -> None:
    """Refused while the person is held, and nothing is lost; done once the hold is released."""
    asked(sealed, "hold", "add", f"--user={USER}", "--reason=case 7")
    done = run(sealed, "erase", USER, "--apply")
    assert (1, True) == (done.exit_code, "are under a legal hold (hold-1): nothing was erased" in done.stderr)
    assert 10 == len(asked(sealed, "export", USER)["requests"])
    assert 2 == len(asked(sealed, "export", USER)["snapshots"])
    asked(sealed, "hold", "release", "hold-1", "--reason=case closed")
    assert [] == asked(sealed, "erase", USER, "--apply")["left"]


def test_a_hold_on_an_item_keeps_a_part(sealed: Path) -> None:
    """Exit code 1 and a clear word; here every request shows the item, so the region narrows the hold."""
    asked(sealed, "hold", "add", "--request=request-3", "--reason=case 8")
    done = run(sealed, "erase", USER, "--apply")
    assert 1 == done.exit_code
    assert "KEPT BACK: 4 entries under hold-1; run it again after the release" in done.stdout
    assert ["request-3"] == [each["request_id"] for each in asked(sealed, "export", USER)["requests"]]
    told = run(sealed, "hold", "list").stdout
    assert "placed hold-1 on request_id=request-3: case 8" in told


def test_reasons_name_nobody(sealed: Path) -> None:
    """The ledger never forgets."""
    for words in (("erase", USER, "--apply"), ("hold", "add", f"--user={USER}")):
        done = run(sealed, *words, f"--reason={USER} asked")
        assert (2, True) == (done.exit_code, "the reason names the user" in done.stderr)


def test_an_export_holds_everything(sealed: Path) -> None:
    """Explanations with claims, what of the person went in, snapshot features in words, holds."""
    asked(sealed, "hold", "add", f"--user={USER}", "--reason=case 7")
    found = asked(sealed, "export", USER)
    assert 10 == len(found["requests"])
    assert {"journal"} == {each["found_in"] for each in found["requests"]}  # what was shipped is kept there a day
    first = found["requests"][0]
    assert "watch_history" in {each["explanation_type"] for each in first["entries"]}
    assert [{"item_id": "v000001", "sequence": 1, "timestamp_ms": START_MS - 5}] == first["history"]
    told = {"name": "user_avg_watch_time", "meaning": "how long you usually watch", "value": 0.25}
    assert [told] == first["features"]
    assert [1, 2] == [each["as_of_ms"] for each in found["snapshots"]]
    assert ["hold-1"] == [each["hold_id"] for each in found["holds"]]


def test_accesses_tell_who_asked_what(sealed: Path) -> None:
    """A person asked about is found again by id, and named nowhere."""
    asked(sealed, "query", f"--user={USER}", "--type=trending")
    asked(sealed, "query", "--item=item-1")
    asked(sealed, "export", USER)
    found = asked(sealed, "accesses")
    assert [("query", {"type": "trending"}), ("query", {"item": "item-1"}), ("export", {})] == [
        (each["what"], each["asked"]) for each in found
    ]
    assert ["query", "export"] == [each["what"] for each in asked(sealed, "accesses", f"--user={USER}")]
    names = (USER, *load_key_file(Home(sealed).keys).pseudonyms(USER).values())
    assert not [name for name in names if name in Home(sealed).accesses.read_text(encoding="utf-8")]


def test_retention_is_configuration(sealed: Path) -> None:
    """A file of the home, or flags; a bad file is bad input."""
    Home(sealed).retention.write_text('{"hot_days": 1, "cold_days": 1}')
    assert "remove 3 partitions" in asked(sealed, "expire", "--now=2026-01-03")["plan"]
    assert "remove 0 partitions" in asked(sealed, "expire", "--now=2026-01-03", "--cold-days=2")["plan"]
    Home(sealed).retention.write_text('{"hot_day": 1}')
    assert 2 == run(sealed, "expire").exit_code


def test_expiry_is_withdrawn_and_holds_keep(sealed: Path) -> None:
    """What is gone on its day is no tampering, what is held stays."""
    asked(sealed, "hold", "add", "--request=request-3", "--reason=case 8")
    plan = asked(sealed, "expire", "--now=2029-01-01", "--apply")
    assert (19 * ITEMS, True) == (plan["applied"], "3 rows kept back by hold-1" in plan["plan"])
    verdict = asked(sealed, "verify")
    assert (True, 19, ITEMS) == (
        verdict["sound"],
        sum(each["withdrawn"] for each in verdict["partitions"]),
        sum(each["entries"] for each in verdict["partitions"]),
    )

"""Stores by URI: the whole life of entries on S3, outages, and what a store that loses commits may be used for."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from streamrec_explain.audit_log.evidence.sealed_tree import Act
from streamrec_explain.audit_log.evidence.sealing import Seals
from streamrec_explain.audit_log.home_log import log_of
from streamrec_explain.audit_log.journal.journal import Journal
from streamrec_explain.audit_log.maintenance.archive import apply_archive, plan_archive
from streamrec_explain.audit_log.maintenance.compaction import apply_compaction, plan_compaction
from streamrec_explain.audit_log.maintenance.expiry import apply_expiry, plan_expiry
from streamrec_explain.audit_log.maintenance.retention import RetentionPolicy
from streamrec_explain.audit_log.maintenance.vacuum import apply_vacuum, plan_vacuum
from streamrec_explain.audit_log.questions.queries import EntryFilter, type_mix
from streamrec_explain.audit_log.shipping.shipper import ship_folder
from streamrec_explain.audit_log.table.audit_table import AuditTable
from streamrec_explain.audit_log.table.store import store_of, writing
from streamrec_explain.errors import SettingsError, ShipError, UnsafeStoreError
from streamrec_explain.home import Home
from tests.audit_log.audit_requests import DAY_MS, START_MS, request
from tests.audit_log.s3_server import SECRET, S3Server
from tests.audit_log.s3_store import S3Store

POLICY = RetentionPolicy()
HOLDER = """
import sys
from pathlib import Path
from streamrec_explain.audit_log.table.store import writing
from streamrec_explain.home import Home
with writing(Home(Path(sys.argv[1])), lambda: "holder", races=5):
    print("writing", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def deaf() -> Iterator[S3Server]:
    """A store that ignores the condition of a put."""
    server = S3Server("--deaf")
    yield server
    server.end()


def home_on(server: S3Store, root: Path, *, single_writer: bool = False) -> Home:
    """A home whose audit tables lie in the bucket."""
    home = Home(root)
    root.mkdir()
    told = {"uri": f"{server.uri}/{root.parent.name}/", "options": server.options, "single_writer": single_writer}
    home.audit_store.write_text(json.dumps(told))
    home.audit_store.chmod(0o600)
    return home


def counts(table: AuditTable) -> dict[str, int]:
    """Rows of each request."""
    return dict(Counter(table.query("SELECT request_id FROM entries")["request_id"].to_pylist()))


def test_entries_live_and_die_on_s3(s3: S3Store, tmp_path: Path, seals: Seals) -> None:
    """Shipped by two shippers at once, found, counted, compacted, archived, expired and deleted."""
    home = home_on(s3, tmp_path / "home")
    log = log_of(home)
    assert log.hot.uri.startswith(f"{s3.uri}/")
    for worker in range(2):
        with Journal(home.journal / f"worker-{worker}.sqlite", clock=lambda: 1) as journal:
            for number in range(5 * worker, 5 * worker + 5):
                journal.append(request(number), b"")
    with writing(home, lambda: "first", races=5), ThreadPoolExecutor(2) as shippers:
        reports = [shippers.submit(ship_folder, home.journal, log.hot, clock=lambda: 5) for _ in range(2)]
        assert 10 == sum(each.requests for report in reports for each in report.result())
    assert {f"request-{n}": 3 for n in range(10)} == counts(log.hot)
    assert request(7).request_id == log.hot.read_request("request-7").request_id
    assert 3 == len(log.entries(EntryFilter(request_id="request-7"), 10).entries)
    assert 30 == sum(each.entries for each in type_mix(log.tables(), "region"))
    assert 3 == apply_compaction(plan_compaction(log.hot), log.hot)
    plan = plan_archive(log.hot, log.cold, policy=POLICY, now_ms=START_MS + 100 * DAY_MS)
    assert 30 == apply_archive(plan, log.hot, log.cold)
    assert ({}, 30) == (counts(log.hot), sum(counts(log.cold).values()))
    now = START_MS + 900 * DAY_MS
    expiry = plan_expiry(log.cold, policy=POLICY, now_ms=now)
    assert 30 == apply_expiry(expiry, log.cold, seals=seals, act=Act("tester", now, "retention"))
    assert {} == counts(log.cold)
    for table in (log.hot, log.cold):
        removed = plan_vacuum(table, keep_hours=0)
        assert removed.files
        assert len(removed.files) == apply_vacuum(removed, table)


def test_an_outage_of_s3_loses_nothing_and_tells_no_secret(s3: S3Store, tmp_path: Path) -> None:
    """The journal keeps what was not shipped; once the store answers everything is there once."""
    home = home_on(s3, tmp_path / "home")
    hot, _ = store_of(home).tables()
    with Journal(home.journal / "worker-0.sqlite", clock=lambda: 1) as journal:
        journal.append(request(0), b"")
        ship_folder(home.journal, hot, clock=lambda: 5)
        journal.append(request(1), b"")
        with s3.away(), pytest.raises(ShipError, match="kept in the journal") as caught:
            ship_folder(home.journal, hot, clock=lambda: 5)
        assert s3.options["aws_secret_access_key"] not in f"{caught.value} {caught.value.__cause__} {store_of(home)!r}"
        journal.append(request(2), b"")
        ship_folder(home.journal, hot, clock=lambda: 6)
    assert {f"request-{n}": 3 for n in range(3)} == counts(hot)


def test_a_store_that_loses_commits_is_refused(deaf: S3Server, tmp_path: Path) -> None:
    """Before anything is written, and with what can be done."""
    home = home_on(deaf, tmp_path / "home")
    with pytest.raises(UnsafeStoreError, match='"single_writer": true'), writing(home, lambda: "first", races=5):
        pytest.fail("it must not come to writing")
    assert not store_of(home).tables()[0].exists()


def test_a_store_that_loses_commits_bears_one_writer(deaf: S3Server, tmp_path: Path) -> None:
    """A second process of this machine is refused while the first writes, however that ends."""
    home = home_on(deaf, tmp_path / "home", single_writer=True)
    command = [sys.executable, "-c", HOLDER, str(home.root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert "writing" == holder.stdout.readline().strip()
        with (
            pytest.raises(UnsafeStoreError, match="another process is writing"),
            writing(home, lambda: "second", races=5),
        ):
            pytest.fail("there is a writer already")
        holder.kill()
    with Journal(home.journal / "worker-0.sqlite", clock=lambda: 1) as journal:
        journal.append(request(1), b"")
    with writing(home, lambda: "third", races=5):
        ship_folder(home.journal, store_of(home).tables()[0], clock=lambda: 5)
    assert {"request-1": 3} == counts(store_of(home).tables()[0])


def test_without_a_setting_the_tables_lie_in_the_home(tmp_path: Path) -> None:
    """Which needs no trial."""
    home = Home(tmp_path)
    hot, cold = store_of(home).tables()
    assert (home.audit_log_hot, home.audit_log_cold) == (hot.uri, cold.uri)
    assert ("hot", "cold", False) == (hot.tier, cold.tier, store_of(home).is_remote)
    with writing(home, lambda: pytest.fail("a folder is not tried")):
        pass


def test_bad_settings_are_told_without_their_text(tmp_path: Path) -> None:
    """Malformed, or readable by others."""
    home = Home(tmp_path)
    home.audit_store.write_text(json.dumps({"uri": "s3://logs", "option": {"aws_secret_access_key": SECRET}}))
    with pytest.raises(SettingsError, match="is not a store of the audit log") as caught:
        store_of(home)
    assert SECRET not in str(caught.value)
    home.audit_store.write_text(json.dumps({"uri": "s3://logs", "options": {"aws_secret_access_key": SECRET}}))
    home.audit_store.chmod(0o644)
    with pytest.raises(SettingsError, match="chmod 600"):
        store_of(home)

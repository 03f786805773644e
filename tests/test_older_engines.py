"""What older engines logged: every later engine gives the same bytes, from the journal and from the table."""

import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from streamrec_explain.audit_log.journal.record import StoredRecord
from streamrec_explain.audit_log.maintenance.upgrade import apply_upgrade, plan_upgrade
from streamrec_explain.audit_log.table.audit_table import AuditTable
from streamrec_explain.audit_log.table.encoding import requests_of
from streamrec_explain.features.trend_archive import TrendArchive
from streamrec_explain.records import EXPLANATION_TYPES, AuditRequest, Explanation
from streamrec_explain.release.bundle import verify_bundle
from streamrec_explain.release.components import load_components
from streamrec_explain.release.model_version import ModelVersion
from streamrec_explain.replay import replay

FIXTURES = Path(__file__).with_name("fixtures")
ENGINES = sorted(path.name for path in FIXTURES.glob("engine_v*"))
LOCALES = {"en", "de", "ja", "fr"}


@pytest.fixture(scope="module", params=ENGINES)
def older(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the fixture of each older engine: sqlite makes files beside a journal that it reads."""
    copied = tmp_path_factory.mktemp("older") / request.param
    shutil.copytree(FIXTURES / request.param, copied)
    return copied


def journal_records(folder: Path) -> list[StoredRecord]:
    """Every record of the fixture's journal."""
    with closing(sqlite3.connect(folder / "journal" / "worker-0.sqlite")) as connection:
        rows = connection.execute("SELECT request_id, user_id_hash, body, checksum FROM records ORDER BY sequence")
        return [StoredRecord(*row) for row in rows]


def table_requests(folder: Path) -> list[AuditRequest]:
    """Every request of the fixture's table, which is upgraded where this version writes another one."""
    table = AuditTable(str(folder / "hot"))
    apply_upgrade(plan_upgrade(table), table)
    return requests_of(table.rows("true"))


def test_the_log_holds_every_type_in_every_locale(older: Path) -> None:
    """Twenty lists of twenty, the same in journal and table, under the release beside them."""
    requests = [record.request for record in journal_records(older)]
    kinds = Counter(entry.explanation_type for request in requests for entry in request.entries)
    assert (set(EXPLANATION_TYPES), 400) == (set(kinds), kinds.total())
    assert LOCALES == {request.locale for request in requests}
    assert {r.request_id for r in requests} == {r.request_id for r in table_requests(older)}
    (named,) = {request.model_version for request in requests}
    verify_bundle(older / "bundle", ModelVersion.parse(named).short_digest)


def test_every_entry_of_an_older_engine_replays_byte_for_byte(older: Path) -> None:
    """Through the journal and through the table."""
    bundle = load_components(older / "bundle")
    logged = [record.request for record in journal_records(older)] + table_requests(older)
    trends = TrendArchive(older / "trends")
    replays = [replay(request, entry.position, bundle, trends) for request in logged for entry in request.entries]
    assert 800 == len(replays)
    assert {} == {each.explanation_id: each.differences for each in replays if not each.identical}


def test_an_older_engine_is_heard_word_for_word(older: Path) -> None:
    """The sentence that the viewer was shown is the sentence that is replayed."""
    bundle = load_components(older / "bundle")
    for record in journal_records(older):
        for shown in msgspec.json.decode(record.answer, type=tuple[Explanation, ...]):
            assert (
                shown.text
                == replay(record.request, shown.position, bundle, TrendArchive(older / "trends")).explanation.text
            )
